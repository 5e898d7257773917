"""A renewal that could not be paid, for the tests of what is done about it."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from billing_core.domain.account import Book, derive
from billing_core.domain.facts import Fact, InvoicePaymentSeen, Snapshot
from billing_core.domain.known import Known
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import Collector, DunningPolicy
from billing_core.domain.steps import StepKind, StepTaken
from billing_core.domain.subscriptions import Subscription
from tests.builders import ANN, PRO, day, looked_up, states, told
from tests.provider_objects import charge, invoice, line, payment, subscription

__all__ = ["FAILED", "OPEN", "OWN", "PROVIDER", "book", "declined", "row", "took"]

#: The renewal of 1 February failed at once.
FAILED = day(31)
OPEN = evolve(invoice(line(2900, day(31), day(59)), identity="in_2", created=FAILED), status="open", amount_paid=0)
OWN = DunningPolicy(collector=Collector.OWN)
PROVIDER = DunningPolicy()


def book(
    policy: DunningPolicy = OWN, *more: Snapshot, status: str = "past_due", steps: Iterable[StepTaken] = ()
) -> Book:
    facts: list[Fact] = [
        told("customer.subscription.created", subscription(), day(0)),
        told("customer.subscription.updated", subscription(status), FAILED),
        told("invoice.payment_failed", OPEN, FAILED),
        *(looked_up(one, max(one.created, FAILED)) for one in more),
    ]
    catalog = Catalog(plans=(evolve(PRO, dunning=policy),))
    return Book(user_id=ANN, known=Known(states(facts)), steps=tuple(steps), catalog=catalog)


def row(
    policy: DunningPolicy = OWN, *more: Snapshot, status: str = "past_due", steps: Iterable[StepTaken] = ()
) -> Subscription:
    (found,) = derive(book(policy, *more, status=status, steps=steps)).subscriptions
    return found


def took(kind: StepKind, number: str = "", *, on: float, asked: bool = True) -> StepTaken:
    return StepTaken(
        user_id=ANN,
        stripe_subscription_id="sub_1",
        subject="in_2",
        kind=kind,
        number=number,
        taken_at=day(31 + on),
        operation_id="01944b2c-0000-7000-8000-00000000000f" if asked else None,
    )


def declined(code: str | None = None, *, advice: str | None = None, card: str = "fp_old") -> tuple[Snapshot, ...]:
    failed = evolve(
        payment("requires_payment_method", failure_code="card_declined", created=FAILED),
        decline_code=code,
        advice_code=advice,
    )
    link = InvoicePaymentSeen(
        id="inpay_1", created=FAILED, invoice_id="in_2", payment_id="pi_1", status="open", currency="usd"
    )
    return failed, link, evolve(charge(status="failed", created=FAILED), card_fingerprint=card)
