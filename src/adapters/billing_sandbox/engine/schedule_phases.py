"""The phases of a subscription schedule, and how a subscription takes on a phase's items."""

from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.subscription_end import end_now
from billing_sandbox.engine.subscription_items import items_of, new_item, period_of, with_price
from billing_sandbox.engine.world import World


def phase_at(schedule: Obj, instant: int) -> Obj | None:
    """The phase that is in force at a moment."""
    for phase in schedule["phases"]:
        if phase["start_date"] <= instant < phase["end_date"]:
            found: Obj = phase
            return found
    return None


def enter_at_renewal(w: World, subscription: Obj) -> Obj | None:
    """The subscription as it is to be renewed under its schedule; None where the schedule ends it instead."""
    schedule = w.load("subscription_schedule", subscription["schedule"])
    if schedule["phases"][-1]["end_date"] <= w.now:
        if schedule["end_behavior"] == "cancel":
            complete(w, schedule)
            end_now(w, subscription | {"schedule": None}, reason="cancellation_requested")
            return None
        release(w, schedule)
        return w.load("subscription", subscription["id"])
    phase = phase_at(schedule, w.now)
    if phase is None:
        return subscription
    _note_phase(w, schedule, phase)
    return _swapped(w, subscription, phase)


def item_changes(subscription: Obj, phase: Obj) -> list[Obj]:
    """The `items` of an update that brings the subscription to a phase's prices and quantities."""
    current, wanted = items_of(subscription), phase["items"]
    changes = []
    for n, entry in enumerate(wanted):
        change: Obj = {"price": entry["price"], "quantity": entry.get("quantity", 1)}
        changes.append(change | ({"id": current[n]["id"]} if n < len(current) else {}))
    changes += [{"id": item["id"], "deleted": True} for item in current[len(wanted) :]]
    return [change for change in changes if not _same(current, change)]


def release(w: World, schedule: Obj) -> Obj:
    """Let the subscription go on by itself."""
    subscription_id = schedule["subscription"]
    schedule |= {
        "status": "released",
        "released_at": w.now,
        "released_subscription": subscription_id,
        "subscription": None,
        "current_phase": None,
    }
    w.change(schedule)
    w.emit("subscription_schedule.released", schedule)
    if subscription_id:
        w.change(w.load("subscription", subscription_id) | {"schedule": None}, "customer.subscription.updated")
    return schedule


def complete(w: World, schedule: Obj) -> Obj:
    """The last phase is over."""
    schedule |= {"status": "completed", "completed_at": w.now, "current_phase": None}
    w.change(schedule)
    w.emit("subscription_schedule.completed", schedule)
    return schedule


def _note_phase(w: World, schedule: Obj, phase: Obj) -> None:
    schedule["current_phase"] = {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    w.change(schedule, "subscription_schedule.updated")


def _swapped(w: World, subscription: Obj, phase: Obj) -> Obj:
    current = items_of(subscription)
    items = []
    for n, entry in enumerate(phase["items"]):
        price, quantity = w.load("price", entry["price"]), entry.get("quantity", 1)
        if n < len(current):
            items.append(with_price(current[n], price) | {"quantity": quantity})
        else:
            items.append(new_item(w, subscription["id"], price, quantity, (w.now, w.now)))
    anchor = subscription["billing_cycle_anchor"]
    if period_of(items[0]["price"], anchor, w.now)[0] != w.now:
        anchor = w.now
    extras = {"plan": items[0]["plan"], "quantity": items[0]["quantity"]} if len(items) == 1 else {}
    swapped = subscription | {"items": subscription["items"] | {"data": items}, "billing_cycle_anchor": anchor}
    return swapped | extras


def _same(current: list[Obj], change: Obj) -> bool:
    for item in current:
        if item["id"] == change.get("id") and not change.get("deleted"):
            return bool(item["price"]["id"] == change["price"] and item["quantity"] == change["quantity"])
    return False
