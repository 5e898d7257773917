"""Discounts of a running subscription: from its next invoice on, and never more than one code at a time."""

from __future__ import annotations

import stripe

from billing_core.domain.facts import ObjectKind
from billing_core.domain.operations import Answer, ApplyPromotion, EndDiscounts
from billing_stripe.permissions import Permission
from billing_stripe.steps import MAIN, Steps

__all__ = ["apply_promotion", "end_discounts"]


async def apply_promotion(steps: Steps, command: ApplyPromotion) -> Answer:
    """Redeem a code. What the list of discounts does not name is taken off: so the code replaces what ran."""
    return await _update(steps, command.subscription_id, {"discounts": [{"promotion_code": command.promotion_id}]})


async def end_discounts(steps: Steps, command: EndDiscounts) -> Answer:
    """Take every discount of the subscription's own off; one that the customer has everywhere stays."""
    return await _update(steps, command.subscription_id, {"discounts": ""})


async def _update(steps: Steps, subscription_id: str, params: stripe.params.SubscriptionUpdateParams) -> Answer:
    await steps.change(
        MAIN,
        lambda options: steps.api.client.v1.subscriptions.update_async(subscription_id, params, options),
        ObjectKind.SUBSCRIPTION,
        Permission.SUBSCRIPTIONS_WRITE,
    )
    return steps.answer(subscription_id)
