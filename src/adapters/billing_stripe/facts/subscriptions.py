"""Subscriptions and their schedules, in both shapes: the period was on the subscription until 2025-03-31."""

from __future__ import annotations

from billing_core.domain.facts import ItemSeen, PhaseSeen, ScheduleSeen, SubscriptionSeen
from billing_stripe.facts.reading import Json, Unreadable

__all__ = ["read_schedule", "read_subscription"]


def read_subscription(body: Json) -> SubscriptionSeen:
    """A subscription; its items in the order of their ids, so that every rendering gives the same."""
    pause = body.hash("pause_collection")
    pending = body.hash("pending_update")
    waiting = next(iter(pending.rows("subscription_items")), None)
    return SubscriptionSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        customer_id=body.need_identity("customer"),
        status=body.need_text("status"),
        items=tuple(sorted((_item(row, body) for row in body.rows("items")), key=lambda item: item.id)),
        trial_start=body.time("trial_start"),
        trial_end=body.time("trial_end"),
        cancel_at_period_end=body.flag("cancel_at_period_end"),
        cancel_at=body.time("cancel_at"),
        canceled_at=body.time("canceled_at"),
        ended_at=body.time("ended_at"),
        cancellation_reason=body.hash("cancellation_details").text("reason"),
        pause_behavior=pause.text("behavior"),
        pause_resumes_at=pause.time("resumes_at"),
        pending_price_id=_price(waiting) if waiting else None,
        pending_quantity=waiting.whole("quantity") if waiting else None,
        pending_expires_at=pending.time("expires_at"),
        default_payment_method_id=body.identity("default_payment_method"),
        schedule_id=body.identity("schedule"),
        latest_invoice_id=body.identity("latest_invoice"),
        labels=body.labels(),
    )


def _item(row: Json, subscription: Json) -> ItemSeen:
    holder = row if row.has("current_period_start") else subscription
    return ItemSeen(
        id=row.need_identity(),
        price_id=_price(row),
        quantity=_quantity(row),
        period_start=holder.time("current_period_start"),
        period_end=holder.time("current_period_end"),
    )


def _price(row: Json) -> str:
    found = row.identity("price") or row.identity("plan")
    if found is None:
        raise Unreadable(f"{row.path}.price is missing.")
    return found


def _quantity(row: Json) -> int:
    """A metered price has none; it counts as one piece."""
    told = row.whole("quantity")
    return 1 if told is None else told


def read_schedule(body: Json) -> ScheduleSeen:
    """A schedule; one that was released still names its subscription."""
    return ScheduleSeen(
        id=body.need_identity(),
        created=body.need_time("created"),
        customer_id=body.need_identity("customer"),
        subscription_id=body.identity("subscription") or body.identity("released_subscription"),
        status=body.need_text("status"),
        phases=tuple(_phase(row) for row in body.rows("phases")),
        labels=body.labels(),
    )


def _phase(row: Json) -> PhaseSeen:
    items = row.rows("items") or row.rows("plans")
    return PhaseSeen(
        start=row.need_time("start_date"),
        end=row.time("end_date"),
        price_id=_price(items[0]) if items else None,
        quantity=_quantity(items[0]) if items else 1,
    )
