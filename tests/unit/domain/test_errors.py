"""What an error says: its own words, else those of its class, and what goes with it."""

from __future__ import annotations

import pytest

from billing_core.domain.errors import (
    AlreadyOwned,
    BillingError,
    InvalidValue,
    OutcomeUnknown,
    ProviderRefused,
    RefundWindowClosed,
)
from tests.builders import day


def test_an_error_explains_itself_by_its_class_with_the_remedy_in_one_line() -> None:
    assert AlreadyOwned().message == "The user already has what they would buy. Nothing was charged."
    assert InvalidValue().message == "A value does not fit. Correct the named field and send the request again."


def test_or_by_the_words_that_it_was_given() -> None:
    assert (AlreadyOwned("Bought on Monday.").message, str(AlreadyOwned("Bought."))) == ("Bought on Monday.", "Bought.")


@pytest.mark.parametrize(
    ("error", "part", "value"),
    [
        pytest.param(InvalidValue("No."), "field", "", id="no-field"),
        pytest.param(InvalidValue("No.", field="amount"), "field", "amount", id="the-field"),
        pytest.param(RefundWindowClosed(), "closed_at", None, id="no-window"),
        pytest.param(RefundWindowClosed(closed_at=day(30)), "closed_at", day(30), id="since-when-it-is-closed"),
        pytest.param(ProviderRefused("No."), "code", "", id="no-code"),
        pytest.param(ProviderRefused(code="card_declined"), "code", "card_declined", id="the-providers-code"),
        pytest.param(ProviderRefused(decline_code="lost_card"), "decline_code", "lost_card", id="the-banks-code"),
        pytest.param(ProviderRefused(), "decline_code", None, id="no-bank"),
        pytest.param(OutcomeUnknown(), "answered", False, id="no-answer"),
        pytest.param(OutcomeUnknown(answered=True), "answered", True, id="answered-with-a-failure"),
    ],
)
def test_an_error_carries_what_its_handler_needs(error: BillingError, part: str, value: object) -> None:
    assert getattr(error, part) == value
    assert error.message
