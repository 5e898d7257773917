"""Collecting: an open invoice tried again, and given up."""

from __future__ import annotations

import stripe

from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import Answer, GiveUpCollecting, PayInvoice
from billing_stripe.calls.subscriptions import ENDED, release_schedule
from billing_stripe.permissions import Permission
from billing_stripe.steps import MAIN, Steps

__all__ = ["give_up_collecting", "pay_invoice"]

_PAID = frozenset({"paid"})
_GIVEN_UP = frozenset({"void", "uncollectible"})


async def pay_invoice(steps: Steps, command: PayInvoice) -> Answer:
    """Try an invoice, as the customer's absence allows; one that is paid already is as wanted."""
    params: stripe.params.InvoicePayParams = {"off_session": True}
    if command.payment_method_id:
        params["payment_method"] = command.payment_method_id
    await steps.change_unless(
        MAIN,
        lambda options: steps.api.client.v1.invoices.pay_async(command.invoice_id, params, options),
        ObjectRef(ObjectKind.INVOICE, command.invoice_id),
        Permission.INVOICES_WRITE,
        statuses=_PAID,
    )
    await steps.note("subscription", ObjectRef(ObjectKind.SUBSCRIPTION, command.subscription_id))
    return steps.answer(command.subscription_id)


async def give_up_collecting(steps: Steps, command: GiveUpCollecting) -> Answer:
    """Void the invoice, then end the subscription or put it on the free plan.

    The invoice goes first: one that was paid meanwhile cannot be voided, and then nothing else happens.
    """
    await steps.change_unless(
        "void",
        lambda options: steps.api.client.v1.invoices.void_invoice_async(command.invoice_id, {}, options),
        ObjectRef(ObjectKind.INVOICE, command.invoice_id),
        Permission.INVOICES_WRITE,
        statuses=_GIVEN_UP,
    )
    if command.schedule_id:
        await release_schedule(steps, command.schedule_id)
    subscriptions, identity = steps.api.client.v1.subscriptions, command.subscription_id
    free: stripe.params.SubscriptionUpdateParams = {
        "items": [{"id": command.item_id, "price": command.free_price_id or "", "quantity": 1}],
        "proration_behavior": "none",
        # A cycle that begins now is invoiced with nothing, and the subscription owes nothing any more.
        "billing_cycle_anchor": {"type": "now"},
    }
    await steps.change_unless(
        MAIN,
        lambda options: (
            subscriptions.update_async(identity, free, options)
            if command.free_price_id
            else subscriptions.cancel_async(identity, {}, options)
        ),
        ObjectRef(ObjectKind.SUBSCRIPTION, identity),
        Permission.SUBSCRIPTIONS_WRITE,
        statuses=ENDED,
    )
    return steps.answer(identity)
