"""The checkout sessions API."""

from billing_sandbox.engine.catalogue import CHECKOUT_PRODUCT, RECURRING
from billing_sandbox.engine.checkout import create, expire, lines_of, update
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed, page
from billing_sandbox.engine.params import (
    AMOUNT,
    BOOL,
    CURRENCY,
    INT,
    LOOSE,
    TEXT,
    Decimal,
    Fields,
    Hash,
    Int,
    ListOf,
    Metadata,
    Text,
    TimeFilter,
    words,
)
from billing_sandbox.engine.world import World

_MAX_LINES = 100
_MAX_TRIAL_DAYS = 730


def line_items(w: World, p: Obj, session_id: str) -> Obj:
    """What is for sale, page by page."""
    w.named("checkout.session", session_id, "session")
    return page(lines_of(w, session_id)[::-1], p, f"/v1/checkout/sessions/{session_id}/line_items")


def list_sessions(w: World, p: Obj) -> Obj:
    """Sessions by customer, intent, subscription or status."""
    by = {
        "customer": "customer",
        "payment_intent": "payment_intent",
        "subscription": "subscription",
        "status": "status",
    }
    email = (p.get("customer_details") or {}).get("email")
    query = p | ({"_email": email} if email else {})
    return listed(
        w, "checkout.session", query, by=by | {"_email": "customer_details.email"}, url="/v1/checkout/sessions"
    )


_PRICE_DATA = Hash(
    {
        "currency": CURRENCY,
        "product": TEXT,
        "product_data": CHECKOUT_PRODUCT,
        "recurring": RECURRING,
        "tax_behavior": words("exclusive", "inclusive", "unspecified"),
        "unit_amount": AMOUNT,
        "unit_amount_decimal": Decimal(),
    },
    ("currency",),
)
_LINE = Hash({"price": TEXT, "price_data": _PRICE_DATA, "quantity": Int(least=0), "metadata": Metadata()})
_TRIAL_SETTINGS = Hash(
    {
        "end_behavior": Hash(
            {"missing_payment_method": words("cancel", "create_invoice", "pause")}, ("missing_payment_method",)
        )
    },
    ("end_behavior",),
)
_CREATE: Fields = {
    "allow_promotion_codes": BOOL,
    "allowed_payment_method_types": ListOf(TEXT),
    "billing_address_collection": words("auto", "required"),
    "cancel_url": TEXT,
    "client_reference_id": Text(200),
    "currency": CURRENCY,
    "customer": TEXT,
    "customer_creation": words("always", "if_required"),
    "customer_email": Text(800),
    "customer_update": LOOSE,
    "discounts": ListOf(Hash({"coupon": TEXT, "promotion_code": TEXT}), most=1),
    "excluded_payment_method_types": ListOf(TEXT),
    "expires_at": INT,
    "invoice_creation": Hash({"enabled": BOOL, "invoice_data": LOOSE}, ("enabled",)),
    "line_items": ListOf(_LINE, most=_MAX_LINES),
    "locale": TEXT,
    "metadata": Metadata(clearable=False),
    "mode": words("payment", "setup", "subscription"),
    "payment_intent_data": Hash(
        {
            "capture_method": words("automatic", "automatic_async", "manual"),
            "description": TEXT,
            "metadata": Metadata(),
            "receipt_email": TEXT,
            "setup_future_usage": words("off_session", "on_session"),
            "statement_descriptor": TEXT,
        }
    ),
    "payment_method_collection": words("always", "if_required"),
    "payment_method_options": LOOSE,
    "saved_payment_method_options": LOOSE,
    "setup_intent_data": Hash({"description": TEXT, "metadata": Metadata()}),
    "submit_type": words("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": Hash(
        {
            "billing_mode": LOOSE,
            "description": TEXT,
            "metadata": Metadata(),
            "proration_behavior": words("create_prorations", "none"),
            "billing_cycle_anchor": INT,
            "trial_end": INT,
            "trial_period_days": Int(1, _MAX_TRIAL_DAYS),
            "trial_settings": _TRIAL_SETTINGS,
        }
    ),
    "success_url": TEXT,
    "ui_mode": words("elements", "embedded_page", "form", "hosted_page"),
}
OPERATIONS = (
    Operation("POST", "/v1/checkout/sessions", create, _CREATE, ("mode",)),
    Operation(
        "GET",
        "/v1/checkout/sessions",
        list_sessions,
        {
            **PAGE,
            "created": TimeFilter(),
            "customer": TEXT,
            "customer_details": Hash({"email": TEXT}, ("email",)),
            "payment_intent": TEXT,
            "status": words("complete", "expired", "open"),
            "subscription": TEXT,
        },
    ),
    Operation("GET", "/v1/checkout/sessions/{session}", retrieve("checkout.session", "session")),
    Operation("POST", "/v1/checkout/sessions/{session}", update, {"metadata": Metadata()}),
    Operation("POST", "/v1/checkout/sessions/{session}/expire", expire),
    Operation("GET", "/v1/checkout/sessions/{session}/line_items", line_items, {**PAGE}),
)
