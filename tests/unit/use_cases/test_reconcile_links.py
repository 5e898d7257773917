"""What ties a payment in vain to its invoice is in no event: the scheduled run asks for it, and comes to the same."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import pytest
from attrs import evolve

from billing_core.domain.changes import changes_between
from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import Fact, InvoicePaymentSeen, InvoiceSeen
from billing_core.use_cases.taking_turns import SomeFailed
from tests.lives import Life
from tests.unit.use_cases.reconciling import Desk, Stripe
from tests.unpaid import declined


@pytest.mark.parametrize("lost", ["the failure", "everything"])
async def test_the_worker_finds_what_ties_a_payment_in_vain_to_its_invoice_and_so_when_the_grace_began(
    lost: str,
) -> None:
    """No event tells of an invoice payment before it is paid; a whole run reads it with the invoice."""
    life, link, failed_at = owes_in_vain()
    heard = [fact for fact in life.facts if lost == "the failure" and fact.occurred_at < link.created]
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


async def test_what_may_not_be_asked_today_is_asked_by_the_next_run_that_may() -> None:
    """The key may not read what ties payments to invoices: the objects themselves are mended all the same."""
    life, link, failed_at = owes_in_vain()
    desk = await Desk(life).hears([])
    desk.stripe.world.put(link)
    discreet = evolve(desk.reconcile, lookup=Discreet(life, desk.clock))

    with pytest.raises(SomeFailed) as failed:
        await discreet.recent("worker-1")
    assert ([one.subject for one in failed.value.failures], failed.value.done > 0) == (["the links of payments"], True)
    assert (await desk.account()).subscriptions[0].past_due_since != failed_at

    desk.clock.advance(timedelta(hours=1))
    await desk.reconcile.recent("worker-1")
    assert (await desk.account()).subscriptions[0].past_due_since == failed_at


class Discreet(Stripe):
    """A provider that does not tell what a payment was for."""

    async def links_of(self, payment_intent_id: str) -> Collection[Fact]:
        """The invoice payments of a payment."""
        raise ProviderRefused(f"The API key may not read {payment_intent_id}.", code="permission_error")


def owes_in_vain() -> tuple[Life, InvoicePaymentSeen, datetime]:
    """A renewal that could not be paid, what ties the payment to it, and when it failed."""
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
    return life, link, failed_at
