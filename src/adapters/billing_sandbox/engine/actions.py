"""What timers do: one name for each thing that time brings about."""

from collections.abc import Callable

from billing_sandbox.engine import (
    checkout,
    collection,
    discounts,
    disputes,
    payment_intents,
    payments,
    refunds,
    schedules,
    subscription_changes,
    subscription_pause,
)
from billing_sandbox.engine import subscription_cycle as cycle
from billing_sandbox.engine.checkout_completion import async_result
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.payment_methods import behaviour
from billing_sandbox.engine.world import World


def settle_payment(w: World, intent_id: str) -> None:
    """A delayed payment arrives, or does not, as its test account says."""
    intent = w.load("payment_intent", intent_id)
    if intent["status"] == "processing":
        succeeds = behaviour(w, intent["payment_method"]).delayed == "succeeds"
        end_delayed_payment(w, intent, succeeds=succeeds)


def end_delayed_payment(w: World, intent: Obj, *, succeeds: bool) -> Obj:
    """Settle a payment that is `processing`; its invoice and its checkout session hear of it."""
    method = w.load("payment_method", intent["payment_method"])
    settled = payments.settle(w, intent, succeeds=succeeds)
    payment_intents.follow(w, settled, method)
    for session in _sessions(w, settled):
        if session["status"] == "complete" and session["payment_status"] == "unpaid":
            async_result(w, session, succeeded=succeeds)
    return settled


def resume_collection(w: World, subscription_id: str) -> None:
    """The date in `pause_collection.resumes_at` has come."""
    subscription = w.load("subscription", subscription_id)
    pause = subscription["pause_collection"]
    if pause and pause["resumes_at"] == w.now:
        w.change(subscription | {"pause_collection": None}, "customer.subscription.updated")


def _sessions(w: World, intent: Obj) -> list[Obj]:
    ids = w.store.select("checkout.session", "payment_intent", intent["id"])
    invoice_ids = [
        w.load("invoice_payment", i)["invoice"]
        for i in w.store.select("invoice_payment", "payment.payment_intent", intent["id"])
    ]
    found = [w.load("checkout.session", session_id) for session_id in ids]
    candidates = w.store.each("checkout.session") if invoice_ids else ()
    return found + [s for s in candidates if s["invoice"] in invoice_ids and s["id"] not in ids]


ACTIONS: dict[str, Callable[[World, str], None]] = {
    "announce_renewal": cycle.announce_renewal,
    "apply_pending_update": subscription_changes.apply_pending,
    "cancel_as_agreed": cycle.cancel_as_agreed,
    "dispute_charge": disputes.dispute_by_card,
    "dispute_due": disputes.due,
    "dispute_review": disputes.review,
    "expire_incomplete": cycle.expire_incomplete,
    "expire_pending_update": subscription_changes.expire_pending,
    "expire_session": checkout.expire_by_clock,
    "end_customer_discount": discounts.end_customer_discount,
    "enter_phase": schedules.enter_phase,
    "fail_refund": refunds.fail_by_id,
    "finish_resuming": subscription_pause.finish,
    "finalise_draft": cycle.finalise_draft,
    "give_up_resuming": subscription_pause.give_up,
    "renew": cycle.renew,
    "resume_collection": resume_collection,
    "retry_invoice": collection.retry,
    "start_schedule": schedules.start_now,
    "settle_payment": settle_payment,
    "settle_refund": refunds.settle,
    "warn_of_trial_end": cycle.warn_of_trial_end,
}
