"""Disputes: the customer's bank takes the money back, and somebody decides who keeps it."""

from billing_sandbox.engine import balance
from billing_sandbox.engine.errors import InvalidRequest
from billing_sandbox.engine.invoices import invoice_of, subscription_of
from billing_sandbox.engine.objects import DAY, Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import BOOL, LOOSE, TEXT, Metadata, TimeFilter
from billing_sandbox.engine.payment_methods import behaviour
from billing_sandbox.engine.subscription_end import ENDED, end_now
from billing_sandbox.engine.world import World

RESPONSE_DAYS = 7
REVIEW_DAYS = 60
_CLOSED = {"won", "lost", "warning_closed", "prevented"}
_EVIDENCE_FIELDS = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def open_dispute(
    w: World, charge: Obj, *, reason: str = "fraudulent", amount: int | None = None, inquiry: bool = False
) -> Obj:
    """A dispute of this charge; unless it is only an inquiry, the money is withdrawn at once.

    Raises:
        InvalidRequest: The charge did not succeed, or is disputed already.
    """
    if charge["status"] != "succeeded" or charge["disputed"]:
        message = f"Charge {charge['id']} cannot be disputed: it must have succeeded and not be disputed yet."
        raise InvalidRequest(message)
    dispute: Obj = {
        "id": w.new_id("du_"),
        "object": "dispute",
        "amount": amount or charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": w.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(_EVIDENCE_FIELDS) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": w.now + RESPONSE_DAYS * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": "visa",
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": "visa",
                "network_reason_code": "10.4",
            },
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    w.change(charge | {"disputed": True})
    w.insert(dispute, "charge.dispute.created")
    if not inquiry:
        _withdraw(w, dispute)
        _cancel_subscription(w, charge)
    w.emit("charge.updated", w.load("charge", charge["id"]), {"disputed": False})
    w.schedule(dispute["evidence_details"]["due_by"], "dispute_due", dispute["id"])
    return dispute


def dispute_by_card(w: World, charge_id: str) -> None:
    """The timer of a test card whose charges are disputed by themselves."""
    charge = w.load("charge", charge_id)
    reason = behaviour(w, charge["payment_method"]).dispute or "fraudulent"
    inquiry = reason == "inquiry"
    open_dispute(w, charge, reason="general" if inquiry else reason, inquiry=inquiry)


def decide(w: World, dispute: Obj, outcome: str) -> Obj:
    """Close the dispute: `won` (the money returns) or `lost` (it does not). An inquiry just closes.

    Raises:
        InvalidRequest: It is closed already.
    """
    if dispute["status"] in _CLOSED:
        message = f"This dispute is {dispute['status']} already."
        raise InvalidRequest(message)
    inquiry = dispute["status"].startswith("warning")
    dispute["status"] = "warning_closed" if inquiry else outcome
    dispute["is_charge_refundable"] = inquiry
    if outcome == "won" and not inquiry:
        book = balance.book(w, "dispute_reversal", dispute, dispute["amount"])
        dispute["balance_transactions"].append(w.load("balance_transaction", book))
    w.change(dispute)
    if outcome == "won" and not inquiry:
        w.emit("charge.dispute.funds_reinstated", dispute)
    w.emit("charge.dispute.closed", dispute)
    return dispute


def due(w: World, dispute_id: str) -> None:
    """The time to respond is over: unanswered disputes are lost, inquiries closed; answered ones wait for review."""
    dispute = w.load("dispute", dispute_id)
    if dispute["status"] in {"needs_response", "warning_needs_response"}:
        dispute["evidence_details"]["past_due"] = True
        decide(w, dispute, "lost")


def review(w: World, dispute_id: str) -> None:
    """The bank has read the evidence. What it says decides: `winning_evidence` wins, anything else loses."""
    dispute = w.load("dispute", dispute_id)
    if dispute["status"] in {"under_review", "warning_under_review"}:
        decide(w, dispute, "won" if dispute["evidence"]["uncategorized_text"] == "winning_evidence" else "lost")


def update(w: World, p: Obj, dispute_id: str) -> Obj:
    """Write evidence; unless `submit` is false it goes to the bank."""
    dispute = w.named("dispute", dispute_id, "dispute")
    if "metadata" in p:
        dispute["metadata"] = merge_metadata(dispute["metadata"], p["metadata"])
    if "evidence" in p:
        if dispute["status"] in _CLOSED:
            message = "This dispute is already closed."
            raise InvalidRequest(message, param="evidence")
        dispute["evidence"] = dispute["evidence"] | p["evidence"]
        dispute["evidence_details"]["has_evidence"] = True
        if p.get("submit", True):
            details = dispute["evidence_details"]
            details |= {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
            dispute["status"] = "warning_under_review" if dispute["status"].startswith("warning") else "under_review"
            w.schedule(w.now + REVIEW_DAYS * DAY, "dispute_review", dispute_id)
    w.change(dispute, "charge.dispute.updated")
    return dispute


def close(w: World, _p: Obj, dispute_id: str) -> Obj:
    """Concede."""
    return decide(w, w.named("dispute", dispute_id, "dispute"), "lost")


def list_disputes(w: World, p: Obj) -> Obj:
    """Disputes by charge or intent."""
    by = {"charge": "charge", "payment_intent": "payment_intent"}
    return listed(w, "dispute", p, by=by, url="/v1/disputes")


def _withdraw(w: World, dispute: Obj) -> None:
    book = balance.book(w, "dispute", dispute, -dispute["amount"])
    dispute["balance_transactions"].append(w.load("balance_transaction", book))
    w.change(dispute)
    w.emit("charge.dispute.funds_withdrawn", dispute)


def _cancel_subscription(w: World, charge: Obj) -> None:
    invoice = invoice_of(w, charge["payment_intent"]) if w.settings.cancel_on_dispute else None
    subscription = subscription_of(w, invoice) if invoice else None
    if subscription is not None and subscription["status"] not in ENDED:
        end_now(w, subscription, reason="payment_disputed")


OPERATIONS = (
    Operation(
        "GET",
        "/v1/disputes",
        list_disputes,
        {**PAGE, "charge": TEXT, "payment_intent": TEXT, "created": TimeFilter()},
    ),
    Operation("GET", "/v1/disputes/{dispute}", retrieve("dispute", "dispute")),
    Operation("POST", "/v1/disputes/{dispute}", update, {"evidence": LOOSE, "metadata": Metadata(), "submit": BOOL}),
    Operation("POST", "/v1/disputes/{dispute}/close", close),
)
