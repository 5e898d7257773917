"""What an operation did, found without its answer: by listing what carries its id, or by the state of what it changed.

Listing reads Stripe's own records; searching would not do, as its index lags behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

import stripe

from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import (
    ApplyPromotion,
    AttachPaymentMethod,
    CancelSubscription,
    ChangePlan,
    ChangeTrialEnd,
    Command,
    CreateCustomer,
    CreateSetupIntent,
    DetachPaymentMethod,
    EndDiscounts,
    ExpireCheckout,
    GiveUpCollecting,
    HoldCollection,
    OpenPortal,
    OpenPurchaseCheckout,
    OpenSubscriptionCheckout,
    Operation,
    PauseSubscription,
    PayInvoice,
    RefundPayment,
    ReleaseHold,
    ResumeSubscription,
    SetDefaultPaymentMethod,
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
    held = command.schedule_id is not None and found.json.identity("schedule") == command.schedule_id
    return None if ending or held else [(ObjectKind.SUBSCRIPTION, found)]


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


async def _method(api: StripeApi, identity: str) -> Reply | None:
    return await retrieve(api, ObjectRef(ObjectKind.PAYMENT_METHOD, identity))


async def _attached(api: StripeApi, _operation: Operation, command: AttachPaymentMethod) -> Found | None:
    """Attached, and named by whatever was to name it: half of it counts as not done."""
    found = await _method(api, command.payment_method_id)
    if found is None or found.json.identity("customer") != command.customer_id:
        return None
    if not command.make_default:
        return [(ObjectKind.PAYMENT_METHOD, found)]
    named = await _named_by(api, command.payment_method_id, command.customer_id, command.subscription_ids)
    return None if named is None else [(ObjectKind.PAYMENT_METHOD, found), *named]


async def _defaulted(api: StripeApi, _operation: Operation, command: SetDefaultPaymentMethod) -> Found | None:
    found = await _method(api, command.payment_method_id)
    named = await _named_by(api, command.payment_method_id, command.customer_id, command.subscription_ids)
    return None if found is None or named is None else [(ObjectKind.PAYMENT_METHOD, found), *named]


async def _detached(api: StripeApi, _operation: Operation, command: DetachPaymentMethod) -> Found | None:
    """It is the last step, so that its successor was named before."""
    found = await _method(api, command.payment_method_id)
    if found is None or found.json.identity("customer") is not None:
        return None
    result = [(ObjectKind.PAYMENT_METHOD, found)]
    if command.successor_id is not None:
        customer_id = command.customer_id if command.passes_default else None
        result += await _named_by(api, command.successor_id, customer_id, command.subscription_ids) or []
    return result


async def _named_by(
    api: StripeApi, method_id: str, customer_id: str | None, subscription_ids: Iterable[str]
) -> Found | None:
    """The customer and the subscriptions, if all of them name this method; one that has ended needs name none."""
    result: Found = []
    for subscription_id in subscription_ids:
        subscription = await _subscription(api, subscription_id)
        if subscription is None or subscription.json.text("status") in ENDED:
            continue
        if subscription.json.identity("default_payment_method") != method_id:
            return None
        result.append((ObjectKind.SUBSCRIPTION, subscription))
    if customer_id is not None:
        customer = await retrieve(api, ObjectRef(ObjectKind.CUSTOMER, customer_id))
        settings = customer.json.hash("invoice_settings") if customer else None
        if customer is None or settings is None or settings.identity("default_payment_method") != method_id:
            return None
        result.append((ObjectKind.CUSTOMER, customer))
    return result


async def _setup_begun(api: StripeApi, operation: Operation, command: CreateSetupIntent) -> Found | None:
    params: dict[str, object] = {"customer": command.customer_id or "", "created": _since(operation)}
    rows = api.rows(api.client.v1.setup_intents.list_async, params, needs=Permission.SETUPS_READ)
    return await _marked(operation, rows, ObjectKind.SETUP)


async def _portal_opened(_api: StripeApi, _operation: Operation, _command: OpenPortal) -> Found | None:
    """Stripe shows no session of its portal again. Another one does no harm: each is over within the hour."""
    return None


async def _trial_changed(api: StripeApi, _operation: Operation, command: ChangeTrialEnd) -> Found | None:
    found = await _subscription(api, command.subscription_id)
    if found is None:
        return None
    trialing = found.json.text("status") == "trialing"
    done = found.json.time("trial_end") == command.trial_end if command.trial_end else not trialing
    return [(ObjectKind.SUBSCRIPTION, found)] if done else None


async def _invoice_paid(api: StripeApi, _operation: Operation, command: PayInvoice) -> Found | None:
    invoice = await retrieve(api, ObjectRef(ObjectKind.INVOICE, command.invoice_id))
    subscription = await _subscription(api, command.subscription_id)
    if invoice is None or subscription is None or invoice.json.text("status") != "paid":
        return None
    return [(ObjectKind.SUBSCRIPTION, subscription), (ObjectKind.INVOICE, invoice)]


async def _given_up(api: StripeApi, _operation: Operation, command: GiveUpCollecting) -> Found | None:
    """Given up as a whole: with the invoice voided alone it is not done, and is done again."""
    invoice = await retrieve(api, ObjectRef(ObjectKind.INVOICE, command.invoice_id))
    found = await _subscription(api, command.subscription_id)
    if invoice is None or found is None or invoice.json.text("status") in {"open", "paid"}:
        return None
    prices = {row.identity("price") for row in found.json.rows("items")}
    if found.json.text("status") not in ENDED and command.free_price_id not in prices:
        return None
    return [(ObjectKind.SUBSCRIPTION, found), (ObjectKind.INVOICE, invoice)]


async def _held(api: StripeApi, _operation: Operation, command: HoldCollection | ReleaseHold) -> Found | None:
    """The hold itself, and the invoices that were there already: half of it is done again."""
    wanted = isinstance(command, HoldCollection)
    found = await _subscription(api, command.subscription_id)
    if found is None or found.json.has("pause_collection") != wanted:
        return None
    result = [(ObjectKind.SUBSCRIPTION, found)]
    for invoice_id in command.invoice_ids:
        invoice = await retrieve(api, ObjectRef(ObjectKind.INVOICE, invoice_id))
        if invoice is None:
            continue
        if invoice.json.text("status") in {"draft", "open"} and invoice.json.flag("auto_advance") == wanted:
            return None
        result.append((ObjectKind.INVOICE, invoice))
    return result


async def _rests(
    api: StripeApi, _operation: Operation, command: PauseSubscription | ResumeSubscription
) -> Found | None:
    """Paused and no longer held; or running again, which it is not while its first invoice is unpaid."""
    found = await _subscription(api, command.subscription_id)
    if found is None or found.json.text("status") in ENDED:
        return None
    paused = found.json.text("status") == "paused"
    wanted = isinstance(command, PauseSubscription)
    if paused != wanted or (wanted and found.json.has("pause_collection")):
        return None
    return [(ObjectKind.SUBSCRIPTION, found)]


async def _redeemed(api: StripeApi, _operation: Operation, command: ApplyPromotion) -> Found | None:
    """Its discounts are told whole here: only so do they name the code that they came of."""
    expanded: stripe.params.SubscriptionRetrieveParams = {"expand": ["discounts"]}
    found = await api.ask(
        lambda options: api.client.v1.subscriptions.retrieve_async(command.subscription_id, expanded, options),
        needs=Permission.SUBSCRIPTIONS_READ,
    )
    codes = {row.identity("promotion_code") for row in found.json.rows("discounts")}
    return [(ObjectKind.SUBSCRIPTION, found)] if command.promotion_id in codes else None


async def _undiscounted(api: StripeApi, _operation: Operation, command: EndDiscounts) -> Found | None:
    found = await _subscription(api, command.subscription_id)
    return None if found is None or found.json.raw("discounts") else [(ObjectKind.SUBSCRIPTION, found)]


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
    AttachPaymentMethod: _attached,
    SetDefaultPaymentMethod: _defaulted,
    DetachPaymentMethod: _detached,
    CreateSetupIntent: _setup_begun,
    OpenPortal: _portal_opened,
    ChangeTrialEnd: _trial_changed,
    PayInvoice: _invoice_paid,
    GiveUpCollecting: _given_up,
    HoldCollection: _held,
    ReleaseHold: _held,
    PauseSubscription: _rests,
    ResumeSubscription: _rests,
    ApplyPromotion: _redeemed,
    EndDiscounts: _undiscounted,
}
