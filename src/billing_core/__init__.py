"""billing_core: subscriptions, purchases, refunds and access as a library.

The rules are plain functions on plain values, in `billing_core.domain`: no I/O, no clock, no framework,
only attrs. What they need from outside is in `billing_core.ports`; what can be done with both, one verb a
file, in `billing_core.use_cases`. The names below are the public API of the rules.
"""

from billing_core.domain.access import (
    Blocked,
    Decision,
    Grant,
    ManualGrant,
    Opened,
    Source,
    SourceKind,
    UserAccess,
    decide,
    in_force,
)
from billing_core.domain.account import Account, Book, derive
from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import BillingError
from billing_core.domain.events import EVENT_TYPES, Event, differences
from billing_core.domain.facts import Fact, ObjectKind, ObjectRef
from billing_core.domain.folding import ObjectState, extend, fold
from billing_core.domain.invoices import Invoice, coverage_of
from billing_core.domain.known import Known
from billing_core.domain.money import Money, total
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment, PaymentStatus
from billing_core.domain.periods import BillingCalendar, Interval, Period
from billing_core.domain.plans import Catalog, Change, Item, Plan, change_between
from billing_core.domain.policies import AccessPolicy, PlanChangePolicy, Policies, RefundPolicy, RetryPolicy
from billing_core.domain.purchases import Order, Purchase, PurchaseStatus, refund_question
from billing_core.domain.refunds import (
    Refund,
    Refundability,
    RefundQuestion,
    refund_amount,
    refund_window,
    refundability,
)
from billing_core.domain.resources import EVERY, EVERYTHING, Containment, Resource, ResourceType
from billing_core.domain.subscriptions import COMMANDS, LIFECYCLE, TERMINAL, Status, Subscription, counting

__all__ = [
    "COMMANDS",
    "EVENT_TYPES",
    "EVERY",
    "EVERYTHING",
    "LIFECYCLE",
    "TERMINAL",
    "AccessPolicy",
    "Account",
    "BillingCalendar",
    "BillingError",
    "Blocked",
    "Book",
    "Caller",
    "Catalog",
    "Change",
    "Containment",
    "Decision",
    "Event",
    "Fact",
    "Grant",
    "Interval",
    "Invoice",
    "Item",
    "Known",
    "ManualGrant",
    "Money",
    "ObjectKind",
    "ObjectRef",
    "ObjectState",
    "Opened",
    "Order",
    "Payment",
    "PaymentMethod",
    "PaymentStatus",
    "Period",
    "Plan",
    "PlanChangePolicy",
    "Policies",
    "Purchase",
    "PurchaseStatus",
    "Refund",
    "RefundPolicy",
    "RefundQuestion",
    "Refundability",
    "Resource",
    "ResourceType",
    "RetryPolicy",
    "Role",
    "Source",
    "SourceKind",
    "Status",
    "Subscription",
    "UserAccess",
    "change_between",
    "counting",
    "coverage_of",
    "decide",
    "derive",
    "differences",
    "extend",
    "fold",
    "in_force",
    "refund_amount",
    "refund_question",
    "refund_window",
    "refundability",
    "total",
]
