"""Events for endpoints pinned to an older API version: the fields that moved in 2025-03-31, where they were."""

from billing_sandbox.engine.objects import Obj

_MOVED_IN = "2025-03-31"


def rendered(event: Obj, api_version: str | None) -> Obj:
    """The event as an endpoint of this version gets it. None means the account's own version."""
    if api_version is None:
        return event
    event = event | {"api_version": api_version}
    if api_version >= _MOVED_IN:
        return event
    obj = event["data"]["object"]
    older = _OLDER.get(obj.get("object", ""))
    if older is None:
        return event
    data = dict(event["data"]) | {"object": older(obj)}
    previous = data.get("previous_attributes")
    if previous and obj["object"] == "subscription":
        data["previous_attributes"] = _with_period(previous, previous.get("items"))
    return event | {"data": data}


def _subscription(subscription: Obj) -> Obj:
    return _with_period(subscription, subscription.get("items"))


def _with_period(hash_: Obj, items: Obj | None) -> Obj:
    data = (items or {}).get("data") or []
    if not data:
        return hash_
    names = ("current_period_start", "current_period_end")
    older = hash_ | {name: data[0][name] for name in names}
    older["items"] = items | {"data": [{k: v for k, v in item.items() if k not in names} for item in data]}  # type: ignore[operator]  # data came from items
    return older


def _invoice(invoice: Obj) -> Obj:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    older = {name: value for name, value in invoice.items() if name != "parent"}
    older |= {
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata")} if details else None,
        "paid": invoice["status"] == "paid",
        "tax": None,
        "discount": None,
    }
    older["lines"] = invoice["lines"] | {"data": [_line(line) for line in invoice["lines"]["data"]]}
    return older


def _line(line: Obj) -> Obj:
    parent = line["parent"] or {}
    item = parent.get("subscription_item_details") or {}
    other = parent.get("invoice_item_details") or {}
    older = {name: value for name, value in line.items() if name not in {"parent", "pricing"}}
    price = ((line["pricing"] or {}).get("price_details") or {}).get("price")
    return older | {
        "type": "subscription" if item and not item.get("invoice_item") else "invoiceitem",
        "proration": bool(item.get("proration") or other.get("proration")),
        "price": {"id": price, "object": "price"} if price else None,
        "subscription_item": item.get("subscription_item"),
    }


_OLDER = {"subscription": _subscription, "invoice": _invoice}
