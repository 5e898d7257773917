"""Subscriptions: the lifecycle as a table, and the record that a user's facts add up to.

The table decides what *commands* may do. It never refuses a fact: what the provider says has happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import evolve, field, frozen

from billing_core.domain.contests import contest_step
from billing_core.domain.discounts import RunningDiscount, discounts_of
from billing_core.domain.dunning import Dunning, dunning_of, next_step
from billing_core.domain.errors import InvalidTransition
from billing_core.domain.facts import InvoiceSeen, ItemSeen, ObjectKind, ScheduleSeen, SubscriptionSeen
from billing_core.domain.folding import ObjectState
from billing_core.domain.ids import derived_id
from billing_core.domain.invoices import Coverage
from billing_core.domain.known import Known
from billing_core.domain.overdue import past_due_since
from billing_core.domain.plans import Catalog, Plan
from billing_core.domain.steps import NextStep, StepKind, StepTaken

__all__ = [
    "COMMANDS",
    "LIFECYCLE",
    "TERMINAL",
    "Command",
    "PendingChange",
    "Status",
    "Subscription",
    "counting",
    "may_have_steps",
    "require_allowed",
    "subscription_row",
]


class Status(StrEnum):
    """The statuses that we know; the provider may add more at any time."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"


#: Which status may follow which (domain rule 1; Stripe, "How subscriptions work").
LIFECYCLE: dict[Status, frozenset[Status]] = {
    Status.INCOMPLETE: frozenset({Status.ACTIVE, Status.INCOMPLETE_EXPIRED, Status.CANCELED}),
    Status.INCOMPLETE_EXPIRED: frozenset(),
    Status.TRIALING: frozenset({Status.ACTIVE, Status.PAST_DUE, Status.PAUSED, Status.CANCELED, Status.UNPAID}),
    Status.ACTIVE: frozenset({Status.PAST_DUE, Status.CANCELED, Status.UNPAID, Status.PAUSED, Status.TRIALING}),
    Status.PAST_DUE: frozenset({Status.ACTIVE, Status.CANCELED, Status.UNPAID, Status.PAUSED}),
    Status.UNPAID: frozenset({Status.ACTIVE, Status.CANCELED}),
    Status.PAUSED: frozenset({Status.ACTIVE, Status.PAST_DUE, Status.CANCELED}),
    Status.CANCELED: frozenset(),
}
#: The statuses from which nothing follows.
TERMINAL = frozenset(status for status, following in LIFECYCLE.items() if not following)


class Command(StrEnum):
    """What can be asked of a subscription."""

    CANCEL_NOW = "cancel now"
    CANCEL_AT_PERIOD_END = "cancel at the period's end"
    UNDO_CANCEL = "take the cancellation back"
    CHANGE_PLAN = "change the plan"
    PAUSE = "pause it"
    CHANGE_DISCOUNT = "change its discount"


#: In which statuses each command is allowed: positive lists, so that a new status allows nothing by accident.
COMMANDS: dict[Command, frozenset[Status]] = {
    Command.CANCEL_NOW: frozenset(Status) - TERMINAL,
    Command.CANCEL_AT_PERIOD_END: frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE}),
    Command.UNDO_CANCEL: frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE}),
    Command.CHANGE_PLAN: frozenset({Status.TRIALING, Status.ACTIVE}),
    Command.PAUSE: frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE}),
    Command.CHANGE_DISCOUNT: frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE}),
}


@frozen(kw_only=True)
class PendingChange:
    """A change of plan that is to come."""

    plan_id: str
    quantity: int
    #: When (UTC) it takes effect; None while it waits for a payment.
    effective_at: datetime | None


@frozen(kw_only=True)
class Subscription:
    """One subscription of one user, as its facts add up."""

    id: str
    user_id: str
    plan_id: str
    #: The version of the plan that the user agreed to.
    plan_version: int
    #: One of `Status`, or one that the provider added since.
    status: str
    quantity: int
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    cancellation_reason: str | None
    pending_change: PendingChange | None
    #: The end (UTC) of the latest service period that is paid; None before the first payment.
    paid_through: datetime | None
    #: Since when (UTC) a renewal has been unpaid; None while none is.
    past_due_since: datetime | None
    #: Until when (UTC) it opens things although a renewal is unpaid.
    grace_until: datetime | None
    #: ``void``, ``keep_as_draft`` or ``mark_uncollectible`` while collection is paused.
    pause_behavior: str | None
    #: From when on (UTC) it is to rest, or rests, because somebody asked for it; None where nobody did.
    pause_starts_at: datetime | None = None
    #: When (UTC) it is taken up again by itself.
    pause_resumes_at: datetime | None = None
    #: When (UTC) the customer was told that their trial is about to end.
    trial_ending_at: datetime | None
    stripe_subscription_id: str
    stripe_item_id: str
    stripe_schedule_id: str | None
    created_at: datetime
    #: What lessens its next invoice; none once it has ended.
    discounts: tuple[RunningDiscount, ...] = ()
    #: What is being done about an unpaid renewal; None while there is none.
    dunning: Dunning | None = None
    #: What our own schedule does about it next.
    next_step: NextStep | None = None
    #: When (UTC) it last changed at the provider. Two records that differ in nothing else are the same.
    updated_at: datetime = field(eq=False)

    @property
    def has_ended(self) -> bool:
        """Whether it is over for good. An unknown status counts as going on."""
        return self.status in TERMINAL

    @property
    def is_canceling(self) -> bool:
        """Whether it goes on, but its end is set."""
        return not self.has_ended and (self.cancel_at_period_end or self.cancel_at is not None)


def subscription_row(  # noqa: PLR0917 - what a record is made of, passed on once
    user_id: str,
    seen: SubscriptionSeen,
    known: Known,
    catalog: Catalog,
    coverage: Coverage | None,
    steps: Iterable[StepTaken] = (),
) -> tuple[Subscription, Plan] | None:
    """The record of one subscription with the plan version agreed to; None while no plan maps to any price it had.

    Moved to a price that no plan maps to it keeps the plan that was paid for last: whoever pays is not locked out.
    """
    state = known.state(ObjectKind.SUBSCRIPTION, seen.id)
    found = _plan_item(seen, state.price_since if state else None, catalog) or _paid_before(seen, known, catalog)
    if state is None or found is None:
        return None
    item, plan = found
    mine = tuple(step for step in steps if step.stripe_subscription_id == seen.id)
    overdue_since = past_due_since(state, known) if seen.status == Status.PAST_DUE else None
    row = Subscription(
        id=derived_id(seen.created, seen.id),
        user_id=user_id,
        plan_id=plan.id,
        plan_version=plan.version,
        status=seen.status,
        quantity=item.quantity,
        current_period_start=item.period_start,
        current_period_end=item.period_end,
        trial_end=seen.trial_end,
        cancel_at_period_end=seen.cancel_at_period_end,
        cancel_at=seen.cancel_at,
        canceled_at=seen.canceled_at,
        ended_at=seen.ended_at,
        cancellation_reason=_cancellation_reason(seen, known, mine),
        pending_change=_pending_change(seen, item, known, catalog),
        paid_through=coverage.paid_through if coverage else None,
        past_due_since=overdue_since,
        grace_until=overdue_since + plan.access.grace if overdue_since else None,
        pause_behavior=seen.pause_behavior,
        trial_ending_at=_reminded_at(state, plan, mine),
        stripe_subscription_id=seen.id,
        stripe_item_id=item.id,
        stripe_schedule_id=seen.schedule_id,
        created_at=seen.created,
        discounts=() if seen.status in TERMINAL else discounts_of(seen, known),
        dunning=dunning_of(seen, overdue_since, plan.dunning, known, mine),
        next_step=contest_step(seen, known, mine)
        or _trial_reminder(seen, plan, mine)
        or next_step(seen, overdue_since, plan.dunning, known, mine),
        updated_at=state.last_at,
    )
    return row, plan


#: How far the provider's clock, which shows whole seconds, may be behind ours.
_CLOCKS_APART = timedelta(minutes=1)
#: The provider announces the end of every trial so many days before; other reminders are steps of our own.
_ANNOUNCED_DAYS = 3


def _reminded_at(state: ObjectState, plan: Plan, steps: tuple[StepTaken, ...]) -> datetime | None:
    if plan.trial.reminder_days == _ANNOUNCED_DAYS:
        return state.trial_ending_at
    reminders = (step.taken_at for step in steps if step.kind is StepKind.TRIAL_REMINDER)
    return min(reminders, default=None)


def _trial_reminder(seen: SubscriptionSeen, plan: Plan, steps: tuple[StepTaken, ...]) -> NextStep | None:
    days = plan.trial.reminder_days
    if seen.status != Status.TRIALING or seen.trial_end is None or days in {0, _ANNOUNCED_DAYS}:
        return None
    if any(step.kind is StepKind.TRIAL_REMINDER for step in steps):
        return None
    due_at = max(seen.created, seen.trial_end - timedelta(days=days))
    return NextStep(kind=StepKind.TRIAL_REMINDER, subject=seen.id, due_at=due_at)


def _cancellation_reason(seen: SubscriptionSeen, known: Known, steps: tuple[StepTaken, ...]) -> str | None:
    """As the provider says; what our own dunning ended, it ended for non-payment.

    A last step that was taken after the end, by a worker that had not heard of it yet, ended nothing.
    """
    if seen.status != Status.CANCELED or seen.ended_at is None:
        return seen.cancellation_reason
    for step in steps:
        unpaid = known.seen(InvoiceSeen, step.subject) if step.kind is StepKind.LAST else None
        if unpaid is not None and unpaid.status == "void" and step.taken_at < seen.ended_at + _CLOCKS_APART:
            return "payment_failed"
    return seen.cancellation_reason


def _plan_item(seen: SubscriptionSeen, agreed_at: datetime | None, catalog: Catalog) -> tuple[ItemSeen, Plan] | None:
    """The item that a plan maps to, and that plan; of several the dearest, which opens what all of them open."""
    found = [(catalog.plan_for(item.price_id, agreed_at or seen.created), item) for item in seen.items]
    known = [(plan, item) for plan, item in found if plan is not None]
    if not known:
        return None
    plan, item = max(known, key=lambda one: (one[0].amount_per_month, one[0].rank, one[0].id, one[1].id))
    if len(known) > 1:
        plan = evolve(plan, grants=tuple(grant for one, _ in known for grant in one.grants))
    return item, plan


def _paid_before(seen: SubscriptionSeen, known: Known, catalog: Catalog) -> tuple[ItemSeen, Plan] | None:
    """The first item of a subscription, and the plan that its latest paid invoice of any plan was for."""
    paid = (one for one in reversed(known.invoices_of(seen.id)) if one.status == "paid")
    for invoice in paid if seen.items else ():
        charged = [line for line in invoice.lines if line.amount >= 0]
        for line in sorted(charged, key=lambda line: (line.period_end, line.amount), reverse=True):
            plan = catalog.plan_for(line.price_id, invoice.created)
            if plan is not None:
                return seen.items[0], plan
    return None


def _pending_change(seen: SubscriptionSeen, item: ItemSeen, known: Known, catalog: Catalog) -> PendingChange | None:
    """What is to come: an update that waits for its payment, else the next phase of a schedule."""
    if seen.status in TERMINAL:
        return None
    if seen.pending_price_id:
        waiting = catalog.plan_for(seen.pending_price_id, seen.created)
        quantity = seen.pending_quantity or item.quantity
        return PendingChange(plan_id=waiting.id, quantity=quantity, effective_at=None) if waiting else None
    schedule = known.seen(ScheduleSeen, seen.schedule_id)
    if schedule is None or schedule.status != "active":
        return None
    now_until = max((item.period_end for item in seen.items if item.period_end), default=seen.created)
    for phase in schedule.phases:
        if schedule.phase_start is None:
            is_to_come = phase.start >= now_until
        else:  # it may begin in the middle of a period
            is_to_come = phase.start > max(schedule.phase_start, item.period_start or schedule.phase_start)
        coming = catalog.plan_for(phase.price_id, phase.start)
        changes = (phase.price_id, phase.quantity) != (item.price_id, item.quantity)
        if is_to_come and coming is not None and changes:
            return PendingChange(plan_id=coming.id, quantity=phase.quantity, effective_at=phase.start)
    return None


_WITH_STEPS = frozenset({Status.INCOMPLETE, Status.TRIALING, Status.PAST_DUE, Status.UNPAID})


def may_have_steps(states: Iterable[ObjectState]) -> bool:
    """Whether our own schedule may have done anything about these: only about trials, unpaid renewals and disputes."""
    return any(
        state.ref.kind is ObjectKind.DISPUTE
        or (state.ref.kind is ObjectKind.SUBSCRIPTION and bool(state.statuses & _WITH_STEPS))
        for state in states
    )


def counting(subscriptions: Iterable[Subscription]) -> Subscription | None:
    """The one that counts now; None for a user without any.

    The newest that has begun and not ended, else one that waits for its first payment, else the last one.
    """
    return max(
        subscriptions,
        key=lambda one: (not one.has_ended, one.status != Status.INCOMPLETE, one.created_at, one.id),
        default=None,
    )


def require_allowed(command: Command, subscription: Subscription, now: datetime) -> None:
    """Raises `InvalidTransition` where the subscription's state does not allow ``command`` at ``now`` (UTC)."""
    if subscription.status not in COMMANDS[command]:
        raise InvalidTransition(f"A subscription that is {subscription.status} does not allow to {command}.")
    if command is Command.UNDO_CANCEL:
        end = subscription.cancel_at or subscription.current_period_end
        if not subscription.is_canceling:
            raise InvalidTransition("The subscription is neither canceled nor paused, so it goes on anyway.")
        if end is not None and now >= end:
            raise InvalidTransition("The subscription has reached its end; subscribe anew instead.")
