"""Setup intents: a payment method is checked and kept without taking money."""

from billing_sandbox.engine import cards
from billing_sandbox.engine.errors import CardDeclined, InvalidRequest
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import BOOL, LOOSE, TEXT, Hash, ListOf, Metadata, TimeFilter, words
from billing_sandbox.engine.payment_methods import attach, behaviour, materialise, offered_types
from billing_sandbox.engine.world import World

_AUTOMATIC = Hash({"enabled": BOOL, "allow_redirects": words("always", "never")}, ("enabled",))


def new_setup_intent(w: World, *, customer: str | None, usage: str, **fields: object) -> Obj:
    """A setup intent that waits for a payment method."""
    intent_id = w.new_id("seti_")
    intent: Obj = {
        "id": intent_id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{intent_id}_secret_{w.ids.text(30)}",
        "created": w.now,
        "customer": customer,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card", "us_bank_account"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": usage,
    }
    intent.update({name: value for name, value in fields.items() if value is not None})
    return w.insert(intent, "setup_intent.created")


def confirm(w: World, intent: Obj, method: Obj, *, authenticated: bool = False) -> Obj:
    """Check the method and, on success, attach it to the intent's customer. It does not become the default."""
    card = behaviour(w, method["id"])
    intent |= {"payment_method": method["id"], "last_setup_error": None, "next_action": None}
    if card.authentication and not authenticated:
        url = f"{w.public_url}/c/authenticate/{intent['id']}?client_secret={intent['client_secret']}"
        action = {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": url}}
        intent |= {"status": "requires_action", "next_action": action}
        w.change(intent)
        w.emit("setup_intent.requires_action", intent)
        return intent
    if card.attach_decline:
        error = cards.decline(card.attach_decline)
        intent |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_setup_error": {"type": "card_error", "payment_method": method} | error,
        }
        w.change(intent)
        w.emit("setup_intent.setup_failed", intent)
        return intent
    intent["status"] = "succeeded"
    w.change(intent)
    w.store.put_private(method["id"], w.store.private(method["id"]) | {"set_up": True})
    w.emit("setup_intent.succeeded", intent)
    if intent["customer"]:
        attach(w, w.load("payment_method", method["id"]), intent["customer"])
    _serve_subscription(w, intent)
    return intent


def declined(intent: Obj) -> CardDeclined:
    """The 402 that tells of the last failed attempt."""
    error = {name: value for name, value in intent["last_setup_error"].items() if name != "type"}
    return CardDeclined(error | {"setup_intent": intent})


def create(w: World, p: Obj) -> Obj:
    """Begin to save a method; with `confirm` and a method it is done at once."""
    if "customer" in p:
        w.given("customer", p["customer"], "customer")
    method = materialise(w, p["payment_method"], "payment_method") if "payment_method" in p else None
    intent = new_setup_intent(
        w,
        customer=p.get("customer"),
        usage=p.get("usage", "off_session"),
        description=p.get("description"),
        metadata=merge_metadata({}, p.get("metadata", {})),
        automatic_payment_methods=p.get("automatic_payment_methods"),
        payment_method=method["id"] if method else None,
        payment_method_types=offered_types(p),
        status="requires_confirmation" if method else None,
    )
    if p.get("confirm"):
        if method is None:
            message = "You cannot confirm this SetupIntent because it's missing a payment method."
            raise InvalidRequest(message, code="setup_intent_unexpected_state")
        intent = confirm(w, intent, method)
        if intent["last_setup_error"]:
            raise declined(intent)
    return intent


def confirm_operation(w: World, p: Obj, intent_id: str) -> Obj:
    """POST …/confirm."""
    intent = w.named("setup_intent", intent_id, "intent")
    if intent["status"] not in {"requires_payment_method", "requires_confirmation", "requires_action"}:
        message = f"You cannot confirm this SetupIntent because it has a status of {intent['status']}."
        raise InvalidRequest(message, code="setup_intent_unexpected_state")
    reference = p.get("payment_method") or intent["payment_method"]
    if not reference:
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        raise InvalidRequest(message, code="setup_intent_unexpected_state")
    intent = confirm(w, intent, materialise(w, reference, "payment_method"))
    if intent["last_setup_error"]:
        raise declined(intent)
    return intent


def update(w: World, p: Obj, intent_id: str) -> Obj:
    """Change customer, description, metadata or method before it is confirmed."""
    intent = w.named("setup_intent", intent_id, "intent")
    if "customer" in p:
        intent["customer"] = w.given("customer", p["customer"], "customer")["id"]
    if "description" in p:
        intent["description"] = p["description"]
    if "metadata" in p:
        intent["metadata"] = merge_metadata(intent["metadata"], p["metadata"])
    if "payment_method" in p:
        method = materialise(w, p["payment_method"], "payment_method")
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    w.change(intent)
    return intent


def cancel(w: World, p: Obj, intent_id: str) -> Obj:
    """Give it up."""
    intent = w.named("setup_intent", intent_id, "intent")
    if intent["status"] in {"succeeded", "canceled"}:
        message = f"You cannot cancel this SetupIntent because it has a status of {intent['status']}."
        raise InvalidRequest(message, code="setup_intent_unexpected_state")
    intent |= {"status": "canceled", "cancellation_reason": p.get("cancellation_reason"), "next_action": None}
    w.change(intent)
    w.emit("setup_intent.canceled", intent)
    return intent


def list_intents(w: World, p: Obj) -> Obj:
    """Setup intents by customer or method."""
    by = {"customer": "customer", "payment_method": "payment_method"}
    return listed(w, "setup_intent", p, by=by, url="/v1/setup_intents")


def _serve_subscription(w: World, intent: Obj) -> None:
    subscription_id = w.store.private(intent["id"]).get("subscription")
    if subscription_id:
        subscription = w.load("subscription", subscription_id)
        subscription |= {"pending_setup_intent": None, "default_payment_method": intent["payment_method"]}
        w.change(subscription, "customer.subscription.updated")


OPERATIONS = (
    Operation(
        "POST",
        "/v1/setup_intents",
        create,
        {
            "allowed_payment_method_types": ListOf(TEXT),
            "excluded_payment_method_types": ListOf(TEXT),
            "automatic_payment_methods": _AUTOMATIC,
            "confirm": BOOL,
            "customer": TEXT,
            "description": TEXT,
            "metadata": Metadata(),
            "payment_method": TEXT,
            "payment_method_options": LOOSE,
            "return_url": TEXT,
            "usage": words("off_session", "on_session"),
            "use_stripe_sdk": BOOL,
        },
    ),
    Operation(
        "GET",
        "/v1/setup_intents",
        list_intents,
        {**PAGE, "customer": TEXT, "payment_method": TEXT, "created": TimeFilter()},
    ),
    Operation("GET", "/v1/setup_intents/{intent}", retrieve("setup_intent", "intent"), {"client_secret": TEXT}),
    Operation(
        "POST",
        "/v1/setup_intents/{intent}",
        update,
        {"customer": TEXT, "description": TEXT, "metadata": Metadata(), "payment_method": TEXT},
    ),
    Operation(
        "POST",
        "/v1/setup_intents/{intent}/confirm",
        confirm_operation,
        {"payment_method": TEXT, "return_url": TEXT, "payment_method_options": LOOSE, "use_stripe_sdk": BOOL},
    ),
    Operation(
        "POST",
        "/v1/setup_intents/{intent}/cancel",
        cancel,
        {"cancellation_reason": words("abandoned", "duplicate", "requested_by_customer")},
    ),
)
