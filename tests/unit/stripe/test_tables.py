"""The tables are whole: what is listed in one is listed in all."""

from pathlib import Path

from stripe._api_version import _ApiVersion

from billing_core.domain.facts import ObjectKind
from billing_core.domain.operations import COMMAND_NAMES
from billing_stripe import API_VERSION, WEBHOOK_EVENTS, Permission
from billing_stripe.effects import EFFECTS
from billing_stripe.errors import CODE_BY_CLASS, FATE_BY_CLASS
from billing_stripe.gateway import CALLS
from billing_stripe.retrievals import NEVER_ASKED, RETRIEVALS

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "stripe.md"


def test_every_command_can_be_carried_out_and_its_effect_be_found() -> None:
    assert set(CALLS) == set(EFFECTS) == set(COMMAND_NAMES)


def test_every_kind_of_object_can_be_asked_for_but_what_stripe_has_no_call_for() -> None:
    assert set(RETRIEVALS) == set(ObjectKind) - NEVER_ASKED


def test_a_special_error_comes_before_the_general_one() -> None:
    """The first class that fits decides."""
    for table in (FATE_BY_CLASS, CODE_BY_CLASS):
        kinds = list(table)
        assert not [
            (kinds[earlier], kind)
            for number, kind in enumerate(kinds)
            for earlier in range(number)
            if issubclass(kind, kinds[earlier])
        ]


def test_the_pinned_version_is_the_one_that_the_sdk_is_typed_for() -> None:
    assert API_VERSION == _ApiVersion.CURRENT


def test_the_reference_lists_every_permission_and_every_event() -> None:
    text = REFERENCE.read_text(encoding="utf-8")

    assert [name for name in (*Permission, *WEBHOOK_EVENTS) if f"`{name}`" not in text] == []
