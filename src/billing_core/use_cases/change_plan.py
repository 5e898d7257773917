"""Change the plan of a subscription, and preview what that would charge."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.callers import Caller
from billing_core.domain.change_rules import ChangeRule, Charge, PriceOf, rule_for
from billing_core.domain.errors import InvalidTransition, NotFound, PreviewOutdated, UnknownPlan
from billing_core.domain.facts import SubscriptionSeen
from billing_core.domain.operations import ChangePlan as ChangeOfPlan
from billing_core.domain.operations import Operation
from billing_core.domain.own_proration import billed_ahead
from billing_core.domain.periods import Period
from billing_core.domain.plans import Catalog, Plan
from billing_core.domain.policies import PlanChangePolicy
from billing_core.domain.proration import (
    PlanChange,
    Standing,
    decide_change,
    own_due,
    require_next_period,
    with_own_amounts,
)
from billing_core.domain.subscriptions import Command, Status, Subscription, require_allowed
from billing_core.ports.clock import Clock
from billing_core.ports.provider import Preview, PreviewLine, ProviderLookup
from billing_core.ports.unit_of_work import UnitOfWork
from billing_core.use_cases.change_subscription import SubscriptionChanger

__all__ = ["ChangePlan", "PreviewChange", "PreviewedChange"]


@frozen(kw_only=True)
class _Decision:
    """The part that a preview and the change itself have in common: the same rules, so the same amounts."""

    changer: SubscriptionChanger
    clock: Clock
    policy: PlanChangePolicy

    async def __call__(
        self, uow: UnitOfWork, caller: Caller, subscription_id: str, wanted: PlanChange
    ) -> tuple[Subscription, Operation]:
        subscription = await self.changer.load(uow, caller, subscription_id)
        require_allowed(Command.CHANGE_PLAN, subscription, self.clock.now())
        if subscription.pause_behavior is not None and await self.changer.planned_pause(uow, subscription) is None:
            raise InvalidTransition("Nothing is collected for the subscription, so nothing can be charged. Resume it.")
        catalog = await uow.catalogs.load()
        rule = rule_for(catalog.plan(subscription.plan_id).changes, wanted.plan_id)
        old, new = _plans(catalog, subscription, wanted, rule)
        command = decide_change(subscription, old, new, wanted, self.policy, rule)
        if command.proration == Charge.OWN:
            command = with_own_amounts(command, new, await self._standing(uow, subscription, rule))
        require_next_period(subscription, command)
        return subscription, self.changer.carry_out.new(command, subscription.user_id, caller.user_id)

    async def alone(self, caller: Caller, subscription_id: str, wanted: PlanChange) -> tuple[Subscription, Operation]:
        """It in a unit of work of its own, of which nothing is kept."""

        async def decide() -> tuple[Subscription, Operation]:
            async with self.changer.units() as uow:
                return await self(uow, caller, subscription_id, wanted)

        return await self.changer.in_turn(decide)

    async def _standing(self, uow: UnitOfWork, subscription: Subscription, rule: ChangeRule) -> Standing:
        book = await self.changer.books.book(uow, subscription.user_id)
        seen = book.known.seen(SubscriptionSeen, subscription.stripe_subscription_id)
        start, end = subscription.current_period_start, subscription.current_period_end
        if seen is None or start is None or end is None:
            raise NotFound("The period of the subscription is not known yet. Try again in a moment.")
        return Standing(
            customer_id=seen.customer_id,
            period=Period(start, end),
            billed=billed_ahead(book.known.invoices_of(seen.id), self.clock.now()),
            discounted=bool(seen.discount_ids),
            trialing=subscription.status == Status.TRIALING,
            own=rule.own,
            now=self.clock.now(),
        )


def _plans(catalog: Catalog, subscription: Subscription, wanted: PlanChange, rule: ChangeRule) -> tuple[Plan, Plan]:
    """The version that the customer has, and the one that they go to: at the agreed price where the rule says so."""
    new = catalog.plan(wanted.plan_id)
    agreed = (plan for plan in catalog.plans if plan.id == subscription.plan_id)
    old = next((plan for plan in agreed if plan.version == subscription.plan_version), new)
    if new.id == old.id and rule.price is PriceOf.AGREED:
        return old, old
    if new not in catalog.on_sale():
        raise UnknownPlan(f"The plan {new.id!r} is not sold at present.")
    return old, new


@frozen(kw_only=True)
class PreviewedChange:
    """What a change of plan would charge, and when (UTC) it would take effect."""

    preview: Preview
    effective_at: datetime


@frozen(kw_only=True)
class PreviewChange:
    """Say what a change of plan would charge."""

    changer: SubscriptionChanger
    lookup: ProviderLookup
    clock: Clock
    policy: PlanChangePolicy

    async def __call__(self, caller: Caller, subscription_id: str, wanted: PlanChange) -> PreviewedChange:
        """What `ChangePlan` would charge with the same arguments, to the cent. Changes nothing.

        Raises what `ChangePlan` would raise.
        """
        decide = _Decision(changer=self.changer, clock=self.clock, policy=self.policy)
        subscription, operation = await decide.alone(caller, subscription_id, wanted)
        preview = await _preview(self.lookup, operation, subscription)
        later = subscription.current_period_end if _waits(operation) else None
        return PreviewedChange(preview=preview, effective_at=later or preview.proration_date)


@frozen(kw_only=True)
class ChangePlan:
    """Give a subscription another plan or quantity."""

    changer: SubscriptionChanger
    lookup: ProviderLookup
    clock: Clock
    policy: PlanChangePolicy

    async def __call__(self, caller: Caller, subscription_id: str, wanted: PlanChange) -> Subscription:
        """The subscription after it.

        It replaces a pause that is to come. With ``expected_amount_due`` it charges that or changes nothing.
        Raises `NotFound`, `Forbidden`, `InvalidTransition`, `InvalidValue`, `PreviewOutdated`, and what the
        provider may raise.
        """
        begun = await self.changer.begun(caller, subscription_id)
        if begun is not None:
            return begun
        decide = _Decision(changer=self.changer, clock=self.clock, policy=self.policy)
        previewed: Operation | None = None
        if wanted.expected_amount_due is not None:
            subscription, previewed = await decide.alone(caller, subscription_id, wanted)
            preview = await _preview(self.lookup, previewed, subscription)
            if preview.amount_due != wanted.expected_amount_due:
                raise PreviewOutdated(f"It would now charge {preview.amount_due}. Ask for a new preview.")
            wanted = evolve(wanted, proration_date=wanted.proration_date or preview.proration_date)
        subscription, operation = await self.changer.in_turn(
            lambda: self._decide(decide, caller, subscription_id, wanted, previewed)
        )
        return await self.changer.finish(operation, subscription)

    async def _decide(
        self,
        decide: _Decision,
        caller: Caller,
        subscription_id: str,
        wanted: PlanChange,
        previewed: Operation | None,
    ) -> tuple[Subscription, Operation]:
        async with self.changer.units() as uow:
            subscription, operation = await decide(uow, caller, subscription_id, wanted)
            if previewed is not None and _terms(previewed) != _terms(operation):
                raise PreviewOutdated("The subscription was changed meanwhile. Ask for a new preview.")
            if await self.changer.drop_pause(uow, subscription) and isinstance(operation.command, ChangeOfPlan):
                operation = evolve(operation, command=evolve(operation.command, release_hold=True))
            await self.changer.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return subscription, operation


async def _preview(lookup: ProviderLookup, operation: Operation, subscription: Subscription) -> Preview:
    """What a change would charge: as the provider says, or of amounts of our own the very lines that would be sent."""
    command = operation.command
    if not isinstance(command, ChangeOfPlan) or not command.own_lines or command.proration_date is None:
        return await lookup.preview(operation)
    balance = await lookup.balance(command.customer_id)
    due, credit = own_due(command.own_lines, command.own_lines[0].amount.currency, balance)
    return Preview(
        amount_due=due,
        credit=credit,
        lines=tuple(
            PreviewLine(
                description=line.description,
                amount=line.amount,
                proration=True,
                period_start=line.start,
                period_end=line.end,
            )
            for line in command.own_lines
        ),
        next_invoice_at=subscription.current_period_end,
        proration_date=command.proration_date,
    )


def _terms(operation: Operation) -> ChangeOfPlan | None:
    """What a change would be, but for the moment from which on it is prorated."""
    command = operation.command
    return evolve(command, proration_date=None, own_lines=()) if isinstance(command, ChangeOfPlan) else None


def _waits(operation: Operation) -> bool:
    """Whether the change is carried out at the period's end."""
    return isinstance(operation.command, ChangeOfPlan) and operation.command.at_period_end
