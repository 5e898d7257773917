"""Subscriptions of the fake provider: how they begin, change and end."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import evolve, frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import (
    InvoiceLineSeen,
    InvoiceSeen,
    ItemSeen,
    Labels,
    PhaseSeen,
    PriceSeen,
    ScheduleSeen,
    SubscriptionSeen,
)
from billing_core.domain.operations import (
    CancelSubscription,
    ChangePlan,
    ChangeTrialEnd,
    GiveUpCollecting,
    HoldCollection,
    OpenSubscriptionCheckout,
    PauseSubscription,
    PayInvoice,
    ReleaseHold,
    ResumeSubscription,
)
from billing_core.domain.periods import BillingCalendar, Interval
from billing_memory.provider.lines import line_for, share_of
from billing_memory.provider.money import Till
from billing_memory.provider.world import World

__all__ = ["Subscribing"]


@frozen
class Subscribing:
    """What happens to the fake provider's subscriptions. Each has one item."""

    world: World
    till: Till

    def begin(
        self, customer_id: str, price: PriceSeen, checkout: OpenSubscriptionCheckout, labels: Labels
    ) -> tuple[SubscriptionSeen, InvoiceSeen]:
        """A new subscription with its first invoice, paid; about nothing while on trial."""
        quantity, trial_days = checkout.quantity, checkout.trial_days
        now = self.world.now()
        trial_end = now + timedelta(days=trial_days) if trial_days else None
        end = trial_end or _period_end(price, now)
        item = ItemSeen(
            id=self.world.new_id("si"), price_id=price.id, quantity=quantity, period_start=now, period_end=end
        )
        subscription = SubscriptionSeen(
            id=self.world.new_id("sub"),
            created=now,
            customer_id=customer_id,
            status="trialing" if trial_days else "active",
            items=(item,),
            trial_start=now if trial_days else None,
            trial_end=trial_end,
            latest_invoice_id=self.world.new_id("in"),
            labels=labels,
        )
        if checkout.promotion_code is not None:
            subscription = self.till.discounts.apply(subscription, self.till.discounts.codes[checkout.promotion_code])
        line = line_for(0 if trial_days else _amount(price) * quantity, item)
        self.world.tell("customer.subscription.created", subscription)
        return subscription, self.till.pay(
            self.till.invoice(subscription, price.currency, "subscription_create", [line])
        )

    def reach_period_end(self, subscription_id: str, *, paid: bool = True) -> SubscriptionSeen:
        """What the provider does at the end of a period, as of the clock's present: end, or renew and collect."""
        subscription = self.world.get(SubscriptionSeen, subscription_id)
        if subscription.cancel_at_period_end:
            return self.end(subscription, "cancellation_requested")
        item = subscription.items[0]
        schedule = self.world.find(ScheduleSeen, subscription.schedule_id)
        if schedule is not None:
            self.world.tell("subscription_schedule.released", evolve(schedule, status="released"))
            phase = schedule.phases[-1]
            item = evolve(item, price_id=phase.price_id or item.price_id, quantity=phase.quantity)
            subscription = evolve(subscription, schedule_id=None)
        price = self.world.get(PriceSeen, item.price_id)
        start = item.period_end or self.world.now()
        item = evolve(item, period_start=start, period_end=_period_end(price, start))
        # The period moves, and a trial becomes active, before anything is paid.
        renewed = evolve(subscription, status="active", items=(item,), latest_invoice_id=self.world.new_id("in"))
        self.world.tell("customer.subscription.updated", renewed)
        line = line_for(_amount(price) * item.quantity, item)
        invoice = self.till.invoice(renewed, price.currency, "subscription_cycle", [line])
        if renewed.pause_behavior == "void":
            self.world.tell("invoice.voided", evolve(invoice, status="void", next_attempt_at=None))
            return renewed
        if paid:
            self.till.pay(invoice)
            return renewed
        self.till.fail(invoice)
        return self.world.tell("customer.subscription.updated", evolve(renewed, status="past_due"))

    def retry_payment(self, subscription_id: str, *, paid: bool) -> SubscriptionSeen:
        """Another try at the latest invoice of a subscription that is past due."""
        subscription = self.world.get(SubscriptionSeen, subscription_id)
        invoice = self.world.get(InvoiceSeen, subscription.latest_invoice_id or "")
        if not paid:
            self.till.fail(invoice)
            return subscription
        self.till.pay(invoice)
        if subscription.pending_price_id is not None:
            return self._apply_pending(subscription, subscription.pending_price_id)
        return self.world.tell("customer.subscription.updated", evolve(subscription, status="active"))

    def _apply_pending(self, subscription: SubscriptionSeen, price_id: str) -> SubscriptionSeen:
        item = evolve(subscription.items[0], price_id=price_id, quantity=subscription.pending_quantity or 1)
        applied = evolve(
            subscription, items=(item,), pending_price_id=None, pending_quantity=None, pending_expires_at=None
        )
        return self.world.tell("customer.subscription.updated", applied)

    def end(self, subscription: SubscriptionSeen, reason: str) -> SubscriptionSeen:
        """It is over, now."""
        now = self.world.now()
        ended = evolve(
            subscription,
            status="canceled",
            cancel_at_period_end=False,
            cancel_at=None,
            canceled_at=subscription.canceled_at or now,
            ended_at=now,
            cancellation_reason=reason,
            schedule_id=None,
        )
        return self.world.tell("customer.subscription.deleted", ended)

    def cancel(self, command: CancelSubscription) -> SubscriptionSeen:
        """Carry out a cancellation; what is canceled already stays as it is."""
        subscription = self.world.get(SubscriptionSeen, command.subscription_id)
        if subscription.status == "canceled":
            return subscription
        subscription = self._release(subscription, subscription.schedule_id)
        if command.release_hold:
            subscription = evolve(subscription, pause_behavior=None)
        if command.void_invoice_id is not None:
            invoice = self.world.get(InvoiceSeen, command.void_invoice_id)
            self.world.tell("invoice.voided", evolve(invoice, status="void", next_attempt_at=None))
        if not command.at_period_end:
            return self.end(subscription, "cancellation_requested")
        scheduled = evolve(
            subscription,
            cancel_at_period_end=True,
            cancel_at=subscription.items[0].period_end,
            canceled_at=self.world.now(),
            cancellation_reason="cancellation_requested",
        )
        return self.world.tell("customer.subscription.updated", scheduled)

    def undo_cancel(self, subscription_id: str, schedule_id: str | None) -> SubscriptionSeen:
        """Take a cancellation at the period's end back."""
        subscription = self._release(self.going_on(subscription_id), schedule_id)
        if not subscription.cancel_at_period_end:
            return subscription
        return self.world.tell("customer.subscription.updated", _uncanceled(subscription))

    def change_trial_end(self, command: ChangeTrialEnd, *, paid: bool) -> SubscriptionSeen:
        """A trial goes on for longer, or ends now and is invoiced."""
        subscription = self.going_on(command.subscription_id)
        if subscription.status != "trialing":
            raise ProviderRefused("This subscription is not on trial.")
        end = command.trial_end or self.world.now()
        item = evolve(subscription.items[0], period_end=end)
        changed = evolve(subscription, trial_end=end, items=(item,))
        self.world.tell("customer.subscription.updated", changed)
        return self.reach_period_end(subscription.id, paid=paid) if command.trial_end is None else changed

    def pay_invoice(self, command: PayInvoice, *, paid: bool) -> SubscriptionSeen:
        """Another try at an open invoice; a card that is declined is a refusal."""
        invoice = self.world.get(InvoiceSeen, command.invoice_id)
        subscription = self.world.get(SubscriptionSeen, command.subscription_id)
        if invoice.status == "paid":
            return subscription
        if invoice.status != "open":
            raise ProviderRefused(f"The invoice is {invoice.status}; it cannot be paid.")
        if not paid:
            self.till.fail(invoice)
            raise ProviderRefused("Your card was declined.", code="card_declined", decline_code=self.till.decline_code)
        self.till.pay(invoice)
        return self.world.tell("customer.subscription.updated", evolve(subscription, status="active"))

    def give_up(self, command: GiveUpCollecting) -> SubscriptionSeen:
        """Void the invoice, then end the subscription or put it on the free plan; refused where it was paid."""
        invoice = self.world.get(InvoiceSeen, command.invoice_id)
        if invoice.status not in {"open", "void"}:
            raise ProviderRefused(f"The invoice is {invoice.status}; it cannot be voided.")
        if invoice.status == "open":
            self.world.tell("invoice.voided", evolve(invoice, status="void", next_attempt_at=None))
        subscription = self._release(self.going_on(command.subscription_id), command.schedule_id)
        if command.free_price_id is None:
            return self.end(subscription, "cancellation_requested")
        price = self.world.get(PriceSeen, command.free_price_id)
        now = self.world.now()
        item = evolve(
            subscription.items[0], price_id=price.id, quantity=1, period_start=now, period_end=_period_end(price, now)
        )
        free = evolve(subscription, status="active", items=(item,), latest_invoice_id=self.world.new_id("in"))
        self.till.pay(self.till.invoice(free, price.currency, "subscription_update", [line_for(_amount(price), item)]))
        return self.world.tell("customer.subscription.updated", free)

    def rest(
        self, command: HoldCollection | ReleaseHold | PauseSubscription | ResumeSubscription, *, paid: bool
    ) -> SubscriptionSeen:
        """Hold collection or collect again, pause it, or take it up again once that is paid."""
        subscription = self.going_on(command.subscription_id)
        match command:
            case HoldCollection():
                return self.world.tell("customer.subscription.updated", evolve(subscription, pause_behavior="void"))
            case ReleaseHold():
                return self.world.tell("customer.subscription.updated", evolve(subscription, pause_behavior=None))
            case PauseSubscription():
                paused = evolve(subscription, status="paused", pause_behavior=None)
                return self.world.tell("customer.subscription.updated", paused)
            case ResumeSubscription():
                return self._take_up(subscription, paid=paid)

    def _take_up(self, subscription: SubscriptionSeen, *, paid: bool) -> SubscriptionSeen:
        if subscription.status != "paused":
            return subscription
        price, now = self.world.get(PriceSeen, subscription.items[0].price_id), self.world.now()
        item = evolve(subscription.items[0], period_start=now, period_end=_period_end(price, now))
        resumed = evolve(subscription, status="active", items=(item,), latest_invoice_id=self.world.new_id("in"))
        line = line_for(_amount(price) * item.quantity, item)
        invoice = self.till.invoice(resumed, price.currency, "subscription_update", [line])
        if paid:
            self.till.pay(invoice)
            return self.world.tell("customer.subscription.updated", resumed)
        self.till.fail(invoice)
        return self.world.tell("customer.subscription.updated", evolve(subscription, latest_invoice_id=invoice.id))

    def change(self, command: ChangePlan, *, paid: bool) -> SubscriptionSeen:
        """Give it another price or quantity, now or by a schedule."""
        subscription = self._release(self.going_on(command.subscription_id), command.schedule_id)
        if command.release_hold:
            subscription = evolve(subscription, pause_behavior=None)
        if subscription.items[0].id != command.item_id:
            raise ProviderRefused(f"No such subscription item: {command.item_id!r}.", code="resource_missing")
        as_it_was = subscription
        if command.clear_cancel:
            subscription = _uncanceled(subscription)
        price = self.world.get(PriceSeen, command.price_id)
        if command.at_period_end:
            return self._schedule(subscription, command)
        if command.own_lines:
            self._invoice_own(subscription, command, paid=paid)
        if command.end_trial:
            subscription = evolve(subscription, status="active", trial_end=self.world.now())
        lines = self.change_lines(subscription, command)
        item = evolve(subscription.items[0], price_id=command.price_id, quantity=command.quantity)
        now = self.world.now()
        if self.restarts(subscription, command):
            item = evolve(item, period_start=now, period_end=_period_end(price, now))
        changed = evolve(subscription, items=(item,))
        if not lines:
            return self.world.tell("customer.subscription.updated", changed)
        changed = evolve(changed, latest_invoice_id=self.world.new_id("in"))
        invoice = self.till.invoice(changed, price.currency, "subscription_update", lines)
        if paid or not invoice.amount_due:
            self.world.tell("customer.subscription.updated", changed)
            self.till.pay(invoice)
            return changed
        self.till.fail(invoice)
        waiting = evolve(
            as_it_was,
            latest_invoice_id=invoice.id,
            pending_price_id=command.price_id,
            pending_quantity=command.quantity,
            pending_expires_at=now + timedelta(hours=23),
        )
        unpaid = waiting if command.only_when_paid else evolve(changed, status="past_due")
        return self.world.tell("customer.subscription.updated", unpaid)

    def _invoice_own(self, subscription: SubscriptionSeen, command: ChangePlan, *, paid: bool) -> None:
        """An invoice with these very lines, paid before the plan changes; voided where it cannot be."""
        lines = [
            InvoiceLineSeen(
                amount=line.amount.amount,
                period_start=line.start,
                period_end=line.end,
                description=line.description,
            )
            for line in command.own_lines
        ]
        owner = evolve(subscription, latest_invoice_id=self.world.new_id("in"))
        kept = self.till.balances.get(subscription.customer_id)
        invoice = self.till.invoice(owner, command.own_lines[0].amount.currency, "manual", lines)
        if paid or not invoice.amount_due:
            self.till.pay(invoice)
            return
        self.world.tell("invoice.voided", evolve(self.till.fail(invoice), status="void"))
        if kept is not None:
            self.till.balances[subscription.customer_id] = kept
        raise ProviderRefused("Your card was declined.", code="card_declined", decline_code=self.till.decline_code)

    def change_lines(self, subscription: SubscriptionSeen, command: ChangePlan) -> list[InvoiceLineSeen]:
        """What a change now is invoiced with at once; nothing where it waits for the next invoice."""
        if command.at_period_end:
            return []
        item, new = subscription.items[0], self.world.get(PriceSeen, command.price_id)
        old = self.world.get(PriceSeen, item.price_id)
        start = command.proration_date or self.world.now()
        restarts = self.restarts(subscription, command)
        if command.proration != "always_invoice" and not restarts:
            return []
        credit = -share_of(_amount(old) * item.quantity, item, start, old.currency)
        charge, end = _amount(new) * command.quantity, _period_end(new, start)
        if not restarts:
            charge, end = share_of(charge, item, start, new.currency), item.period_end or end
        unused = InvoiceLineSeen(
            amount=credit if command.proration != "none" and subscription.status != "trialing" else 0,
            period_start=start,
            period_end=item.period_end or end,
            proration=True,
            price_id=old.id,
            quantity=item.quantity,
            description="Unused time",
        )
        rest = InvoiceLineSeen(
            amount=charge,
            period_start=start,
            period_end=end,
            proration=not restarts,
            price_id=new.id,
            quantity=command.quantity,
            description="Remaining time",
        )
        return [unused, rest]

    def restarts(self, subscription: SubscriptionSeen, command: ChangePlan) -> bool:
        """Whether a change begins a new period: another interval is invoiced at once, whatever was asked."""
        old = self.world.get(PriceSeen, subscription.items[0].price_id)
        new = self.world.get(PriceSeen, command.price_id)
        return (old.interval, old.interval_count) != (new.interval, new.interval_count)

    def _schedule(self, subscription: SubscriptionSeen, command: ChangePlan) -> SubscriptionSeen:
        item, until = subscription.items[0], subscription.items[0].period_end
        phases = (
            PhaseSeen(
                start=item.period_start or subscription.created,
                end=until,
                price_id=item.price_id,
                quantity=item.quantity,
            ),
            PhaseSeen(start=until or self.world.now(), price_id=command.price_id, quantity=command.quantity),
        )
        schedule = ScheduleSeen(
            id=self.world.new_id("sub_sched"),
            created=self.world.now(),
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
            status="active",
            phases=phases,
        )
        self.world.tell("subscription_schedule.created", schedule)
        return self.world.tell("customer.subscription.updated", evolve(subscription, schedule_id=schedule.id))

    def _release(self, subscription: SubscriptionSeen, schedule_id: str | None) -> SubscriptionSeen:
        """Detach the schedule. What is held by one that was not named conflicts with any change."""
        if subscription.schedule_id is None:
            return subscription
        if subscription.schedule_id != schedule_id:
            raise ProviderRefused("The subscription is managed by a schedule; release it first.")
        schedule = self.world.get(ScheduleSeen, subscription.schedule_id)
        self.world.tell("subscription_schedule.released", evolve(schedule, status="released"))
        return self.world.tell("customer.subscription.updated", evolve(subscription, schedule_id=None))

    def going_on(self, subscription_id: str) -> SubscriptionSeen:
        """A subscription that can be changed still."""
        subscription = self.world.get(SubscriptionSeen, subscription_id)
        if subscription.status == "canceled":
            raise ProviderRefused("A canceled subscription cannot be changed.", code="resource_missing")
        return subscription


def _uncanceled(subscription: SubscriptionSeen) -> SubscriptionSeen:
    return evolve(subscription, cancel_at_period_end=False, cancel_at=None, canceled_at=None, cancellation_reason=None)


def _amount(price: PriceSeen) -> int:
    if price.amount is None:
        raise ProviderRefused("A tiered price is not sold here.")
    return price.amount


def _period_end(price: PriceSeen, start: datetime) -> datetime:
    calendar = BillingCalendar(anchor=start, interval=price.interval or Interval.MONTH, count=price.interval_count)
    return calendar.boundary(1)
