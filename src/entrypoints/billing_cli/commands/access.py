"""`billing access`."""

from __future__ import annotations

from datetime import datetime

import msgspec
from cyclopts import App

from billing_bootstrap import presenting
from billing_bootstrap.application import Application
from billing_bootstrap.shapes import DecisionShape
from billing_cli.asking import ask_first
from billing_cli.desk import opened
from billing_cli.failures import WrongUsage
from billing_cli.options import CHANGING, LOOKING, Changing, Looking, UserId
from billing_cli.printing import show_fields, show_json, show_rows
from billing_cli.reading import moment_of, resource_of
from billing_core.domain.audit import AuditEntry

__all__ = ["app"]

app = App(name="access", help="Who may open what, and why; grant and revoke by hand.")

_DECISION = ("resource_type", "resource_id", "allowed", "reason", "source.kind", "source.id", "expires_at")
_ENTRIES_READ = 200

#: What each reason means, for a person.
_REASONS = {
    "subscription_active": "a subscription that is paid opens it",
    "subscription_trialing": "a subscription in its trial opens it",
    "within_grace": "a renewal is unpaid, and its time of grace is not over",
    "purchased": "it was bought",
    "granted_manually": "support staff granted it",
    "no_grant": "no subscription, purchase or grant by hand ever opened it",
    "incomplete": "the first payment of the subscription was never made",
    "subscription_ended": "the subscription has ended",
    "paused": "the subscription is paused",
    "payment_overdue": "a payment is overdue and its time of grace is over",
    "expired": "its time is over",
    "refunded": "the payment was refunded",
    "disputed": "the payment is disputed",
    "revoked": "support staff revoked it",
}


class Step(msgspec.Struct, frozen=True):
    """A commit that changed what the source of a decision opens: when, and which event or person made it so."""

    at: datetime
    cause: str
    id: str
    actor: str
    reason: str | None


class DecidingShape(msgspec.Struct, frozen=True):
    """One piece of what a decision rests on: an event's id and type, or an order's or a grant's."""

    id: str
    type: str
    at: datetime
    about: str
    rule: str


class Explanation(msgspec.Struct, frozen=True):
    """A decision, what it means, the fewest facts that make it, oldest first, and what was done, newest first."""

    decision: DecisionShape
    because: str
    facts: tuple[DecidingShape, ...]
    history: tuple[Step, ...]


@app.command(name="list")
async def list_(user_id: UserId, /, *, options: Looking = LOOKING) -> None:
    """The grants that are in force now.

    For example:

        billing access list learner-1
    """
    async with opened() as application:
        found = presenting.grants(await application.decide_access.grants(options.caller, user_id))
    if options.json:
        show_json(found)
    else:
        columns = ("resource_type", "resource_id", "source.kind", "source.id", "granted_at", "expires_at")
        show_rows(found.grants, columns, none=f"{user_id} may open nothing.")


@app.command
async def check(user_id: UserId, /, *resources: str, options: Looking = LOOKING) -> None:
    """Whether a user may open each of these now.

    For example:

        billing access check learner-1 course:k8s-101
        billing access check learner-1 course:k8s-101 lab:intro --json

    Args:
        user_id: Whose.
        resources: Types and ids, such as course:k8s-101.
        options: How it is asked and shown.
    """
    if not resources:
        raise WrongUsage("Which resources? Write types and ids, such as course:k8s-101.")
    asked = [resource_of(resource) for resource in resources]
    async with opened() as application:
        decisions = await application.decide_access(options.caller, user_id, asked)
    found = tuple(map(presenting.decision, decisions))
    if options.json:
        show_json({"decisions": found})
    else:
        show_rows(found, _DECISION, none="Nothing was asked.")


@app.command
async def explain(
    user_id: UserId,
    resource: str,
    /,
    *,
    at: str | None = None,
    known_at: str | None = None,
    options: Looking = LOOKING,
) -> None:
    """Why a user may or may not open something, now or at a past moment: the fewest facts that decide, and the rules.

    Without any one of these facts the decision would be another one.

    For example:

        billing access explain learner-1 course:k8s-101
        billing access explain learner-1 course:k8s-101 --at 2026-11-17T09:00:00Z

    Args:
        user_id: Whose.
        resource: A type and an id, such as course:k8s-101.
        at: What was true at that moment, by all that is known now.
        known_at: Only by what was known at that moment.
        options: How it is asked and shown.
    """
    wanted, moment, known = resource_of(resource), moment_of(at), moment_of(known_at)
    async with opened() as application:
        explained = await application.explain_access(options.caller, user_id, wanted, at=moment, known_at=known)
        decision = explained.decision
        history = await _history(application, user_id, decision.source.id if decision.source else None, moment)
    facts = tuple(DecidingShape(one.id, one.type, one.at, one.about, one.rule) for one in explained.because)
    found = Explanation(presenting.decision(decision), _REASONS.get(decision.reason, decision.reason), facts, history)
    if options.json:
        show_json(found)
        return
    show_fields(found.decision)
    show_fields({"because": found.because})
    show_rows(found.facts, ("id", "type", "at", "about", "rule"), none="No fact makes it so: nothing is known.")
    show_rows(found.history, ("at", "cause", "id", "actor", "reason"), none="Nothing is recorded that made it so.")


async def _history(
    application: Application, user_id: str, source_id: str | None, until: datetime | None
) -> tuple[Step, ...]:
    """The commits that changed what this source opens, up to ``until``."""
    if source_id is None:
        return ()
    async with application.units() as uow:
        entries = await uow.audit.of_user(user_id, _ENTRIES_READ)
    return tuple(
        Step(entry.at, entry.cause.kind, entry.cause.id, entry.cause.actor, entry.cause.reason)
        for entry in entries
        if _touches(entry, source_id) and (until is None or entry.at <= until)
    )


def _touches(entry: AuditEntry, source_id: str) -> bool:
    return any(row.startswith("access ") and row.endswith(f" {source_id}") for row in entry.changes)


@app.command
async def grant(
    user_id: UserId,
    resource: str,
    /,
    *,
    reason: str,
    expires_at: str | None = None,
    options: Changing = CHANGING,
) -> None:
    """Open something to a user without a payment.

    For example:

        billing access grant learner-1 course:k8s-101 --reason "won it"
        billing access grant ann "lab:*" --reason pilot --expires-at 2027-01-01

    Args:
        user_id: Whose.
        resource: A type and an id, such as course:k8s-101.
        reason: Why; it goes into the audit log.
        expires_at: The first moment without it; never unless given.
        options: How it is asked and shown.
    """
    wanted, until = resource_of(resource), moment_of(expires_at)
    ask_first(f"Open {wanted} to {user_id} {f'until {expires_at}' if until else 'for ever'}?", yes=options.yes)
    async with opened() as application:
        made = await application.grant_by_hand(options.caller, user_id, wanted, reason=reason, expires_at=until)
    found = presenting.grant(made)
    if options.json:
        show_json(found)
    else:
        show_fields(found)


@app.command
async def revoke(
    user_id: UserId,
    grant_id: str,
    /,
    *,
    reason: str | None = None,
    options: Changing = CHANGING,
) -> None:
    """Take a grant by hand back.

    For example:

        billing access list learner-1
        billing access revoke learner-1 0192b3c4-… --reason "the pilot is over"

    Args:
        user_id: Whose.
        grant_id: The id of its source, as `billing access list` shows it.
        reason: Why, for the audit log.
        options: How it is asked and shown.
    """
    ask_first(f"Revoke the grant {grant_id} of {user_id}?", yes=options.yes)
    async with opened() as application:
        await application.revoke_grant(options.caller, user_id, grant_id, reason=reason)
    if options.json:
        show_json({"user_id": user_id, "revoked": grant_id})
    else:
        show_fields({"revoked": grant_id})
