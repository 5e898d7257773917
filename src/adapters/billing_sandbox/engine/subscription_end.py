"""The end of a subscription: terminal, and what goes with it."""

from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.world import World

ENDED = frozenset({"canceled", "incomplete_expired"})


def end_now(w: World, subscription: Obj, *, reason: str, details: Obj | None = None) -> Obj:
    """End the subscription at this moment. Its open invoices are collected no more."""
    told = subscription["cancellation_details"] | (details or {}) | {"reason": reason}
    if subscription["canceled_at"] is None or not subscription["cancel_at"]:
        subscription["canceled_at"] = w.now
    subscription |= {
        "status": "canceled",
        "ended_at": w.now,
        "cancel_at_period_end": False,
        "cancellation_details": told,
        "pending_update": None,
    }
    schedule_id = subscription["schedule"]
    w.change(subscription)
    _stop_collecting(w, subscription)
    w.emit("customer.subscription.deleted", subscription)
    if schedule_id:
        schedule = w.load("subscription_schedule", schedule_id)
        schedule |= {"status": "canceled", "canceled_at": w.now, "current_phase": None}
        w.change(schedule)
        w.emit("subscription_schedule.canceled", schedule)
    return subscription


def expire(w: World, subscription: Obj) -> Obj:
    """The first payment never came: 23 hours are over."""
    subscription |= {"status": "incomplete_expired", "ended_at": w.now}
    w.change(subscription, "customer.subscription.updated")
    return subscription


def _stop_collecting(w: World, subscription: Obj) -> None:
    field = "parent.subscription_details.subscription"
    for invoice_id in w.store.select("invoice", field, subscription["id"]):
        invoice = w.load("invoice", invoice_id)
        if invoice["status"] in {"draft", "open"} and (invoice["auto_advance"] or invoice["next_payment_attempt"]):
            changed = invoice | {"auto_advance": False, "next_payment_attempt": None}
            w.change(changed, "invoice.updated")
