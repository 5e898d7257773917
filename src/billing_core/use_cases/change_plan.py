"""Change the plan of a subscription, and preview what that would charge."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.callers import Caller
from billing_core.domain.errors import NotFound, PreviewOutdated
from billing_core.domain.operations import ChangePlan as ChangeOfPlan
from billing_core.domain.operations import Operation
from billing_core.domain.policies import PlanChangePolicy
from billing_core.domain.proration import PlanChange, decide_change
from billing_core.domain.subscriptions import Command, Subscription, require_allowed
from billing_core.ports.clock import Clock
from billing_core.ports.provider import Preview, ProviderLookup
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
        catalog = await uow.catalogs.load()
        new = catalog.plan(wanted.plan_id)
        if new not in catalog.on_sale():
            raise NotFound(f"The plan {new.id!r} is not sold at present.")
        agreed = (plan for plan in catalog.plans if plan.id == subscription.plan_id)
        old = next((plan for plan in agreed if plan.version == subscription.plan_version), new)
        command = decide_change(subscription, old, new, wanted, self.policy)
        return subscription, self.changer.carry_out.new(command, subscription.user_id, caller.user_id)


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
        async with self.changer.units() as uow:
            subscription, operation = await decide(uow, caller, subscription_id, wanted)
        preview = await self.lookup.preview(operation)
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

        With ``expected_amount_due`` it charges that or changes nothing. Raises `NotFound`, `Forbidden`,
        `InvalidTransition`, `InvalidValue`, `PreviewOutdated`, and what the provider may raise.
        """
        begun = await self.changer.begun(caller, subscription_id)
        if begun is not None:
            return begun
        decide = _Decision(changer=self.changer, clock=self.clock, policy=self.policy)
        if wanted.expected_amount_due is not None:
            async with self.changer.units() as uow:
                _, operation = await decide(uow, caller, subscription_id, wanted)
            preview = await self.lookup.preview(operation)
            if preview.amount_due != wanted.expected_amount_due:
                raise PreviewOutdated(f"It would now charge {preview.amount_due}. Ask for a new preview.")
            wanted = evolve(wanted, proration_date=wanted.proration_date or preview.proration_date)
        async with self.changer.units() as uow:
            subscription, operation = await decide(uow, caller, subscription_id, wanted)
            await self.changer.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return await self.changer.finish(operation, subscription)


def _waits(operation: Operation) -> bool:
    """Whether the change is carried out at the period's end."""
    return isinstance(operation.command, ChangeOfPlan) and operation.command.at_period_end
