"""Pauses: collection held, until the period is over or a dispute is won, the subscription paused, and taken up again.

Stripe's traps: a pause gives credit for unused time unless told not to, and while collection is held every
invoice is voided, that of an upgrade too.
"""

from __future__ import annotations

import stripe

from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import Answer, HoldCollection, PauseSubscription, ReleaseHold, ResumeSubscription
from billing_stripe.api import Call
from billing_stripe.calls.subscriptions import release
from billing_stripe.permissions import Permission
from billing_stripe.steps import MAIN, Steps

__all__ = ["hold_collection", "pause_subscription", "release_hold", "resume_subscription"]

_PAUSED = frozenset({"paused"})
_RUNNING = frozenset({"active", "trialing", "past_due"})
#: What is not collected any more anyway.
_SETTLED = frozenset({"paid", "void", "uncollectible"})


async def hold_collection(steps: Steps, command: HoldCollection) -> Answer:
    """Have every invoice from now on voided: the period that is paid for runs on, none after it is charged."""
    hold: stripe.params.SubscriptionUpdateParams = {"pause_collection": {"behavior": "void"}}
    await _update(steps, MAIN, command.subscription_id, hold)
    await _collect(steps, command.invoice_ids, by_itself=False)
    return steps.answer(command.subscription_id)


async def release_hold(steps: Steps, command: ReleaseHold) -> Answer:
    """Collect again."""
    await release(steps, command.subscription_id, MAIN)
    await _collect(steps, command.invoice_ids, by_itself=True)
    return steps.answer(command.subscription_id)


async def _collect(steps: Steps, invoice_ids: tuple[str, ...], *, by_itself: bool) -> None:
    """Let Stripe try these invoices by itself, or not: a hold is for those that it makes from now on alone."""
    params: stripe.params.InvoiceUpdateParams = {"auto_advance": by_itself}

    def changing(invoice_id: str) -> Call:
        return lambda options: steps.api.client.v1.invoices.update_async(invoice_id, params, options)

    for invoice_id in invoice_ids:
        await steps.change_unless(
            f"collect:{invoice_id}",
            changing(invoice_id),
            ObjectRef(ObjectKind.INVOICE, invoice_id),
            Permission.INVOICES_WRITE,
            statuses=_SETTLED,
        )


async def pause_subscription(steps: Steps, command: PauseSubscription) -> Answer:
    """Pause it, without credit for unused time, and release the hold, so that resuming it is charged."""
    identity = command.subscription_id
    params: stripe.params.SubscriptionPauseParams = {
        "type": "subscription",
        "bill_for": {"unused_time_from": {"type": "none"}},
    }
    await steps.change_unless(
        MAIN,
        lambda options: steps.api.client.v1.subscriptions.pause_async(identity, params, options),
        ObjectRef(ObjectKind.SUBSCRIPTION, identity),
        Permission.SUBSCRIPTIONS_WRITE,
        statuses=_PAUSED,
    )
    await release(steps, identity, "release_hold")
    return steps.answer(identity)


async def resume_subscription(steps: Steps, command: ResumeSubscription) -> Answer:
    """Take it up again: a new period from now on, charged at once; it stays paused until that is paid."""
    identity = command.subscription_id
    params: stripe.params.SubscriptionResumeParams = {
        "billing_cycle_anchor": {"type": "now"},
        "proration_behavior": "none",
        "payment_behavior": "resume_on_payment_success",
    }
    await steps.change_unless(
        MAIN,
        lambda options: steps.api.client.v1.subscriptions.resume_async(identity, params, options),
        ObjectRef(ObjectKind.SUBSCRIPTION, identity),
        Permission.SUBSCRIPTIONS_WRITE,
        statuses=_RUNNING,
    )
    return steps.answer(identity)


async def _update(
    steps: Steps, step: str, subscription_id: str, params: stripe.params.SubscriptionUpdateParams
) -> None:
    await steps.change(
        step, _call(steps, subscription_id, params), ObjectKind.SUBSCRIPTION, Permission.SUBSCRIPTIONS_WRITE
    )


def _call(steps: Steps, subscription_id: str, params: stripe.params.SubscriptionUpdateParams) -> Call:
    return lambda options: steps.api.client.v1.subscriptions.update_async(subscription_id, params, options)
