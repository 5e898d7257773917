"""Short histories of which events are lost: a receiver, a provider that has what they leave, and one reconciliation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from billing_core.domain.account import Account
from billing_core.domain.facts import ChargeSeen, CustomerSeen, DisputeSeen, Fact, Labels, PaymentSeen, RefundSeen
from billing_core.domain.folding import fold
from billing_core.domain.plans import Catalog
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.reconcile import Reconcile
from billing_core.use_cases.reconcile_object import ReconcileObject
from billing_memory import FakeProvider
from billing_stripe.facts import fact_of_event
from tests.receiving import Receiver
from tests.unit.stripe.stripe_json import Obj

__all__ = ["losses_of", "mended"]

_SUCCEEDED_LATE = "checkout.session.async_payment_succeeded"
#: What nothing but an event tells (ADR 0002): when a delayed payment succeeded, and since when a charge says that money
#: went back of which there is no refund.
_NOT_LOST = {_SUCCEEDED_LATE, "payment_intent.processing", "charge.pending", "charge.refunded"}


def losses_of(history: Sequence[Obj], most: int) -> Iterator[list[Obj]]:
    """What is left of it without all that may be lost, and without each of that; at most so many.

    A guest's session or payment may not: it is in nobody's list, so that nothing but its event tells of it. Nor may
    anything of a customer that is deleted, whom nobody lists any more.
    """
    types = {event["type"] for event in history}
    if "customer.deleted" in types:
        return
    delayed = _SUCCEEDED_LATE in types
    lost_ones = [one for one in history if _may_be_lost(one) and not (delayed and one["type"].startswith("payment_"))]
    kept = [event for event in history if event not in lost_ones]
    single = [[one for one in history if one is not lost] for lost in lost_ones]
    Random(len(history)).shuffle(single)  # noqa: S311 - the same losses on every run
    yield from [kept, *single][:most]


async def mended(history: Sequence[Obj], arrived: Sequence[Obj], catalog: Catalog, user_id: str) -> Account:
    """The account after these of its events and one reconciliation, which a second one finds nothing to add to."""
    receiver = Receiver()
    await receiver.sells(catalog)
    for event in arrived:
        await receiver.receives(event)
    receiver.clock.move_to(datetime.fromtimestamp(max(event["created"] for event in history), UTC) + timedelta(days=1))
    provider = FakeProvider(receiver.clock)
    facts = [fact for event in history if (fact := _fact_of(event)) is not None]
    for customer_id in {fact.customer_id for fact in facts} - {None}:
        began = min(fact.occurred_at for fact in facts)
        provider.world.put(CustomerSeen(id=str(customer_id), created=began, labels=Labels(user_id=user_id)))
    for fact in facts:
        if isinstance(fact.after, PaymentSeen) and fact.after.charge_id and fact.after.status == "succeeded":
            provider.world.put(_charge(fact.after, fact.occurred_at))
    for ref in {fact.ref for fact in facts}:
        state = fold(fact for fact in facts if fact.ref == ref)
        assert state is not None
        provider.world.put(state.snapshot)
    run = _reconcile(receiver, provider)
    for is_first in (True, False):
        steps = [step async for step in run.everything(actor="ops", worker="w", dry_run=False)]
        findings = [finding for step in steps for finding in step.findings]
        assert all(finding.mended for finding in findings), findings
        assert is_first or not findings, findings
    return await receiver.account(user_id)


def _may_be_lost(event: Obj) -> bool:
    fact = _fact_of(event)
    if fact is None or event["type"] in _NOT_LOST:
        return False
    return fact.customer_id is not None or isinstance(fact.after, RefundSeen | DisputeSeen)


def _charge(payment: PaymentSeen, taken_at: datetime) -> ChargeSeen:
    """The charge of a payment, where no event tells of it."""
    return ChargeSeen(
        id=str(payment.charge_id),
        created=taken_at,
        customer_id=payment.customer_id,
        payment_id=payment.id,
        status="succeeded",
        amount=payment.amount,
        amount_captured=payment.amount_received,
        currency=payment.currency,
    )


def _fact_of(event: Obj) -> Fact | None:
    data, at = event["data"], datetime.fromtimestamp(event["created"], UTC)
    return fact_of_event(event["id"], event["type"], at, data["object"], data.get("previous_attributes"))


def _reconcile(receiver: Receiver, provider: FakeProvider) -> Reconcile:
    async def wait(seconds: float) -> None:
        receiver.clock.advance(timedelta(seconds=seconds))

    return Reconcile(
        units=receiver.units,
        objects=ReconcileObject(
            units=receiver.units,
            books=receiver.books,
            ask=AskProvider(lookup=provider, listing=provider),
            wait=wait,
        ),
        lookup=provider,
        listing=provider,
        clock=receiver.clock,
        real_clock=receiver.clock,
        every=timedelta(hours=1),
    )
