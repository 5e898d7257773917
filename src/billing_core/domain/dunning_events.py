"""Events of dunning: what a mailer is told about an unpaid renewal, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from billing_core.domain.dunning import Dunning
from billing_core.domain.invoices import Invoice
from billing_core.domain.steps import StepKind
from billing_core.domain.subscriptions import Status, Subscription

__all__ = ["dunning_events"]

_STEPS: Mapping[str, str] = {
    StepKind.REMINDER: "dunning.reminder",
    StepKind.RETRY: "dunning.retried",
    StepKind.METHOD: "dunning.method_tried",
    StepKind.LAST: "dunning.last_step",
}
_Data = Mapping[str, str | int | None]


def dunning_events(
    before: Iterable[Subscription], after: Iterable[Subscription], invoices: Iterable[Invoice]
) -> Iterable[tuple[str, _Data]]:
    """The types of what happened to unpaid renewals between two states, each with what a mailer needs.

    ``invoices`` are those after it: one that was paid was recovered, whatever else became of the subscription.
    """
    if before is after:
        return
    statuses = {invoice.stripe_invoice_id: invoice.status for invoice in invoices}
    old = {row.id: row for row in before}
    for row in after:
        was = old[row.id].dunning if row.id in old else None
        now = row.dunning
        if was is not None and (now is None or now.stripe_invoice_id != was.stripe_invoice_id):
            recovered = _is_recovered(row, statuses.get(was.stripe_invoice_id))
            yield "dunning.recovered" if recovered else "dunning.ended", _data(row, was)
            was = None
        if now is None:
            continue
        if was is None:
            yield "dunning.started", _data(row, now)
        known = {step.name for step in was.steps} if was is not None else set()
        for step in now.steps:
            if step.name not in known:
                yield "dunning.retry_skipped" if step.skipped else _STEPS[step.kind], _data(row, now, step.name)


def _is_recovered(row: Subscription, invoice_status: str | None) -> bool:
    """Whether it was paid. That the subscription is active may be told before its invoice is told to be paid."""
    if invoice_status == "open":
        return row.status in {Status.ACTIVE, Status.TRIALING}
    return invoice_status == "paid"


def _latest(dunning: Dunning) -> datetime:
    """When the last thing was done about it; when it began, before anything was."""
    return dunning.steps[-1].taken_at if dunning.steps else dunning.first_failed_at


def _data(row: Subscription, dunning: Dunning, step: str | None = None) -> _Data:
    times = {
        "first_failed_at": dunning.first_failed_at,
        "next_retry_at": dunning.next_retry_at(_latest(dunning)),
        "ends_at": dunning.ends_at,
        "grace_until": row.grace_until,
    }
    return {
        "subscription_id": row.id,
        "plan_id": row.plan_id,
        "stripe_invoice_id": dunning.stripe_invoice_id,
        "amount_due": dunning.amount_due.amount,
        "currency": dunning.amount_due.currency,
        "attempts": dunning.attempts,
        "decline_code": dunning.decline_code,
        "hard_decline": "yes" if dunning.hard_decline else "no",
        "step": step,
        "hosted_invoice_url": dunning.hosted_invoice_url,
        **{name: moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None for name, moment in times.items()},
    }
