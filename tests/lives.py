"""Whole customer lives, as the provider tells them: what happens is told as facts, in its own manner.

``Life`` keeps the provider's objects as they are; each step changes them and tells the events of that change
in one second: updates with the state before, everything else without, some changes by several events. Time
passes only by ``wait``. A step is legal only where ``possible`` lists it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TypeVar

from attrs import evolve

from billing_core.domain.facts import (
    ANSWER,
    ChargeSeen,
    DisputeSeen,
    Fact,
    InvoiceLineSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    Labels,
    ObjectRef,
    PaymentMethodSeen,
    PaymentSeen,
    RefundSeen,
    Snapshot,
    SubscriptionSeen,
)
from billing_core.domain.plans import Plan
from billing_core.domain.purchases import Order
from billing_core.domain.subscriptions import TERMINAL
from tests.builders import CUSTOMER, K8S, PRO, START, TEAM, looked_up, order
from tests.provider_objects import (
    charge,
    customer,
    dispute,
    invoice,
    item,
    line,
    method,
    payment,
    refund,
    session,
    subscription,
)

T = TypeVar("T", bound=Snapshot)
_MONTH = timedelta(days=30)
_SECOND = timedelta(seconds=1)
_WITH_PRE_IMAGE = (".updated", "charge.refunded", "payment_method.detached")


class Life:
    """What the provider knows of one customer, and what it has told of it."""

    def __init__(self, seed: str = "") -> None:
        self.now: datetime = START
        self.facts: list[Fact] = []
        self.orders: list[Order] = []
        self._seed = seed
        self._objects: dict[ObjectRef, Snapshot] = {}
        self.tell("customer.created", customer())
        self.add_card()

    # ------------------------------------------------------------------------------------------------ telling
    def wait(self, **length: float) -> Life:
        """Let time pass, as `timedelta` counts it."""
        self.now += timedelta(**length)
        return self

    def tell(self, type_: str, after: T) -> T:
        """Change an object and tell it, with the state before where the provider does so."""
        fact = Fact(id=self._id("evt", len(self.facts)), type=type_, occurred_at=self.now, after=after)
        if type_.endswith(_WITH_PRE_IMAGE):
            fact = evolve(fact, before=self._objects.get(fact.ref))
        self._objects[fact.ref] = after
        self.facts.append(fact)
        return after

    def seconds_left(self) -> int:
        """How long until the running subscription's period ends; none where nothing runs, or it has ended."""
        running = self._running()
        end = running.items[0].period_end if running else None
        return max(0, (end - self.now) // _SECOND) if end else 0

    def truth(self) -> dict[ObjectRef, Snapshot]:
        """Every object as it is at the provider."""
        return dict(self._objects)

    def reconciled(self) -> list[Fact]:
        """Every object, as the provider answers when asked a second later."""
        return [looked_up(one, self.now + timedelta(seconds=1)) for one in self._objects.values()]

    def all(self, kind: type[T]) -> list[T]:
        """The objects of a kind, oldest first."""
        return [one for one in self._objects.values() if isinstance(one, kind)]

    def _id(self, prefix: str, number: int | None = None) -> str:
        name = f"{self._seed}:{prefix}:{len(self._objects) if number is None else number}"
        return f"{prefix}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"

    # --------------------------------------------------------------------------------------------------- steps
    def possible(self) -> dict[str, Callable[[], object]]:
        """The steps that may come next, by name."""
        running = self._running()
        steps: dict[str, Callable[[], object]] = {"buy": self.buy}
        steps |= {"remove a card": self.remove_card} if self._cards() else {"add a card": self.add_card}
        if running is not None:
            steps["cancel now"] = self.cancel_now
        if running is None:
            steps |= {"subscribe": self.subscribe, "try": lambda: self.subscribe(trial_days=14)}
        elif running.status == "past_due":
            steps |= {"retry": self.retry, "retry in vain": self.retry_in_vain, "give up": self.give_up}
        elif running.status == "paused":
            steps["resume"] = self.resume
        else:
            scheduled = {"undo the cancellation": self.undo_cancel} if running.cancel_at_period_end else {}
            steps |= scheduled or {"cancel at the end": self.cancel_at_period_end, "pause": self.pause}
            steps |= {"renew": self.renew, "fail to renew": self.fail_to_renew}
            if running.status == "active" and self._within_its_period(running):
                steps["change plan"] = self.change_plan
        if self._refundable():
            steps |= {"refund": self.refund, "refund a part": lambda: self.refund(500), "dispute": self.dispute}
        if self._live_refunds():
            steps["fail a refund"] = self.fail_refund
        if self._open_disputes():
            steps |= {"win": lambda: self.close_dispute("won"), "lose": lambda: self.close_dispute("lost")}
        return steps

    def add_card(self) -> PaymentMethodSeen:
        """A card is attached and becomes the default."""
        card = self.tell("payment_method.attached", method(self._id("pm"), created=self.now))
        self.tell("customer.updated", customer(default_method=card.id))
        return card

    def remove_card(self) -> None:
        """The oldest card is detached; a subscription that names it goes on naming it."""
        self.tell("payment_method.detached", evolve(self._cards()[0], customer_id=None))

    def subscribe(self, plan: Plan = PRO, trial_days: int = 0) -> SubscriptionSeen:
        """A subscription through a checkout, paid or on trial."""
        identity = self._id("sub")
        end = self.now + (timedelta(days=trial_days) if trial_days else _MONTH)
        items = (item(plan.stripe_price_id or "", start=self.now, end=end),)
        trial_end = end if trial_days else None
        first = "trialing" if trial_days else "incomplete"
        new = subscription(first, identity=identity, items=items, created=self.now, trial_end=trial_end)
        self.tell("customer.subscription.created", new)
        amount = 0 if trial_days else plan.price.amount
        self._pay(self._bill(new, amount))
        if not trial_days:
            new = self.tell("customer.subscription.updated", evolve(new, status="active"))
        checkout = session(
            identity=self._id("cs"),
            mode="subscription",
            created=self.now,
            subscription_id=identity,
            payment_id=None,
            labels=Labels(),
            payment_status="no_payment_required" if trial_days else "paid",
        )
        self.tell("checkout.session.completed", checkout)
        return new

    def renew(self) -> None:
        """The next period begins and is paid."""
        moved = self._next_period()
        self._pay(self._bill(moved, self._price(moved)))

    def fail_to_renew(self) -> None:
        """The next period begins and its payment fails."""
        moved = self._next_period()
        bill = self._bill(moved, self._price(moved))
        self._fail(bill)
        self.tell("customer.subscription.updated", evolve(moved, status="past_due"))

    def retry(self) -> None:
        """The open invoice is paid after all."""
        self._pay(self._open_invoice())
        self.tell("customer.subscription.updated", evolve(self._current(), status="active"))

    def retry_in_vain(self) -> None:
        """Another attempt at the open invoice fails."""
        self._fail(self._open_invoice())

    def give_up(self) -> None:
        """The last attempt failed: the subscription ends for non-payment."""
        self.tell("invoice.voided", evolve(self._open_invoice(), status="void"))
        self._end("payment_failed")

    def cancel_now(self) -> None:
        """The subscription ends."""
        self._end("cancellation_requested")

    def cancel_at_period_end(self) -> None:
        """The end is scheduled."""
        running = self._current()
        end = running.items[0].period_end
        scheduled = evolve(running, cancel_at_period_end=True, cancel_at=end, canceled_at=self.now)
        self.tell("customer.subscription.updated", scheduled)

    def undo_cancel(self) -> None:
        """The scheduled end is taken back."""
        kept = evolve(self._current(), cancel_at_period_end=False, cancel_at=None, canceled_at=None)
        self.tell("customer.subscription.updated", kept)

    def change_plan(self) -> None:
        """From Pro to Team or back: the rest of what was billed goes back, the rest of the new is charged."""
        running = self._current()
        (old,) = running.items
        new = TEAM if old.price_id == PRO.stripe_price_id else PRO
        end = old.period_end or self.now
        left = Fraction((end - self.now) // _SECOND, (end - (old.period_start or self.now)) // _SECOND)
        billed = [one for one in self.all(InvoiceSeen) if one.subscription_id == running.id][-1].lines[-1]
        unused = Fraction((end - self.now) // _SECOND, (end - billed.period_start) // _SECOND)
        lines = (
            line(-round(billed.amount * unused), self.now, end, price=old.price_id, proration=True),
            line(round(new.price.amount * left), self.now, end, price=new.stripe_price_id or "", proration=True),
        )
        changed = evolve(running, items=(evolve(old, price_id=new.stripe_price_id or ""),))
        self._pay(self._bill(changed, 0, *lines))
        self.tell("customer.subscription.updated", changed)

    def pause(self) -> None:
        """The subscription is paused."""
        paused = self.tell("customer.subscription.updated", evolve(self._current(), status="paused"))
        self.tell("customer.subscription.paused", paused)

    def resume(self) -> None:
        """A paused subscription begins a new period."""
        moved = self._next_period(status="active")
        self.tell("customer.subscription.resumed", moved)
        self._pay(self._bill(moved, self._price(moved)))

    def buy(self) -> Order:
        """A course is ordered and paid at a checkout."""
        number = len(self.orders) + 1
        bought = order(f"01944b2c-0000-7000-8000-{number:012}", resource=K8S.resource, created=self.now)
        self.orders.append(bought)
        labels = Labels(purchase_id=bought.id)
        identity, paid_by = self._id("cs"), self._id("pi")
        at_checkout = session(
            identity=identity, status="open", payment_status="unpaid", payment_id=None, labels=labels, created=self.now
        )
        self.tell(ANSWER, at_checkout)
        self._take_money(paid_by, bought.price.amount, purchase_id=bought.id)
        self.tell(
            "checkout.session.completed",
            session(identity=identity, payment_id=paid_by, labels=labels, created=self.now),
        )
        return bought

    def refund(self, amount: int | None = None) -> RefundSeen:
        """Money of the last payment that has some left is given back; all that is left unless told otherwise."""
        of = self._refundable()[-1]
        left = of.amount_captured - of.amount_refunded
        given = min(left, amount or left)
        new = refund(given, "pending", identity=self._id("re"), payment_id=of.payment_id, created=self.now)
        self.tell("refund.created", new)
        self.tell("charge.refunded", evolve(of, amount_refunded=of.amount_refunded + given))
        return self.tell("refund.updated", evolve(new, status="succeeded"))

    def fail_refund(self) -> None:
        """The last refund comes back."""
        failing = self._live_refunds()[-1]
        (of,) = [one for one in self.all(ChargeSeen) if one.payment_id == failing.payment_id]
        self.tell("refund.failed", evolve(failing, status="failed"))
        self.tell("charge.updated", evolve(of, amount_refunded=of.amount_refunded - failing.amount))

    def dispute(self) -> DisputeSeen:
        """The last payment is disputed."""
        of = self._refundable()[-1]
        amount = of.amount_captured - of.amount_refunded
        new = dispute(amount=amount, identity=self._id("dp"), payment_id=None, charge_id=of.id, created=self.now)
        self.tell("charge.dispute.created", new)
        self.tell("charge.dispute.funds_withdrawn", new)
        self.tell("charge.updated", evolve(of, disputed=True))
        return new

    def close_dispute(self, status: str) -> None:
        """The open dispute is won or lost."""
        closed = evolve(self._open_disputes()[-1], status=status)
        self.tell("charge.dispute.updated", closed)
        self.tell("charge.dispute.closed", closed)
        if status == "won":
            self.tell("charge.dispute.funds_reinstated", closed)

    # ------------------------------------------------------------------------------------------------ what is there
    def _running(self) -> SubscriptionSeen | None:
        return next((one for one in self.all(SubscriptionSeen) if one.status not in TERMINAL), None)

    def _current(self) -> SubscriptionSeen:
        return next(one for one in self.all(SubscriptionSeen) if one.status not in TERMINAL)

    def _cards(self) -> list[PaymentMethodSeen]:
        return [card for card in self.all(PaymentMethodSeen) if card.customer_id == CUSTOMER]

    def _refundable(self) -> list[ChargeSeen]:
        return [one for one in self.all(ChargeSeen) if not one.disputed and one.amount_refunded < one.amount_captured]

    def _live_refunds(self) -> list[RefundSeen]:
        return [one for one in self.all(RefundSeen) if one.status == "succeeded"]

    def _open_disputes(self) -> list[DisputeSeen]:
        return [one for one in self.all(DisputeSeen) if one.status == "needs_response"]

    def _open_invoice(self) -> InvoiceSeen:
        return next(one for one in self.all(InvoiceSeen) if one.status == "open")

    def _price(self, of: SubscriptionSeen) -> int:
        return (TEAM if of.items[0].price_id == TEAM.stripe_price_id else PRO).price.amount

    # --------------------------------------------------------------------------------------------- what it consists of
    def _end(self, reason: str) -> None:
        ended = evolve(
            self._current(),
            status="canceled",
            cancel_at_period_end=False,
            canceled_at=self.now,
            ended_at=self.now,
            cancellation_reason=reason,
        )
        self.tell("customer.subscription.deleted", ended)

    def _next_period(self, status: str | None = None) -> SubscriptionSeen:
        running = self._current()
        (old,) = running.items
        start = old.period_end or self.now
        moved = evolve(old, period_start=start, period_end=start + _MONTH)
        return self.tell("customer.subscription.updated", evolve(running, status=status or "active", items=(moved,)))

    def _within_its_period(self, running: SubscriptionSeen) -> bool:
        """Whether there is a rest of the period to prorate; a renewal may be overdue here, or be ahead of its time."""
        (what,) = running.items
        return (what.period_start or self.now) <= self.now < (what.period_end or self.now)

    def _bill(self, of: SubscriptionSeen, amount: int, *lines: InvoiceLineSeen) -> InvoiceSeen:
        (what,) = of.items
        charged = line(amount, what.period_start or self.now, what.period_end or self.now, price=what.price_id)
        draft = invoice(
            *(lines or (charged,)),
            identity=self._id("in"),
            status="draft",
            subscription_id=of.id,
            created=self.now,
            attempts=0,
        )
        self.tell("invoice.created", draft)
        number = sum(1 for one in self.all(InvoiceSeen) if one.number) + 1  # numbers are counted, unlike ids
        return self.tell("invoice.finalized", evolve(draft, status="open", number=f"A-{number:04}"))

    def _pay(self, bill: InvoiceSeen) -> None:
        paid = evolve(
            bill,
            status="paid",
            amount_paid=bill.amount_due,
            amount_remaining=0,
            attempt_count=bill.attempt_count + 1,
            paid_at=self.now,
        )
        if bill.amount_due:
            identity = self._id("pi")
            self._take_money(identity, bill.amount_due)
            linked = InvoicePaymentSeen(
                id=self._id("inpay"),
                created=self.now,
                invoice_id=bill.id,
                payment_id=identity,
                status="paid",
                amount_paid=bill.amount_due,
                currency=bill.currency,
            )
            self.tell("invoice_payment.paid", linked)
        self.tell("invoice.updated", paid)
        self.tell("invoice.paid", paid)
        self.tell("invoice.payment_succeeded", paid)

    def _fail(self, bill: InvoiceSeen) -> None:
        tried = evolve(bill, attempt_count=bill.attempt_count + 1)
        self.tell("invoice.updated", tried)
        self.tell("invoice.payment_failed", tried)

    def _take_money(self, identity: str, amount: int, *, purchase_id: str | None = None) -> PaymentSeen:
        asked = payment("requires_payment_method", identity=identity, amount=amount, created=self.now)
        asked = evolve(asked, labels=Labels(purchase_id=purchase_id))
        self.tell("payment_intent.created", asked)
        taken = self.tell(
            "charge.succeeded", charge(identity=self._id("ch"), payment_id=identity, amount=amount, created=self.now)
        )
        received = evolve(asked, status="succeeded", amount_received=amount, charge_id=taken.id)
        return self.tell("payment_intent.succeeded", received)
