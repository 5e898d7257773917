"""Settle trials: what became of the trials that were claimed, and whether a card tells of an earlier one."""

from __future__ import annotations

from collections.abc import Collection

from attrs import evolve, field, frozen

from billing_core.domain.account import Book, derive
from billing_core.domain.operations import CancelSubscription, ChangeTrialEnd, Command, Operation
from billing_core.domain.policies import RepeatedCard
from billing_core.domain.subscriptions import Status
from billing_core.domain.trials import LOOK_AFTER, TrialClaim, TrialFate, card_marks, fate_of
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.begin import begin
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.taking_turns import Turns
from billing_core.use_cases.turns import require_nothing_under_way

__all__ = ["SettleTrials"]


@frozen(kw_only=True)
class SettleTrials:
    """Look at claims about which something was heard."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut
    clock: Clock
    _turns: Turns = field(factory=Turns, init=False, repr=False)

    async def __call__(self, worker: str, limit: int = 20) -> int:
        """Settle up to ``limit`` claims; how many were looked at. Raises `SomeFailed`.

        A claim whose checkout expired is given back. One whose trial began is kept for ever; where a card of
        it was another person's trial before, the plan's policy ends the subscription or the trial.
        """

        async def settle(claim: TrialClaim) -> int:
            return await self._settle(claim, worker)

        return await self._turns(self.clock, self._due, settle, limit, name=lambda claim: claim.id)

    async def _due(self, limit: int) -> Collection[TrialClaim]:
        async with self.units() as uow:
            return await uow.trials.due(self.clock.now(), limit)

    async def _settle(self, due: TrialClaim, worker: str) -> int:
        async with self.units() as uow:
            await self.books.lock(uow, due.user_id)
            claim, now = await uow.trials.get(due.id), self.clock.now()
            if claim is None or claim.look_at is None or claim.look_at > now:
                return 0  # another worker was here
            opening = await uow.operations.get(claim.id)
            book = await self.books.book(uow, claim.user_id)
            fate, began_at = fate_of(book.known, opening.result_id if opening else None)
            operation = None
            if fate is TrialFate.NEVER:
                await uow.trials.give_back(claim.id)
            elif fate is TrialFate.OPEN:
                await uow.trials.save(evolve(claim, look_at=now + LOOK_AFTER))
            else:
                free = await uow.trials.add_marks(claim.id, card_marks(book.known))
                await uow.trials.save(evolve(claim, began_at=began_at, look_at=None))
                operation = None if free else await self._about_repeated_card(uow, book, worker)
            await uow.commit()
        if operation is not None:
            await begin(self.carry_out, operation)
        return 1

    async def _about_repeated_card(self, uow: UnitOfWork, book: Book, worker: str) -> Operation | None:
        """What the plan's policy wants done about a trial whose card had one before. Raises `OperationInProgress`."""
        on_trial = (one for one in derive(book).subscriptions if one.status == Status.TRIALING)
        subscription = next(on_trial, None)
        if subscription is None:
            return None
        await require_nothing_under_way(uow, book.user_id, subscription.stripe_subscription_id)
        plans = {(plan.id, plan.version): plan for plan in book.catalog.plans}
        command: Command
        match plans[subscription.plan_id, subscription.plan_version].trial.repeated_card:
            case RepeatedCard.KEEP:
                return None
            case RepeatedCard.CANCEL:
                command = CancelSubscription(
                    subscription_id=subscription.stripe_subscription_id,
                    at_period_end=False,
                    schedule_id=subscription.stripe_schedule_id,
                )
            case RepeatedCard.END_TRIAL:
                command = ChangeTrialEnd(subscription_id=subscription.stripe_subscription_id)
        operation = self.carry_out.new(command, book.user_id, worker, "The card had a trial before.")
        await uow.operations.add(operation)
        return operation
