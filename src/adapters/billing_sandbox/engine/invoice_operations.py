"""The invoices and invoice payments API."""

from billing_sandbox.engine import collection
from billing_sandbox.engine.discounts import DISCOUNTS, choose, redeem
from billing_sandbox.engine.errors import CardDeclined, InvalidRequest
from billing_sandbox.engine.invoice_items import pending_lines
from billing_sandbox.engine.invoices import draft, finalise, intent_of, set_lines
from billing_sandbox.engine.money import require_currency
from billing_sandbox.engine.objects import DAY, Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed, page
from billing_sandbox.engine.params import (
    BOOL,
    CURRENCY,
    INT,
    LOOSE,
    TEXT,
    Clear,
    Fields,
    Hash,
    Metadata,
    TimeFilter,
    words,
)
from billing_sandbox.engine.payment_methods import materialise
from billing_sandbox.engine.world import World

_DEFAULT_CURRENCY = "usd"
_WRITABLE: Fields = {
    "auto_advance": BOOL,
    "collection_method": words("charge_automatically", "send_invoice"),
    "days_until_due": INT,
    "default_payment_method": TEXT,
    "description": Clear(TEXT),
    "discounts": DISCOUNTS,
    "due_date": INT,
    "footer": Clear(TEXT),
    "metadata": Metadata(),
    "payment_settings": LOOSE,
}


def create(w: World, p: Obj) -> Obj:
    """A draft by hand; what waits for the customer is drawn in only where asked."""
    customer = w.given("customer", p["customer"], "customer")
    subscription = w.given("subscription", p["subscription"], "subscription") if "subscription" in p else None
    currency = require_currency(p.get("currency") or customer["currency"] or _DEFAULT_CURRENCY)
    invoice_id = w.new_id("in_")
    lines = []
    if p.get("pending_invoice_items_behavior", "include" if subscription else "exclude") == "include":
        lines = pending_lines(w, customer["id"], currency, subscription["id"] if subscription else None, invoice_id)
    given = [redeem(w, choose(w, d), customer=None, invoice=invoice_id) for d in p.get("discounts") or []]
    due = w.now + p["days_until_due"] * DAY if "days_until_due" in p else p.get("due_date")
    return draft(
        w,
        customer,
        currency=currency,
        reason="manual",
        lines=lines,
        subscription=subscription,
        id=invoice_id,
        discounts=[discount["id"] for discount in given],
        auto_advance=p.get("auto_advance", False),
        collection_method=p.get("collection_method", "charge_automatically"),
        default_payment_method=p.get("default_payment_method"),
        description=p.get("description"),
        footer=p.get("footer"),
        due_date=due,
        metadata=merge_metadata({}, p.get("metadata", {})),
    )


def update(w: World, p: Obj, invoice_id: str) -> Obj:
    """Change a draft; of a final invoice only description, metadata and how it is collected."""
    invoice = w.named("invoice", invoice_id, "invoice")
    if invoice["status"] != "draft" and {"discounts", "collection_method", "due_date", "days_until_due"} & p.keys():
        message = "Finalized invoices can't be updated in this way."
        raise InvalidRequest(message, code="invoice_not_editable")
    for name, value in p.items():
        if name == "metadata":
            invoice["metadata"] = merge_metadata(invoice["metadata"], value)
        elif name == "discounts":
            given = [redeem(w, choose(w, d), customer=None, invoice=invoice_id) for d in value or []]
            invoice["discounts"] = [discount["id"] for discount in given]
            set_lines(w, invoice, invoice["lines"]["data"])
        elif name == "days_until_due":
            invoice["due_date"] = w.now + value * DAY
        elif name == "payment_settings":
            invoice["payment_settings"] = invoice["payment_settings"] | (value or {})
        elif name == "auto_advance":
            collection.collect_by_itself(w, invoice, value)
        elif name != "expand":
            invoice[name] = value
    w.change(invoice, "invoice.updated")
    return invoice


def finalise_operation(w: World, p: Obj, invoice_id: str) -> Obj:
    """POST …/finalize."""
    invoice = w.named("invoice", invoice_id, "invoice")
    _require_draft(invoice, "finalize")
    invoice = finalise(w, invoice)
    if "auto_advance" in p:
        invoice["auto_advance"] = p["auto_advance"]
        w.change(invoice)
    if invoice["amount_due"] == 0:
        return collection.mark_paid(w, invoice)
    if invoice["auto_advance"] and invoice["collection_method"] == "charge_automatically":
        return collection.collect(w, invoice)
    return invoice


def pay(w: World, p: Obj, invoice_id: str) -> Obj:
    """Collect now.

    Raises:
        CardDeclined: The method was refused; the attempt stays on record.
    """
    invoice = w.named("invoice", invoice_id, "invoice")
    if invoice["status"] == "draft":
        invoice = finalise(w, invoice)
    if invoice["status"] == "paid":
        message = "Invoice is already paid"
        raise InvalidRequest(message)
    if invoice["status"] == "void":
        message = "Invoice is voided: it can no longer be paid."
        raise InvalidRequest(message)
    if p.get("paid_out_of_band"):
        return collection.mark_paid(w, invoice, out_of_band=True)
    method_id = materialise(w, p["payment_method"], "payment_method")["id"] if "payment_method" in p else None
    if invoice["amount_due"] and not (method_id or collection.method_for(w, invoice)):
        message = (
            "There is no `default_payment_method` set on this Customer or Invoice. Please attach a payment method and "
            "set it as the default, or pass `payment_method`."
        )
        raise InvalidRequest(message, code="invoice_payment_intent_requires_action")
    invoice = collection.collect(w, invoice, method_id=method_id, off_session=p.get("off_session", True))
    if invoice["status"] == "paid":
        return invoice
    intent = intent_of(w, invoice) or {}
    error = dict(intent.get("last_payment_error") or {})
    if not error:
        error = {
            "code": "invoice_payment_intent_requires_action",
            "message": "This payment requires additional user action before it can be completed successfully.",
        }
    error.pop("type", None)
    raise CardDeclined(error | {"payment_intent": intent})


def void(w: World, _p: Obj, invoice_id: str) -> Obj:
    """POST …/void."""
    return collection.void(w, w.named("invoice", invoice_id, "invoice"))


def mark_uncollectible(w: World, _p: Obj, invoice_id: str) -> Obj:
    """POST …/mark_uncollectible."""
    return collection.write_off(w, w.named("invoice", invoice_id, "invoice"))


def send(w: World, _p: Obj, invoice_id: str) -> Obj:
    """Send an invoice to the customer by mail; a draft becomes final."""
    invoice = w.named("invoice", invoice_id, "invoice")
    if invoice["status"] == "draft":
        invoice = finalise(w, invoice)
    w.emit("invoice.sent", invoice)
    return invoice


def delete(w: World, _p: Obj, invoice_id: str) -> Obj:
    """Throw a draft away."""
    invoice = w.named("invoice", invoice_id, "invoice")
    _require_draft(invoice, "delete")
    w.store.remove("invoice", invoice_id)
    w.emit("invoice.deleted", invoice)
    return {"id": invoice_id, "object": "invoice", "deleted": True}


def lines(w: World, p: Obj, invoice_id: str) -> Obj:
    """The lines, page by page."""
    invoice = w.named("invoice", invoice_id, "invoice")
    return page(invoice["lines"]["data"][::-1], p, f"/v1/invoices/{invoice_id}/lines")


def list_invoices(w: World, p: Obj) -> Obj:
    """Invoices by customer, subscription, status or collection method."""
    by = {
        "customer": "customer",
        "subscription": "parent.subscription_details.subscription",
        "status": "status",
        "collection_method": "collection_method",
        "due_date": "due_date",
    }
    return listed(w, "invoice", p, by=by, url="/v1/invoices")


def list_payments(w: World, p: Obj) -> Obj:
    """Invoice payments by invoice, status or payment intent."""
    by = {"invoice": "invoice", "status": "status", "_intent": "payment.payment_intent"}
    intent = (p.get("payment") or {}).get("payment_intent")
    query = p | ({"_intent": intent} if intent else {})
    return listed(w, "invoice_payment", query, by=by, url="/v1/invoice_payments")


def _require_draft(invoice: Obj, verb: str) -> None:
    if invoice["status"] != "draft":
        message = f"This invoice is already finalized: you can't {verb} a non-draft invoice."
        raise InvalidRequest(message, code="invoice_not_editable")


OPERATIONS = (
    Operation(
        "POST",
        "/v1/invoices",
        create,
        {
            **_WRITABLE,
            "customer": TEXT,
            "currency": CURRENCY,
            "subscription": TEXT,
            "pending_invoice_items_behavior": words("exclude", "include"),
        },
        ("customer",),
    ),
    Operation(
        "GET",
        "/v1/invoices",
        list_invoices,
        {
            **PAGE,
            "customer": TEXT,
            "subscription": TEXT,
            "status": words("draft", "open", "paid", "uncollectible", "void"),
            "collection_method": words("charge_automatically", "send_invoice"),
            "created": TimeFilter(),
            "due_date": TimeFilter(),
        },
    ),
    Operation("GET", "/v1/invoices/{invoice}", retrieve("invoice", "invoice")),
    Operation("POST", "/v1/invoices/{invoice}", update, _WRITABLE),
    Operation("DELETE", "/v1/invoices/{invoice}", delete),
    Operation("POST", "/v1/invoices/{invoice}/finalize", finalise_operation, {"auto_advance": BOOL}),
    Operation(
        "POST",
        "/v1/invoices/{invoice}/pay",
        pay,
        {"off_session": BOOL, "paid_out_of_band": BOOL, "payment_method": TEXT},
    ),
    Operation("POST", "/v1/invoices/{invoice}/void", void),
    Operation("POST", "/v1/invoices/{invoice}/mark_uncollectible", mark_uncollectible),
    Operation("POST", "/v1/invoices/{invoice}/send", send),
    Operation("GET", "/v1/invoices/{invoice}/lines", lines, {**PAGE}),
    Operation(
        "GET",
        "/v1/invoice_payments",
        list_payments,
        {
            **PAGE,
            "invoice": TEXT,
            "status": words("canceled", "open", "paid"),
            "payment": Hash({"type": words("payment_intent"), "payment_intent": TEXT}, ("type",)),
            "created": TimeFilter(),
        },
    ),
    Operation("GET", "/v1/invoice_payments/{invoice_payment}", retrieve("invoice_payment", "invoice_payment")),
)
