"""Examples of what we do: operations, events, audit entries, the catalog."""

from __future__ import annotations

from billing_contracts.examples.moments import COURSE, LAB, NOW, after, ours
from billing_core.domain.audit import AuditEntry, Cause
from billing_core.domain.change_rules import ChangeRule, Charge, Effective, OwnAmounts, PriceOf, TimeUnit
from billing_core.domain.events import Event, NewEvent
from billing_core.domain.money import Money
from billing_core.domain.operations import CancelSubscription, Command, Operation
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Item, Plan
from billing_core.domain.policies import (
    AccessPolicy,
    Collector,
    DunningPolicy,
    Hold,
    LastStep,
    RefundPolicy,
    TrialEnd,
    TrialPolicy,
)
from billing_core.domain.resources import EVERYTHING, Resource
from billing_core.domain.steps import StepKind, StepTaken
from billing_core.domain.trials import Mark, MarkKind, TrialClaim

__all__ = ["audit_entry", "event", "item", "new_event", "operation", "plan", "step_taken", "trial_claim"]


def operation(number: int = 1, *, user_id: str = "user-1", command: Command | None = None) -> Operation:
    """An operation that is due a minute from now on."""
    return Operation(
        id=ours(700 + number),
        user_id=user_id,
        command=command or CancelSubscription(subscription_id="sub_1", at_period_end=True),
        actor=user_id,
        reason="Too dear",
        created_at=after(number),
        next_attempt_at=after(1),
    )


def new_event(name: str = "purchase.completed", *, minute: int = 0) -> NewEvent:
    """Something to tell."""
    return NewEvent(type=name, occurred_at=after(minute), data={"purchase_id": ours(1), "amount": 4900, "reason": None})


def event(version: int = 1, *, user_id: str = "user-1", name: str = "purchase.completed") -> Event:
    """Something that was told."""
    return Event(
        id=ours(800 + version + sum(map(ord, user_id))),
        type=name,
        occurred_at=NOW,
        user_id=user_id,
        version=version,
        data={"purchase_id": ours(1), "amount": 4900, "reason": None},
    )


def trial_claim(number: int = 1, *marks: Mark, user_id: str = "user-1") -> TrialClaim:
    """A trial that was just claimed, by the user and these marks."""
    return TrialClaim(
        id=ours(number),
        user_id=user_id,
        marks=frozenset({Mark(MarkKind.USER, user_id), *marks}),
        claimed_at=NOW,
        look_at=after(60),
    )


def step_taken(
    number: str = "3", *, user_id: str = "user-1", minute: int = 0, kind: StepKind = StepKind.RETRY
) -> StepTaken:
    """A retry of an unpaid renewal."""
    return StepTaken(
        user_id=user_id,
        stripe_subscription_id="sub_1",
        subject="in_1",
        kind=kind,
        number=number,
        taken_at=after(minute),
        operation_id=ours(1),
    )


def audit_entry(minute: int = 0, *, user_id: str = "user-1") -> AuditEntry:
    """A change of a subscription's status, caused by an event."""
    return AuditEntry(
        user_id=user_id,
        at=after(minute),
        cause=Cause(kind="event", id=f"evt_{minute}", actor="provider", reason="customer.subscription.updated"),
        changes={f"subscription:{ours(101)}": {"status": ("active", "past_due"), "grace_until": (None, "2026-03-08")}},
    )


def plan(version: int = 1, *, plan_id: str = "pro-monthly", price_id: str | None = "price_1") -> Plan:
    """A version of a plan with everything that a plan can have."""
    return Plan(
        id=plan_id,
        version=version,
        name="Pro",
        description="Everything, by the month",
        price=Money(1999, "usd"),
        interval=Interval.MONTH,
        trial_days=7,
        rank=2,
        features=("All courses", "All labs"),
        grants=(EVERYTHING, COURSE),
        stripe_price_id=price_id,
        access=AccessPolicy(renewal_slack_hours=48, grace_days=10, closed_while_held=(Hold.KEEP_AS_DRAFT,)),
        trial=TrialPolicy(payment_method_required=True, without_payment_method=TrialEnd.PAUSE, reminder_days=5),
        dunning=DunningPolicy(
            collector=Collector.OWN, retry_days=(1, 4), last_step=LastStep.DOWNGRADE, last_day=9, downgrade_to="free"
        ),
        changes=(
            ChangeRule(to="team", charge=Charge.OWN, own=OwnAmounts(unit=TimeUnit.DAY), keeps_trial=False),
            ChangeRule(effective=Effective.PERIOD_END, price=PriceOf.CURRENT, keeps_cancel=True),
        ),
        effective_from=after(version),
    )


def item(resource: Resource = COURSE, *, contains: tuple[Resource, ...] = (LAB,)) -> Item:
    """A single item that contains another one."""
    return Item(
        resource=resource,
        name=f"The {resource.type} {resource.id}",
        price=Money(4900, "usd"),
        contains=contains,
        refund=RefundPolicy(window_days=14, zone="Europe/Berlin"),
    )
