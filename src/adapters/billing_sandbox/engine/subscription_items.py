"""What a subscription is made of: items, their periods, and the lines that bill a whole period."""

from billing_sandbox.engine.calendar import period_containing
from billing_sandbox.engine.catalogue import new_price, plan_of
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.invoices import item_parent, line
from billing_sandbox.engine.money import formatted
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.proration import product_name
from billing_sandbox.engine.world import World


def recurring_price(w: World, p: Obj, param: str) -> Obj:
    """The recurring price that an entry of `items` names, by `price`, `plan` or `price_data`."""
    if "price_data" in p:
        return new_price(w, p["price_data"])
    price_id = p.get("price") or p.get("plan")
    if price_id is None:
        message = f"Missing required param: {param}[price]."
        raise InvalidParam(message, param=f"{param}[price]", code="parameter_missing")
    price = w.given("price", price_id, f"{param}[price]")
    if price["type"] != "recurring":
        message = (
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`."
        )
        raise InvalidRequest(message, param=f"{param}[price]")
    if not price["active"]:
        message = "The price specified is inactive. This field only accepts active prices."
        raise InvalidRequest(message, param=f"{param}[price]")
    return price


def new_item(w: World, subscription_id: str, price: Obj, quantity: int, period: tuple[int, int]) -> Obj:
    """One item of a subscription, billed for this period."""
    return {
        "id": w.new_id("si_"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": w.now,
        "current_period_start": period[0],
        "current_period_end": period[1],
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def with_price(item: Obj, price: Obj) -> Obj:
    """The item at another price."""
    return item | {"price": price, "plan": plan_of(price)}


def period_of(price: Obj, anchor: int, instant: int) -> tuple[int, int]:
    """The billing period of a price around a moment, on the grid of the anchor."""
    recurring = price["recurring"]
    return period_containing(anchor, recurring["interval"], recurring["interval_count"], instant)


def items_of(subscription: Obj) -> list[Obj]:
    """The items themselves."""
    items: list[Obj] = subscription["items"]["data"]
    return items


def total_of(items: list[Obj]) -> int:
    """What all items cost for a period, in minor units."""
    return sum((item["price"]["unit_amount"] or 0) * item["quantity"] for item in items)


def period_end(subscription: Obj) -> int:
    """The next moment at which an item is billed again."""
    return int(min(item["current_period_end"] for item in items_of(subscription)))


def period_line(w: World, subscription: Obj, item: Obj, amount: int | None = None) -> Obj:
    """The line that bills an item for its current period, in full unless `amount` says otherwise."""
    price = item["price"]
    name, each = product_name(w, price), formatted(price["unit_amount"] or 0, price["currency"])
    interval = price["recurring"]["interval"]
    count = price["recurring"]["interval_count"]
    every = interval if count == 1 else f"every {count} {interval}s"
    return line(
        w,
        amount=(price["unit_amount"] or 0) * item["quantity"] if amount is None else amount,
        currency=price["currency"],
        description=f"{item['quantity']} x {name} (at {each} / {every})",
        period=(item["current_period_start"], item["current_period_end"]),
        price=price,
        quantity=item["quantity"],
        parent=item_parent(item, subscription["id"]),
        subscription=subscription["id"],
        metadata=subscription["metadata"],
    )


def trial_line(w: World, subscription: Obj, item: Obj) -> Obj:
    """The line that says that the trial costs nothing."""
    made = period_line(w, subscription, item, 0)
    return made | {"description": f"Trial period for {product_name(w, item['price'])}"}
