"""Customers."""

from billing_sandbox.engine.discounts import take_from_customer
from billing_sandbox.engine.errors import InvalidRequest
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import (
    INT,
    LOOSE,
    TEXT,
    Clear,
    Fields,
    Hash,
    ListOf,
    Metadata,
    Text,
    TimeFilter,
    words,
)
from billing_sandbox.engine.payment_methods import attach, materialise
from billing_sandbox.engine.subscription_end import end_now
from billing_sandbox.engine.world import World

_WRITABLE: Fields = {
    "address": Clear(LOOSE),
    "balance": INT,
    "business_name": Clear(Text(150)),
    "description": Clear(Text(5000)),
    "email": Clear(Text(512)),
    "individual_name": Clear(Text(150)),
    "invoice_prefix": Text(12),
    "invoice_settings": Hash(
        {
            "custom_fields": Clear(LOOSE),
            "default_payment_method": Clear(TEXT),
            "footer": Clear(TEXT),
            "rendering_options": Clear(LOOSE),
        }
    ),
    "metadata": Metadata(),
    "name": Clear(Text(256)),
    "next_invoice_sequence": INT,
    "phone": Clear(Text(20)),
    "preferred_locales": ListOf(TEXT),
    "shipping": Clear(LOOSE),
    "tax": LOOSE,
    "tax_exempt": Clear(words("exempt", "none", "reverse")),
}


def create(w: World, p: Obj) -> Obj:
    """A new customer; a payment method given with it is attached and made the default."""
    if "test_clock" in p:
        w.given("test_helpers.test_clock", p["test_clock"], "test_clock")
        w.clock_id = p["test_clock"]
    customer: Obj = {
        "id": w.new_id("cus_"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": w.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": w.ids.text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": p.get("test_clock"),
    }
    _write(customer, p)
    token = p.get("payment_method")
    default = customer["invoice_settings"]["default_payment_method"]
    customer["invoice_settings"]["default_payment_method"] = None
    w.insert(customer, "customer.created")
    if token:
        attach(w, materialise(w, token, "payment_method"), customer["id"])
    if default:
        method = materialise(w, default, "invoice_settings[default_payment_method]")
        _require_own(method, customer["id"])
        default = method["id"]
    if default:
        customer["invoice_settings"]["default_payment_method"] = default
        w.change(customer, "customer.updated")
    return customer


def update(w: World, p: Obj, customer_id: str) -> Obj:
    """Change what was sent, leave the rest."""
    customer = w.named("customer", customer_id)
    if customer.get("deleted"):
        message = f"No such customer: '{customer_id}'"
        raise InvalidRequest(message, param="id", code="resource_missing", status=404)
    default = (p.get("invoice_settings") or {}).get("default_payment_method")
    if default:
        method = w.given("payment_method", default, "invoice_settings[default_payment_method]")
        _require_own(method, customer_id)
    _write(customer, p)
    w.change(customer, "customer.updated")
    return customer


def delete(w: World, _p: Obj, customer_id: str) -> Obj:
    """Delete for good: subscriptions end at once, methods are detached."""
    customer = w.named("customer", customer_id)
    if not customer.get("deleted"):
        for subscription_id in w.store.select("subscription", "customer", customer_id):
            subscription = w.load("subscription", subscription_id)
            if subscription["status"] not in {"canceled", "incomplete_expired"}:
                end_now(w, subscription, reason="cancellation_requested")
        for method_id in w.store.select("payment_method", "customer", customer_id):
            w.change(w.load("payment_method", method_id) | {"customer": None}, "payment_method.detached")
        w.emit("customer.deleted", customer)
    stub = {"id": customer_id, "object": "customer", "deleted": True, "test_clock": customer.get("test_clock")}
    w.store.put(stub)
    return {"id": customer_id, "object": "customer", "deleted": True}


def delete_discount(w: World, _p: Obj, customer_id: str) -> Obj:
    """Take the discount of a customer away."""
    customer = w.named("customer", customer_id)
    if not customer.get("discount"):
        message = f"No active discount for customer: {customer_id}"
        raise InvalidRequest(message, code="resource_missing", status=404)
    return take_from_customer(w, customer) | {"deleted": True}


def retrieve_customer(w: World, _p: Obj, customer_id: str) -> Obj:
    """The customer; of a deleted one only that it is deleted."""
    customer = w.named("customer", customer_id)
    return {"id": customer_id, "object": "customer", "deleted": True} if customer.get("deleted") else customer


def list_customers(w: World, p: Obj) -> Obj:
    """Customers, newest first; deleted ones are left out."""
    by = {"email": "email", "test_clock": "test_clock", "_deleted": "deleted"}
    return listed(w, "customer", p | {"_deleted": None}, by=by, url="/v1/customers")


def list_methods(w: World, p: Obj, customer_id: str) -> Obj:
    """A customer's payment methods."""
    w.named("customer", customer_id, "customer")
    query = p | {"customer": customer_id}
    by = {"customer": "customer", "type": "type", "allow_redisplay": "allow_redisplay"}
    return listed(w, "payment_method", query, by=by, url=f"/v1/customers/{customer_id}/payment_methods")


def retrieve_method(w: World, _p: Obj, customer_id: str, method_id: str) -> Obj:
    """One of a customer's payment methods."""
    method = w.named("payment_method", method_id, "payment_method")
    if method["customer"] != customer_id:
        message = f"No such paymentmethod: '{method_id}'"
        raise InvalidRequest(message, param="payment_method", code="resource_missing", status=404)
    return method


def _write(customer: Obj, p: Obj) -> None:
    for name, value in p.items():
        if name == "metadata":
            customer["metadata"] = merge_metadata(customer["metadata"], value)
        elif name == "invoice_settings":
            customer["invoice_settings"] = customer["invoice_settings"] | value
        elif name in _WRITABLE and name != "tax":
            customer[name] = value
    if customer.get("tax_exempt") is None:
        customer["tax_exempt"] = "none"


def _require_own(method: Obj, customer_id: str) -> None:
    if method["customer"] != customer_id:
        message = (
            f"The customer does not have a payment method with the ID {method['id']}. "
            "The payment method must be attached to the customer."
        )
        raise InvalidRequest(message, param="invoice_settings[default_payment_method]", code="resource_missing")


_KIND = words("card", "us_bank_account", "sepa_debit")
OPERATIONS = (
    Operation("POST", "/v1/customers", create, _WRITABLE | {"payment_method": TEXT, "test_clock": TEXT}),
    Operation(
        "GET", "/v1/customers", list_customers, {**PAGE, "email": TEXT, "created": TimeFilter(), "test_clock": TEXT}
    ),
    Operation("GET", "/v1/customers/{customer}", retrieve_customer),
    Operation("POST", "/v1/customers/{customer}", update, _WRITABLE),
    Operation("DELETE", "/v1/customers/{customer}", delete),
    Operation("DELETE", "/v1/customers/{customer}/discount", delete_discount),
    Operation(
        "GET",
        "/v1/customers/{customer}/payment_methods",
        list_methods,
        {**PAGE, "type": _KIND, "allow_redisplay": words("always", "limited", "unspecified")},
    ),
    Operation("GET", "/v1/customers/{customer}/payment_methods/{payment_method}", retrieve_method),
)
