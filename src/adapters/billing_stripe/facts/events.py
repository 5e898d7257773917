"""Events: which ones tell us something, and what.

Every event that is about an object of a kind that we know is read; the fact is the object after it and,
where Stripe says what changed, the whole object before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from billing_core.domain.facts import Fact, ObjectKind, Snapshot
from billing_stripe.facts.checkout import FAILED
from billing_stripe.facts.kinds import snapshot_of
from billing_stripe.facts.reading import Unreadable

__all__ = ["EVENT_KINDS", "WEBHOOK_EVENTS", "before_update", "fact_of_event"]


def _named(kind: ObjectKind, prefix: str, endings: str) -> dict[str, ObjectKind]:
    return {f"{prefix}.{ending}": kind for ending in endings.split()}


#: The event types that tell us something, and the kind of object that each is about. Not in it:
#: ``invoice.upcoming``, whose invoice does not exist, and ``plan.*``, which repeats ``price.*``.
EVENT_KINDS: dict[str, ObjectKind] = {
    **_named(ObjectKind.CUSTOMER, "customer", "created updated deleted"),
    **_named(ObjectKind.DISCOUNT, "customer.discount", "created updated deleted"),
    **_named(ObjectKind.COUPON, "coupon", "created updated deleted"),
    **_named(ObjectKind.SESSION, "checkout.session", "completed expired async_payment_succeeded async_payment_failed"),
    **_named(
        ObjectKind.SUBSCRIPTION,
        "customer.subscription",
        "created updated deleted paused resumed trial_will_end pending_update_applied pending_update_expired",
    ),
    **_named(
        ObjectKind.SCHEDULE,
        "subscription_schedule",
        "created updated released canceled completed aborted expiring",
    ),
    **_named(
        ObjectKind.INVOICE,
        "invoice",
        "created finalized finalization_failed updated paid payment_succeeded payment_failed"
        " payment_action_required voided marked_uncollectible overdue deleted",
    ),
    **_named(ObjectKind.INVOICE_PAYMENT, "invoice_payment", "paid"),
    **_named(
        ObjectKind.PAYMENT,
        "payment_intent",
        "created requires_action processing succeeded payment_failed canceled",
    ),
    **_named(ObjectKind.CHARGE, "charge", "succeeded pending failed captured updated refunded expired"),
    **_named(ObjectKind.DISPUTE, "charge.dispute", "created updated closed funds_withdrawn funds_reinstated"),
    **_named(ObjectKind.REFUND, "refund", "created updated failed"),
    **_named(ObjectKind.REFUND, "charge.refund", "updated"),
    **_named(ObjectKind.SETUP, "setup_intent", "created requires_action succeeded setup_failed canceled"),
    **_named(
        ObjectKind.PAYMENT_METHOD,
        "payment_method",
        "attached updated automatically_updated card_automatically_updated detached",
    ),
    **_named(ObjectKind.PRODUCT, "product", "created updated deleted"),
    **_named(ObjectKind.PRICE, "price", "created updated deleted"),
}

#: Read where an older endpoint sends them, but never asked for: another event says the same today.
_OLDER = {"charge.refund.updated", "payment_method.card_automatically_updated"}

#: The exact list that an endpoint of ours is set up with.
WEBHOOK_EVENTS: tuple[str, ...] = tuple(sorted(EVENT_KINDS.keys() - _OLDER))

#: What an event says that the object in it does not.
_SAID_BY_TYPE: dict[str, Mapping[str, object]] = {
    "checkout.session.async_payment_failed": {"payment_status": FAILED},
    "customer.deleted": {"deleted": True},
    "customer.discount.deleted": {"deleted": True},
    "coupon.deleted": {"deleted": True},
    "product.deleted": {"deleted": True},
    "price.deleted": {"deleted": True},
    "invoice.deleted": {"status": "void"},  # only a draft can be deleted: it will never be paid
}


def fact_of_event(
    event_id: str,
    event_type: str,
    occurred_at: datetime,
    body: Mapping[str, object],
    previous: Mapping[str, object] | None,
) -> Fact | None:
    """The fact that an event tells; None for a type that tells us nothing.

    ``body`` is its ``data.object``, ``previous`` its ``data.previous_attributes``. Raises `Unreadable` where
    the object is not what the type promises.
    """
    kind = EVENT_KINDS.get(event_type)
    if kind is None:
        return None
    said = _SAID_BY_TYPE.get(event_type)
    after = snapshot_of(kind, {**body, **said} if said else body)
    return Fact(
        id=event_id,
        type=event_type,
        occurred_at=occurred_at,
        after=after,
        before=_before(kind, body, previous, after),
    )


def _before(
    kind: ObjectKind, body: Mapping[str, object], previous: Mapping[str, object] | None, after: Snapshot
) -> Snapshot | None:
    """The whole object before an update; None where none that can be right is told: what it is now still counts."""
    if not previous:
        return None
    try:
        before = snapshot_of(kind, before_update(body, previous))
    except Unreadable:
        return None
    return before if before.id == after.id else None


def before_update(after: Mapping[str, object], previous: Mapping[str, object]) -> dict[str, object]:
    """The whole object before an update, from the object after it and ``previous_attributes``.

    Of a hash only the changed keys are told, so hashes are merged; a list is told whole, so it replaces. A
    key that was absent before is told as null.
    """
    before = dict(after)
    for name, old in previous.items():
        now = after.get(name)
        if isinstance(old, dict) and isinstance(now, dict):
            before[name] = before_update(now, old)
        else:
            before[name] = old
    return before
