"""Changes of plan: at once, or at the end of the period by a schedule.

Stripe's traps, each of which bills the customer wrongly: an item without its id is a second item, a price
without a quantity makes the quantity 1, and a phase that leaves something out takes it away.
"""

from __future__ import annotations

import stripe

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import Answer, ChangePlan
from billing_stripe.api import Reply
from billing_stripe.calls.labels import labels_for
from billing_stripe.calls.own_amounts import give_back_own_lines, invoice_own_lines
from billing_stripe.calls.subscriptions import keep_on, release, release_schedule
from billing_stripe.facts import Json
from billing_stripe.permissions import Permission
from billing_stripe.steps import MAIN, Steps

__all__ = ["change_plan"]

_Discount = stripe.params.SubscriptionScheduleUpdateParamsPhaseDiscount
_Phase = stripe.params.SubscriptionScheduleUpdateParamsPhase


async def change_plan(steps: Steps, command: ChangePlan) -> Answer:
    """Give a subscription another price or quantity, now or at its period's end.

    An earlier pending change is given up first: Stripe refuses another one beside it. So is a pause to come: while
    it holds collection, what a change charges would be voided.
    """
    if command.schedule_id:
        await release_schedule(steps, command.schedule_id)
    if command.own_lines:
        await _at_our_amounts(steps, command)
    else:
        await _change(steps, command)
    return steps.answer(command.subscription_id)


async def _at_our_amounts(steps: Steps, command: ChangePlan) -> None:
    """Change it once our own invoice is paid; where Stripe refuses that, what was paid is given back."""
    await invoice_own_lines(steps, command)
    try:
        await _change(steps, command)
    except ProviderRefused:
        await give_back_own_lines(steps, command)
        raise


async def _change(steps: Steps, command: ChangePlan) -> None:
    if command.release_hold:
        await release(steps, command.subscription_id, "release_hold")
    if command.at_period_end:
        await _at_period_end(steps, command)
    else:
        await _now(steps, command)


async def _now(steps: Steps, command: ChangePlan) -> None:
    """Change it at once. Where something is due and not paid, the old plan stays.

    With ``only_when_paid`` the change waits for its payment (``pending_if_incomplete``), else it is refused
    (``error_if_incomplete``); it never applies unpaid. A cancellation is taken back once the change applies:
    Stripe allows nothing else in a change that may wait, and whoever does not pay has not changed their mind.
    """
    item: stripe.params.SubscriptionUpdateParamsItem = {"id": command.item_id, "quantity": command.quantity}
    if command.price_id != command.current_price_id:  # a price that is not sold any more is only kept, never given
        item["price"] = command.price_id
    params: stripe.params.SubscriptionUpdateParams = {
        "items": [item],
        "proration_behavior": command.proration,
        "payment_behavior": "pending_if_incomplete" if command.only_when_paid else "error_if_incomplete",
    }
    if command.end_trial:
        params["trial_end"] = "now"
    if command.proration_date and command.proration != "none":
        params["proration_date"] = int(command.proration_date.timestamp())
    reply = await steps.change(
        MAIN,
        lambda options: steps.api.client.v1.subscriptions.update_async(command.subscription_id, params, options),
        ObjectKind.SUBSCRIPTION,
        Permission.SUBSCRIPTIONS_WRITE,
    )
    if command.clear_cancel and not reply.json.has("pending_update"):
        await keep_on(steps, command.subscription_id, "keep_on")


async def _at_period_end(steps: Steps, command: ChangePlan) -> None:
    """Write the change into a schedule made from the subscription; Stripe carries it out and lets the schedule go."""
    if command.clear_cancel:
        await keep_on(steps, command.subscription_id, "keep_on")
    schedules = steps.api.client.v1.subscription_schedules
    from_subscription: stripe.params.SubscriptionScheduleCreateParams = {"from_subscription": command.subscription_id}
    made = await steps.change(
        "schedule",
        lambda options: schedules.create_async(from_subscription, options),
        ObjectKind.SCHEDULE,
        Permission.SUBSCRIPTIONS_WRITE,
    )
    schedule_id = made.json.need_identity()
    params: stripe.params.SubscriptionScheduleUpdateParams = {
        "phases": _phases(made, command),
        "end_behavior": "release",
        "proration_behavior": "none",
        "metadata": labels_for(steps.operation),
    }
    try:
        await steps.change(
            MAIN,
            lambda options: schedules.update_async(schedule_id, params, options),
            ObjectKind.SCHEDULE,
            Permission.SUBSCRIPTIONS_WRITE,
        )
    except ProviderRefused:
        await release_schedule(steps, schedule_id, "give_up")
        raise
    await steps.note("subscription", ObjectRef(ObjectKind.SUBSCRIPTION, command.subscription_id))


def _phases(made: Reply, command: ChangePlan) -> list[_Phase]:
    """The present phase as Stripe made it from the subscription, and the one that follows."""
    *_, now = made.json.rows("phases") or [Json({}, "schedule.phases[0]")]
    kept = _kept(now)
    present: _Phase = {
        **kept,
        "items": [_item(row) for row in now.rows("items")],
        "start_date": now.need_whole("start_date"),
        "end_date": now.need_whole("end_date"),
    }
    trial_end = now.whole("trial_end")
    if trial_end is not None:
        present["trial_end"] = trial_end
    coming: _Phase = {
        **kept,
        "items": [{"price": command.price_id, "quantity": command.quantity}],
        "proration_behavior": "none",
    }
    return [present, coming]


def _kept(phase: Json) -> _Phase:
    """What a phase says beside items and times, and would lose if it were not said again."""
    kept: _Phase = {"items": []}
    discounts = [_discount(row) for row in phase.rows("discounts")]
    if discounts:
        kept["discounts"] = discounts
    method = phase.identity("default_payment_method")
    if method is not None:
        kept["default_payment_method"] = method
    return kept


def _discount(row: Json) -> _Discount:
    running = row.identity("discount")
    if running is not None:
        return {"discount": running}
    code = row.identity("promotion_code")
    return {"promotion_code": code} if code is not None else {"coupon": row.need_identity("coupon")}


def _item(row: Json) -> stripe.params.SubscriptionScheduleUpdateParamsPhaseItem:
    item: stripe.params.SubscriptionScheduleUpdateParamsPhaseItem = {"price": row.need_identity("price")}
    quantity = row.whole("quantity")
    if quantity is not None:
        item["quantity"] = quantity
    return item
