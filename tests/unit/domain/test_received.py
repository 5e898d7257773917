"""What becomes of a received event, step by step."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.received import Delivery, Received, ReceivedState
from tests.builders import day, told
from tests.provider_objects import subscription

FACT = told("customer.subscription.updated", subscription(), day(1))
DELIVERY = Delivery(
    event_id="evt_1",
    type="customer.subscription.updated",
    account="acct_1",
    livemode=True,
    api_version="2025-03-31.basil",
    created=day(1),
    fact=FACT,
    payload=b"{}",
)
STORED = Received.of(DELIVERY, day(2))
TRIED = evolve(
    STORED,
    state=ReceivedState.FAILED,
    attempts=3,
    error="No plan.",
    next_attempt_at=day(3),
    waits_for=frozenset({"price:p"}),
)


def test_it_is_stored_as_it_came() -> None:
    stored = Received.of(DELIVERY, day(2))
    kept = (stored.event_id, stored.type, stored.account, stored.livemode, stored.api_version, stored.created)
    assert kept == ("evt_1", DELIVERY.type, "acct_1", True, "2025-03-31.basil", day(1))
    assert (stored.fact, stored.payload, stored.received_at) == (FACT, b"{}", day(2))
    assert (stored.attempts, stored.error, stored.next_attempt_at) == (0, None, None)


@pytest.mark.parametrize(
    ("delivery", "state", "error", "has_fact"),
    [
        pytest.param(DELIVERY, ReceivedState.STORED, None, True, id="tells-something"),
        pytest.param(
            evolve(DELIVERY, ignored="Of test mode."), ReceivedState.IGNORED, "Of test mode.", False, id="not-ours"
        ),
        pytest.param(
            evolve(DELIVERY, fact=None),
            ReceivedState.IGNORED,
            "This kind of event tells us nothing.",
            False,
            id="tells-nothing",
        ),
        pytest.param(
            evolve(DELIVERY, fact=None, unreadable="No id."), ReceivedState.DEAD, "No id.", False, id="cannot-be-read"
        ),
    ],
)
def test_what_it_is_when_it_comes_in(
    delivery: Delivery, state: ReceivedState, error: str | None, *, has_fact: bool
) -> None:
    found = Received.of(delivery, day(2))
    assert (found.state, found.error, found.fact is not None) == (state, error, has_fact)


def test_once_applied_nothing_of_its_failures_is_left() -> None:
    done = TRIED.applied()
    assert (done.state, done.attempts, done.error) == (ReceivedState.APPLIED, 4, None)
    assert (done.waits_for, done.next_attempt_at) == (frozenset(), None)


def test_while_parked_it_says_what_it_waits_for_and_when_it_is_looked_at() -> None:
    parked = STORED.parked({"customer:cus_1": "Unknown customer.", "price:p": "No plan."}, day(4))
    assert (parked.state, parked.attempts, parked.next_attempt_at) == (ReceivedState.PARKED, 1, day(4))
    assert parked.waits_for == {"customer:cus_1", "price:p"}
    assert parked.error == "Unknown customer. No plan."


def test_a_try_that_failed_is_made_again_until_there_is_no_next_time() -> None:
    again, dead = TRIED.failed("Lock.", day(5)), TRIED.failed("Lock.", None)
    assert (again.state, again.attempts, again.error, again.next_attempt_at) == (
        ReceivedState.FAILED,
        4,
        "Lock.",
        day(5),
    )
    assert (dead.state, dead.attempts, dead.next_attempt_at) == (ReceivedState.DEAD, 4, None)


@pytest.mark.parametrize(
    ("delivery", "state", "error"),
    [
        pytest.param(DELIVERY, ReceivedState.FAILED, None, id="readable-by-now"),
        pytest.param(evolve(DELIVERY, fact=None, unreadable="No id."), ReceivedState.DEAD, "No id.", id="still-not"),
        pytest.param(
            evolve(DELIVERY, fact=None, ignored="Not ours."), ReceivedState.IGNORED, "Not ours.", id="not-ours"
        ),
        pytest.param(
            evolve(DELIVERY, fact=None),
            ReceivedState.IGNORED,
            "This kind of event tells us nothing.",
            id="tells-nothing",
        ),
    ],
)
def test_read_once_more_it_has_what_can_be_read_by_now(
    delivery: Delivery, state: ReceivedState, error: str | None
) -> None:
    found = evolve(TRIED, fact=None).read_again(delivery)
    assert (found.state, found.error, found.fact) == (state, error, delivery.fact)


def test_without_bytes_to_read_it_is_for_a_person() -> None:
    found = evolve(TRIED, fact=None, next_attempt_at=day(3)).read_again(None)
    assert (found.state, found.next_attempt_at) == (ReceivedState.DEAD, None)
    assert found.error == "What it told is not known, and its bytes are not kept any more."


@pytest.mark.parametrize(
    "told", [evolve(DELIVERY, ignored="Not ours."), evolve(DELIVERY, fact=None, unreadable="No id.")]
)
def test_what_tells_no_fact_cannot_fail(told: Delivery) -> None:
    received = Received.of(told, day(2))
    assert received.failed("Lock.", day(5)) == received
