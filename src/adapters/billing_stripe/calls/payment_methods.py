"""Payment methods: saved, attached, made the default, and detached.

Stripe's traps: an attached method is charged by nothing until something names it, what a subscription names
wins over the customer's default, and a detached method stays named by whatever named it.
"""

from __future__ import annotations

from collections.abc import Iterable

import stripe

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import (
    Answer,
    AttachPaymentMethod,
    CreateSetupIntent,
    DetachPaymentMethod,
    OpenPortal,
    SetDefaultPaymentMethod,
)
from billing_stripe.api import Call, Reply
from billing_stripe.calls.labels import labels_for
from billing_stripe.calls.subscriptions import ENDED
from billing_stripe.permissions import Permission
from billing_stripe.steps import MAIN, Steps

__all__ = [
    "attach_payment_method",
    "create_setup_intent",
    "detach_payment_method",
    "open_portal",
    "set_default_payment_method",
]


async def attach_payment_method(steps: Steps, command: AttachPaymentMethod) -> Answer:
    """Attach a method; one that the customer has already, by a setup intent, is as wanted."""
    customer_id = command.customer_id or ""
    params: stripe.params.PaymentMethodAttachParams = {"customer": customer_id}
    methods = steps.api.client.v1.payment_methods
    attached = await _change_owner(
        steps,
        lambda options: methods.attach_async(command.payment_method_id, params, options),
        command.payment_method_id,
        wanted=customer_id,
    )
    identity = attached.json.need_identity()
    if command.make_default:
        await _name(steps, customer_id, identity, command.subscription_ids)
    return steps.answer(identity)


async def set_default_payment_method(steps: Steps, command: SetDefaultPaymentMethod) -> Answer:
    """Have the customer and the subscriptions named be charged with this method."""
    await _name(steps, command.customer_id, command.payment_method_id, command.subscription_ids)
    return steps.answer(command.payment_method_id)


async def detach_payment_method(steps: Steps, command: DetachPaymentMethod) -> Answer:
    """Detach a method, after its successor took its place: at no moment is there none to charge."""
    if command.successor_id is not None:
        customer_id = command.customer_id if command.passes_default else None
        await _name(steps, customer_id, command.successor_id, command.subscription_ids)
    methods = steps.api.client.v1.payment_methods
    await _change_owner(
        steps,
        lambda options: methods.detach_async(command.payment_method_id, {}, options),
        command.payment_method_id,
        wanted=None,
    )
    return steps.answer(command.payment_method_id)


async def create_setup_intent(steps: Steps, command: CreateSetupIntent) -> Answer:
    """Let the customer save a method of any kind that the account takes, to be charged while they are away."""
    params: stripe.params.SetupIntentCreateParams = {
        "customer": command.customer_id or "",
        "usage": "off_session",
        "automatic_payment_methods": {"enabled": True},
        "metadata": labels_for(steps.operation),
    }
    reply = await steps.change(
        MAIN,
        lambda options: steps.api.client.v1.setup_intents.create_async(params, options),
        ObjectKind.SETUP,
        Permission.SETUPS_WRITE,
    )
    return steps.answer(reply.json.need_identity(), secret=reply.json.need_text("client_secret"))


async def open_portal(steps: Steps, command: OpenPortal) -> Answer:
    """Open the customer portal. Its session is no object that anything is derived from."""
    params: stripe.params.billing_portal.SessionCreateParams = {
        "customer": command.customer_id or "",
        "return_url": command.return_url,
    }
    reply = await steps.change(
        MAIN,
        lambda options: steps.api.client.v1.billing_portal.sessions.create_async(params, options),
        None,
        Permission.PORTAL_WRITE,
    )
    return steps.answer(reply.json.need_identity(), secret=reply.json.need_text("url"))


async def _change_owner(steps: Steps, call: Call, method_id: str, *, wanted: str | None) -> Reply:
    """Attach or detach a method; a refusal counts as done where the method is the wanted customer's already."""
    try:
        return await steps.change(MAIN, call, ObjectKind.PAYMENT_METHOD, Permission.PAYMENT_METHODS_WRITE)
    except ProviderRefused as refusal:
        if not isinstance(refusal.__cause__, stripe.InvalidRequestError):
            raise  # a declined card, or a key that may not do it
        found = await steps.note("owner", ObjectRef(ObjectKind.PAYMENT_METHOD, method_id))
        if found is None or found.json.identity("customer") != wanted:
            raise
        return found


async def _name(steps: Steps, customer_id: str | None, method_id: str, subscription_ids: Iterable[str]) -> None:
    """Name the method as that of these subscriptions, and as the customer's default where one is given.

    A subscription that has ended meanwhile needs none.
    """
    for subscription_id in subscription_ids:
        await steps.change_unless(
            f"name:{subscription_id}",
            _naming_call(steps, subscription_id, method_id),
            ObjectRef(ObjectKind.SUBSCRIPTION, subscription_id),
            Permission.SUBSCRIPTIONS_WRITE,
            statuses=ENDED,
        )
    if customer_id is None:
        return
    params: stripe.params.CustomerUpdateParams = {"invoice_settings": {"default_payment_method": method_id}}
    await steps.change(
        "default",
        lambda options: steps.api.client.v1.customers.update_async(customer_id, params, options),
        ObjectKind.CUSTOMER,
        Permission.CUSTOMERS_WRITE,
    )


def _naming_call(steps: Steps, subscription_id: str, method_id: str) -> Call:
    params: stripe.params.SubscriptionUpdateParams = {"default_payment_method": method_id}
    return lambda options: steps.api.client.v1.subscriptions.update_async(subscription_id, params, options)
