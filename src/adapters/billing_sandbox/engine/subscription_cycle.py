"""What time does to a subscription: renewals, trial ends, agreed ends."""

from billing_sandbox.engine import collection, proration
from billing_sandbox.engine.discounts import due_to, running, use_up
from billing_sandbox.engine.invoice_items import pending_lines
from billing_sandbox.engine.invoices import drawn, finalise
from billing_sandbox.engine.objects import HOUR, Obj
from billing_sandbox.engine.schedule_phases import enter_at_renewal
from billing_sandbox.engine.subscription_end import end_now, expire
from billing_sandbox.engine.subscription_items import items_of, period_line, period_of
from billing_sandbox.engine.subscriptions import arrange
from billing_sandbox.engine.world import World

_RUNNING = {"active", "trialing", "past_due", "unpaid"}
HOLD_HOURS = 72


def renew(w: World, subscription_id: str) -> None:
    """A period is over: move on, and draw up the invoice for the next."""
    subscription = w.load("subscription", subscription_id)
    due = [item for item in items_of(subscription) if item["current_period_end"] <= w.now]
    if subscription["status"] not in _RUNNING or not due:
        return
    if subscription["cancel_at"] and subscription["cancel_at"] <= w.now:
        end_now(w, subscription, reason="cancellation_requested")
        return
    if subscription["status"] == "trialing" and _trial_end_without_method(w, subscription):
        return
    if subscription["schedule"]:
        entered = enter_at_renewal(w, subscription)
        if entered is None:
            return
        subscription = entered
    bill_next_period(w, subscription)


def bill_next_period(w: World, subscription: Obj) -> Obj:
    """Move the items that are due to their next period and draw up the invoice. Returns the subscription."""
    old_period = (items_of(subscription)[0]["current_period_start"], items_of(subscription)[0]["current_period_end"])
    moved, due = next_periods(w, subscription)
    invoice_id = w.new_id("in_")
    moved |= {"latest_invoice": invoice_id}
    if moved["status"] == "trialing":
        moved["status"] = "active"
    moved["discounts"] = [discount["id"] for discount in running(w, moved["discounts"], w.now)]
    w.change(moved, "customer.subscription.updated")
    invoice = w.insert(renewal(w, moved, due, old_period, invoice_id), "invoice.created")
    proration.record_invoice(w, moved["id"], invoice, afresh=True)
    use_up(w, moved)
    arrange(w, moved)
    _go_on(w, moved, invoice)
    return moved


def next_periods(w: World, subscription: Obj) -> tuple[Obj, list[Obj]]:
    """The subscription with every item that is due in its next period, and those items."""
    items, due = [], []
    for item in items_of(subscription):
        if item["current_period_end"] > w.now:
            items.append(item)
            continue
        start, end = period_of(item["price"], subscription["billing_cycle_anchor"], w.now)
        moved = item | {"current_period_start": max(start, item["current_period_end"]), "current_period_end": end}
        items.append(moved)
        due.append(moved)
    return subscription | {"items": subscription["items"] | {"data": items}}, due


def renewal(w: World, subscription: Obj, due: list[Obj], old_period: tuple[int, int], invoice_id: str) -> Obj:
    """The draft for a new period, not kept yet: the items that are due, and everything that waits."""
    waiting = pending_lines(w, subscription["customer"], subscription["currency"], subscription["id"], invoice_id)
    return drawn(
        w,
        w.load("customer", subscription["customer"]),
        currency=subscription["currency"],
        reason="subscription_cycle",
        lines=[*waiting, *(period_line(w, subscription, item) for item in due)],
        subscription=subscription,
        discounts=due_to(w, subscription),
        period_start=old_period[0],
        period_end=old_period[1],
        automatically_finalizes_at=w.now + w.settings.draft_seconds,
        id=invoice_id,
    )


def finalise_draft(w: World, invoice_id: str) -> None:
    """A draft has waited its hour. Until the receiver has taken `invoice.created` it waits on, for 72 hours at most."""
    invoice = w.load("invoice", invoice_id)
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    if invoice_id in w.held_invoices and w.now < invoice["created"] + HOLD_HOURS * HOUR:
        w.schedule(w.now + HOUR, "finalise_draft", invoice_id)
        return
    w.held_invoices.discard(invoice_id)
    invoice = finalise(w, invoice)
    if invoice["amount_due"] == 0 or invoice["collection_method"] == "charge_automatically":
        collection.collect(w, invoice)


def cancel_as_agreed(w: World, subscription_id: str) -> None:
    """The moment in `cancel_at` has come."""
    subscription = w.load("subscription", subscription_id)
    if subscription["status"] in _RUNNING | {"paused"} and subscription["cancel_at"] == w.now:
        end_now(w, subscription, reason="cancellation_requested")


def warn_of_trial_end(w: World, subscription_id: str) -> None:
    """Three days before the end of a trial, or at once where it is shorter."""
    subscription = w.load("subscription", subscription_id)
    notes = w.store.private(subscription_id)
    told = notes.get("warned_of") == subscription["trial_end"]
    if subscription["status"] == "trialing" and not told and subscription["trial_end"] - 3 * 24 * HOUR <= w.now:
        w.store.put_private(subscription_id, notes | {"warned_of": subscription["trial_end"]})
        w.emit("customer.subscription.trial_will_end", subscription)


def announce_renewal(w: World, subscription_id: str) -> None:
    """`invoice.upcoming`: the next invoice as it stands, without an id, for it does not exist yet."""
    subscription = w.load("subscription", subscription_id)
    if subscription["status"] not in _RUNNING or subscription["cancel_at"]:
        return
    upcoming = w.attempt(lambda: upcoming_invoice(w, subscription))
    w.emit("invoice.upcoming", {name: value for name, value in upcoming.items() if name != "id"})


def upcoming_invoice(w: World, subscription: Obj) -> Obj:
    """The renewal invoice as if the period were over now. To be undone by the caller."""
    items = items_of(subscription)
    first_end = min(item["current_period_end"] for item in items)
    due = []
    for item in items:
        if item["current_period_end"] == first_end:
            period = period_of(item["price"], subscription["billing_cycle_anchor"], first_end)
            due.append(item | {"current_period_start": first_end, "current_period_end": period[1]})
    old_period = (items[0]["current_period_start"], first_end)
    invoice = renewal(w, subscription, due, old_period, w.new_id("upcoming_in_"))
    return invoice | {
        "billing_reason": "upcoming",
        "created": first_end,
        "automatically_finalizes_at": None,
        "next_payment_attempt": first_end + HOUR,
    }


def expire_incomplete(w: World, subscription_id: str) -> None:
    """23 hours without the first payment."""
    subscription = w.load("subscription", subscription_id)
    if subscription["status"] != "incomplete":
        return
    invoice = w.load("invoice", subscription["latest_invoice"])
    expire(w, subscription)
    if invoice["status"] == "open":
        collection.void(w, invoice)


def _trial_end_without_method(w: World, subscription: Obj) -> bool:
    customer = w.load("customer", subscription["customer"])
    if subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]:
        return False
    behaviour = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if behaviour == "cancel":
        end_now(w, subscription, reason="cancellation_requested")
        return True
    if behaviour == "pause":
        pause(w, subscription, "trial_end_without_payment_method")
        return True
    return False


def pause(w: World, subscription: Obj, reason: str) -> Obj:
    """Status `paused`: no invoices until it is resumed."""
    how = {"type": "subscription", "transitioned_at": w.now, "subscription": {"type": reason}}
    subscription |= {"status": "paused", "status_details": {"paused": how}}
    w.change(subscription, "customer.subscription.updated")
    w.emit("customer.subscription.paused", subscription)
    return subscription


def _go_on(w: World, subscription: Obj, invoice: Obj) -> None:
    paused = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft"):
        w.change(invoice | {"auto_advance": False, "automatically_finalizes_at": None}, "invoice.updated")
    elif paused:
        final = finalise(w, invoice)
        if paused["behavior"] == "void" and final["total"] > 0:  # also where the customer's credit would pay it
            collection.void(w, final)
        elif final["amount_due"] == 0:
            collection.mark_paid(w, final)
        else:
            collection.write_off(w, final, "subscription_paused")
    else:
        w.schedule(w.now + w.settings.draft_seconds, "finalise_draft", invoice["id"])
