"""Proration, to the second, from what was actually billed: the unused rest goes back, the rest of the new is charged.

For every subscription item the sandbox remembers what was billed for which time (`segments`). A change at
moment t credits, of each segment, `amount · (end - t) / (end - start)` and ends the segment there, so that
changing and changing back within one second nets to nothing.
"""

from datetime import UTC, datetime

from billing_sandbox.engine.invoice_items import new_item
from billing_sandbox.engine.money import share
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.world import World


def billed(w: World, subscription_id: str) -> dict[str, list[Obj]]:
    """The segments by subscription item."""
    return dict(w.store.private(subscription_id).get("billed", {}))


def remember_billed(w: World, subscription_id: str, segments: dict[str, list[Obj]]) -> None:
    """Replace the segments."""
    w.store.put_private(subscription_id, w.store.private(subscription_id) | {"billed": segments})


def record_invoice(w: World, subscription_id: str, invoice: Obj, *, afresh: bool = False) -> None:
    """Note what an invoice's lines bill: whole periods as new segments, prorations by completing theirs.

    At a renewal (`afresh`) everything before it is used up and forgotten.
    """
    segments = {} if afresh else billed(w, subscription_id)
    for line in invoice["lines"]["data"]:
        parent = (line["parent"] or {}).get("subscription_item_details")
        if not parent or line["amount"] <= 0:
            continue
        own = segments.setdefault(parent["subscription_item"], [])
        net = line["amount"] - sum(d["amount"] for d in line["discount_amounts"])
        found = next((s for s in own if s["invoice_item"] and s["invoice_item"] == parent["invoice_item"]), None)
        if found is not None:
            found |= {"amount": found["amount"] - (line["amount"] - net), "invoice": invoice["id"], "line": line["id"]}
            continue
        start, end = line["period"]["start"], line["period"]["end"]
        current = [s for s in own if s["end"] > w.now]
        segment = {"amount": net, "start": start, "end": end, "invoice": invoice["id"], "line": line["id"]}
        segments[parent["subscription_item"]] = [*current, segment | {"invoice_item": None}]
    remember_billed(w, subscription_id, segments)


def credit(w: World, subscription: Obj, item: Obj, at: int) -> list[Obj]:
    """Invoice items that give back what was billed for the item beyond `at`."""
    segments = billed(w, subscription["id"])
    made, kept = [], []
    for segment in segments.get(item["id"], []):
        if segment["end"] <= at or segment["amount"] == 0:
            continue
        start = max(at, segment["start"])
        left, whole = segment["end"] - start, segment["end"] - segment["start"]
        unused = share(segment["amount"], left, whole, subscription["currency"])
        if segment["start"] < at:
            kept.append(segment | {"amount": segment["amount"] - unused, "end": at})
        if unused:
            credited = {"invoice": segment["invoice"], "invoice_line_items": [segment["line"]]}
            made.append(
                new_item(
                    w,
                    customer=subscription["customer"],
                    amount=-unused,
                    currency=subscription["currency"],
                    period=(start, segment["end"]),
                    description=f"Unused time on {product_name(w, item['price'])} after {_day(at)}",
                    price=item["price"],
                    quantity=item["quantity"],
                    subscription=subscription["id"],
                    subscription_item=item["id"],
                    proration=True,
                    discountable=False,
                    credited=credited if segment["invoice"] else None,
                )
            )
    segments[item["id"]] = kept
    remember_billed(w, subscription["id"], segments)
    return made


def charge(w: World, subscription: Obj, item: Obj, at: int) -> list[Obj]:
    """Invoice items that charge the item from `at` to the end of its period."""
    start, end = item["current_period_start"], item["current_period_end"]
    price = (item["price"]["unit_amount"] or 0) * item["quantity"]
    amount = share(price, end - at, end - start, subscription["currency"])
    if amount == 0 or at >= end:
        return []
    made = new_item(
        w,
        customer=subscription["customer"],
        amount=amount,
        currency=subscription["currency"],
        period=(at, end),
        description=f"Remaining time on {product_name(w, item['price'])} after {_day(at)}",
        price=item["price"],
        quantity=item["quantity"],
        subscription=subscription["id"],
        subscription_item=item["id"],
        proration=True,
    )
    segments = billed(w, subscription["id"])
    segment = {"amount": amount, "start": at, "end": end, "invoice": None, "line": None, "invoice_item": made["id"]}
    segments[item["id"]] = [*segments.get(item["id"], []), segment]
    remember_billed(w, subscription["id"], segments)
    return [made]


def product_name(w: World, price: Obj) -> str:
    """What customers know a price by."""
    return str(w.load("product", price["product"])["name"])


def _day(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%d %b %Y")
