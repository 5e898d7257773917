"""Stripe's JSON as facts: every reading of an object or event of Stripe's is in this package."""

from billing_stripe.facts.events import EVENT_KINDS, WEBHOOK_EVENTS, before_update, fact_of_event
from billing_stripe.facts.invoices import is_proration
from billing_stripe.facts.kinds import OBJECT_NAMES, snapshot_of
from billing_stripe.facts.reading import NEVER_TOLD, Json, Unreadable
from billing_stripe.facts.taming import tamed

__all__ = [
    "EVENT_KINDS",
    "NEVER_TOLD",
    "OBJECT_NAMES",
    "WEBHOOK_EVENTS",
    "Json",
    "Unreadable",
    "before_update",
    "fact_of_event",
    "is_proration",
    "snapshot_of",
    "tamed",
]
