"""Refunds: back to the method that paid, in parts or whole; some take days, and some fail after all."""

from billing_sandbox.engine import balance
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.money import require_whole_units
from billing_sandbox.engine.objects import DAY, Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import BOOL, CURRENCY, TEXT, Int, Metadata, TimeFilter, words
from billing_sandbox.engine.payment_methods import behaviour
from billing_sandbox.engine.world import World

_SETTLE_DAYS = 3


def create(w: World, p: Obj) -> Obj:
    """Give back what is left of a charge, or part of it."""
    if ("payment_intent" in p) == ("charge" in p):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise InvalidParam(message, param="payment_intent")
    charge = _charge(w, p)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = p.get("amount", left)
    _require_refundable(w, charge, amount, left)
    method = w.load("payment_method", charge["payment_method"])
    card = behaviour(w, charge["payment_method"])
    slow = card.refund == "pending" or bool(card.delayed)
    refund: Obj = {
        "id": w.new_id("re_" if method["type"] == "card" else "pyr_"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": w.now,
        "currency": charge["currency"],
        "destination_details": _destination(method, slow=slow),
        "metadata": merge_metadata({}, p.get("metadata", {})),
        "payment_intent": charge["payment_intent"],
        "reason": p.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if slow else "succeeded",
        "transfer_reversal": None,
    }
    if slow:
        refund["pending_reason"] = "processing"
    refund["balance_transaction"] = balance.book(w, "refund", refund, -amount)
    w.insert(refund, "refund.created")
    charge |= {"amount_refunded": charge["amount_refunded"] + amount}
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if p.get("reason") == "fraudulent":
        charge["fraud_details"] = {"user_report": "fraudulent"}
    w.change(charge, "charge.refunded")
    w.emit("charge.refund.updated", refund)
    if slow:
        w.schedule(w.now + _SETTLE_DAYS * DAY, "settle_refund", refund["id"])
    elif card.refund == "fails":
        w.schedule(w.now + _SETTLE_DAYS * DAY, "fail_refund", refund["id"])
    return refund


def settle(w: World, refund_id: str) -> None:
    """A pending refund arrives."""
    refund = w.load("refund", refund_id)
    if refund["status"] == "pending":
        refund["status"] = "succeeded"
        refund.pop("pending_reason", None)
        _tell(w, refund)


def fail(w: World, refund: Obj, reason: str = "lost_or_stolen_card") -> Obj:
    """The money comes back to the account's balance, days later.

    Raises:
        InvalidRequest: It has failed or been canceled already.
    """
    if refund["status"] in {"failed", "canceled"}:
        message = f"This refund is {refund['status']} already."
        raise InvalidRequest(message)
    refund |= {"status": "failed", "failure_reason": reason}
    refund.pop("pending_reason", None)
    refund["failure_balance_transaction"] = balance.book(w, "refund_failure", refund, refund["amount"])
    _take_back(w, refund)
    _tell(w, refund)
    w.emit("refund.failed", refund)
    return refund


def fail_by_id(w: World, refund_id: str) -> None:
    """The timer of a test card whose refunds fail."""
    refund = w.load("refund", refund_id)
    if refund["status"] not in {"failed", "canceled"}:
        fail(w, refund)


def update(w: World, p: Obj, refund_id: str) -> Obj:
    """Change the metadata."""
    refund = w.named("refund", refund_id, "refund")
    if "metadata" in p:
        refund["metadata"] = merge_metadata(refund["metadata"], p["metadata"])
    _tell(w, refund)
    return refund


def cancel(w: World, _p: Obj, refund_id: str) -> Obj:
    """Take back a refund that waits for the customer."""
    refund = w.named("refund", refund_id, "refund")
    if refund["status"] != "requires_action":
        message = f"Refunds with status {refund['status']} cannot be canceled: only `requires_action` ones can."
        raise InvalidRequest(message)
    refund["status"] = "canceled"
    _take_back(w, refund)
    _tell(w, refund)
    return refund


def list_refunds(w: World, p: Obj) -> Obj:
    """Refunds by charge or intent."""
    by = {"charge": "charge", "payment_intent": "payment_intent"}
    return listed(w, "refund", p, by=by, url="/v1/refunds")


def _tell(w: World, refund: Obj) -> None:
    previous = w.change(refund, "refund.updated")
    if previous:
        w.emit("charge.refund.updated", refund, previous)


def _take_back(w: World, refund: Obj) -> None:
    charge = w.load("charge", refund["charge"])
    charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
    w.change(charge, "charge.updated")


def _charge(w: World, p: Obj) -> Obj:
    if "charge" in p:
        return w.given("charge", p["charge"], "charge")
    intent = w.given("payment_intent", p["payment_intent"], "payment_intent")
    if intent["latest_charge"] is None or intent["status"] not in {"succeeded", "processing"}:
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise InvalidRequest(message, param="payment_intent", code="payment_intent_unexpected_state")
    return w.load("charge", intent["latest_charge"])


def _require_refundable(w: World, charge: Obj, amount: int, left: int) -> None:
    if charge["status"] != "succeeded":
        message = f"Charge {charge['id']} has not succeeded and cannot be refunded."
        raise InvalidRequest(message, code="charge_not_refundable")
    for dispute_id in w.store.select("dispute", "charge", charge["id"]):
        if not w.load("dispute", dispute_id)["is_charge_refundable"]:
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise InvalidRequest(message, code="charge_disputed")
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise InvalidRequest(message, code="charge_already_refunded")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})."
        raise InvalidRequest(message, param="amount")
    require_whole_units(amount, charge["currency"])


def _destination(method: Obj, *, slow: bool) -> Obj:
    if method["type"] != "card":
        return {"type": "us_bank_transfer", "us_bank_transfer": {"reference": None, "reference_status": "pending"}}
    reference = {"reference_status": "pending", "reference_type": "acquirer_reference_number"}
    return {"type": "card", "card": {"type": "pending" if slow else "refund"} | reference}


OPERATIONS = (
    Operation(
        "POST",
        "/v1/refunds",
        create,
        {
            "amount": Int(least=1),
            "charge": TEXT,
            "currency": CURRENCY,
            "instructions_email": TEXT,
            "metadata": Metadata(),
            "payment_intent": TEXT,
            "reason": words("duplicate", "fraudulent", "requested_by_customer"),
            "refund_application_fee": BOOL,
            "reverse_transfer": BOOL,
        },
    ),
    Operation(
        "GET",
        "/v1/refunds",
        list_refunds,
        {**PAGE, "charge": TEXT, "payment_intent": TEXT, "created": TimeFilter()},
    ),
    Operation("GET", "/v1/refunds/{refund}", retrieve("refund", "refund")),
    Operation("POST", "/v1/refunds/{refund}", update, {"metadata": Metadata()}),
    Operation("POST", "/v1/refunds/{refund}/cancel", cancel),
)
