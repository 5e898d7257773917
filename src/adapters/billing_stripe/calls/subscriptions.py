"""Subscriptions: canceled, and taken back from being canceled."""

from __future__ import annotations

from typing import cast

import stripe

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import Answer, CancelSubscription, ChangeTrialEnd, UndoCancel
from billing_stripe.api import Call
from billing_stripe.permissions import Permission
from billing_stripe.steps import MAIN, Steps

__all__ = ["ENDED", "cancel_subscription", "change_trial_end", "keep_on", "release", "release_schedule", "undo_cancel"]

ENDED = frozenset({"canceled", "incomplete_expired"})
_NOT_OPEN = frozenset({"draft", "paid", "uncollectible", "void"})
_DETACHED = frozenset({"released", "canceled", "completed"})


async def cancel_subscription(steps: Steps, command: CancelSubscription) -> Answer:
    """End a subscription, now or at its period's end; one that has ended already is as wanted.

    Its schedule is released first, as Stripe wants it, also one of which we have not heard yet. The open invoice is
    voided last: before, Stripe could take the subscription for one that owes nothing.
    """
    if command.schedule_id:
        await release_schedule(steps, command.schedule_id)
    if command.release_hold:
        await release(steps, command.subscription_id, "release_hold")
    try:
        await _end(steps, command, MAIN)
    except ProviderRefused as refusal:
        # Nothing but its state, and only at the period's end: what ends now ends its schedule with it.
        bound = command.at_period_end and isinstance(refusal.__cause__, stripe.InvalidRequestError)
        if not bound or not await _release_what_holds(steps, command):
            raise
        await _end(steps, command, "cancel_released")
    if command.void_invoice_id:
        await _void(steps, command.void_invoice_id)
    return steps.answer(command.subscription_id)


async def _end(steps: Steps, command: CancelSubscription, step: str) -> None:
    subscriptions, identity = steps.api.client.v1.subscriptions, command.subscription_id
    later: stripe.params.SubscriptionUpdateParams = {"cancel_at_period_end": True}
    await steps.change_unless(
        step,
        lambda options: (
            subscriptions.update_async(identity, later, options)
            if command.at_period_end
            else subscriptions.cancel_async(identity, {}, options)
        ),
        ObjectRef(ObjectKind.SUBSCRIPTION, identity),
        Permission.SUBSCRIPTIONS_WRITE,
        statuses=ENDED,
    )


async def _release_what_holds(steps: Steps, command: CancelSubscription) -> bool:
    """Release the schedule that the subscription turns out to have; whether it has one that was not named."""
    found = await steps.note("held", ObjectRef(ObjectKind.SUBSCRIPTION, command.subscription_id))
    schedule_id = found.json.identity("schedule") if found else None
    if schedule_id is None or schedule_id == command.schedule_id:
        return False
    await release_schedule(steps, schedule_id, "release_held")
    return True


async def _void(steps: Steps, invoice_id: str) -> None:
    """Void an invoice that was open; one that no longer is cannot be, and needs not be."""
    await steps.change_unless(
        "void",
        lambda options: steps.api.client.v1.invoices.void_invoice_async(invoice_id, {}, options),
        ObjectRef(ObjectKind.INVOICE, invoice_id),
        Permission.INVOICES_WRITE,
        statuses=_NOT_OPEN,
    )


async def release_schedule(steps: Steps, schedule_id: str, step: str = "release") -> None:
    """Take a schedule off its subscription, which stays as it is; one that is off already is as wanted."""
    await steps.change_unless(
        step,
        lambda options: steps.api.client.v1.subscription_schedules.release_async(schedule_id, {}, options),
        ObjectRef(ObjectKind.SCHEDULE, schedule_id),
        Permission.SUBSCRIPTIONS_WRITE,
        statuses=_DETACHED,
    )


async def change_trial_end(steps: Steps, command: ChangeTrialEnd) -> Answer:
    """Let a trial go on until another moment, or end it now. Nothing is prorated: nothing was billed."""
    end = "now" if command.trial_end is None else int(command.trial_end.timestamp())
    params = cast("stripe.params.SubscriptionUpdateParams", {"trial_end": end, "proration_behavior": "none"})
    await steps.change(
        MAIN,
        _update(steps, command.subscription_id, params),
        ObjectKind.SUBSCRIPTION,
        Permission.SUBSCRIPTIONS_WRITE,
    )
    return steps.answer(command.subscription_id)


async def release(steps: Steps, subscription_id: str, step: str) -> None:
    """Take the hold that a pause to come put on collection off."""
    no_hold: stripe.params.SubscriptionUpdateParams = {"pause_collection": ""}
    await steps.change(
        step,
        _update(steps, subscription_id, no_hold),
        ObjectKind.SUBSCRIPTION,
        Permission.SUBSCRIPTIONS_WRITE,
    )


async def undo_cancel(steps: Steps, command: UndoCancel) -> Answer:
    """Let a subscription go on that was to end. Its schedule is released first, as Stripe wants it."""
    if command.schedule_id:
        await release_schedule(steps, command.schedule_id)
    await keep_on(steps, command.subscription_id, MAIN)
    return steps.answer(command.subscription_id)


async def keep_on(steps: Steps, subscription_id: str, step: str) -> None:
    """Take the end of a subscription back: the one at its period's end, and one at a date set in the Dashboard."""
    no_end: stripe.params.SubscriptionUpdateParams = {"cancel_at_period_end": False}
    no_date: stripe.params.SubscriptionUpdateParams = {"cancel_at": ""}
    for name, params in ((step, no_end), ("cancel_at", no_date)):
        reply = await steps.change(
            name,
            _update(steps, subscription_id, params),
            ObjectKind.SUBSCRIPTION,
            Permission.SUBSCRIPTIONS_WRITE,
        )
        if not reply.json.has("cancel_at"):
            return


def _update(steps: Steps, subscription_id: str, params: stripe.params.SubscriptionUpdateParams) -> Call:
    return lambda options: steps.api.client.v1.subscriptions.update_async(subscription_id, params, options)
