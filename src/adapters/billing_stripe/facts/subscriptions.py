"""Subscriptions and their schedules, in both shapes: the period was on the subscription until 2025-03-31."""

from __future__ import annotations

from billing_core.domain.facts import ItemSeen, PhaseSeen, PriceTerms, ScheduleSeen, SubscriptionSeen
from billing_core.domain.periods import Interval
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
        pending_quantity=waiting.count("quantity") if waiting else None,
        pending_expires_at=pending.time("expires_at"),
        default_payment_method_id=body.identity("default_payment_method"),
        schedule_id=body.identity("schedule"),
        latest_invoice_id=body.identity("latest_invoice"),
        discount_ids=_discounts(body),
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
        terms=_terms(row),
    )


def _terms(row: Json) -> PriceTerms | None:
    """What the price asks for; a plan, which was there before prices, told it without a hash of its own."""
    price = row.hash("price") if row.has("price") else row.hash("plan")
    recurring = price.hash("recurring") if price.has("recurring") else price
    interval = recurring.text("interval")
    if interval is None or interval not in set(Interval) or not price.has("currency"):
        return None
    amount = price.amount("unit_amount") if price.has("unit_amount") else price.amount("amount")
    return PriceTerms(
        amount=amount,
        currency=price.currency(),
        interval=Interval(interval),
        interval_count=recurring.count("interval_count") or 1,
    )


def _discounts(body: Json) -> tuple[str, ...]:
    """The ids of its discounts; before 2025-03-31 there was at most one, told whole."""
    told = body.raw("discounts")
    if isinstance(told, list):
        listed = Json({str(number): value for number, value in enumerate(told)}, f"{body.path}.discounts")
        return tuple(found for name in listed.fields if (found := listed.identity(name)))
    single = body.identity("discount")
    return (single,) if single else ()


def _price(row: Json) -> str:
    found = row.identity("price") or row.identity("plan")
    if found is None:
        raise Unreadable(f"{row.path}.price is missing.")
    return found


def _quantity(row: Json) -> int:
    """A metered price has none; it counts as one piece."""
    told = row.count("quantity")
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
        phase_start=body.hash("current_phase").time("start_date"),
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
