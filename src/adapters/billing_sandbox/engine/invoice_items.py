"""Invoice items: amounts that wait for the next invoice, written by hand or by a proration."""

from billing_sandbox.engine.discounts import DISCOUNTS
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.invoices import line, set_lines
from billing_sandbox.engine.money import require_currency
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import (
    BOOL,
    CURRENCY,
    INT,
    TEXT,
    Decimal,
    Hash,
    Int,
    Metadata,
    Text,
    TimeFilter,
)
from billing_sandbox.engine.world import World

PRICE_DATA = Hash(
    {"currency": CURRENCY, "product": TEXT, "unit_amount": INT, "unit_amount_decimal": Decimal()},
    ("currency", "product"),
)


def new_item(w: World, *, customer: str, amount: int, currency: str, period: tuple[int, int], **more: object) -> Obj:
    """An amount that waits. `more`: description, price, quantity, subscription, proration, metadata, discountable."""
    quantity = more.get("quantity", 1)
    price = more.get("price")
    pricing = None
    if isinstance(price, dict):
        details = {"price": price["id"], "product": price["product"]}
        pricing = {
            "type": "price_details",
            "price_details": details,
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    subscription, item = more.get("subscription"), more.get("subscription_item")
    parent = None
    if subscription:
        details = {"subscription": subscription} | ({"subscription_item": item} if item else {})
        parent = {"type": "subscription_details", "subscription_details": details}
    invoice_item = {
        "id": w.new_id("ii_"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "date": w.now,
        "description": more.get("description"),
        "discountable": more.get("discountable", True),
        "discounts": [],
        "invoice": more.get("invoice"),
        "livemode": False,
        "metadata": more.get("metadata") or {},
        "net_amount": amount,
        "parent": parent,
        "period": {"start": period[0], "end": period[1]},
        "pricing": pricing,
        "proration": more.get("proration", False),
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": w.load("customer", customer)["test_clock"],
    }
    if more.get("credited"):
        invoice_item["proration_details"] = {"discount_amounts": []}
        w.store.put_private(str(invoice_item["id"]), {"credited": more["credited"]})
    return w.insert(invoice_item, "invoiceitem.created")


def pending_lines(w: World, customer: str, currency: str, subscription: str | None, invoice_id: str) -> list[Obj]:
    """Lines for all items that wait for this customer (and this subscription); they wait no longer."""
    lines = []
    for item_id in w.store.select("invoiceitem", "customer", customer):
        item = w.load("invoiceitem", item_id)
        owner = (item["parent"] or {}).get("subscription_details", {}).get("subscription")
        if item["invoice"] is not None or item["currency"] != currency or owner not in {None, subscription}:
            continue
        lines.append(line_of(w, item))
        item["invoice"] = invoice_id
        w.change(item)
    return lines


def line_of(w: World, item: Obj) -> Obj:
    """The invoice line that an item becomes."""
    details = (item["parent"] or {}).get("subscription_details", {})
    credited = {"credited_items": w.store.private(item["id"]).get("credited")}
    if details.get("subscription_item"):
        parent: Obj = {
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": item["id"],
                "proration": item["proration"],
                "proration_details": credited,
                "subscription": details["subscription"],
                "subscription_item": details["subscription_item"],
            },
        }
    else:
        own = {"invoice_item": item["id"], "proration": item["proration"], "proration_details": credited}
        own["subscription"] = details.get("subscription")
        parent = {"type": "invoice_item_details", "invoice_item_details": own, "subscription_item_details": None}
    price = w.load("price", item["pricing"]["price_details"]["price"]) if item["pricing"] else None
    return line(
        w,
        amount=item["amount"],
        currency=item["currency"],
        description=item["description"],
        period=(item["period"]["start"], item["period"]["end"]),
        price=price,
        quantity=item["quantity"],
        parent=parent,
        subscription=details.get("subscription"),
        metadata=item["metadata"],
        discountable=item["discountable"] and item["amount"] > 0,
    )


def create(w: World, p: Obj) -> Obj:
    """An item by hand: an amount, or a price and a quantity. With `invoice` it goes on that draft at once."""
    customer = w.given("customer", p["customer"], "customer")
    quantity = p.get("quantity", 1)
    price = w.given("price", p["pricing"]["price"], "pricing[price]") if "pricing" in p else None
    amount, currency = p.get("amount"), p.get("currency", customer["currency"])
    if price is not None:
        amount, currency = (price["unit_amount"] or 0) * quantity, price["currency"]
    elif "price_data" in p:
        amount, currency = p["price_data"].get("unit_amount", 0) * quantity, p["price_data"]["currency"]
    if amount is None or currency is None:
        message = "Missing required param: amount."
        raise InvalidParam(message, param="amount" if amount is None else "currency", code="parameter_missing")
    if "subscription" in p:
        w.given("subscription", p["subscription"], "subscription")
    period = p.get("period") or {"start": w.now, "end": w.now}
    item = new_item(
        w,
        customer=customer["id"],
        amount=amount,
        currency=require_currency(currency),
        period=(period["start"], period["end"]),
        description=p.get("description") or (price or {}).get("nickname"),
        price=price,
        quantity=quantity,
        subscription=p.get("subscription"),
        metadata=merge_metadata({}, p.get("metadata", {})),
        discountable=p.get("discountable", amount > 0),
    )
    if "invoice" in p:
        _place(w, item, w.given("invoice", p["invoice"], "invoice"))
    return w.load("invoiceitem", item["id"])


def update(w: World, p: Obj, item_id: str) -> Obj:
    """Change an item that still waits."""
    item = _waiting(w, item_id)
    if "amount" in p:
        item |= {"amount": p["amount"], "net_amount": p["amount"]}
    if "description" in p:
        item["description"] = p["description"]
    if "metadata" in p:
        item["metadata"] = merge_metadata(item["metadata"], p["metadata"])
    w.change(item)
    return item


def delete(w: World, _p: Obj, item_id: str) -> Obj:
    """Take back an item that still waits."""
    item = _waiting(w, item_id)
    w.store.remove("invoiceitem", item_id)
    w.emit("invoiceitem.deleted", item)
    return {"id": item_id, "object": "invoiceitem", "deleted": True}


def list_items(w: World, p: Obj) -> Obj:
    """Items by customer or invoice; `pending` picks those that wait, or those that do not."""
    by = {"customer": "customer", "invoice": "invoice"}
    if "pending" not in p:
        return listed(w, "invoiceitem", p, by=by, url="/v1/invoiceitems")
    whole = listed(w, "invoiceitem", p | {"limit": 10_000}, by=by, url="/v1/invoiceitems")
    whole["data"] = [item for item in whole["data"] if (item["invoice"] is None) == p["pending"]][: p.get("limit", 10)]
    return whole


def _place(w: World, item: Obj, invoice: Obj) -> None:
    if invoice["status"] != "draft":
        message = "The invoice is not a draft: items can be added to drafts only."
        raise InvalidRequest(message, param="invoice", code="invoice_not_editable")
    set_lines(w, invoice, [*invoice["lines"]["data"], line_of(w, item)])
    w.change(invoice, "invoice.updated")
    w.change(item | {"invoice": invoice["id"]})


def _waiting(w: World, item_id: str) -> Obj:
    item = w.named("invoiceitem", item_id, "invoiceitem")
    if item["invoice"] and w.load("invoice", item["invoice"])["status"] != "draft":
        message = "This invoice item is attached to an invoice that is no longer editable."
        raise InvalidRequest(message, code="invoice_not_editable")
    return item


OPERATIONS = (
    Operation(
        "POST",
        "/v1/invoiceitems",
        create,
        {
            "amount": INT,
            "currency": CURRENCY,
            "customer": TEXT,
            "description": Text(5000),
            "discountable": BOOL,
            "discounts": DISCOUNTS,
            "invoice": TEXT,
            "metadata": Metadata(),
            "period": Hash({"start": INT, "end": INT}, ("start", "end")),
            "price_data": PRICE_DATA,
            "pricing": Hash({"price": TEXT}),
            "quantity": Int(least=0),
            "subscription": TEXT,
        },
        ("customer",),
    ),
    Operation(
        "GET",
        "/v1/invoiceitems",
        list_items,
        {**PAGE, "customer": TEXT, "invoice": TEXT, "pending": BOOL, "created": TimeFilter()},
    ),
    Operation("GET", "/v1/invoiceitems/{invoiceitem}", retrieve("invoiceitem", "invoiceitem")),
    Operation(
        "POST",
        "/v1/invoiceitems/{invoiceitem}",
        update,
        {"amount": INT, "description": Text(5000), "metadata": Metadata()},
    ),
    Operation("DELETE", "/v1/invoiceitems/{invoiceitem}", delete),
)
