"""What each value of a closed set means, for the OpenAPI document: by the schema and the field that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from billing_core.domain.events import EVENT_TYPES
from billing_http.problems import TITLES

__all__ = ["SETS", "VALUES"]

_SUBSCRIPTION = {
    "incomplete": "the first payment is still to come",
    "incomplete_expired": "it never came",
    "trialing": "on trial",
    "active": "paid",
    "past_due": "a renewal is unpaid and is tried again",
    "unpaid": "a renewal is unpaid and given up on",
    "paused": "at rest, by a pause or since a trial ended without a way to pay: nothing is charged, nothing is open",
    "canceled": "ended",
}
_PAYMENT = {
    "processing": "under way",
    "succeeded": "paid",
    "failed": "refused",
    "canceled": "given up",
    "partially_refunded": "a part was given back",
    "refunded": "all of it was given back",
    "disputed": "the customer contests it at their bank",
}
_PURCHASE = {
    "pending": "not paid yet",
    "completed": "paid",
    "failed": "the payment failed for good",
    "expired": "the page to pay on expired unused",
    "partially_refunded": "a part was given back; it is still open to them",
    "refunded": "all of it was given back",
    "disputed": "contested, or lost to the customer's bank",
}
_INVOICE = {
    "draft": "still being made",
    "open": "to be paid",
    "paid": "paid",
    "void": "withdrawn",
    "uncollectible": "given up",
}
_REFUND = {
    "pending": "on its way",
    "requires_action": "the customer has to say where the money goes",
    "succeeded": "given back",
    "failed": "the bank did not take it",
    "canceled": "called off",
}
_REASON = {
    "subscription_active": "a subscription is paid",
    "subscription_trialing": "a subscription is on trial",
    "within_grace": "a renewal is late, within its grace",
    "purchased": "bought",
    "granted_manually": "granted by support staff",
    "no_grant": "nothing ever opened it",
    "incomplete": "the first payment is still to come",
    "subscription_ended": "the subscription has ended",
    "paused": "the subscription is paused",
    "payment_overdue": "a renewal is unpaid beyond its grace",
    "expired": "it was open until a moment that has passed",
    "refunded": "the money was given back",
    "disputed": "the payment is contested",
    "revoked": "support staff took it back",
}
_RESOURCE = {
    "platform": "all there is",
    "course": "a course",
    "learning_path": "several courses and labs",
    "lab": "a lab",
}
_SOURCE = {"subscription": "a subscription", "purchase": "something bought", "manual": "a grant by support staff"}
_INTERVAL = {"day": "days", "week": "weeks", "month": "months", "year": "years"}
_REFUSED = {
    "refund_window_closed": "too late",
    "already_refunded": "nothing is left to refund",
    "invalid_transition": "nothing was paid, or the payment is contested",
}
_CONTEXT = {
    "subscription": "`subscription_id` and `plan_id` say which",
    "purchase": "`purchase_id`, `resource_type` and `resource_id` say of what",
}
_PART = {"ok": "as it should be", "degraded": "slower or later", "unavailable": "away"}

#: By schema and field: each value with what it means; no words where the name says it all.
VALUES: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("SubscriptionShape", "status"): _SUBSCRIPTION,
    ("PaymentShape", "status"): _PAYMENT,
    ("PurchaseShape", "status"): _PURCHASE,
    ("InvoiceShape", "status"): _INVOICE,
    ("RefundShape", "status"): _REFUND,
    ("DecisionShape", "reason"): _REASON,
    ("RefundableShape", "reason"): _REFUSED,
    ("PlanShape", "interval"): _INTERVAL,
    ("ResourceShape", "resource_type"): _RESOURCE,
    ("DecisionShape", "resource_type"): _RESOURCE,
    ("GrantShape", "resource_type"): _RESOURCE,
    ("PurchaseShape", "resource_type"): _RESOURCE,
    ("PaymentContextShape", "resource_type"): _RESOURCE,
    ("PaymentContextShape", "kind"): _CONTEXT,
    ("SourceShape", "kind"): _SOURCE,
    ("HealthShape", "status"): _PART,
    ("CheckShape", "status"): _PART,
    ("LiveShape", "status"): {"ok": "it does", "unavailable": "it does not, or is about to stop"},
    ("ProblemShape", "code"): {code.value: title for code, title in TITLES.items()},
    ("EventShape", "type"): dict.fromkeys(EVENT_TYPES, ""),
}

#: By the schema that is a closed set itself.
SETS: Final[Mapping[str, Mapping[str, str]]] = {
    "ResourceType": _RESOURCE,
    "Effective": {"now": "at once", "period_end": "when the present period ends"},
    "Proration": {
        "create_prorations": "the difference goes onto the next invoice",
        "always_invoice": "the difference is invoiced at once",
        "none": "there is no charge for the rest of the period",
    },
}
