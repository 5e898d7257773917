"""Examples of everything that is stored: whole values of the domain that hang together, to begin a test with.

Each function gives one value; whatever matters to a test is named as an argument, and all else is plausible.
Times count in minutes from `NOW`.
"""

from billing_contracts.examples.accounts import (
    account,
    grant,
    invoice,
    manual_grant,
    order,
    payment,
    payment_method,
    purchase,
    refund,
    subscription,
    user_access,
)
from billing_contracts.examples.books import entry
from billing_contracts.examples.doings import (
    audit_entry,
    event,
    item,
    new_event,
    operation,
    plan,
    step_taken,
    trial_claim,
)
from billing_contracts.examples.moments import COURSE, LAB, NOW, after, ours
from billing_contracts.examples.told import customer_fact, folded, payment_fact, received, refund_fact

__all__ = [
    "COURSE",
    "LAB",
    "NOW",
    "account",
    "after",
    "audit_entry",
    "customer_fact",
    "entry",
    "event",
    "folded",
    "grant",
    "invoice",
    "item",
    "manual_grant",
    "new_event",
    "operation",
    "order",
    "ours",
    "payment",
    "payment_fact",
    "payment_method",
    "plan",
    "purchase",
    "received",
    "refund",
    "refund_fact",
    "step_taken",
    "subscription",
    "trial_claim",
    "user_access",
]
