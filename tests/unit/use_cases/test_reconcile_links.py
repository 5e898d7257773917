"""What ties a payment in vain to its invoice is in no event: the scheduled run asks for it, and comes to the same."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.changes import changes_between
from billing_core.domain.facts import InvoicePaymentSeen, InvoiceSeen
from tests.lives import Life
from tests.unit.use_cases.reconciling import Desk
from tests.unpaid import declined


@pytest.mark.parametrize("lost", ["the failure", "everything"])
async def test_the_worker_finds_what_ties_a_payment_in_vain_to_its_invoice_and_so_when_the_grace_began(
    lost: str,
) -> None:
    """No event tells of an invoice payment before it is paid; a whole run reads it with the invoice."""
    life = Life()
    life.subscribe()
    life.wait(days=20).fail_to_renew()
    failed_at = life.wait(seconds=5).now
    owed = next(one for one in life.all(InvoiceSeen) if one.status == "open")
    failed, _, charged = declined()
    link = InvoicePaymentSeen(
        id="inpay_1", created=owed.created, invoice_id=owed.id, payment_id=failed.id, status="open", currency="usd"
    )
    life.tell("payment_intent.payment_failed", evolve(failed, created=owed.created))
    life.tell("charge.failed", evolve(charged, created=failed_at))
    heard = [fact for fact in life.facts if lost == "the failure" and fact.occurred_at < owed.created]
    found = []
    for run in ("recent", "everything"):
        desk = await Desk(life).hears(heard)
        desk.stripe.world.put(link)
        await (desk.reconcile.recent("worker-1") if run == "recent" else desk.reconciles())
        found.append(await desk.account())
        assert await desk.reconciles() == []
    recent, everything = found
    assert changes_between(recent, everything) == {}
    assert recent.subscriptions[0].past_due_since == failed_at
