"""Test clocks: a customer with a time of its own, moved by hand."""

from billing_sandbox.engine.errors import InvalidRequest
from billing_sandbox.engine.objects import DAY, Obj
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import INT, Text
from billing_sandbox.engine.subscription_end import ENDED
from billing_sandbox.engine.subscription_items import items_of
from billing_sandbox.engine.world import World

_LIFE_DAYS = 30
_MAX_INTERVALS = 2


def create(w: World, p: Obj) -> Obj:
    """A clock that stands at `frozen_time`."""
    clock_id = w.new_id("clock_")
    w.clock_times[clock_id] = p["frozen_time"]
    clock = {
        "id": clock_id,
        "object": "test_helpers.test_clock",
        "created": w.now,
        "deletes_after": w.main_time + _LIFE_DAYS * DAY,
        "frozen_time": p["frozen_time"],
        "livemode": False,
        "name": p.get("name"),
        "status": "ready",
        "status_details": {},
    }
    return w.insert(clock, "test_helpers.test_clock.created")


def advance(w: World, p: Obj, clock_id: str) -> Obj:
    """Begin to move the clock; it is `advancing` until everything that falls due has been done."""
    clock = w.named("test_helpers.test_clock", clock_id, "test_clock")
    target = p["frozen_time"]
    if clock["status"] != "ready":
        message = "This test clock is advancing already: wait until its status is `ready`."
        raise InvalidRequest(message)
    if target <= clock["frozen_time"]:
        message = "The `frozen_time` must be later than the clock's present frozen time."
        raise InvalidRequest(message, param="frozen_time")
    _require_reachable(w, clock, target)
    clock |= {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": target}}}
    w.change(clock)
    w.emit("test_helpers.test_clock.advancing", clock)
    return clock


def arrived(w: World, clock_id: str, target: int) -> Obj:
    """Everything up to `target` has been done."""
    clock = w.load("test_helpers.test_clock", clock_id)
    clock |= {"status": "ready", "frozen_time": target, "status_details": {}}
    w.change(clock)
    w.emit("test_helpers.test_clock.ready", clock)
    return clock


def delete(w: World, _p: Obj, clock_id: str) -> Obj:
    """Delete the clock and the customers on it."""
    clock = w.named("test_helpers.test_clock", clock_id, "test_clock")
    for customer_id in w.store.select("customer", "test_clock", clock_id):
        w.store.put({"id": customer_id, "object": "customer", "deleted": True})
    w.store.remove("test_helpers.test_clock", clock_id)
    w.timers.drop_clock(clock_id)
    w.emit("test_helpers.test_clock.deleted", clock)
    return {"id": clock_id, "object": "test_helpers.test_clock", "deleted": True}


def list_clocks(w: World, p: Obj) -> Obj:
    """All clocks."""
    return listed(w, "test_helpers.test_clock", p, url="/v1/test_helpers/test_clocks")


def _require_reachable(w: World, clock: Obj, target: int) -> None:
    lengths = [
        item["current_period_end"] - item["current_period_start"]
        for subscription_id in w.store.select("subscription", "test_clock", clock["id"])
        for subscription in [w.load("subscription", subscription_id)]
        if subscription["status"] not in ENDED
        for item in items_of(subscription)
    ]
    if lengths and target - clock["frozen_time"] > _MAX_INTERVALS * min(lengths) + DAY:
        message = "You can advance a test clock by at most two intervals of its shortest subscription at a time."
        raise InvalidRequest(message, param="frozen_time")


OPERATIONS = (
    Operation(
        "POST",
        "/v1/test_helpers/test_clocks",
        create,
        {"frozen_time": INT, "name": Text(300)},
        ("frozen_time",),
    ),
    Operation("GET", "/v1/test_helpers/test_clocks", list_clocks, {**PAGE}),
    Operation("GET", "/v1/test_helpers/test_clocks/{test_clock}", retrieve("test_helpers.test_clock", "test_clock")),
    Operation(
        "POST", "/v1/test_helpers/test_clocks/{test_clock}/advance", advance, {"frozen_time": INT}, ("frozen_time",)
    ),
    Operation("DELETE", "/v1/test_helpers/test_clocks/{test_clock}", delete),
)
