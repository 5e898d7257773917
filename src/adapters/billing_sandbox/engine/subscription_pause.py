"""Pausing a subscription, so that no invoices are made, and taking it up again."""

from billing_sandbox.engine import collection, proration
from billing_sandbox.engine.discounts import due_to
from billing_sandbox.engine.errors import InvalidRequest
from billing_sandbox.engine.invoice_items import pending_lines
from billing_sandbox.engine.invoices import draft, finalise
from billing_sandbox.engine.objects import HOUR, Obj
from billing_sandbox.engine.operations import Operation
from billing_sandbox.engine.params import Hash, words
from billing_sandbox.engine.subscription_cycle import pause as set_paused
from billing_sandbox.engine.subscription_items import items_of, period_line, period_of
from billing_sandbox.engine.subscriptions import arrange
from billing_sandbox.engine.world import World

_RESUME_HOURS = 23


def pause(w: World, p: Obj, subscription_id: str) -> Obj:
    """Status `paused` from this moment, and no invoice follows.

    What is left of the period is credited to the next invoice, unless `bill_for` says that it is not.
    """
    subscription = w.named("subscription", subscription_id)
    if subscription["status"] not in {"active", "trialing", "past_due"}:
        message = f"A subscription that is {subscription['status']} cannot be paused."
        raise InvalidRequest(message)
    if subscription["schedule"]:
        message = "A subscription that is managed by a schedule cannot be paused: release the schedule first."
        raise InvalidRequest(message)
    bill_for = p.get("bill_for") or {}
    if bill_for.get("unused_time_from", {"type": "now"})["type"] == "now" and subscription["status"] == "active":
        for item in items_of(subscription):
            proration.credit(w, subscription, item, w.now)
    return set_paused(w, subscription, "pause_requested")


def resume(w: World, p: Obj, subscription_id: str) -> Obj:
    """Take up a paused subscription: a new period, to be paid, less what is left of the old one.

    With `unchanged` the old cycle goes on, and only a period that has not been billed yet is.

    Under `resume_on_payment_success`, the default, it stays paused until that invoice is paid, for 23 hours at most.
    """
    subscription = w.named("subscription", subscription_id)
    if subscription["status"] != "paused":
        message = "Only paused subscriptions can be resumed."
        raise InvalidRequest(message)
    anchor_now = (p.get("billing_cycle_anchor") or {}).get("type", "now") == "now"
    after = _in_new_period(w, subscription, anchor_now=anchor_now)
    due = [
        item
        for item in items_of(after)
        if anchor_now or item["current_period_end"] != _old_end(subscription, item["id"])
    ]
    if not due:
        return _active(w, subscription, after)
    if anchor_now and p.get("proration_behavior", "create_prorations") != "none":
        for item in items_of(subscription):
            proration.credit(w, subscription, item, w.now)
    proration.remember_billed(w, subscription_id, {})
    invoice_id = w.new_id("in_")
    waiting = pending_lines(w, subscription["customer"], subscription["currency"], subscription_id, invoice_id)
    invoice = draft(
        w,
        w.load("customer", subscription["customer"]),
        currency=subscription["currency"],
        reason="subscription_update",
        lines=[*waiting, *(period_line(w, after, item) for item in due)],
        subscription=subscription,
        discounts=due_to(w, subscription),
        id=invoice_id,
    )
    proration.record_invoice(w, subscription_id, invoice)
    notes = w.store.private(subscription_id)
    w.store.put_private(subscription_id, notes | {"resuming": invoice["id"], "resumed": after})
    subscription["latest_invoice"] = invoice["id"]
    w.change(subscription, "customer.subscription.updated")
    w.schedule(w.now + _RESUME_HOURS * HOUR, "give_up_resuming", subscription_id)
    if p.get("payment_behavior") == "resume_on_payment_attempt":
        finish(w, subscription_id)
    final = finalise(w, invoice)
    final = collection.mark_paid(w, final) if final["amount_due"] == 0 else collection.collect(w, final)
    if final["status"] == "paid":
        finish(w, subscription_id)
    return w.load("subscription", subscription_id)


def finish(w: World, subscription_id: str) -> None:
    """The invoice of the resumption was paid, or need not be."""
    subscription, notes = w.load("subscription", subscription_id), w.store.private(subscription_id)
    after = notes.pop("resumed", None)
    notes.pop("resuming", None)
    if subscription["status"] != "paused" or after is None:
        return
    w.store.put_private(subscription_id, notes)
    _active(w, subscription, after | {"latest_invoice": subscription["latest_invoice"]})


def give_up(w: World, subscription_id: str) -> None:
    """23 hours without payment: the invoice is void, the subscription stays paused."""
    notes = w.store.private(subscription_id)
    invoice_id = notes.pop("resuming", None)
    notes.pop("resumed", None)
    if invoice_id is None:
        return
    w.store.put_private(subscription_id, notes)
    invoice = w.load("invoice", invoice_id)
    if invoice["status"] == "open":
        collection.void(w, invoice)


def _active(w: World, subscription: Obj, after: Obj) -> Obj:
    resumed = after | {
        "status": "active",
        "status_details": None,
        "default_payment_method": subscription["default_payment_method"],
    }
    w.change(resumed, "customer.subscription.updated")
    w.emit("customer.subscription.resumed", resumed)
    arrange(w, resumed)
    return resumed


def _in_new_period(w: World, subscription: Obj, *, anchor_now: bool) -> Obj:
    anchor = w.now if anchor_now else subscription["billing_cycle_anchor"]
    items = []
    for item in items_of(subscription):
        start, end = period_of(item["price"], anchor, w.now)
        items.append(item | {"current_period_start": start, "current_period_end": end})
    moved = subscription | {"items": subscription["items"] | {"data": items}, "billing_cycle_anchor": anchor}
    return moved | {"trial_end": min(subscription["trial_end"] or w.now, w.now) if subscription["trial_end"] else None}


def _old_end(subscription: Obj, item_id: str) -> int | None:
    return next((item["current_period_end"] for item in items_of(subscription) if item["id"] == item_id), None)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/subscriptions/{subscription}/pause",
        pause,
        {
            "type": words("subscription"),
            "bill_for": Hash({"unused_time_from": Hash({"type": words("none", "now")}, ("type",))}),
            "invoicing_behavior": words("pending_invoice_item"),
        },
    ),
    Operation(
        "POST",
        "/v1/subscriptions/{subscription}/resume",
        resume,
        {
            "billing_cycle_anchor": Hash({"type": words("now", "unchanged")}, ("type",)),
            "payment_behavior": words("resume_on_payment_attempt", "resume_on_payment_success"),
            "proration_behavior": words("always_invoice", "create_prorations", "none"),
        },
    ),
)
