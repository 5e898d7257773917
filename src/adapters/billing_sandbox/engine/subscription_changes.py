"""Changing what a running subscription is made of, and paying for the change."""

from attrs import field, frozen

from billing_sandbox.engine import proration
from billing_sandbox.engine.collection import collect, mark_paid, void
from billing_sandbox.engine.discounts import due_to
from billing_sandbox.engine.errors import InvalidRequest
from billing_sandbox.engine.invoice_items import pending_lines
from billing_sandbox.engine.invoices import draft, finalise
from billing_sandbox.engine.objects import HOUR, Obj
from billing_sandbox.engine.subscription_items import (
    items_of,
    new_item,
    period_line,
    period_of,
    recurring_price,
    total_of,
    trial_line,
    with_price,
)
from billing_sandbox.engine.subscriptions import arrange, one_item_extras, payment_error
from billing_sandbox.engine.world import World

PENDING_HOURS = 23


@frozen(kw_only=True)
class Change:
    """A change of items, trial or cycle: the subscription as it will be, and what has to be billed for it."""

    after: Obj
    #: Lines of whole new periods, where the billing cycle begins anew.
    lines: list[Obj] = field(factory=list)
    #: Whether the change is invoiced in any case (new cycle, start or end of a trial).
    restarts: bool = False


def plan(w: World, subscription: Obj, p: Obj, *, behaviour: str) -> Change:
    """Work out a change. Proration credits and charges are written as waiting invoice items on the way."""
    at = p.get("proration_date", w.now)
    current = items_of(subscription)
    if not current[0]["current_period_start"] <= at <= current[0]["current_period_end"]:
        message = "Invalid proration_date: it must lie within the current billing period."
        raise InvalidRequest(message, param="proration_date")
    trialing = (subscription["trial_end"] or 0) > w.now
    trial_end, trial_given = _new_trial_end(w, subscription, p)
    wanted = _wanted_items(w, subscription, p.get("items", []))
    if not wanted:
        message = "A subscription must have at least one active plan. Cancel it instead."
        raise InvalidRequest(message, param="items")
    starts_trial = trial_given and trial_end is not None
    ends_trial = trial_given and trialing and trial_end is None
    anchor_type = (p.get("billing_cycle_anchor") or {}).get("type", "unchanged")
    restarts = starts_trial or ends_trial or anchor_type == "now"
    if not trialing and not starts_trial:
        restarts = restarts or _interval(current[0]) != _interval(wanted[0])
        restarts = restarts or (total_of(current) == 0 and total_of(wanted) > 0)
    prorate = behaviour != "none" and not (trialing and not ends_trial)
    if prorate or restarts:
        _credit_old(w, subscription, current, wanted, at, everything=restarts, pay_back=prorate)
    after = subscription | {"trial_end": trial_end if trial_given else subscription["trial_end"]}
    if restarts:
        return _restarted(w, after, wanted, starts_trial=starts_trial)
    if prorate:
        before = {item["id"]: item for item in current}
        for item in wanted:
            if item["id"] not in before or _billing(before[item["id"]]) != _billing(item):
                proration.charge(w, subscription, item, at)
    return Change(after=_with_items(after, wanted))


def carry_out(w: World, subscription: Obj, change: Change, *, behaviour: str, payment: str) -> Obj:
    """Make the change real, invoice it where it must be, and collect.

    `behaviour` is the proration behaviour, `payment` the payment behaviour.

    Raises:
        CardDeclined: The invoice could not be paid and `payment` is `error_if_incomplete`.
    """
    before, after = subscription, change.after
    at_once = change.restarts or behaviour == "always_invoice"
    invoice = draw_up(w, after, change) if at_once else None
    if invoice is not None:
        after = after | {"latest_invoice": invoice["id"]}
    w.change(after, "customer.subscription.updated")
    if items_of(after)[0]["current_period_end"] != items_of(before)[0]["current_period_end"]:
        arrange(w, after)
    if invoice is None:
        return after
    _pay(w, invoice, payment)
    return w.load("subscription", after["id"])


def carry_out_when_paid(w: World, subscription: Obj, p: Obj, *, behaviour: str) -> Obj:
    """`pending_if_incomplete`: the change is made if its invoice is paid; else it waits, for 23 hours."""
    billed_before = proration.billed(w, subscription["id"])
    change = plan(w, subscription, p, behaviour=behaviour)
    if not (change.restarts or behaviour == "always_invoice"):
        return carry_out(w, subscription, change, behaviour=behaviour, payment="allow_incomplete")
    invoice = draw_up(w, change.after, change)
    if invoice is None:
        return carry_out(w, subscription, change, behaviour="none", payment="allow_incomplete")
    billed_after = proration.billed(w, subscription["id"])
    w.store.put(subscription | {"latest_invoice": invoice["id"]})
    w.store.put_private(invoice["id"], {"pending_update": True})
    finalised = finalise(w, invoice)
    finalised = collect(w, finalised, off_session=False) if finalised["amount_due"] else mark_paid(w, finalised)
    after = change.after | {"latest_invoice": invoice["id"]}
    if finalised["status"] == "paid":
        w.store.put(subscription)
        return _applied(w, after)
    expires = w.now + PENDING_HOURS * HOUR
    proration.remember_billed(w, subscription["id"], billed_before)
    notes = w.store.private(subscription["id"]) | {"pending": {"after": after, "billed": billed_after}}
    w.store.put_private(subscription["id"], notes)
    w.schedule(expires, "expire_pending_update", subscription["id"])
    waiting = w.load("subscription", subscription["id"])
    w.store.put(subscription)
    waiting |= {
        "pending_update": {
            "billing_cycle_anchor": after["billing_cycle_anchor"] if change.restarts else None,
            "expires_at": expires,
            "subscription_items": items_of(after),
            "trial_end": p.get("trial_end") if isinstance(p.get("trial_end"), int) else None,
            "trial_from_plan": None,
        },
    }
    w.change(waiting, "customer.subscription.updated")
    return waiting


def apply_pending(w: World, subscription_id: str) -> None:
    """The invoice of a pending update was paid after all."""
    subscription = w.load("subscription", subscription_id)
    notes = w.store.private(subscription_id)
    pending = notes.pop("pending", None)
    if not subscription["pending_update"] or not pending:
        return
    w.store.put_private(subscription_id, notes | {"billed": pending["billed"]})
    kept = {name: subscription[name] for name in ("status", "default_payment_method", "metadata", "pause_collection")}
    after = _applied(w, pending["after"] | kept | {"pending_update": None})
    w.emit("customer.subscription.pending_update_applied", after)


def expire_pending(w: World, subscription_id: str) -> None:
    """Nobody paid in time: the subscription stays as it was."""
    subscription = w.load("subscription", subscription_id)
    update = subscription["pending_update"]
    if not update or update["expires_at"] != w.now:
        return
    invoice = w.load("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        void(w, invoice)
    notes = w.store.private(subscription_id)
    notes.pop("pending", None)
    w.store.put_private(subscription_id, notes)
    subscription["pending_update"] = None
    w.change(subscription, "customer.subscription.updated")
    w.emit("customer.subscription.pending_update_expired", subscription)


def draw_up(w: World, after: Obj, change: Change) -> Obj | None:
    """The draft for a change: whole new periods and all that waits. None where there is nothing to bill."""
    customer = w.load("customer", after["customer"])
    invoice_id = w.new_id("in_")
    waiting = pending_lines(w, after["customer"], after["currency"], after["id"], invoice_id)
    if not waiting and not change.lines:
        return None
    invoice = draft(
        w,
        customer,
        currency=after["currency"],
        reason="subscription_update",
        lines=[*waiting, *change.lines],
        subscription=after,
        discounts=due_to(w, after),
        id=invoice_id,
    )
    proration.record_invoice(w, after["id"], invoice)
    return invoice


def _applied(w: World, after: Obj) -> Obj:
    before = w.load("subscription", after["id"])
    w.change(after, "customer.subscription.updated")
    if items_of(after)[0]["current_period_end"] != items_of(before)[0]["current_period_end"]:
        arrange(w, after)
    return after


def _pay(w: World, invoice: Obj, payment: str) -> None:
    invoice = finalise(w, invoice)
    if invoice["amount_due"] == 0:
        mark_paid(w, invoice)
        return
    if payment == "default_incomplete" or invoice["collection_method"] == "send_invoice":
        return
    invoice = collect(w, invoice, off_session=True)
    if payment == "error_if_incomplete" and invoice["status"] != "paid":
        raise payment_error(w, invoice)


def _new_trial_end(w: World, subscription: Obj, p: Obj) -> tuple[int | None, bool]:
    if "trial_end" not in p:
        return None, False
    if p["trial_end"] == "now":
        return None, True
    if p["trial_end"] <= w.now:
        message = "Invalid timestamp: trial_end must be in the future."
        raise InvalidRequest(message, param="trial_end")
    return p["trial_end"], p["trial_end"] != subscription["trial_end"]


def _wanted_items(w: World, subscription: Obj, changes: list[Obj]) -> list[Obj]:
    wanted = {item["id"]: dict(item) for item in items_of(subscription)}
    for n, change in enumerate(changes):
        item_id = change.get("id")
        if item_id is None:
            price = recurring_price(w, change, f"items[{n}]")
            _same_currency(subscription, price)
            period = period_of(price, subscription["billing_cycle_anchor"], w.now)
            item = new_item(w, subscription["id"], price, change.get("quantity", 1), period)
            wanted[item["id"]] = item | {"metadata": change.get("metadata") or {}}
            continue
        if item_id not in wanted:
            message = f"Invalid subscription item ID: {item_id} is not part of subscription {subscription['id']}."
            raise InvalidRequest(message, param=f"items[{n}][id]", code="resource_missing")
        if change.get("deleted"):
            del wanted[item_id]
            continue
        item = wanted[item_id]
        if {"price", "plan", "price_data"} & change.keys():
            price = recurring_price(w, change, f"items[{n}]")
            _same_currency(subscription, price)
            item = with_price(item, price) | {"quantity": change.get("quantity", 1)}
        elif "quantity" in change:
            item = item | {"quantity": change["quantity"]}
        if "metadata" in change:
            item = item | {"metadata": change["metadata"] or {}}
        wanted[item_id] = item
    return list(wanted.values())


def _same_currency(subscription: Obj, price: Obj) -> None:
    if price["currency"] != subscription["currency"]:
        message = (
            f"The currency of the price ({price['currency']}) does not match the subscription's "
            f"({subscription['currency']}). All prices on a subscription must have the same currency."
        )
        raise InvalidRequest(message, param="items")


def _credit_old(
    w: World, subscription: Obj, current: list[Obj], wanted: list[Obj], at: int, *, everything: bool, pay_back: bool
) -> None:
    after = {item["id"]: item for item in wanted}
    for item in current:
        changed = item["id"] not in after or _billing(after[item["id"]]) != _billing(item)
        if not (changed or everything):
            continue
        if pay_back:
            proration.credit(w, subscription, item, at)
        else:
            proration.remember_billed(w, subscription["id"], proration.billed(w, subscription["id"]) | {item["id"]: []})


def _restarted(w: World, after: Obj, wanted: list[Obj], *, starts_trial: bool) -> Change:
    anchor = after["trial_end"] if starts_trial else w.now
    items = []
    for item in wanted:
        period = (w.now, anchor) if starts_trial else period_of(item["price"], anchor, w.now)
        items.append(item | {"current_period_start": period[0], "current_period_end": period[1]})
    after = _with_items(after, items) | {"billing_cycle_anchor": anchor}
    if starts_trial:
        begun = after["trial_start"] if after["status"] == "trialing" else w.now
        after |= {"status": "trialing", "trial_start": begun}
        return Change(after=after, lines=[trial_line(w, after, item) for item in items], restarts=True)
    if after["status"] == "trialing":
        after |= {"status": "active", "trial_end": w.now}
    return Change(after=after, lines=[period_line(w, after, item) for item in items], restarts=True)


def _with_items(subscription: Obj, items: list[Obj]) -> Obj:
    changed = subscription | {"items": subscription["items"] | {"data": items}}
    return changed | one_item_extras(changed)


def _interval(item: Obj) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _billing(item: Obj) -> tuple[str, int]:
    return item["price"]["id"], item["quantity"]
