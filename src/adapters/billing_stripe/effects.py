"""What an operation did, found without its answer: by listing what carries its id, or by the state of what it changed.

Listing reads Stripe's own records; searching would not do, as its index lags behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import stripe

from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import (
    CancelSubscription,
    ChangePlan,
    Command,
    CreateCustomer,
    ExpireCheckout,
    OpenPurchaseCheckout,
    OpenSubscriptionCheckout,
    Operation,
    RefundPayment,
    UndoCancel,
)
from billing_stripe.api import Reply, StripeApi
from billing_stripe.calls.subscriptions import ENDED
from billing_stripe.facts import Json
from billing_stripe.permissions import Permission
from billing_stripe.retrievals import retrieve

__all__ = ["EFFECTS", "Found"]

#: What was found: the objects that show the effect, the result first.
Found = list[tuple[ObjectKind, Reply]]
Effect = Callable[[StripeApi, Operation, Any], Awaitable[Found | None]]

#: How far our clock may be ahead of Stripe's when an operation is written down.
_CLOCK_SKEW = timedelta(hours=1)


def _since(operation: Operation) -> stripe.params.CustomerListParamsCreated:
    return {"gte": int((operation.created_at - _CLOCK_SKEW).timestamp())}


async def _marked(operation: Operation, rows: AsyncIterator[Reply], kind: ObjectKind) -> Found | None:
    """The object among ``rows`` that carries the operation's id."""
    async for row in rows:
        if row.json.hash("metadata").label("operation_id") == operation.id:
            return [(kind, row)]
    return None


async def _customer_made(api: StripeApi, operation: Operation, _command: CreateCustomer) -> Found | None:
    params = {"created": _since(operation)}
    rows = api.rows(api.client.v1.customers.list_async, params, needs=Permission.CUSTOMERS_READ)
    return await _marked(operation, rows, ObjectKind.CUSTOMER)


async def _session_opened(
    api: StripeApi, operation: Operation, command: OpenPurchaseCheckout | OpenSubscriptionCheckout
) -> Found | None:
    params: dict[str, object] = {"created": _since(operation)}
    if command.customer_id:
        params["customer"] = command.customer_id
    rows = api.rows(api.client.v1.checkout.sessions.list_async, params, needs=Permission.SESSIONS_READ)
    return await _marked(operation, rows, ObjectKind.SESSION)


async def _refunded(api: StripeApi, operation: Operation, command: RefundPayment) -> Found | None:
    params = {"payment_intent": command.payment_intent_id}
    rows = api.rows(api.client.v1.refunds.list_async, params, needs=Permission.CHARGES_READ)
    return await _marked(operation, rows, ObjectKind.REFUND)


async def _session_expired(api: StripeApi, _operation: Operation, command: ExpireCheckout) -> Found | None:
    found = await retrieve(api, ObjectRef(ObjectKind.SESSION, command.session_id))
    return [(ObjectKind.SESSION, found)] if found and found.json.text("status") == "expired" else None


async def _subscription(api: StripeApi, identity: str) -> Reply | None:
    return await retrieve(api, ObjectRef(ObjectKind.SUBSCRIPTION, identity))


async def _canceled(api: StripeApi, _operation: Operation, command: CancelSubscription) -> Found | None:
    """Canceled, and the open invoice no longer open: half of it counts as not done, and is done again."""
    found = await _subscription(api, command.subscription_id)
    if found is None:
        return None
    ending = command.at_period_end and found.json.flag("cancel_at_period_end")
    if not ending and found.json.text("status") not in ENDED:
        return None
    result = [(ObjectKind.SUBSCRIPTION, found)]
    if command.void_invoice_id:
        invoice = await retrieve(api, ObjectRef(ObjectKind.INVOICE, command.void_invoice_id))
        if invoice is not None and invoice.json.text("status") == "open":
            return None
        result += [(ObjectKind.INVOICE, invoice)] if invoice else []
    return result


async def _going_on(api: StripeApi, _operation: Operation, command: UndoCancel) -> Found | None:
    found = await _subscription(api, command.subscription_id)
    if found is None or found.json.text("status") in ENDED:
        return None
    ending = found.json.flag("cancel_at_period_end") or found.json.has("cancel_at")
    return None if ending else [(ObjectKind.SUBSCRIPTION, found)]


async def _plan_changed(api: StripeApi, operation: Operation, command: ChangePlan) -> Found | None:
    found = await _subscription(api, command.subscription_id)
    if found is None:
        return None
    pending = found.json.hash("pending_update").rows("subscription_items")
    if any(_has(row, command) for row in pending):
        return [(ObjectKind.SUBSCRIPTION, found)]
    if any(_has(row, command) for row in found.json.rows("items")):
        still_ending = command.clear_cancel and found.json.flag("cancel_at_period_end")
        return None if still_ending else [(ObjectKind.SUBSCRIPTION, found)]
    return await _scheduled(api, operation, found) if command.at_period_end else None


def _has(item: Json, command: ChangePlan) -> bool:
    return item.identity("price") == command.price_id and item.whole("quantity") == command.quantity


async def _scheduled(api: StripeApi, operation: Operation, subscription: Reply) -> Found | None:
    """The schedule carries the operation's id from the moment on at which its phases are written."""
    schedule_id = subscription.json.identity("schedule")
    schedule = await retrieve(api, ObjectRef(ObjectKind.SCHEDULE, schedule_id)) if schedule_id else None
    if schedule is None or schedule.json.hash("metadata").label("operation_id") != operation.id:
        return None
    return [(ObjectKind.SUBSCRIPTION, subscription), (ObjectKind.SCHEDULE, schedule)]


#: What shows that each command was carried out. Each function takes the command of its own row.
EFFECTS: dict[type[Command], Effect] = {
    CreateCustomer: _customer_made,
    OpenPurchaseCheckout: _session_opened,
    OpenSubscriptionCheckout: _session_opened,
    ExpireCheckout: _session_expired,
    RefundPayment: _refunded,
    CancelSubscription: _canceled,
    UndoCancel: _going_on,
    ChangePlan: _plan_changed,
}
