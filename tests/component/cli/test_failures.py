"""What a person at a terminal is told of a failure: the core's words, and the command that helps."""

from __future__ import annotations

import pytest

from billing_cli.failures import explain
from billing_core.domain.errors import NotFound, SchemaMismatch, UnknownPlan
from billing_core.domain.plans import Catalog


def test_an_unknown_plan_says_which_command_lists_the_plans() -> None:
    with pytest.raises(UnknownPlan) as raised:
        Catalog(plans=(), items=()).plan("gold")

    assert explain(raised.value) == "There is no plan 'gold'. `billing catalog show` lists those that exist."


def test_a_database_that_lacks_a_migration_says_which_command_tells() -> None:
    assert (explain(SchemaMismatch("No table.")) or "").endswith("No table. `billing migrate --status` tells.")


def test_what_no_command_mends_is_told_as_it_is() -> None:
    assert explain(NotFound("There is none.")) == "There is none."
