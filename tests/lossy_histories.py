"""Histories of which events are lost, one reconciliation after it, and what it cannot bring back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from billing_core.domain.facts import (
    ChargeSeen,
    Fact,
    InvoicePaymentSeen,
    InvoiceSeen,
    ObjectKind,
    PaymentSeen,
    RefundSeen,
)
from billing_core.domain.folding import fold
from billing_core.domain.reconciliation import Finding
from billing_core.domain.refunds import is_live, refunded_of
from billing_stripe.facts import fact_of_event
from tests.component.http.house import House
from tests.told_over_http import about
from tests.unit.stripe.stripe_json import Obj

__all__ = ["deliveries_with_losses", "put_at_provider", "reconciled", "told_by_objects"]


def deliveries_with_losses(events: Sequence[Obj], dice: Random) -> list[list[Obj]]:
    """In order, without each event in turn; with about 80, 50 and 20 % of them, twice each; and with none."""
    single = [[one for one in events if one is not lost] for lost in events]
    larger = [[one for one in events if dice.random() < share] for share in (0.8, 0.5, 0.2) * 2]
    return [*single, *larger, []]


def put_at_provider(house: House, events: Sequence[Obj], user: str) -> None:
    """Have the provider know each object as all of these leave it."""
    facts: dict[object, list[Fact]] = {}
    for event in about(events, user):
        if event["livemode"] or "account" in event:
            continue  # of objects of another mode or account
        data, at = event["data"], datetime.fromtimestamp(event["created"], UTC)
        fact = fact_of_event(event["id"], event["type"], at, data["object"], data.get("previous_attributes"))
        if fact is not None:
            facts.setdefault(fact.ref, []).append(fact)
    for told in facts.values():
        state = fold(told)
        assert state is not None
        house.provider.world.put(state.snapshot)
    for link in _untold_links(house, user):
        house.provider.world.put(link)
    for refund in _untold_refunds(facts.values(), house, user):
        house.provider.world.put(refund)


def _untold_links(house: House, user: str) -> list[InvoicePaymentSeen]:
    """What ties a payment in vain to its invoice: the provider has it, and tells of it only once it is paid.

    By the names that the histories use: ``pi_2`` is for ``in_2``.
    """
    world = house.provider.world
    linked = {link.payment_id for link in world.all(InvoicePaymentSeen)}
    invoices = {invoice.id: invoice for invoice in world.all(InvoiceSeen)}
    return [
        InvoicePaymentSeen(
            id=payment.id.replace("pi_", "inpay_", 1),
            created=invoice.created,
            invoice_id=invoice.id,
            payment_id=payment.id,
            status="open",
            currency=payment.currency,
        )
        for payment in world.all(PaymentSeen)
        if payment.status == "requires_payment_method" and payment.id not in linked and payment.id.endswith(user)
        if (invoice := invoices.get(payment.id.replace("pi_", "in_", 1))) is not None
    ]


def _untold_refunds(told: Iterable[list[Fact]], house: House, user: str) -> list[RefundSeen]:
    """What the provider gave back and an older endpoint tells of by the sum of its charge alone."""
    found = []
    for state in filter(None, map(fold, told)):
        charge = state.snapshot
        if not isinstance(charge, ChargeSeen):
            continue
        of_it = [one for one in house.provider.world.all(RefundSeen) if one.charge_id == charge.id and is_live(one)]
        rest = refunded_of(charge) - sum(one.amount for one in of_it)
        if rest > 0:
            identity = f"re_of_{charge.id}_{user}"
            found.append(
                RefundSeen(
                    id=identity,
                    created=state.status_since,
                    charge_id=charge.id,
                    payment_id=charge.payment_id,
                    status="succeeded",
                    amount=rest,
                    currency=charge.currency,
                )
            )
    return found


async def reconciled(house: House) -> list[Finding]:
    """What a whole run finds about anything but what is sold."""
    run = house.application.reconcile.everything(actor="ops", worker="w", dry_run=False)
    sold = {ObjectKind.PRICE, ObjectKind.PRODUCT, ObjectKind.COUPON}
    return [one for step in [step async for step in run] for one in step.findings if one.ref.kind not in sold]


def told_by_objects(answer: Any, untold: Collection[str] = ()) -> Any:  # noqa: ANN401 - JSON
    """An answer without the fields that are ``untold``."""
    if isinstance(answer, dict):
        return {name: told_by_objects(part, untold) for name, part in answer.items() if name not in untold}
    return [told_by_objects(part, untold) for part in answer] if isinstance(answer, list) else answer
