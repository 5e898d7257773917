"""Refunds."""

from __future__ import annotations

import stripe

from billing_core.domain.facts import ObjectKind
from billing_core.domain.operations import Answer, RefundPayment
from billing_stripe.calls.labels import labels_for
from billing_stripe.permissions import Permission
from billing_stripe.steps import MAIN, Steps

__all__ = ["refund_payment"]


async def refund_payment(steps: Steps, command: RefundPayment) -> Answer:
    """Give back exactly the amount named, always named: without one Stripe would give back all that is left."""
    params: stripe.params.RefundCreateParams = {
        "payment_intent": command.payment_intent_id,
        "amount": command.amount.amount,
        "reason": command.reason,
        "metadata": labels_for(steps.operation, purchase_id=command.purchase_id),
    }
    reply = await steps.change(
        MAIN,
        lambda options: steps.api.client.v1.refunds.create_async(params, options),
        ObjectKind.REFUND,
        Permission.CHARGES_WRITE,
    )
    return steps.answer(reply.json.need_identity())
