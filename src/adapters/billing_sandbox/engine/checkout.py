"""Checkout sessions: what is for sale, on what terms, and until when."""

from billing_sandbox.engine.catalogue import new_price
from billing_sandbox.engine.discounts import amounts_off, choose
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.money import require_currency
from billing_sandbox.engine.objects import DAY, HOUR, MINUTE, Obj, list_object, merge_metadata
from billing_sandbox.engine.payment_intents import require_minimum
from billing_sandbox.engine.payment_methods import offered_types
from billing_sandbox.engine.world import World

_SHORTEST = 30 * MINUTE
_LONGEST = 24 * HOUR
_TRIAL_END_LEAST = 48 * HOUR
_BELONGS_TO = {
    "subscription_data": "subscription",
    "payment_intent_data": "payment",
    "setup_intent_data": "setup",
    "invoice_creation": "payment",
    "customer_creation": "payment",
}


def create(w: World, p: Obj) -> Obj:
    """An open session with its page. Nothing else comes into being until somebody completes it."""
    mode = p["mode"]
    _require_consistent(w, p, mode)
    if "customer" in p:
        w.given("customer", p["customer"], "customer")
    lines = [_line(w, entry, n, mode) for n, entry in enumerate(p.get("line_items", []))]
    currency = _currency(lines, p)
    session_id = w.new_id("cs_test_")
    session = _blank(w, session_id, p) | {"currency": currency}
    chosen = [choose(w, asked, p.get("customer")) for asked in p.get("discounts", [])]
    session["discounts"] = [
        {"coupon": None if c.promotion_code else c.coupon["id"], "promotion_code": c.promotion_code} for c in chosen
    ]
    _price_up(session, lines, [c.coupon for c in chosen], trial=_has_trial(p.get("subscription_data", {})))
    if mode == "payment" and session["amount_total"]:
        require_minimum(session["amount_total"], str(currency))
    kept = ("payment_intent_data", "subscription_data", "setup_intent_data", "line_items", "customer_update")
    notes = {name: p[name] for name in kept if name in p}
    w.store.put_private(session_id, notes | {"lines": lines})
    w.insert(session)
    w.schedule(session["expires_at"], "expire_session", session_id)
    return session


def update(w: World, p: Obj, session_id: str) -> Obj:
    """Change the metadata."""
    session = w.named("checkout.session", session_id, "session")
    if "metadata" in p:
        session["metadata"] = merge_metadata(session["metadata"], p["metadata"])
    w.change(session)
    return session


def expire(w: World, _p: Obj, session_id: str) -> Obj:
    """Close an open session."""
    session = w.named("checkout.session", session_id, "session")
    if session["status"] != "open":
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}."
        )
        raise InvalidRequest(message)
    session |= {"status": "expired", "url": None, "expires_at": min(session["expires_at"], w.now)}
    w.change(session)
    w.emit("checkout.session.expired", session)
    return session


def expire_by_clock(w: World, session_id: str) -> None:
    """The timer of a session that nobody completed."""
    session = w.load("checkout.session", session_id)
    if session["status"] == "open" and session["expires_at"] <= w.now:
        expire(w, {}, session_id)


def lines_of(w: World, session_id: str) -> list[Obj]:
    """The line items of a session."""
    lines: list[Obj] = w.store.private(session_id)["lines"]
    return lines


def apply_code(w: World, session: Obj, code: Obj) -> Obj:
    """Put a promotion code on an open session, in place of any discount before."""
    lines = lines_of(w, session["id"])
    session["discounts"] = [{"coupon": None, "promotion_code": code["id"]}]
    trial = trial_end(w, session) is not None
    _price_up(session, lines, [w.load("coupon", code["promotion"]["coupon"])], trial=trial)
    w.store.put_private(session["id"], w.store.private(session["id"]) | {"lines": lines})
    w.change(session)
    return session


def coupons_of(w: World, session: Obj) -> list[Obj]:
    """The coupons that a session's discounts come from."""
    return [
        w.load("coupon", d["coupon"] or w.load("promotion_code", d["promotion_code"])["promotion"]["coupon"])
        for d in session["discounts"]
    ]


def trial_end(w: World, session: Obj) -> int | None:
    """When the trial would end if the session were completed now."""
    data = w.store.private(session["id"]).get("subscription_data", {})
    if "trial_period_days" in data:
        return w.now + int(data["trial_period_days"]) * DAY
    return int(data["trial_end"]) if "trial_end" in data else None


def due_now(session: Obj) -> int:
    """What is to be paid on completing the session, in minor units; a trial costs nothing yet."""
    if session["mode"] == "setup":
        return 0
    return int(session["amount_total"])


def _has_trial(data: Obj) -> bool:
    return "trial_period_days" in data or "trial_end" in data


def _price_up(session: Obj, lines: list[Obj], coupons: list[Obj], *, trial: bool) -> None:
    for line in lines:
        line["amount_discount"] = 0
    for coupon in coupons:
        parts = amounts_off(
            coupon, [line["amount_subtotal"] - line["amount_discount"] for line in lines], session["currency"]
        )
        for line, part in zip(lines, parts, strict=True):
            line["amount_discount"] += part
    for line in lines:
        line["amount_total"] = line["amount_subtotal"] - line["amount_discount"]
    if session["mode"] == "setup":
        return
    due = [line for line in lines if not (trial and line["price"]["type"] == "recurring")]
    off = sum(line["amount_discount"] for line in due)
    session |= {
        "amount_subtotal": sum(line["amount_subtotal"] for line in due),
        "amount_total": sum(line["amount_total"] for line in due),
        "total_details": {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0},
    }


def _require_compatible(p: Obj) -> None:
    if "customer" in p and "customer_email" in p:
        message = "You may only specify one of these parameters: customer, customer_email."
        raise InvalidParam(message, param="customer")
    if "discounts" in p and p.get("allow_promotion_codes"):
        message = "You may only specify one of these parameters: allow_promotion_codes, discounts."
        raise InvalidParam(message, param="allow_promotion_codes")


def _require_consistent(w: World, p: Obj, mode: str) -> None:
    _require_compatible(p)
    if mode in {"payment", "subscription"} and not p.get("line_items"):
        message = f"Missing required param: line_items. You must pass `line_items` in `{mode}` mode."
        raise InvalidParam(message, param="line_items", code="parameter_missing")
    if mode == "setup" and p.get("line_items"):
        message = "You can not pass `line_items` in `setup` mode."
        raise InvalidParam(message, param="line_items")
    if mode == "setup" and "currency" not in p and "allowed_payment_method_types" not in p:
        message = "Missing required param: currency. It is needed in `setup` mode with dynamic payment methods."
        raise InvalidParam(message, param="currency", code="parameter_missing")
    if p.get("ui_mode", "hosted_page") == "hosted_page" and "success_url" not in p:
        message = "Missing required param: success_url."
        raise InvalidParam(message, param="success_url", code="parameter_missing")
    for name, owner in _BELONGS_TO.items():
        if name in p and mode != owner:
            message = f"You can not pass `{name}` in `{mode}` mode."
            raise InvalidParam(message, param=name)
    expires = p.get("expires_at")
    if expires is not None and not _SHORTEST <= expires - w.now <= _LONGEST:
        message = "The `expires_at` timestamp must be 30 minutes to 24 hours from Checkout Session creation."
        raise InvalidParam(message, param="expires_at")
    trial = p.get("subscription_data", {}).get("trial_end")
    if trial is not None and trial < w.now + _TRIAL_END_LEAST:
        message = "The `trial_end` date has to be at least 2 days in the future."
        raise InvalidParam(message, param="subscription_data[trial_end]")


def _line(w: World, entry: Obj, n: int, mode: str) -> Obj:
    where = f"line_items[{n}]"
    if ("price" in entry) == ("price_data" in entry):
        message = f"You must specify either `price` or `price_data` in {where}."
        raise InvalidParam(message, param=f"{where}[price]")
    if "price_data" in entry:
        price = new_price(w, entry["price_data"] | {"active": False})
    else:
        price = w.given("price", entry["price"], f"{where}[price]")
        if not price["active"]:
            message = "The price specified is inactive. This field only accepts active prices."
            raise InvalidRequest(message, param=f"{where}[price]")
    if mode == "payment" and price["type"] == "recurring":
        message = (
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
            "only one-time prices."
        )
        raise InvalidRequest(message, param="mode")
    if "quantity" not in entry:
        message = f"Missing required param: {where}[quantity]."
        raise InvalidParam(message, param=f"{where}[quantity]", code="parameter_missing")
    amount = (price["unit_amount"] or 0) * entry["quantity"]
    product = w.load("product", price["product"])
    return {
        "id": w.new_id("li_"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": merge_metadata({}, entry.get("metadata", {})),
        "price": price,
        "quantity": entry["quantity"],
    }


def _currency(lines: list[Obj], p: Obj) -> str | None:
    used = {line["currency"] for line in lines}
    if len(used) > 1:
        message = "All line items must use the same currency."
        raise InvalidRequest(message, param="line_items")
    if p["mode"] == "subscription" and not any(line["price"]["type"] == "recurring" for line in lines):
        message = "You must provide at least one recurring price in `subscription` mode when using prices."
        raise InvalidRequest(message, param="mode")
    return used.pop() if used else (require_currency(p["currency"]) if "currency" in p else None)


def _blank(w: World, session_id: str, p: Obj) -> Obj:
    mode = p["mode"]
    email = p.get("customer_email")
    details = {"address": None, "business_name": None, "email": email, "individual_name": None, "name": None}
    details |= {"phone": None, "tax_exempt": "none", "tax_ids": []}
    hosted = p.get("ui_mode", "hosted_page") == "hosted_page"
    recurring = mode == "subscription"
    return {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": p.get("allow_promotion_codes"),
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": p.get("billing_address_collection"),
        "cancel_url": p.get("cancel_url"),
        "client_reference_id": p.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": w.now,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": p.get("customer"),
        "customer_creation": p.get("customer_creation", "if_required") if mode == "payment" else None,
        "customer_details": details if email else None,
        "customer_email": email,
        "expires_at": p.get("expires_at", w.now + _LONGEST),
        "invoice": None,
        "invoice_creation": _invoice_creation(p) if mode == "payment" else None,
        "livemode": False,
        "locale": p.get("locale"),
        "metadata": merge_metadata({}, p.get("metadata", {})),
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": p.get("payment_method_collection", "always") if recurring else "always",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": offered_types(p),
        "payment_status": "unpaid" if mode != "setup" else "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": p.get("submit_type"),
        "subscription": None,
        "success_url": p.get("success_url"),
        "total_details": None,
        "ui_mode": p.get("ui_mode", "hosted_page"),
        "url": f"{w.public_url}/c/pay/{session_id}" if hosted else None,
        "wallet_options": None,
    }


def _invoice_creation(p: Obj) -> Obj:
    asked = p.get("invoice_creation") or {}
    given = asked.get("invoice_data") or {}
    names = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options")
    data = {name: given.get(name) for name in names} | {"metadata": merge_metadata({}, given.get("metadata", {}))}
    return {"enabled": asked.get("enabled", False), "invoice_data": data}


def line_items(w: World, session_id: str) -> Obj:
    """The line items as a list object, for those who ask to have them included."""
    return list_object(lines_of(w, session_id), f"/v1/checkout/sessions/{session_id}/line_items")
