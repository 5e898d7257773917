"""The payment intents and charges API."""

from billing_sandbox.engine import collection, payments
from billing_sandbox.engine.errors import CardDeclined, InvalidRequest
from billing_sandbox.engine.invoices import invoice_of
from billing_sandbox.engine.money import minimum_charge, require_currency, require_whole_units
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import (
    AMOUNT,
    BOOL,
    CURRENCY,
    LOOSE,
    TEXT,
    Clear,
    Fields,
    Hash,
    ListOf,
    Metadata,
    OneOf,
    TimeFilter,
    words,
)
from billing_sandbox.engine.payment_methods import attach, materialise, offered_types
from billing_sandbox.engine.world import World

_CONFIRMABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}
_CANCELABLE = _CONFIRMABLE | {"requires_capture", "processing"}
_FUTURE = words("off_session", "on_session")


def create(w: World, p: Obj) -> Obj:
    """An intent to take an amount; with `confirm` it is tried at once."""
    currency = require_currency(p["currency"])
    require_minimum(p["amount"], currency)
    if "customer" in p:
        w.given("customer", p["customer"], "customer")
    method = materialise(w, p["payment_method"], "payment_method") if "payment_method" in p else None
    intent = payments.new_intent(
        w,
        amount=p["amount"],
        currency=currency,
        customer=p.get("customer"),
        description=p.get("description"),
        metadata=merge_metadata({}, p.get("metadata", {})),
        capture_method=p.get("capture_method"),
        confirmation_method=p.get("confirmation_method"),
        receipt_email=p.get("receipt_email"),
        setup_future_usage=p.get("setup_future_usage"),
        statement_descriptor=p.get("statement_descriptor"),
        automatic_payment_methods=p.get("automatic_payment_methods") or {"allow_redirects": "always", "enabled": True},
        payment_method=method["id"] if method else None,
        payment_method_types=offered_types(p),
        status="requires_confirmation" if method else None,
    )
    if p.get("confirm"):
        return confirm(w, p, intent["id"])
    return intent


def confirm(w: World, p: Obj, intent_id: str) -> Obj:
    """Try to take the money.

    Raises:
        CardDeclined: The method was refused; the attempt stays on record.
    """
    intent = w.named("payment_intent", intent_id, "intent")
    if intent["status"] not in _CONFIRMABLE:
        raise _unexpected("confirm", intent)
    reference = p.get("payment_method") or intent["payment_method"]
    if not reference:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken."
        )
        raise InvalidRequest(message, code="payment_intent_unexpected_state")
    method = materialise(w, reference, "payment_method")
    return complete(w, intent, method, off_session=bool(p.get("off_session")))


def complete(w: World, intent: Obj, method: Obj, *, off_session: bool = False, authenticated: bool = False) -> Obj:
    """Confirm, keep the method where that was asked for, and let an invoice follow. Raises CardDeclined on refusal."""
    intent = payments.confirm(w, intent, method, off_session=off_session, authenticated=authenticated)
    if intent["status"] in {"succeeded", "processing", "requires_capture"}:
        keep_method(w, intent)
    follow(w, intent, method)
    if intent["last_payment_error"]:
        error = {name: value for name, value in intent["last_payment_error"].items() if name != "type"}
        raise CardDeclined(error | {"payment_intent": intent})
    return intent


def keep_method(w: World, intent: Obj) -> None:
    """Attach the method to the customer where the intent says that it is for later use, too."""
    method_id = intent["payment_method"]
    if not (intent["setup_future_usage"] and intent["customer"] and method_id):
        return
    w.store.put_private(method_id, w.store.private(method_id) | {"set_up": True})
    method = w.load("payment_method", method_id)
    if method["customer"] is None:
        attach(w, method, intent["customer"])


def follow(w: World, intent: Obj, method: Obj | None) -> None:
    """Tell the invoice that this intent pays, if there is one, how it went."""
    invoice = invoice_of(w, intent["id"])
    if invoice is not None and invoice["status"] == "open":
        collection.follow(w, invoice, intent, method)


def update(w: World, p: Obj, intent_id: str) -> Obj:
    """Change what was sent, as long as nothing was taken."""
    intent = w.named("payment_intent", intent_id, "intent")
    if intent["status"] not in _CONFIRMABLE and p.keys() - {"metadata", "description", "expand", "receipt_email"}:
        raise _unexpected("update", intent)
    if "customer" in p:
        w.given("customer", p["customer"], "customer")
    if "amount" in p:
        require_minimum(p["amount"], intent["currency"])
    for name, value in p.items():
        if name == "metadata":
            intent["metadata"] = merge_metadata(intent["metadata"], value)
        elif name == "payment_method":
            intent |= {"payment_method": materialise(w, value, name)["id"], "status": "requires_confirmation"}
        elif name != "expand":
            intent[name] = value
    w.change(intent)
    return intent


def cancel(w: World, p: Obj, intent_id: str) -> Obj:
    """Give it up; a reserved amount is let go."""
    intent = w.named("payment_intent", intent_id, "intent")
    if intent["status"] not in _CANCELABLE:
        raise _unexpected("cancel", intent)
    return payments.cancel(w, intent, p.get("cancellation_reason"))


def capture(w: World, p: Obj, intent_id: str) -> Obj:
    """Take a reserved amount, or less."""
    intent = w.named("payment_intent", intent_id, "intent")
    if intent["status"] != "requires_capture":
        raise _unexpected("capture", intent)
    amount: int = p["amount_to_capture"] if "amount_to_capture" in p else intent["amount"]
    if amount > intent["amount"]:
        message = "The remaining amount that can be captured is less than the amount asked for."
        raise InvalidRequest(message, param="amount_to_capture", code="amount_too_large")
    return payments.capture(w, intent, amount)


def require_minimum(amount: int, currency: str) -> None:
    """Refuse an amount that is too small to charge, or not made of whole units of its currency."""
    require_whole_units(amount, currency)
    if amount < minimum_charge(currency):
        message = (
            "Amount must convert to at least 50 cents. The minimum in "
            f"{currency} is {minimum_charge(currency)} (minor units)."
        )
        raise InvalidRequest(message, param="amount", code="amount_too_small")


def list_intents(w: World, p: Obj) -> Obj:
    """Intents by customer."""
    return listed(w, "payment_intent", p, by={"customer": "customer"}, url="/v1/payment_intents")


def list_charges(w: World, p: Obj) -> Obj:
    """Charges by customer or intent."""
    by = {"customer": "customer", "payment_intent": "payment_intent"}
    return listed(w, "charge", p, by=by, url="/v1/charges")


def update_charge(w: World, p: Obj, charge_id: str) -> Obj:
    """Change description or metadata."""
    charge = w.named("charge", charge_id, "charge")
    if "description" in p:
        charge["description"] = p["description"]
    if "metadata" in p:
        charge["metadata"] = merge_metadata(charge["metadata"], p["metadata"])
    w.change(charge, "charge.updated")
    return charge


def _unexpected(verb: str, intent: Obj) -> InvalidRequest:
    message = f"This PaymentIntent's status is {intent['status']}: you cannot {verb} it."
    fault = InvalidRequest(message, code="payment_intent_unexpected_state")
    fault.error["payment_intent"] = intent
    return fault


_OFF_SESSION = OneOf(("one_off", "recurring"), BOOL)
_WRITABLE: Fields = {
    "amount": AMOUNT,
    "customer": TEXT,
    "description": Clear(TEXT),
    "metadata": Metadata(),
    "payment_method": TEXT,
    "receipt_email": Clear(TEXT),
    "setup_future_usage": Clear(_FUTURE),
    "statement_descriptor": TEXT,
    "statement_descriptor_suffix": TEXT,
}
OPERATIONS = (
    Operation(
        "POST",
        "/v1/payment_intents",
        create,
        {
            **_WRITABLE,
            "allowed_payment_method_types": ListOf(TEXT),
            "automatic_payment_methods": Hash(
                {"enabled": BOOL, "allow_redirects": words("always", "never")}, ("enabled",)
            ),
            "capture_method": words("automatic", "automatic_async", "manual"),
            "confirm": BOOL,
            "confirmation_method": words("automatic", "manual"),
            "currency": CURRENCY,
            "excluded_payment_method_types": ListOf(TEXT),
            "off_session": _OFF_SESSION,
            "payment_method_options": LOOSE,
            "return_url": TEXT,
            "use_stripe_sdk": BOOL,
        },
        ("amount", "currency"),
    ),
    Operation("GET", "/v1/payment_intents", list_intents, {**PAGE, "customer": TEXT, "created": TimeFilter()}),
    Operation("GET", "/v1/payment_intents/{intent}", retrieve("payment_intent", "intent"), {"client_secret": TEXT}),
    Operation("POST", "/v1/payment_intents/{intent}", update, _WRITABLE),
    Operation(
        "POST",
        "/v1/payment_intents/{intent}/confirm",
        confirm,
        {
            "off_session": _OFF_SESSION,
            "payment_method": TEXT,
            "payment_method_options": LOOSE,
            "receipt_email": Clear(TEXT),
            "return_url": TEXT,
            "setup_future_usage": Clear(_FUTURE),
            "use_stripe_sdk": BOOL,
        },
    ),
    Operation(
        "POST",
        "/v1/payment_intents/{intent}/cancel",
        cancel,
        {"cancellation_reason": words("abandoned", "duplicate", "fraudulent", "requested_by_customer")},
    ),
    Operation("POST", "/v1/payment_intents/{intent}/capture", capture, {"amount_to_capture": AMOUNT}),
    Operation(
        "GET",
        "/v1/charges",
        list_charges,
        {**PAGE, "customer": TEXT, "payment_intent": TEXT, "created": TimeFilter()},
    ),
    Operation("GET", "/v1/charges/{charge}", retrieve("charge", "charge")),
    Operation("POST", "/v1/charges/{charge}", update_charge, {"description": TEXT, "metadata": Metadata()}),
)
