"""Access: may this user open this, and why?

A user's grants are a pure function of subscriptions, purchases and grants by hand. Each names its source.
Whether a grant is open is decided when it is asked for, from the times that it carries: nothing has to run
at midnight for access to end (domain rule 1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum

from attrs import frozen

from billing_core.domain.resources import Containment, Pair, Resource
from billing_core.domain.subscriptions import Subscription

__all__ = [
    "Blocked",
    "Decision",
    "Ending",
    "Grant",
    "ManualGrant",
    "Opened",
    "Reason",
    "Source",
    "SourceKind",
    "UserAccess",
    "decide",
    "decide_alike",
    "decide_all",
    "in_force",
    "manual_grant_rows",
]


class SourceKind(StrEnum):
    """What a grant comes from."""

    SUBSCRIPTION = "subscription"
    PURCHASE = "purchase"
    MANUAL = "manual"


@frozen(order=True)
class Source:
    """The one thing that a grant comes from."""

    kind: SourceKind
    id: str


class Opened(StrEnum):
    """Why something may be opened."""

    SUBSCRIPTION_ACTIVE = "subscription_active"
    SUBSCRIPTION_TRIALING = "subscription_trialing"
    WITHIN_GRACE = "within_grace"
    PURCHASED = "purchased"
    GRANTED_MANUALLY = "granted_manually"


class Blocked(StrEnum):
    """Why something may not be opened, in order of precedence for one source."""

    REVOKED = "revoked"
    DISPUTED = "disputed"
    REFUNDED = "refunded"
    INCOMPLETE = "incomplete"
    PAUSED = "paused"
    PAYMENT_OVERDUE = "payment_overdue"
    SUBSCRIPTION_ENDED = "subscription_ended"
    EXPIRED = "expired"
    NO_GRANT = "no_grant"


Reason = Opened | Blocked
_PRECEDENCE = {reason: rank for rank, reason in enumerate(Blocked)}


def first_reason(reasons: Iterable[Blocked]) -> Blocked | None:
    """Of several reasons of one source, the one that is given; None of none."""
    return min(reasons, key=_PRECEDENCE.__getitem__, default=None)


@frozen(kw_only=True)
class Grant:
    """What one source opens, from when, until when; or why it does not."""

    resource: Resource
    source: Source
    #: From this moment (UTC) on.
    granted_at: datetime
    #: Up to, not including, this moment (UTC); None for ever.
    expires_at: datetime | None
    #: Why it opens, while it does.
    opens: Opened
    #: Why it is closed whatever the time; None where only time decides.
    blocked: Blocked | None = None
    #: Since when (UTC) it is closed.
    blocked_at: datetime | None = None
    #: What is said once ``expires_at`` has passed.
    lapses: Blocked = Blocked.EXPIRED

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What it is among the grants of one user, and where it stands: by source, then by resource."""
        return self.source.kind, self.source.id, self.resource.type, self.resource.id

    def is_open(self, now: datetime) -> bool:
        """Whether it opens its resource at ``now`` (UTC)."""
        return self.blocked is None and self.granted_at <= now and (self.expires_at is None or now < self.expires_at)

    def closed_since(self, now: datetime) -> datetime:
        """When it ended, for one that is not open at ``now``."""
        lapsed = self.expires_at if self.expires_at is not None and self.expires_at <= now else None
        return min((moment for moment in (self.blocked_at, lapsed) if moment), default=self.granted_at)

    def reason_closed(self, now: datetime) -> Blocked:
        """Why it does not open at ``now`` (UTC): by precedence, where both a block and time say so."""
        lapsed = self.expires_at is not None and self.expires_at <= now
        reasons = [reason for reason in (self.blocked, self.lapses if lapsed else None) if reason]
        return first_reason(reasons) or Blocked.NO_GRANT


@frozen
class Ending:
    """That a grant ended by the clock, and when: what need not be told again."""

    source: Source
    resource: Resource
    #: The ``expires_at`` (UTC) that has passed.
    at: datetime


@frozen(kw_only=True)
class ManualGrant:
    """A grant by hand: ours, with who gave it and why."""

    #: UUIDv7.
    id: str
    user_id: str
    resource: Resource
    reason: str
    granted_by: str
    granted_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


def manual_grant_rows(grants: Iterable[ManualGrant]) -> tuple[Grant, ...]:
    """What grants by hand open."""
    return tuple(
        Grant(
            resource=grant.resource,
            source=Source(SourceKind.MANUAL, grant.id),
            granted_at=grant.granted_at,
            expires_at=grant.expires_at,
            opens=Opened.GRANTED_MANUALLY,
            blocked=Blocked.REVOKED if grant.revoked_at else None,
            blocked_at=grant.revoked_at,
        )
        for grant in grants
    )


@frozen(kw_only=True)
class UserAccess:
    """What is asked of a user all the time, as facts: what is open at a moment is decided from it when it is asked."""

    user_id: str
    #: Counts up by one with each thing that is published about the user.
    version: int
    #: All grants, open or not.
    grants: tuple[Grant, ...]
    #: The subscription that counts (`billing_core.domain.subscriptions.counting`); None for a user without any.
    subscription: Subscription | None


@frozen(kw_only=True, slots=False)  # many are made, none is kept: without slots that takes a fifth less
class Decision:
    """The answer to "may this user open this?"."""

    resource: Resource
    allowed: bool
    reason: Reason
    #: Which source makes the answer; None where there is none.
    source: Source | None
    #: Until when (UTC) it is open, or when it lapsed; None for ever, or where there is no source.
    expires_at: datetime | None

    def about(self, resource: Resource) -> Decision:
        """The same decision about something else."""
        return Decision(
            resource=resource,
            allowed=self.allowed,
            reason=self.reason,
            source=self.source,
            expires_at=self.expires_at,
        )


def decide(grants: Iterable[Grant], resource: Resource, now: datetime, containment: Containment) -> Decision:
    """Whether these grants of one user open ``resource`` at ``now`` (UTC).

    If so, by the source that lasts longest; if not, the reason of the one that ended last. A grant that
    begins later says nothing yet.
    """
    opening = containment.opened_by(resource)
    best: Grant | None = None
    closed: list[Grant] = []
    for grant in grants:
        if (grant.resource.type, grant.resource.id) not in opening:
            continue
        if grant.is_open(now):
            if best is None or _lasting(grant) > _lasting(best):
                best = grant
        elif grant.granted_at <= now:
            closed.append(grant)
    if best is None:
        return _refusal(closed, resource, now)
    return Decision(resource=resource, allowed=True, reason=best.opens, source=best.source, expires_at=best.expires_at)


def _refusal(closed: Collection[Grant], resource: Resource, now: datetime) -> Decision:
    """The decision where all that would open the resource is closed."""
    if not closed:
        return Decision(resource=resource, allowed=False, reason=Blocked.NO_GRANT, source=None, expires_at=None)
    last = max(closed, key=lambda grant: (grant.closed_since(now), grant.source))
    return Decision(
        resource=resource,
        allowed=False,
        reason=last.reason_closed(now),
        source=last.source,
        expires_at=last.expires_at,
    )


def decide_all(
    grants: Iterable[Grant], resources: Iterable[Resource], now: datetime, containment: Containment
) -> Iterator[Decision]:
    """The same for each of these resources, in this order, at a fraction of the price."""
    for resource, decided in decide_alike(grants, resources, now, containment):
        yield decided if decided.resource is resource else decided.about(resource)


def decide_alike(
    grants: Iterable[Grant], resources: Iterable[Resource], now: datetime, containment: Containment
) -> Iterator[tuple[Resource, Decision]]:
    """Each of these resources, in this order, with what is decided on it: perhaps the decision about another one.

    What has no grant of its own is opened by what contains it: for all that is contained alike that is decided once.
    """
    held: dict[Pair, list[Grant]] = {}
    for grant in grants:
        held.setdefault((grant.resource.type, grant.resource.id), []).append(grant)
    alike: dict[frozenset[Pair], Decision] = {}
    for resource in resources:
        own, holders = held.get((resource.type, resource.id)), containment.holders_of(resource)
        decided = alike.get(holders) if own is None else None
        if decided is None:
            around = [grant for holder in held.keys() & holders for grant in held[holder]]
            decided = decide(around + (own or []), resource, now, containment)
            if own is None:
                alike[holders] = decided
        yield resource, decided


_FOR_EVER = datetime.max.replace(tzinfo=UTC)


def _lasting(grant: Grant) -> tuple[datetime, Source]:
    return (grant.expires_at or _FOR_EVER, grant.source)


def in_force(grants: Iterable[Grant], now: datetime) -> tuple[Grant, ...]:
    """The grants that open something at ``now`` (UTC), in a stable order."""
    return tuple(
        sorted(
            (grant for grant in grants if grant.is_open(now)),
            key=lambda grant: (grant.resource, grant.source),
        )
    )
