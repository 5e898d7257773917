"""Subscription schedules: what a subscription will be, phase after phase."""

from billing_sandbox.engine.calendar import boundary
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import BOOL, INT, TEXT, Fields, Hash, Int, ListOf, Metadata, OneOf, TimeFilter, words
from billing_sandbox.engine.schedule_phases import complete, item_changes, phase_at, release
from billing_sandbox.engine.subscription_changes import carry_out, plan
from billing_sandbox.engine.subscription_end import ENDED, end_now
from billing_sandbox.engine.subscription_items import items_of, period_end, recurring_price
from billing_sandbox.engine.subscriptions import Wanted, begin, pay_first
from billing_sandbox.engine.world import World

_PRORATION = words("always_invoice", "create_prorations", "none")
_LIVE = {"active", "not_started"}


def create(w: World, p: Obj) -> Obj:
    """A schedule over a running subscription, or one that starts a subscription itself, now or later."""
    if "from_subscription" in p:
        if p.keys() & {"phases", "customer", "start_date"}:
            message = "You cannot set `phases`, `customer` or `start_date` if `from_subscription` is set."
            raise InvalidParam(message, param="from_subscription")
        return _from_subscription(w, w.given("subscription", p["from_subscription"], "from_subscription"), p)
    if "customer" not in p or not p.get("phases"):
        message = "Missing required param: customer and phases, or from_subscription."
        raise InvalidParam(message, param="customer", code="parameter_missing")
    customer = w.given("customer", p["customer"], "customer")
    start = w.now if p.get("start_date", "now") == "now" else int(p["start_date"])
    schedule = _blank(w, customer, p) | {"phases": _phases(w, p["phases"], start), "status": "not_started"}
    w.insert(schedule, "subscription_schedule.created")
    if start <= w.now:
        start_now(w, schedule["id"])
    else:
        w.schedule(start, "start_schedule", schedule["id"])
    return w.load("subscription_schedule", schedule["id"])


def start_now(w: World, schedule_id: str) -> None:
    """The first phase begins: there is a subscription now."""
    schedule = w.load("subscription_schedule", schedule_id)
    if schedule["status"] != "not_started":
        return
    customer, phase = w.load("customer", schedule["customer"]), schedule["phases"][0]
    items: list[tuple[Obj, int, Obj]] = [
        (w.load("price", e["price"]), e.get("quantity", 1), {}) for e in phase["items"]
    ]
    wanted = Wanted(customer=customer, items=items, metadata=phase["metadata"] or {}, trial_end=phase["trial_end"])
    subscription, invoice = begin(w, wanted)
    schedule |= {"status": "active", "subscription": subscription["id"], "current_phase": _bounds(phase)}
    w.change(schedule, "subscription_schedule.updated")
    w.change(w.load("subscription", subscription["id"]) | {"schedule": schedule_id})
    _arrange(w, schedule)
    pay_first(w, subscription, invoice, behaviour="allow_incomplete")


def update(w: World, p: Obj, schedule_id: str) -> Obj:
    """Replace the phases that are to come, and what follows the last. What differs for the present changes at once."""
    schedule = _live(w, schedule_id)
    if "metadata" in p:
        schedule["metadata"] = merge_metadata(schedule["metadata"] or {}, p["metadata"])
    if "end_behavior" in p:
        schedule["end_behavior"] = p["end_behavior"]
    if "phases" in p:
        start = schedule["phases"][0]["start_date"]
        schedule["phases"] = _phases(w, p["phases"], start)
        phase = phase_at(schedule, w.now)
        if schedule["status"] == "active" and phase is None:
            message = "The phases must contain the present: the current phase may not end before now."
            raise InvalidRequest(message, param="phases")
        schedule["current_phase"] = _bounds(phase) if phase else None
    w.change(schedule, "subscription_schedule.updated")
    _arrange(w, schedule)
    phase = phase_at(schedule, w.now)
    if schedule["subscription"] and phase:
        _apply(w, w.load("subscription", schedule["subscription"]), phase, p.get("proration_behavior"))
    return w.load("subscription_schedule", schedule_id)


def release_operation(w: World, p: Obj, schedule_id: str) -> Obj:
    """POST …/release: the subscription stays as it is and goes on by itself."""
    schedule = _live(w, schedule_id)
    subscription_id = schedule["subscription"]
    released = release(w, schedule)
    if subscription_id and not p.get("preserve_cancel_date", False):
        subscription = w.load("subscription", subscription_id)
        if subscription["cancel_at"] and not subscription["cancel_at_period_end"]:
            w.change(subscription | {"cancel_at": None, "canceled_at": None}, "customer.subscription.updated")
    return released


def cancel(w: World, _p: Obj, schedule_id: str) -> Obj:
    """End the schedule and its subscription at once."""
    schedule = _live(w, schedule_id)
    if schedule["subscription"]:
        end_now(w, w.load("subscription", schedule["subscription"]), reason="cancellation_requested")
        return w.load("subscription_schedule", schedule_id)
    schedule |= {"status": "canceled", "canceled_at": w.now, "current_phase": None}
    w.change(schedule)
    w.emit("subscription_schedule.canceled", schedule)
    return schedule


def enter_phase(w: World, schedule_id: str) -> None:
    """A phase begins, or the last one ends. On a billing date the renewal sees to it."""
    schedule = w.load("subscription_schedule", schedule_id)
    if schedule["status"] != "active":
        return
    subscription = w.load("subscription", schedule["subscription"])
    if subscription["status"] in ENDED or period_end(subscription) <= w.now:
        return
    phase = phase_at(schedule, w.now)
    if phase is None and schedule["phases"][-1]["end_date"] <= w.now:
        if schedule["end_behavior"] == "cancel":
            complete(w, schedule)
            end_now(w, subscription | {"schedule": None}, reason="cancellation_requested")
        else:
            release(w, schedule)
    elif phase is not None and schedule["current_phase"] != _bounds(phase):
        schedule["current_phase"] = _bounds(phase)
        w.change(schedule, "subscription_schedule.updated")
        _apply(w, subscription, phase, phase["proration_behavior"])


def list_schedules(w: World, p: Obj) -> Obj:
    """Schedules by customer."""
    return listed(w, "subscription_schedule", p, by={"customer": "customer"}, url="/v1/subscription_schedules")


def _from_subscription(w: World, subscription: Obj, p: Obj) -> Obj:
    if subscription["schedule"] or subscription["status"] in ENDED:
        message = "You cannot migrate a subscription that is already attached to a schedule, or has ended."
        raise InvalidRequest(message, param="from_subscription")
    items = items_of(subscription)
    phase = {
        "items": [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in items],
        "end_date": period_end(subscription),
    }
    start = items[0]["current_period_start"]
    schedule = _blank(w, w.load("customer", subscription["customer"]), p)
    schedule |= {"phases": _phases(w, [phase], start), "status": "active", "subscription": subscription["id"]}
    schedule["current_phase"] = _bounds(schedule["phases"][0])
    w.insert(schedule, "subscription_schedule.created")
    w.change(subscription | {"schedule": schedule["id"]}, "customer.subscription.updated")
    _arrange(w, schedule)
    return schedule


def _apply(w: World, subscription: Obj, phase: Obj, behaviour: str | None) -> None:
    changes = item_changes(subscription, phase)
    if changes:
        chosen = behaviour or "create_prorations"
        change = plan(w, subscription, {"items": changes}, behaviour=chosen)
        carry_out(w, subscription, change, behaviour=chosen, payment="allow_incomplete")


def _phases(w: World, asked: list[Obj], start: int) -> list[Obj]:
    phases = []
    for n, entry in enumerate(asked):
        items = []
        for m, item in enumerate(entry["items"]):
            price = recurring_price(w, item, f"phases[{n}][items][{m}]")
            plain: Obj = {"billing_thresholds": None, "discounts": [], "metadata": {}, "tax_rates": []}
            items.append(plain | {"plan": price["id"], "price": price["id"], "quantity": item.get("quantity", 1)})
        given_start = entry.get("start_date", start)
        begins = w.now if given_start == "now" else given_start
        if begins != start:
            message = "Each phase must begin where the one before it ends."
            raise InvalidRequest(message, param=f"phases[{n}][start_date]")
        ends = _end(w, entry, items[0]["price"], begins)
        if ends <= begins:
            message = "A phase must end after it begins."
            raise InvalidRequest(message, param=f"phases[{n}][end_date]")
        phases.append(_phase(w, entry, items, (begins, ends)))
        start = ends
    return phases


def _end(w: World, entry: Obj, price_id: str, begins: int) -> int:
    if "end_date" in entry:
        return w.now if entry["end_date"] == "now" else int(entry["end_date"])
    duration = entry.get("duration") or w.load("price", price_id)["recurring"]
    return boundary(begins, duration["interval"], duration.get("interval_count", 1), 1)


def _phase(w: World, entry: Obj, items: list[Obj], period: tuple[int, int]) -> Obj:
    trial_end = entry.get("trial_end")
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": w.load("price", items[0]["price"])["currency"],
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": period[1],
        "invoice_settings": None,
        "items": items,
        "metadata": merge_metadata({}, entry.get("metadata") or {}),
        "on_behalf_of": None,
        "proration_behavior": entry.get("proration_behavior", "create_prorations"),
        "start_date": period[0],
        "transfer_data": None,
        "trial_end": period[1] if entry.get("trial") else trial_end,
    }


def _bounds(phase: Obj) -> Obj:
    return {"start_date": phase["start_date"], "end_date": phase["end_date"]}


def _arrange(w: World, schedule: Obj) -> None:
    for moment in {phase["end_date"] for phase in schedule["phases"]}:
        if moment > w.now:
            w.schedule(moment, "enter_phase", schedule["id"])


def _live(w: World, schedule_id: str) -> Obj:
    schedule = w.named("subscription_schedule", schedule_id, "schedule")
    if schedule["status"] not in _LIVE:
        message = f"You cannot change a subscription schedule that is {schedule['status']}."
        raise InvalidRequest(message)
    return schedule


def _blank(w: World, customer: Obj, p: Obj) -> Obj:
    return {
        "id": w.new_id("sub_sched_"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "included"}},
        "canceled_at": None,
        "completed_at": None,
        "created": w.now,
        "current_phase": None,
        "customer": customer["id"],
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": {"type": "self"}},
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": p.get("end_behavior", "release"),
        "livemode": False,
        "metadata": merge_metadata({}, p.get("metadata") or {}),
        "pause_schedules": [],
        "phases": [],
        "released_at": None,
        "released_subscription": None,
        "status": "not_started",
        "subscription": None,
        "test_clock": customer["test_clock"],
    }


_PHASE: Fields = {
    "duration": Hash(
        {"interval": words("day", "week", "month", "year"), "interval_count": Int(least=1)}, ("interval",)
    ),
    "end_date": INT,
    "items": ListOf(Hash({"price": TEXT, "plan": TEXT, "quantity": Int(least=0)}), most=20),
    "metadata": Metadata(),
    "proration_behavior": _PRORATION,
    "trial": BOOL,
    "trial_end": INT,
}
_NEW_PHASES = ListOf(Hash(_PHASE, ("items",)), most=10)
_CHANGED_PHASES = ListOf(
    Hash({**_PHASE, "end_date": OneOf(("now",), INT), "start_date": OneOf(("now",), INT)}, ("items",)), most=10
)
_END = words("cancel", "release")
OPERATIONS = (
    Operation(
        "POST",
        "/v1/subscription_schedules",
        create,
        {
            "customer": TEXT,
            "end_behavior": _END,
            "from_subscription": TEXT,
            "metadata": Metadata(),
            "phases": _NEW_PHASES,
            "start_date": OneOf(("now",), INT),
        },
    ),
    Operation("GET", "/v1/subscription_schedules", list_schedules, {**PAGE, "customer": TEXT, "created": TimeFilter()}),
    Operation("GET", "/v1/subscription_schedules/{schedule}", retrieve("subscription_schedule", "schedule")),
    Operation(
        "POST",
        "/v1/subscription_schedules/{schedule}",
        update,
        {
            "end_behavior": _END,
            "metadata": Metadata(),
            "phases": _CHANGED_PHASES,
            "proration_behavior": _PRORATION,
        },
    ),
    Operation(
        "POST",
        "/v1/subscription_schedules/{schedule}/release",
        release_operation,
        {"preserve_cancel_date": BOOL},
    ),
    Operation("POST", "/v1/subscription_schedules/{schedule}/cancel", cancel),
)
