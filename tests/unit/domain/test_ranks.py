"""How far along its life an object is: what comes first where one second tells of two states (ADR 0002)."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.facts import Snapshot
from billing_core.domain.lifecycles import life_rank, status_of
from tests.provider_objects import charge, customer, invoice, method, session, subscription

OPEN = invoice(status="open", attempts=1)
LATER = {
    "a customer, then deleted": (customer(), customer(deleted=True)),
    "a method, then detached": (method(), method(attached=False)),
    "a session unpaid, then failed": (session(payment_status="unpaid"), session(payment_status="failed")),
    "a session failed, then paid": (session(payment_status="failed"), session(payment_status="paid")),
    "a session unpaid, then nothing due": (
        session(payment_status="unpaid"),
        session(payment_status="no_payment_required"),
    ),
    "an invoice tried once, then twice": (OPEN, evolve(OPEN, attempt_count=2)),
    "an invoice tried often, then paid": (evolve(OPEN, attempt_count=9), invoice()),
    "a charge, then refunded in part": (charge(), charge(refunded=100)),
    "a charge, then disputed": (charge(), evolve(charge(), disputed=True)),
    "a subscription incomplete, then of a status to come": (subscription("incomplete"), subscription("to_come")),
    "a subscription of a status to come, then canceled": (subscription("to_come"), subscription("canceled")),
}
EITHER = {
    "past due and active": (subscription("past_due"), subscription("active")),
    "active and of a status to come": (subscription("active"), subscription("to_come")),
    "paid and nothing due": (session(payment_status="paid"), session(payment_status="no_payment_required")),
}


@pytest.mark.parametrize(("earlier", "later"), LATER.values(), ids=LATER)
def test_what_cannot_happen_the_other_way_round_has_an_order(earlier: Snapshot, later: Snapshot) -> None:
    assert life_rank(earlier) < life_rank(later)


@pytest.mark.parametrize(("one", "other"), EITHER.values(), ids=EITHER)
def test_what_may_happen_in_either_order_has_none(one: Snapshot, other: Snapshot) -> None:
    assert life_rank(one) == life_rank(other)


@pytest.mark.parametrize(
    ("snapshot", "status"),
    [
        (session(status="open", payment_status="unpaid"), "open"),
        (session(payment_status="unpaid"), "unpaid"),
        (charge(), "succeeded"),
        (charge(refunded=100), "succeeded, 100 refunded"),
        (invoice(), "paid"),
        (customer(), None),
    ],
)
def test_whose_runs_are_timed(snapshot: Snapshot, status: str | None) -> None:
    assert status_of(snapshot) == status
