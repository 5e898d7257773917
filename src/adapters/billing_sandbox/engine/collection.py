"""Collecting an invoice: the try, its success or failure, the retries, and what the subscription makes of it."""

from billing_sandbox.engine import cards, payments
from billing_sandbox.engine.errors import InvalidRequest
from billing_sandbox.engine.invoices import cancel_intent, intent_of, subscription_of
from billing_sandbox.engine.objects import DAY, Obj
from billing_sandbox.engine.subscription_end import end_now
from billing_sandbox.engine.world import World

_OWES = {"past_due", "unpaid", "incomplete"}


def method_for(w: World, invoice: Obj) -> str | None:
    """The method that pays: the invoice's own, else the subscription's default, else the customer's."""
    chosen = invoice["default_payment_method"] or (subscription_of(w, invoice) or {}).get("default_payment_method")
    if not chosen:
        chosen = w.load("customer", invoice["customer"])["invoice_settings"]["default_payment_method"]
    return str(chosen) if chosen else None


def collect(w: World, invoice: Obj, *, method_id: str | None = None, off_session: bool = True) -> Obj:
    """Try to be paid, once. Whatever happens is told by events and by the invoice that comes back."""
    if invoice["amount_due"] == 0:
        return mark_paid(w, invoice)
    method_id = method_id or method_for(w, invoice)
    intent = intent_of(w, invoice)
    if intent is None:
        message = f"invoice {invoice['id']} is open without a payment intent"
        raise LookupError(message)
    method = w.store.find("payment_method", method_id) if method_id else None
    if method is None:
        return _failed(w, invoice, hard=False)
    intent = payments.confirm(w, intent, method, off_session=off_session)
    return follow(w, invoice, intent, method)


def follow(w: World, invoice: Obj, intent: Obj, method: Obj | None) -> Obj:
    """Let the invoice follow its payment intent."""
    if intent["status"] == "succeeded":
        if invoice["parent"] and method is not None:
            _keep_method(w, invoice, method)
        return mark_paid(w, invoice, intent)
    if intent["status"] == "requires_action":
        return _action_required(w, invoice)
    if intent["status"] == "processing":
        invoice |= {"attempted": True}
        w.change(invoice, "invoice.updated")
        return invoice
    error = intent["last_payment_error"] or {}
    hard = error.get("decline_code") in cards.HARD_DECLINES
    if method is not None:
        notes = w.store.private(invoice["id"])
        w.store.put_private(invoice["id"], notes | {"refused_method": method["id"] if hard else None})
    return _failed(w, invoice, hard=hard)


def mark_paid(w: World, invoice: Obj, intent: Obj | None = None, *, out_of_band: bool = False) -> Obj:
    """The invoice is paid: by an intent, by nothing being due, or outside of Stripe."""
    if intent is not None or not out_of_band:
        invoice["amount_paid"] = invoice["amount_due"]
    invoice |= {
        "status": "paid",
        "amount_remaining": 0,
        "attempted": True,
        "attempt_count": invoice["attempt_count"] + (1 if intent else 0),
        "next_payment_attempt": None,
        "auto_advance": False,
        "status_transitions": invoice["status_transitions"] | {"paid_at": w.now},
    }
    w.change(invoice, "invoice.updated")
    w.emit("invoice.paid", invoice)
    if not out_of_band:
        w.emit("invoice.payment_succeeded", invoice)
    if intent is not None:
        _payment_paid(w, invoice, intent)
    elif out_of_band:
        cancel_intent(w, invoice)
    _subscription_paid(w, invoice, intent)
    return invoice


def void(w: World, invoice: Obj) -> Obj:
    """Declare an open invoice a mistake; what it took of the customer's balance goes back."""
    if invoice["status"] not in {"open", "uncollectible"}:
        message = "You can only pass in open or uncollectible invoices. This invoice isn't one of them."
        raise InvalidRequest(message)
    invoice |= {
        "status": "void",
        "auto_advance": False,
        "next_payment_attempt": None,
        "amount_remaining": invoice["amount_due"],
        "status_transitions": invoice["status_transitions"] | {"voided_at": w.now},
    }
    w.change(invoice, "invoice.updated")
    w.emit("invoice.voided", invoice)
    _unapply_balance(w, invoice)
    cancel_intent(w, invoice)
    return invoice


def _unapply_balance(w: World, invoice: Obj) -> None:
    taken = invoice["starting_balance"] - invoice["ending_balance"]
    if taken:
        customer = w.load("customer", invoice["customer"])
        w.change(customer | {"balance": customer["balance"] + taken}, "customer.updated")


def write_off(w: World, invoice: Obj, reason: str = "user_forgiven") -> Obj:
    """Mark an open invoice uncollectible."""
    if invoice["status"] != "open":
        message = "You can only mark open invoices as uncollectible."
        raise InvalidRequest(message)
    invoice |= {
        "status": "uncollectible",
        "auto_advance": False,
        "next_payment_attempt": None,
        "status_details": {"uncollectible": {"reason": reason}},
        "status_transitions": invoice["status_transitions"] | {"marked_uncollectible_at": w.now},
    }
    w.change(invoice, "invoice.updated")
    w.emit("invoice.marked_uncollectible", invoice)
    return invoice


def retry(w: World, invoice_id: str) -> None:
    """A retry falls due. A hard decline is not tried again with the same method; the schedule goes on."""
    invoice = w.load("invoice", invoice_id)
    if invoice["status"] != "open" or not invoice["auto_advance"] or invoice["next_payment_attempt"] != w.now:
        return
    refused = w.store.private(invoice_id).get("refused_method")
    if refused and refused == method_for(w, invoice):
        _failed(w, invoice, hard=True)
        return
    collect(w, invoice)


def collect_by_itself(w: World, invoice: Obj, wanted: bool) -> None:  # noqa: FBT001 - what the API calls auto_advance
    """Let an unpaid invoice be finalised and tried without anybody's doing from now on, or not."""
    was, invoice["auto_advance"] = invoice["auto_advance"], wanted
    if not wanted:
        invoice["next_payment_attempt"] = None
    elif was or invoice["status"] not in {"draft", "open"}:
        return
    elif invoice["status"] == "draft":
        w.schedule(w.now + w.settings.draft_seconds, "finalise_draft", invoice["id"])
    elif invoice["collection_method"] == "charge_automatically" and invoice["attempted"]:
        invoice["next_payment_attempt"] = _next_attempt(w, invoice)


def _payment_paid(w: World, invoice: Obj, intent: Obj) -> None:
    for payment_id in w.store.select("invoice_payment", "payment.payment_intent", intent["id"]):
        payment = w.load("invoice_payment", payment_id)
        payment |= {"status": "paid", "amount_paid": invoice["amount_due"]}
        payment["status_transitions"]["paid_at"] = w.now
        w.change(payment)
        w.emit("invoice_payment.paid", payment)


def _action_required(w: World, invoice: Obj) -> Obj:
    first = invoice["billing_reason"] == "subscription_create"
    if not first:
        return _failed(w, invoice, hard=False, also="invoice.payment_action_required")
    invoice |= {"attempted": True}
    w.change(invoice, "invoice.updated")
    w.emit("invoice.payment_failed", invoice)
    w.emit("invoice.payment_action_required", invoice)
    return invoice


def _failed(w: World, invoice: Obj, *, hard: bool, also: str | None = None) -> Obj:
    subscription = subscription_of(w, invoice)
    optional = w.store.private(invoice["id"]).get("pending_update", False)
    dunning = subscription is not None and subscription["status"] != "incomplete" and not optional
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    invoice["next_payment_attempt"] = _next_attempt(w, invoice) if dunning and invoice["auto_advance"] else None
    w.change(invoice, "invoice.updated")
    if not (hard and invoice["attempt_count"] > 1):
        w.emit("invoice.payment_failed", invoice)
    if also:
        w.emit(also, invoice)
    if subscription is not None and dunning:
        _subscription_owes(w, subscription, invoice)
    return invoice


def _next_attempt(w: World, invoice: Obj) -> int | None:
    notes = w.store.private(invoice["id"])
    first: int = notes.setdefault("first_failure", w.now)
    tries = notes.get("tries", 0)
    notes["tries"] = tries + 1
    w.store.put_private(invoice["id"], notes)
    days = w.settings.retry_days
    later = [first + day * DAY for day in days[tries:] if first + day * DAY > w.now]
    if not later:
        return None
    w.schedule(later[0], "retry_invoice", invoice["id"])
    return later[0]


def _subscription_owes(w: World, subscription: Obj, invoice: Obj) -> None:
    if subscription["status"] in {"canceled", "incomplete", "incomplete_expired", "paused", "unpaid"}:
        return
    goes_on = invoice["next_payment_attempt"] is not None or not invoice["auto_advance"]
    if goes_on or w.settings.after_retries == "past_due":
        w.change(subscription | {"status": "past_due"}, "customer.subscription.updated")
    elif w.settings.after_retries == "unpaid":
        w.change(subscription | {"status": "unpaid"}, "customer.subscription.updated")
    else:
        end_now(w, subscription, reason="payment_failed")


def _subscription_paid(w: World, invoice: Obj, intent: Obj | None) -> None:
    subscription = subscription_of(w, invoice)
    if subscription is None:
        return
    update = subscription["pending_update"]
    if update and subscription["latest_invoice"] == invoice["id"]:
        w.schedule(w.now, "apply_pending_update", subscription["id"])
    if subscription["status"] == "paused" and w.store.private(subscription["id"]).get("resuming") == invoice["id"]:
        w.schedule(w.now, "finish_resuming", subscription["id"])
    changes: Obj = {}
    if subscription["status"] in _OWES and not _other_debts(w, subscription, invoice):
        changes["status"] = "trialing" if (subscription["trial_end"] or 0) > w.now else "active"
    if intent is not None and subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
        changes["default_payment_method"] = intent["payment_method"]
    if changes:
        w.change(subscription | changes, "customer.subscription.updated")


def _other_debts(w: World, subscription: Obj, invoice: Obj) -> bool:
    field = "parent.subscription_details.subscription"
    others = (w.load("invoice", i) for i in w.store.select("invoice", field, subscription["id"]) if i != invoice["id"])
    return any(other["status"] == "open" and other["attempted"] for other in others)


def _keep_method(w: World, invoice: Obj, method: Obj) -> None:
    if method["customer"] is None and not w.store.private(method["id"]).get("detached"):
        kept = method | {"customer": invoice["customer"]}
        w.change(kept)
        w.emit("payment_method.attached", kept)
