"""`billing policy check`: rules of our own, checked before they cost anybody money."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from billing_bootstrap.policy_settings import read_policies
from billing_bootstrap.settings import OFFLINE
from billing_bootstrap.variables import Variables
from billing_cli.catalog_file import read_catalog
from billing_cli.desk import opened
from billing_cli.failures import CommandFailed
from billing_cli.options import LOOKING, Looking
from billing_cli.printing import show_json, show_rows
from billing_core.domain.plans import Catalog
from billing_core.domain.proration_laws import Finding, check_rules

__all__ = ["check"]


class FindingShape(msgspec.Struct, frozen=True):
    """One rule between two plans, and the law that it breaks."""

    plan_id: str
    to: str
    law: str | None
    counterexample: str | None


async def check(
    file: Annotated[Path | None, Parameter(allow_leading_hyphen=False)] = None, /, *, options: Looking = LOOKING
) -> None:
    """Check every rule that charges amounts of our own; say which law one breaks, and by what.

    For example:

        billing policy check
        billing policy check examples/catalog.toml

    Args:
        file: A catalog file; the catalog that is stored unless given.
        options: How it is shown.
    """
    catalog = await _catalog(file)
    found = tuple(check_rules(catalog))
    shown = tuple(map(_shape, found))
    if options.json:
        show_json(shown)
    else:
        show_rows(shown, ("plan_id", "to", "law", "counterexample"), none="No rule charges amounts of our own.")
    broken = sum(one.broken is not None for one in found)
    if broken:
        raise CommandFailed(f"{broken} of {len(found)} rules break a law. Mend `own` in the rule, or leave it out.")


async def _catalog(file: Path | None) -> Catalog:
    if file is not None:
        read = read_catalog(file, read_policies(Variables(os.environ)))
        return Catalog(plans=read.plans, items=read.items)
    async with opened(OFFLINE) as application:
        return await application.catalogs.current()


def _shape(one: Finding) -> FindingShape:
    broken = one.broken
    return FindingShape(
        plan_id=one.plan_id,
        to=one.to,
        law=broken.law if broken else None,
        counterexample=broken.counterexample if broken else None,
    )
