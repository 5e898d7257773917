"""Checkout sessions: opened for one purchase or one subscription, and closed."""

from __future__ import annotations

from typing import Literal

import stripe

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import Answer, ExpireCheckout, OpenPurchaseCheckout, OpenSubscriptionCheckout
from billing_stripe.calls.labels import labels_for
from billing_stripe.permissions import Permission
from billing_stripe.promotions import promotion_of
from billing_stripe.steps import MAIN, Steps

__all__ = ["expire_checkout", "open_purchase_checkout", "open_subscription_checkout"]

#: Stripe takes no longer ``client_reference_id``; the metadata names the user in any case.
_REFERENCE_MAX = 200
#: What Stripe calls each way in which a trial may end without a payment method.
_MISSING: dict[str, Literal["cancel", "create_invoice", "pause"]] = {
    "cancel": "cancel",
    "invoice": "create_invoice",
    "pause": "pause",
}
_EXPIRED = frozenset({"expired"})


async def open_purchase_checkout(steps: Steps, command: OpenPurchaseCheckout) -> Answer:
    """Open a session that sells one thing at the price that the order names."""
    labels = labels_for(
        steps.operation,
        purchase_id=command.order_id,
        resource_type=command.resource.type.value,
        resource_id=command.resource.id,
    )
    params: stripe.params.checkout.SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": command.price.currency,
                    "unit_amount": command.price.amount,
                    "product_data": {"name": command.name},
                },
            }
        ],
        "success_url": command.success_url,
        "cancel_url": command.cancel_url,
        "metadata": labels,
        "payment_intent_data": {"metadata": labels, "description": command.name},
    }
    return await _open(steps, params, command.customer_id, command.user_id)


async def open_subscription_checkout(steps: Steps, command: OpenSubscriptionCheckout) -> Answer:
    """Open a session that subscribes to one price. A trial asks for a payment method where its plan wants one.

    Raises `ProviderRefused` with the code ``promotion_code_invalid`` for a code that is none.
    """
    labels = labels_for(steps.operation, plan_id=command.plan_id)
    subscription: stripe.params.checkout.SessionCreateParamsSubscriptionData = {"metadata": labels}
    params: stripe.params.checkout.SessionCreateParams = {
        "mode": "subscription",
        "line_items": [{"price": command.price_id, "quantity": command.quantity}],
        "success_url": command.success_url,
        "cancel_url": command.cancel_url,
        "metadata": labels,
        "subscription_data": subscription,
    }
    if command.trial_days:
        subscription["trial_period_days"] = command.trial_days
        subscription["trial_settings"] = {
            "end_behavior": {"missing_payment_method": _MISSING[command.without_payment_method]}
        }
        params["payment_method_collection"] = "always" if command.payment_method_required else "if_required"
    if command.promotion_code:
        params["discounts"] = [{"promotion_code": await _promotion_code(steps, command.promotion_code)}]
    return await _open(steps, params, command.customer_id, command.user_id)


async def _open(
    steps: Steps, params: stripe.params.checkout.SessionCreateParams, customer_id: str | None, user_id: str
) -> Answer:
    if customer_id:
        params["customer"] = customer_id
    if len(user_id) <= _REFERENCE_MAX:
        params["client_reference_id"] = user_id
    reply = await steps.change(
        MAIN,
        lambda options: steps.api.client.v1.checkout.sessions.create_async(params, options),
        ObjectKind.SESSION,
        Permission.SESSIONS_WRITE,
    )
    return steps.answer(reply.json.need_identity())


async def _promotion_code(steps: Steps, code: str) -> str:
    """The id of the active promotion code that customers know as ``code``."""
    found = await promotion_of(steps.api, code)
    if found is None:
        raise ProviderRefused(f"There is no promotion code {code!r} that can be used.", code="promotion_code_invalid")
    return found.id


async def expire_checkout(steps: Steps, command: ExpireCheckout) -> Answer:
    """Close a session. One that has expired already is as wanted; one that was completed is refused."""
    await steps.change_unless(
        MAIN,
        lambda options: steps.api.client.v1.checkout.sessions.expire_async(command.session_id, {}, options),
        ObjectRef(ObjectKind.SESSION, command.session_id),
        Permission.SESSIONS_WRITE,
        statuses=_EXPIRED,
    )
    return steps.answer(command.session_id)
