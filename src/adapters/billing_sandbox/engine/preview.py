"""`POST /v1/invoices/create_preview`: what would be billed, worked out by the very rules that bill, then undone."""

from billing_sandbox.engine import proration
from billing_sandbox.engine.discounts import DISCOUNTS, choose, redeem
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.invoice_items import PRICE_DATA, new_item
from billing_sandbox.engine.invoices import set_lines
from billing_sandbox.engine.money import require_currency
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import Operation
from billing_sandbox.engine.params import BOOL, CURRENCY, INT, TEXT, Hash, Int, ListOf, Metadata, OneOf, words
from billing_sandbox.engine.subscription_changes import Change, draw_up, plan
from billing_sandbox.engine.subscription_cycle import upcoming_invoice
from billing_sandbox.engine.subscription_end import ENDED
from billing_sandbox.engine.subscription_items import items_of, recurring_price
from billing_sandbox.engine.subscription_operations import ITEMS_CHANGED, PRORATION
from billing_sandbox.engine.subscriptions import Wanted, begin
from billing_sandbox.engine.world import World


def create_preview(w: World, p: Obj) -> Obj:
    """The next invoice of a subscription as it is, or as a change, a cancellation or a new one would make it."""
    if "subscription" not in p and "customer" not in p:
        message = "Missing required param: customer."
        raise InvalidParam(message, param="customer", code="parameter_missing")
    invoice = w.attempt(lambda: _discounted(w, p, _preview(w, p)))
    preview_id = invoice["id"] if invoice["id"].startswith("upcoming_in_") else w.new_id("upcoming_in_")
    lines = [line | {"invoice": preview_id} for line in invoice["lines"]["data"]]
    listed = invoice["lines"] | {"data": lines, "url": f"/v1/invoices/{preview_id}/lines"}
    blanks = {"number": None, "hosted_invoice_url": None, "invoice_pdf": None}
    return invoice | blanks | {"id": preview_id, "lines": listed, "status": "draft"}


def _preview(w: World, p: Obj) -> Obj:
    details = p.get("subscription_details") or {}
    if "subscription" not in p:
        return _new_subscription(w, p, details)
    subscription = w.given("subscription", p["subscription"], "subscription")
    if subscription["status"] in ENDED:
        raise _nothing(subscription["customer"])
    for entry in p.get("invoice_items") or []:
        _add_item(w, subscription, entry)
    behaviour = details.get("proration_behavior", "create_prorations")
    if details.get("cancel_now"):
        if behaviour != "none":
            for item in items_of(subscription):
                proration.credit(w, subscription, item, details.get("proration_date", w.now))
        return _drawn(w, subscription, Change(after=subscription))
    changed = {name: details[name] for name in _CHANGES if name in details}
    after = subscription
    if changed:
        change = plan(w, subscription, changed, behaviour=behaviour)
        if change.restarts or behaviour == "always_invoice":
            return _drawn(w, change.after, change)
        after = change.after
    if details.get("cancel_at_period_end", after["cancel_at_period_end"]) and after["cancel_at"] is not None:
        return _drawn(w, after, Change(after=after))
    return upcoming_invoice(w, after)


def _discounted(w: World, p: Obj, invoice: Obj) -> Obj:
    if p.get("discounts"):
        given = [redeem(w, choose(w, asked), customer=None, invoice=invoice["id"]) for asked in p["discounts"]]
        invoice["discounts"] = [discount["id"] for discount in given]
        set_lines(w, invoice, invoice["lines"]["data"])
    return invoice


def _new_subscription(w: World, p: Obj, details: Obj) -> Obj:
    customer = w.given("customer", p["customer"], "customer")
    if "items" not in details:
        raise _nothing(customer["id"])
    items: list[tuple[Obj, int, Obj]] = [
        (recurring_price(w, entry, f"subscription_details[items][{n}]"), entry.get("quantity", 1), {})
        for n, entry in enumerate(details["items"])
    ]
    trial = details.get("trial_end")
    wanted = Wanted(
        customer=customer,
        items=items,
        metadata=merge_metadata({}, details.get("metadata") or {}),
        trial_end=trial if isinstance(trial, int) else None,
    )
    return begin(w, wanted, told=False)[1]


def _drawn(w: World, after: Obj, change: Change) -> Obj:
    invoice = draw_up(w, after, change)
    if invoice is None:
        raise _nothing(after["customer"])
    return invoice


def _add_item(w: World, subscription: Obj, entry: Obj) -> None:
    quantity = entry.get("quantity", 1)
    price = w.given("price", entry["price"], "invoice_items[price]") if "price" in entry else None
    each = (price or entry.get("price_data") or entry).get("unit_amount", 0)
    new_item(
        w,
        customer=subscription["customer"],
        amount=entry.get("amount", each * quantity),
        currency=require_currency(str(entry.get("currency", subscription["currency"]))),
        period=(w.now, w.now),
        description=entry.get("description"),
        price=price,
        quantity=quantity,
        subscription=subscription["id"],
    )


def _nothing(customer_id: str) -> InvalidRequest:
    message = f"No upcoming invoices for customer: {customer_id}"
    return InvalidRequest(message, code="invoice_upcoming_none", status=404)


_CHANGES = ("items", "proration_date", "trial_end", "billing_cycle_anchor")
_DETAILS = Hash(
    {
        "billing_cycle_anchor": Hash({"type": words("now", "unchanged")}, ("type",)),
        "cancel_at_period_end": BOOL,
        "cancel_now": BOOL,
        "items": ITEMS_CHANGED,
        "metadata": Metadata(),
        "proration_behavior": PRORATION,
        "proration_date": INT,
        "trial_end": OneOf(("now",), INT),
    }
)
_ADDED = Hash(
    {
        "amount": INT,
        "currency": CURRENCY,
        "description": TEXT,
        "price": TEXT,
        "price_data": PRICE_DATA,
        "quantity": Int(least=0),
        "unit_amount": INT,
    }
)
OPERATIONS = (
    Operation(
        "POST",
        "/v1/invoices/create_preview",
        create_preview,
        {
            "currency": CURRENCY,
            "customer": TEXT,
            "discounts": DISCOUNTS,
            "invoice_items": ListOf(_ADDED),
            "preview_mode": words("next", "recurring"),
            "subscription": TEXT,
            "subscription_details": _DETAILS,
        },
    ),
)
