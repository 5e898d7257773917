"""Payment methods: cards and bank debits, made from test tokens or a card form, attached to customers."""

import re

from billing_sandbox.engine import cards
from billing_sandbox.engine.errors import CardDeclined, InvalidRequest
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import INT, LOOSE, TEXT, Hash, Metadata, words
from billing_sandbox.engine.world import World

_CARD = Hash({"number": TEXT, "exp_month": INT, "exp_year": INT, "cvc": TEXT, "token": TEXT})
_TYPES = words("card", "us_bank_account", "sepa_debit")
_REDISPLAY = words("always", "limited", "unspecified")


def new_method(w: World, card: cards.Card, *, expires: tuple[int, int] = (12, 2034), details: Obj | None = None) -> Obj:
    """A payment method that nobody owns yet, behaving like `card`."""
    address = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
    billing = {"address": address, "email": None, "name": None, "phone": None, "tax_id": None} | (details or {})
    method: Obj = {
        "id": w.new_id("pm_"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing,
        "created": w.now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "us_bank_account" if card.delayed else "card",
    }
    if card.delayed:
        method["us_bank_account"] = {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "SANDBOX BANK",
            "financial_connections_account": None,
            "fingerprint": card.fingerprint,
            "last4": card.last4,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": {},
        }
    else:
        method["card"] = _card_hash(card, expires)
    w.store.put_private(method["id"], {"number": card.number, "brand": card.brand, "set_up": False})
    return w.insert(method)


def offered_types(p: Obj) -> list[str]:
    """The kinds of methods that are offered: those allowed, or all that there are, less those excluded."""
    allowed = p.get("allowed_payment_method_types", ["card", "us_bank_account"])
    return [kind for kind in allowed if kind not in p.get("excluded_payment_method_types", [])]


def behaviour(w: World, method_id: str) -> cards.Card:
    """The test card behind a payment method."""
    number = w.store.private(method_id)["number"]
    for bank in (cards.BANK_SUCCEEDS, cards.BANK_FAILS):
        if bank.number == number:
            return bank
    return cards.BY_NUMBER[number]


def card_of(number: str) -> cards.Card:
    """The test card with this number.

    Raises:
        CardDeclined: It is no card number, or none of Stripe's test cards: real cards are never accepted.
    """
    digits = re.sub(r"\D", "", number)
    if not cards.is_valid_number(digits):
        error = {"code": "incorrect_number", "message": "Your card number is incorrect.", "param": "number"}
        raise CardDeclined(error)
    card = cards.BY_NUMBER.get(digits)
    if card is None:
        message = "This is a sandbox: only Stripe's test cards work here, such as 4242 4242 4242 4242."
        raise CardDeclined({"code": "card_declined", "decline_code": "test_mode_live_card", "message": message})
    return card


def materialise(w: World, reference: str, param: str) -> Obj:
    """The payment method that a parameter names: an id, or a test token, which makes a new one."""
    token = cards.BY_TOKEN.get(reference)
    return new_method(w, token) if token else w.given("payment_method", reference, param)


def attach(w: World, method: Obj, customer_id: str) -> Obj:
    """Give the method to a customer.

    Raises:
        CardDeclined: The card fails its check.
        InvalidRequest: It belongs to another customer.
    """
    if method["customer"] == customer_id:
        return method
    if method["customer"] is not None or w.store.private(method["id"]).get("detached"):
        message = (
            "The payment method you provided has already been attached to a customer."
            if method["customer"]
            else "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
        raise InvalidRequest(message, param="payment_method")
    refused = behaviour(w, method["id"]).attach_decline
    if refused:
        raise CardDeclined(cards.decline(refused))
    method["customer"] = customer_id
    w.change(method)
    w.emit("payment_method.attached", method)
    return method


def create(w: World, p: Obj) -> Obj:
    """A method from card details or a bank account."""
    kind = p.get("type", "card")
    details = p.get("billing_details")
    if kind == "card":
        card = p.get("card") or {}
        if "token" in card:
            base = cards.BY_TOKEN.get(card["token"].replace("tok_", "pm_card_"))
            if base is None:
                message = f"No such token: '{card['token']}'"
                raise InvalidRequest(message, param="card[token]", code="resource_missing")
            method = new_method(w, base, details=details)
        elif "number" in card:
            method = new_method(
                w,
                card_of(card["number"]),
                expires=(card.get("exp_month", 12), card.get("exp_year", 2034)),
                details=details,
            )
        else:
            message = "Missing required param: card."
            raise InvalidRequest(message, param="card", code="parameter_missing")
    else:
        account = (p.get("us_bank_account") or p.get("sepa_debit") or {}).get("account_number", "")
        method = new_method(
            w, cards.BANK_FAILS if account == cards.BANK_FAILS.number else cards.BANK_SUCCEEDS, details=details
        )
    method["metadata"] = merge_metadata({}, p.get("metadata", {}))
    w.store.put(method)
    return method


def update(w: World, p: Obj, method_id: str) -> Obj:
    """Change billing details, expiry or metadata."""
    method = w.named("payment_method", method_id, "payment_method")
    if "metadata" in p:
        method["metadata"] = merge_metadata(method["metadata"], p["metadata"])
    if "billing_details" in p:
        method["billing_details"] = method["billing_details"] | p["billing_details"]
    if "allow_redisplay" in p:
        method["allow_redisplay"] = p["allow_redisplay"]
    for field in ("exp_month", "exp_year"):
        if field in (p.get("card") or {}):
            method["card"][field] = p["card"][field]
    w.change(method, "payment_method.updated")
    return method


def attach_operation(w: World, p: Obj, method_id: str) -> Obj:
    """POST …/attach."""
    method = materialise_path(w, method_id)
    customer = w.given("customer", p["customer"], "customer")
    return attach(w, method, customer["id"])


def materialise_path(w: World, method_id: str) -> Obj:
    """The method named in a path, which may be a test token too."""
    token = cards.BY_TOKEN.get(method_id)
    return new_method(w, token) if token else w.named("payment_method", method_id, "payment_method")


def detach(w: World, _p: Obj, method_id: str) -> Obj:
    """Take the method from its customer, for ever. Subscriptions that name it keep naming it."""
    method = w.named("payment_method", method_id, "payment_method")
    if method["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise InvalidRequest(message, param="payment_method")
    customer = w.load("customer", method["customer"])
    method["customer"] = None
    w.store.put_private(method_id, w.store.private(method_id) | {"detached": True})
    w.change(method, "payment_method.detached")
    if customer["invoice_settings"]["default_payment_method"] == method_id:
        customer["invoice_settings"]["default_payment_method"] = None
        w.change(customer, "customer.updated")
    return method


def list_methods(w: World, p: Obj) -> Obj:
    """Methods of a customer."""
    by = {"customer": "customer", "type": "type", "allow_redisplay": "allow_redisplay"}
    return listed(w, "payment_method", p, by=by, url="/v1/payment_methods")


def _card_hash(card: cards.Card, expires: tuple[int, int]) -> Obj:
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": card.brand,
        "exp_month": expires[0],
        "exp_year": expires[1],
        "fingerprint": card.fingerprint,
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


OPERATIONS = (
    Operation(
        "POST",
        "/v1/payment_methods",
        create,
        {
            "type": _TYPES,
            "card": _CARD,
            "us_bank_account": LOOSE,
            "sepa_debit": LOOSE,
            "billing_details": LOOSE,
            "metadata": Metadata(),
            "allow_redisplay": _REDISPLAY,
        },
    ),
    Operation(
        "GET",
        "/v1/payment_methods",
        list_methods,
        {**PAGE, "customer": TEXT, "type": _TYPES, "allow_redisplay": _REDISPLAY},
    ),
    Operation("GET", "/v1/payment_methods/{payment_method}", retrieve("payment_method", "payment_method")),
    Operation(
        "POST",
        "/v1/payment_methods/{payment_method}",
        update,
        {
            "billing_details": LOOSE,
            "metadata": Metadata(),
            "allow_redisplay": _REDISPLAY,
            "card": Hash({"exp_month": INT, "exp_year": INT}),
        },
    ),
    Operation(
        "POST", "/v1/payment_methods/{payment_method}/attach", attach_operation, {"customer": TEXT}, ("customer",)
    ),
    Operation("POST", "/v1/payment_methods/{payment_method}/detach", detach),
)
