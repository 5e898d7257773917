"""`expand[]`: ids replaced by their objects, at most four levels deep, and the fields that only come when asked for."""

from collections.abc import Callable

from billing_sandbox.engine.checkout import line_items
from billing_sandbox.engine.errors import InvalidRequest
from billing_sandbox.engine.invoices import intent_of
from billing_sandbox.engine.objects import Obj, list_object
from billing_sandbox.engine.world import World

_MAX_LEVELS = 4
_EXPANDABLE: dict[str, frozenset[str]] = {
    "balance_transaction": frozenset({"source"}),
    "billing_portal.session": frozenset({"configuration"}),
    "charge": frozenset({"balance_transaction", "customer", "failure_balance_transaction", "payment_intent", "review"}),
    "checkout.session": frozenset({"customer", "invoice", "payment_intent", "setup_intent", "subscription"}),
    "customer": frozenset({"default_source", "test_clock"}),
    "discount": frozenset({"customer", "promotion_code"}),
    "dispute": frozenset({"charge", "payment_intent"}),
    "invoice": frozenset({"customer", "default_payment_method", "discounts", "test_clock"}),
    "invoice_payment": frozenset({"invoice"}),
    "invoiceitem": frozenset({"customer", "discounts", "invoice", "test_clock"}),
    "line_item": frozenset({"discounts", "subscription"}),
    "payment_intent": frozenset({"customer", "latest_charge", "payment_method", "review"}),
    "payment_method": frozenset({"customer"}),
    "plan": frozenset({"product"}),
    "price": frozenset({"product"}),
    "product": frozenset({"default_price"}),
    "promotion_code": frozenset({"customer"}),
    "refund": frozenset({"balance_transaction", "charge", "failure_balance_transaction", "payment_intent"}),
    "setup_intent": frozenset({"customer", "latest_attempt", "mandate", "payment_method"}),
    "subscription": frozenset(
        {
            "customer", "default_payment_method", "discounts", "latest_invoice", "pending_setup_intent", "schedule",
            "test_clock",
        }
    ),
    "subscription_item": frozenset({"discounts"}),
    "subscription_schedule": frozenset({"customer", "subscription", "test_clock"}),
    # hashes inside objects, by the names that lead to them
    "credited": frozenset(),
    "invoice_payment.payment": frozenset({"payment_intent", "charge"}),
    "parent.subscription_details": frozenset({"subscription"}),
    "pricing.price_details": frozenset({"price"}),
    "source": frozenset({"coupon"}),
    "promotion": frozenset({"coupon"}),
    "discount_amounts": frozenset({"discount"}),
    "total_discount_amounts": frozenset({"discount"}),
    "invoice_settings": frozenset({"default_payment_method"}),
    "default_settings": frozenset({"default_payment_method"}),
    "phases.items": frozenset({"price", "plan"}),
}  # fmt: skip


def _payments(w: World, invoice: Obj) -> Obj:
    found = [w.load("invoice_payment", i) for i in w.store.select("invoice_payment", "invoice", invoice["id"])]
    return list_object(found[::-1], "/v1/invoice_payments")


def _confirmation_secret(w: World, invoice: Obj) -> Obj | None:
    intent = intent_of(w, invoice)
    return {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None


def _refunds(w: World, charge: Obj) -> Obj:
    found = [w.load("refund", i) for i in w.store.select("refund", "charge", charge["id"])]
    return list_object(found[::-1], f"/v1/charges/{charge['id']}/refunds")


def _subscriptions(w: World, customer: Obj) -> Obj:
    found = [w.load("subscription", i) for i in w.store.select("subscription", "customer", customer["id"])]
    live = [subscription for subscription in found if subscription["status"] not in {"canceled", "incomplete_expired"}]
    return list_object(live[::-1], f"/v1/customers/{customer['id']}/subscriptions")


_INCLUDABLE: dict[tuple[str, str], Callable[[World, Obj], Obj | None]] = {
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("charge", "refunds"): _refunds,
    ("customer", "subscriptions"): _subscriptions,
    ("checkout.session", "line_items"): lambda w, session: line_items(w, session["id"]),
}


def expand(w: World, answer: Obj, paths: list[str]) -> Obj:
    """The answer with every path in it expanded.

    Raises:
        InvalidRequest: A path is too deep, or names what cannot be expanded.
    """
    for path in paths:
        steps = path.split(".")
        if len(steps) > _MAX_LEVELS:
            message = f"You cannot expand more than {_MAX_LEVELS} levels of a property: {path}"
            raise InvalidRequest(message, param="expand")
        _walk(w, answer, steps, path, str(answer.get("object", "")))
    return answer


def _walk(w: World, node: Obj, steps: list[str], path: str, kind: str) -> None:
    name, rest = steps[0], steps[1:]
    kind = str(node.get("object", kind))
    include = _INCLUDABLE.get((kind, name))
    if include and not isinstance(node.get(name), dict):
        node[name] = include(w, node)
    elif name in _EXPANDABLE.get(kind, ()):
        node[name] = _loaded(w, node.get(name))
    elif (not rest and not isinstance(node.get(name), dict | list)) or name not in node:
        raise _refused(path)
    if rest:
        for child in _children(node.get(name)):
            _walk(w, child, rest, path, _kind_inside(kind, name))


def _children(value: object) -> list[Obj]:
    if isinstance(value, dict):
        return [value]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _kind_inside(kind: str, name: str) -> str:
    for candidate in (f"{kind}.{name}", name):
        if candidate in _EXPANDABLE:
            return candidate
    return kind if name == "data" else name


def _loaded(w: World, value: object) -> object:
    if isinstance(value, list):
        return [_loaded(w, entry) for entry in value]
    if not isinstance(value, str):
        return value
    kind = w.store.kind_of(value)
    return w.load(kind, value) if kind else value


def _refused(path: str) -> InvalidRequest:
    message = f"This property cannot be expanded ({path})."
    return InvalidRequest(message, param="expand")
