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


@pytest.mark.parametrize("kind", [InvalidValue, RefundWindowClosed, ProviderRefused, OutcomeUnknown])
def test_so_does_an_error_that_carries_more_than_words(kind: type[BillingError]) -> None:
    assert kind("Bought on Monday.").message == "Bought on Monday."


def test_an_error_carries_what_its_handler_needs() -> None:
    assert [InvalidValue("No.").field, InvalidValue("No.", field="amount").field] == ["", "amount"]
    assert [RefundWindowClosed().closed_at, RefundWindowClosed(closed_at=day(30)).closed_at] == [None, day(30)]
    assert [ProviderRefused("No.").code, ProviderRefused(code="card_declined").code] == ["", "card_declined"]
    assert [ProviderRefused().decline_code, ProviderRefused(decline_code="lost_card").decline_code] == [
        None,
        "lost_card",
    ]
    assert [OutcomeUnknown().answered, OutcomeUnknown(answered=True).answered] == [False, True]
