"""The contract of the provider's collecting: the end of a trial, an invoice that is unpaid, and what is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing_contracts.provider_bench import ProviderBench, Story, operation, plan_at
from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import InvoiceSeen, ObjectKind, SubscriptionSeen
from billing_core.domain.operations import ChangeTrialEnd, GiveUpCollecting, PayInvoice

__all__ = ["ProviderCollectingContract"]

_TRIAL_DAYS = 14


class ProviderCollectingContract:
    """Give the fixture ``bench``: a `ProviderBench`."""

    async def test_a_trial_goes_on_for_longer(self, bench: ProviderBench) -> None:
        """It costs nothing; an invoice about nothing may tell of it."""
        story = Story(bench)
        trying = await story.subscribed(await bench.catalog.ensure_plan(plan_at()), trial_days=_TRIAL_DAYS)
        assert trying.trial_end is not None
        until = trying.trial_end + timedelta(days=7)
        await story.do(ChangeTrialEnd(subscription_id=trying.id, trial_end=until))
        after = await story.subscription(trying.id)
        assert (after.status, after.trial_end, after.items[0].period_end) == ("trialing", until, until)
        invoice = await story.seen(ObjectKind.INVOICE, after.latest_invoice_id or "", InvoiceSeen)
        assert (after.trial_start, invoice.amount_due) == (trying.trial_start, 0)

    async def test_a_trial_that_ends_now_is_invoiced_now(self, bench: ProviderBench) -> None:
        """For a whole period, and paid."""
        story = Story(bench)
        trying = await story.subscribed(await bench.catalog.ensure_plan(plan_at()), trial_days=_TRIAL_DAYS)
        await story.do(ChangeTrialEnd(subscription_id=trying.id))
        after = await story.subscription(trying.id)
        invoice = await story.seen(ObjectKind.INVOICE, after.latest_invoice_id or "", InvoiceSeen)
        assert after.status == "active"
        assert (invoice.status, invoice.amount_paid) == ("paid", 1999)

    async def test_an_unpaid_invoice_is_tried_again_and_paid(self, bench: ProviderBench) -> None:
        """Then the subscription is active again; what is paid already counts as done."""
        story = Story(bench)
        owing = await _owing(story)
        command = PayInvoice(invoice_id=owing.latest_invoice_id or "", subscription_id=owing.id)
        await bench.cards(owing.customer_id, work=True)
        for _ in range(2):
            answer = await story.do(command)
            assert answer.result_id == owing.id
            assert await bench.lookup.effect_of(operation(command, bench.now())) is not None
        assert (await story.subscription(owing.id)).status == "active"

    async def test_a_card_that_is_declined_again_is_a_refusal(self, bench: ProviderBench) -> None:
        """With the provider's code for it; the invoice stays open, and nothing was done."""
        story = Story(bench)
        owing = await _owing(story)
        command = PayInvoice(invoice_id=owing.latest_invoice_id or "", subscription_id=owing.id)
        with pytest.raises(ProviderRefused) as refusal:
            await story.do(command)
        invoice = await story.seen(ObjectKind.INVOICE, command.invoice_id, InvoiceSeen)
        assert (refusal.value.code, invoice.status) == ("card_declined", "open")
        assert await bench.lookup.effect_of(operation(command, bench.now())) is None

    async def test_what_is_given_up_is_voided_and_over(self, bench: ProviderBench) -> None:
        """Also for a second operation that wants it so."""
        story = Story(bench)
        owing = await _owing(story)
        command = GiveUpCollecting(subscription_id=owing.id, invoice_id=owing.latest_invoice_id or "")
        assert await bench.lookup.effect_of(operation(command, bench.now())) is None
        await story.do(command)
        invoice = await story.seen(ObjectKind.INVOICE, command.invoice_id, InvoiceSeen)
        assert ((await story.subscription(owing.id)).status, invoice.status) == ("canceled", "void")
        assert await bench.lookup.effect_of(operation(command, bench.now())) is not None

    async def test_what_is_given_up_may_go_on_for_nothing(self, bench: ProviderBench) -> None:
        """With the free plan's price, owing nothing."""
        story = Story(bench)
        owing = await _owing(story)
        free = await bench.catalog.ensure_plan(plan_at(0))
        command = GiveUpCollecting(
            subscription_id=owing.id,
            invoice_id=owing.latest_invoice_id or "",
            item_id=owing.items[0].id,
            free_price_id=free,
        )
        await story.do(command)
        after = await story.subscription(owing.id)
        assert (after.status, after.items[0].price_id) == ("active", free)

    async def test_what_was_paid_is_not_given_up(self, bench: ProviderBench) -> None:
        """It is refused, and the subscription goes on."""
        story = Story(bench)
        paid = await story.subscribed(await bench.catalog.ensure_plan(plan_at()))
        with pytest.raises(ProviderRefused):
            await story.do(GiveUpCollecting(subscription_id=paid.id, invoice_id=paid.latest_invoice_id or ""))
        assert (await story.subscription(paid.id)).status == "active"


async def _owing(story: Story) -> SubscriptionSeen:
    """A subscription whose first invoice after a trial could not be paid."""
    trying = await story.subscribed(await story.bench.catalog.ensure_plan(plan_at()), trial_days=_TRIAL_DAYS)
    await story.bench.cards(trying.customer_id, work=False)
    await story.do(ChangeTrialEnd(subscription_id=trying.id))
    owing = await story.subscription(trying.id)
    assert owing.status == "past_due"
    return owing
