"""Take steps: do what our own schedule has for today about trials, unpaid renewals and disputed payments.

Which step is next is derived. It is written down in one commit with the operation that carries it out, under
the user's lock: of any number of workers one takes it, and a crash in between leaves the operation to be
finished under its key. It waits for whatever else is under way about the subscription: the last step, or a wish of
the customer's.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import field, frozen

from billing_core.domain.account import Book, derive
from billing_core.domain.audit import Cause
from billing_core.domain.contests import invoices_to_collect, invoices_to_hold
from billing_core.domain.dunning import retry_is_skipped
from billing_core.domain.operations import (
    CancelSubscription,
    Command,
    GiveUpCollecting,
    HoldCollection,
    Operation,
    PayInvoice,
    ReleaseHold,
)
from billing_core.domain.plans import Plan
from billing_core.domain.policies import LastStep, OnDispute
from billing_core.domain.steps import NextStep, StepKind, StepTaken
from billing_core.domain.subscriptions import Subscription
from billing_core.ports.clock import Clock
from billing_core.ports.provider import ProviderLookup
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.begin import begin
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.taking_turns import Turns
from billing_core.use_cases.turns import under_way

__all__ = ["TakeSteps"]


@frozen(kw_only=True)
class TakeSteps:
    """Take the steps that are due."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut
    clock: Clock
    lookup: ProviderLookup
    _turns: Turns = field(factory=Turns, init=False, repr=False)

    async def __call__(self, worker: str, limit: int = 20) -> int:
        """Take one step of up to ``limit`` users each; how many were taken.

        Raises `SomeFailed`, and `ProviderUnavailable` where it cannot be asked what a payment was for.
        """

        async def step(user_id: str) -> int:
            return await self._step(user_id, worker)

        return await self._turns(self.clock, self._due, step, limit)

    async def _due(self, limit: int) -> Collection[str]:
        async with self.units() as uow:
            return await uow.steps.users_due(self.clock.now(), limit)

    async def _step(self, user_id: str, worker: str) -> int:
        step, operation = await self._take(user_id, worker)
        if step is None:
            return 0
        if operation is not None:
            await begin(self.carry_out, operation)
        elif step.kind is StepKind.LOOK:
            await self._look_up(step, worker)
        return 1

    async def _take(self, user_id: str, worker: str) -> tuple[StepTaken | None, Operation | None]:
        async with self.units() as uow:
            await uow.prepare_user(user_id)
            book, now = await self.books.book(uow, user_id), self.clock.now()
            for subscription in derive(book).subscriptions:
                step = subscription.next_step
                if step is None or step.due_at > now:
                    continue
                if await under_way(uow, user_id, subscription.stripe_subscription_id) is not None:
                    continue  # its outcome may make this one needless
                if step.kind is StepKind.LOOK:
                    return _taken(step, subscription, now), None  # written down once the provider has answered
                command = _command(step, subscription, _plan(book, subscription), book, now)
                reason = f"{step.kind.value} {step.number}".strip()
                operation = self.carry_out.new(command, user_id, worker, reason) if command else None
                if operation is not None:
                    await uow.operations.add(operation)
                taken = _taken(step, subscription, now, operation.id if operation else None)
                if not await uow.steps.add(taken):
                    return None, None
                cause = Cause(kind="step", id=f"{step.subject} {step.name}", actor=worker)
                await self.books.commit(uow, await self.books.derive_again(uow, user_id, cause, now))
                return taken, operation
        return None, None

    async def _look_up(self, step: StepTaken, worker: str) -> None:
        """Ask which invoice a failed payment was for: what its bank said counts for the retries from then on."""
        links = await self.lookup.links_of(step.number)
        async with self.units() as uow:
            cause = Cause(kind="step", id=f"{step.subject} {step.name}", actor=worker)
            taken = await self.books.take_in(uow, links, cause)
            await self.books.lock(uow, step.user_id)
            await uow.steps.add(step)
            again = await self.books.derive_again(uow, step.user_id, cause, step.taken_at)
            await self.books.commit(uow, taken, again)


def _taken(step: NextStep, subscription: Subscription, now: datetime, operation_id: str | None = None) -> StepTaken:
    return StepTaken(
        user_id=subscription.user_id,
        stripe_subscription_id=subscription.stripe_subscription_id,
        subject=step.subject,
        kind=step.kind,
        number=step.number,
        taken_at=now,
        operation_id=operation_id,
    )


def _plan(book: Book, subscription: Subscription) -> Plan:
    """The version of the plan that the customer agreed to: its policy is the one that holds."""
    agreed = (subscription.plan_id, subscription.plan_version)
    return next(plan for plan in book.catalog.plans if (plan.id, plan.version) == agreed)


def _command(step: NextStep, subscription: Subscription, plan: Plan, book: Book, now: datetime) -> Command | None:
    """What a step asks of the provider; None for a reminder, and for a step that is left out."""
    match step.kind:
        case StepKind.HOLD:
            return _hold(subscription, plan, book)
        case StepKind.RELEASE:
            return _release(subscription, book, now)
        case _:
            return _about_renewal(step, subscription, plan, book, now)


def _about_renewal(step: NextStep, subscription: Subscription, plan: Plan, book: Book, now: datetime) -> Command | None:
    dunning, identity = subscription.dunning, subscription.stripe_subscription_id
    if dunning is None:
        return None
    match step.kind:
        case StepKind.RETRY:
            skipped = retry_is_skipped(step, dunning, plan.dunning, now)
            return None if skipped else PayInvoice(invoice_id=step.subject, subscription_id=identity)
        case StepKind.METHOD:
            return PayInvoice(invoice_id=step.subject, subscription_id=identity, payment_method_id=step.number)
        case StepKind.LAST if plan.dunning.last_step is not LastStep.LEAVE:
            return GiveUpCollecting(
                subscription_id=identity,
                invoice_id=step.subject,
                item_id=subscription.stripe_item_id,
                free_price_id=_free_price(plan, book),
                schedule_id=subscription.stripe_schedule_id,
            )
        case _:
            return None


def _hold(subscription: Subscription, plan: Plan, book: Book) -> Command:
    """Stop what would be charged next, or end it at once where the policy says so."""
    identity = subscription.stripe_subscription_id
    if plan.dunning.on_dispute is OnDispute.CANCEL:
        return CancelSubscription(
            subscription_id=identity,
            at_period_end=False,
            schedule_id=subscription.stripe_schedule_id,
            void_invoice_id=subscription.dunning.stripe_invoice_id if subscription.dunning else None,
        )
    return HoldCollection(subscription_id=identity, invoice_ids=invoices_to_hold(identity, book.known))


def _release(subscription: Subscription, book: Book, now: datetime) -> Command | None:
    """Charge again; None where somebody took the hold off already, or a pause that is to come needs it."""
    identity = subscription.stripe_subscription_id
    if subscription.pause_behavior is None or subscription.pause_starts_at is not None:
        return None
    return ReleaseHold(subscription_id=identity, invoice_ids=invoices_to_collect(identity, book.known, now))


def _free_price(plan: Plan, book: Book) -> str | None:
    """The price of the plan that a downgrade goes to; None where it is not sold any more, or none is wanted."""
    wanted = plan.dunning.downgrade_to
    return next((one.stripe_price_id for one in book.catalog.on_sale() if one.id == wanted), None)
