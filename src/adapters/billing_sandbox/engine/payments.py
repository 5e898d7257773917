"""How money is taken: payment intents are confirmed with a method, and each try leaves a charge."""

from datetime import UTC, datetime

from billing_sandbox.engine import balance, cards
from billing_sandbox.engine.objects import ACCOUNT_CONTROLS, DAY, Obj
from billing_sandbox.engine.payment_methods import behaviour
from billing_sandbox.engine.world import World

DELAYED_DAYS = 3
_CARD_SHOWN = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
_ACCOUNT_SHOWN = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
_NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def new_intent(w: World, *, amount: int, currency: str, customer: str | None, **fields: object) -> Obj:
    """A payment intent that waits for a payment method."""
    intent_id = w.new_id("pi_")
    intent: Obj = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{w.ids.text(25)}",
        "confirmation_method": "automatic",
        "created": w.now,
        "currency": currency,
        "customer": customer,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card", "us_bank_account"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    intent.update({name: value for name, value in fields.items() if value is not None})
    return w.insert(intent, "payment_intent.created")


def confirm(w: World, intent: Obj, method: Obj, *, off_session: bool = False, authenticated: bool = False) -> Obj:
    """Try to take the money with this method. The answer's `status` tells how it went; every try leaves its events."""
    card = behaviour(w, method["id"])
    intent = intent | {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    refused = _refusal(w, intent, method, card)
    if card.delayed:
        return _start_processing(w, intent, method)
    if _needs_authentication(w, card, method, off_session=off_session) and not authenticated:
        intent["status"] = "requires_action"
        intent["next_action"] = _authentication(w, intent)
        w.change(intent)
        w.emit("payment_intent.requires_action", intent)
        return intent
    if refused:
        return fail(w, intent, method, refused)
    return succeed(w, intent, method)


def succeed(w: World, intent: Obj, method: Obj, charge: Obj | None = None) -> Obj:
    """The money is taken (or, with manual capture, reserved)."""
    reserved = intent["capture_method"] == "manual"
    charge = charge or _new_charge(w, intent, method)
    charge |= {"status": "succeeded", "paid": True, "captured": not reserved, "outcome": _outcome(None)}
    charge["amount_captured"] = 0 if reserved else intent["amount"]
    if not reserved:
        charge["balance_transaction"] = balance.book(w, "charge", charge, charge["amount"])
    w.store.put(charge)
    w.emit("charge.succeeded", charge)
    intent["latest_charge"] = charge["id"]
    intent["processing"] = None
    if reserved:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        w.change(intent)
        w.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    w.change(intent)
    w.emit("payment_intent.succeeded", intent)
    if behaviour(w, method["id"]).dispute:
        w.schedule(w.now, "dispute_charge", charge["id"])
    return intent


def fail(w: World, intent: Obj, method: Obj, code: str, charge: Obj | None = None) -> Obj:
    """The method is refused: a failed charge, an intent that waits for another method."""
    error = cards.decline(code)
    charge = charge or _new_charge(w, intent, method)
    charge |= {
        "status": "failed",
        "failure_code": error["code"],
        "failure_message": error["message"],
        "outcome": _outcome(error),
    }
    w.store.put(charge)
    w.emit("charge.failed", charge)
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "processing": None,
        "latest_charge": charge["id"],
        "last_payment_error": {"type": "card_error", "charge": charge["id"], "payment_method": method} | error,
    }
    w.change(intent)
    w.emit("payment_intent.payment_failed", intent)
    return intent


def settle(w: World, intent: Obj, *, succeeds: bool) -> Obj:
    """The end of a delayed payment, days after it began."""
    charge = w.load("charge", intent["latest_charge"])
    method = w.load("payment_method", intent["payment_method"])
    if succeeds:
        return succeed(w, intent, method, charge)
    return fail(w, intent, method, "account_closed", charge)


def capture(w: World, intent: Obj, amount: int) -> Obj:
    """Take (part of) an amount that was reserved."""
    charge = w.load("charge", intent["latest_charge"])
    charge |= {"captured": True, "amount_captured": amount}
    charge["balance_transaction"] = balance.book(w, "charge", charge, amount)
    w.change(charge)
    w.emit("charge.captured", charge)
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    w.change(intent)
    w.emit("payment_intent.succeeded", intent)
    return intent


def cancel(w: World, intent: Obj, reason: str | None) -> Obj:
    """Give up on an intent that has not succeeded."""
    intent |= {
        "status": "canceled",
        "canceled_at": w.now,
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    w.change(intent)
    w.emit("payment_intent.canceled", intent)
    return intent


def fail_next_payments(w: World, customer: str | None, code: str, times: int) -> None:
    """Have the next `times` payments (of this customer, or of anybody) refused with `code`."""
    notes = w.store.private(ACCOUNT_CONTROLS)
    notes[customer or "*"] = {"code": code, "times": times}
    w.store.put_private(ACCOUNT_CONTROLS, notes)


def _refusal(w: World, intent: Obj, method: Obj, card: cards.Card) -> str | None:
    notes = w.store.private(ACCOUNT_CONTROLS)
    for key in (intent["customer"] or "*", "*"):
        if notes.get(key, {}).get("times", 0) > 0:
            notes[key]["times"] -= 1
            w.store.put_lasting(ACCOUNT_CONTROLS, notes)
            return str(notes[key]["code"])
    if card.charge_decline:
        return card.charge_decline
    if "card" in method:
        today = datetime.fromtimestamp(w.now, UTC)
        if (method["card"]["exp_year"], method["card"]["exp_month"]) < (today.year, today.month):
            return "expired_card"
    return None


def _needs_authentication(w: World, card: cards.Card, method: Obj, *, off_session: bool) -> bool:
    if card.authentication == "always":
        return True
    set_up = off_session and w.store.private(method["id"]).get("set_up", False)
    return card.authentication == "unless_set_up" and not set_up


def _start_processing(w: World, intent: Obj, method: Obj) -> Obj:
    charge = _new_charge(w, intent, method) | {"status": "pending"}
    w.store.put(charge)
    intent |= {"status": "processing", "latest_charge": charge["id"]}
    w.change(intent)
    w.emit("payment_intent.processing", intent)
    w.emit("charge.pending", charge)
    w.schedule(w.now + DELAYED_DAYS * DAY, "settle_payment", intent["id"])
    return intent


def _authentication(w: World, intent: Obj) -> Obj:
    url = f"{w.public_url}/c/authenticate/{intent['id']}?client_secret={intent['client_secret']}"
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": url}}


def _outcome(error: Obj | None) -> Obj:
    return {
        "advice_code": error["advice_code"] if error else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if error else "approved_by_network",
        "reason": (error["decline_code"] or error["code"]) if error else None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank did not return any further details with this decline."
        if error
        else "Payment complete.",
        "type": "issuer_declined" if error else "authorized",
    }


def _new_charge(w: World, intent: Obj, method: Obj) -> Obj:
    charge_id = w.new_id("ch_" if "card" in method else "py_")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"] | {"address": method["billing_details"]["address"] or _NO_ADDRESS},
        "calculated_statement_descriptor": "SANDBOX",
        "captured": False,
        "created": w.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _method_details(method),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{w.public_url}/receipts/{charge_id}",
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    }


def _method_details(method: Obj) -> Obj:
    if "card" not in method:
        account = method["us_bank_account"]
        details = {name: account[name] for name in _ACCOUNT_SHOWN} | {"mandate": None}
        return {"type": "us_bank_account", "us_bank_account": details}
    card = method["card"]
    details = {name: card[name] for name in _CARD_SHOWN}
    unused = {"installments": None, "mandate": None, "three_d_secure": None}
    return {"type": "card", "card": details | {"network": card["brand"]} | unused}
