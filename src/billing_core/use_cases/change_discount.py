"""Change the discount of a running subscription: redeem a promotion code, or do without."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.errors import ProviderRefused
from billing_core.domain.operations import ApplyPromotion, EndDiscounts, Operation
from billing_core.domain.promotions import Promotion, require_no_change_waits, require_unspent
from billing_core.domain.subscriptions import Command, Subscription, require_allowed
from billing_core.ports.clock import Clock
from billing_core.ports.provider import ProviderLookup
from billing_core.use_cases.change_subscription import SubscriptionChanger

__all__ = ["ApplyPromotionCode", "EndDiscount", "redeemable"]


async def redeemable(lookup: ProviderLookup, code: str) -> Promotion:
    """The promotion behind ``code``. Raises `ProviderRefused` (``promotion_code_invalid``) where there is none."""
    promotion = await lookup.promotion(code)
    if promotion is None:
        raise ProviderRefused(f"There is no promotion code {code!r} that can be used.", code="promotion_code_invalid")
    return promotion


@frozen(kw_only=True)
class ApplyPromotionCode:
    """Redeem a promotion code on a subscription."""

    changer: SubscriptionChanger
    lookup: ProviderLookup
    clock: Clock

    async def __call__(self, caller: Caller, subscription_id: str, code: str) -> Subscription:
        """The subscription after it; its next invoice is the first that costs less. Nothing is given back.

        It replaces a discount that runs. Raises `NotFound`, `Forbidden`, `InvalidTransition`, also while a change of
        plan is pending, `InvalidValue` for a code that was redeemed by the customer before, and what the provider
        may raise: `ProviderRefused` for one that is unknown, expired, used up or somebody else's.
        """
        begun = await self.changer.begun(caller, subscription_id)
        if begun is not None:
            return begun
        async with self.changer.units() as uow:
            await self.changer.find(uow, caller, subscription_id)  # before a stranger learns which codes there are
        promotion = await redeemable(self.lookup, code)
        subscription, operation = await self.changer.in_turn(
            lambda: self._decide(caller, subscription_id, promotion, code)
        )
        return await self.changer.finish(operation, subscription)

    async def _decide(
        self, caller: Caller, subscription_id: str, promotion: Promotion, code: str
    ) -> tuple[Subscription, Operation]:
        async with self.changer.units() as uow:
            subscription = await self.changer.load(uow, caller, subscription_id)
            require_allowed(Command.CHANGE_DISCOUNT, subscription, self.clock.now())
            require_no_change_waits(subscription)
            require_unspent(promotion, (await self.changer.books.book(uow, subscription.user_id)).known)
            command = ApplyPromotion(subscription_id=subscription.stripe_subscription_id, promotion_id=promotion.id)
            operation = self.changer.carry_out.new(command, subscription.user_id, caller.user_id, code)
            await self.changer.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return subscription, operation


@frozen(kw_only=True)
class EndDiscount:
    """Take the discount off a subscription."""

    changer: SubscriptionChanger
    clock: Clock

    async def __call__(self, caller: Caller, subscription_id: str) -> Subscription:
        """The subscription after it: its next invoice costs the full price. Without a discount nothing changes.

        Raises `NotFound`, `Forbidden`, `InvalidTransition`, also while a change of plan is pending, and what the
        provider may raise.
        """
        begun = await self.changer.begun(caller, subscription_id)
        if begun is not None:
            return begun
        subscription, operation = await self.changer.in_turn(lambda: self._decide(caller, subscription_id))
        return await self.changer.finish(operation, subscription)

    async def _decide(self, caller: Caller, subscription_id: str) -> tuple[Subscription, Operation]:
        async with self.changer.units() as uow:
            subscription = await self.changer.load(uow, caller, subscription_id)
            require_allowed(Command.CHANGE_DISCOUNT, subscription, self.clock.now())
            require_no_change_waits(subscription)
            command = EndDiscounts(subscription_id=subscription.stripe_subscription_id)
            operation = self.changer.carry_out.new(command, subscription.user_id, caller.user_id)
            await self.changer.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return subscription, operation
