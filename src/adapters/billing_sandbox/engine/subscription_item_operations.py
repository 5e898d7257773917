"""The subscription items API: changes of one item, by the rules for changes of a subscription."""

from billing_sandbox.engine.errors import missing
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.operations import PAGE, Operation
from billing_sandbox.engine.pagination import page
from billing_sandbox.engine.params import INT, TEXT, Fields, Int, Metadata
from billing_sandbox.engine.subscription_end import ENDED
from billing_sandbox.engine.subscription_items import items_of
from billing_sandbox.engine.subscription_operations import PAYMENT_BEHAVIOR, PRICE_DATA, PRORATION
from billing_sandbox.engine.subscription_operations import update as update_subscription
from billing_sandbox.engine.world import World

_HOW: Fields = {"payment_behavior": PAYMENT_BEHAVIOR, "proration_behavior": PRORATION, "proration_date": INT}
_WHAT: Fields = {
    "price": TEXT,
    "plan": TEXT,
    "price_data": PRICE_DATA,
    "quantity": Int(least=0),
    "metadata": Metadata(),
}


def create(w: World, p: Obj) -> Obj:
    """Add an item to a subscription."""
    subscription = w.given("subscription", p["subscription"], "subscription")
    before = {item["id"] for item in items_of(subscription)}
    after = update_subscription(w, _as_update(p), subscription["id"])
    return next(item for item in items_of(after) if item["id"] not in before)


def retrieve(w: World, _p: Obj, item_id: str) -> Obj:
    """One item."""
    return _found(w, item_id)[1]


def update(w: World, p: Obj, item_id: str) -> Obj:
    """Change price, quantity or metadata of an item."""
    subscription, _ = _found(w, item_id)
    change = _as_update(p)
    change["items"][0]["id"] = item_id
    update_subscription(w, change, subscription["id"])
    return _found(w, item_id)[1]


def delete(w: World, p: Obj, item_id: str) -> Obj:
    """Take an item off its subscription."""
    subscription, _ = _found(w, item_id)
    update_subscription(w, p | {"items": [{"id": item_id, "deleted": True}]}, subscription["id"])
    return {"id": item_id, "object": "subscription_item", "deleted": True}


def list_items(w: World, p: Obj) -> Obj:
    """The items of a subscription."""
    subscription = w.given("subscription", p["subscription"], "subscription")
    return page(items_of(subscription)[::-1], p, "/v1/subscription_items")


def _as_update(p: Obj) -> Obj:
    return {name: p[name] for name in _HOW if name in p} | {"items": [{name: p[name] for name in _WHAT if name in p}]}


def _found(w: World, item_id: str) -> tuple[Obj, Obj]:
    for subscription in w.store.each("subscription"):
        for item in items_of(subscription):
            if item["id"] == item_id and subscription["status"] not in ENDED:
                return subscription, item
    raise missing("subscription_item", item_id, param="id", status=404)


OPERATIONS = (
    Operation("POST", "/v1/subscription_items", create, {**_HOW, **_WHAT, "subscription": TEXT}, ("subscription",)),
    Operation("GET", "/v1/subscription_items", list_items, {**PAGE, "subscription": TEXT}, ("subscription",)),
    Operation("GET", "/v1/subscription_items/{item}", retrieve),
    Operation("POST", "/v1/subscription_items/{item}", update, {**_HOW, **_WHAT}),
    Operation("DELETE", "/v1/subscription_items/{item}", delete, _HOW),
)
