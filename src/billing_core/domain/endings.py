"""Endings: access that ends by the clock alone, and what others were told of it.

Whether a grant is open is decided when it is asked for, so nothing has to run at midnight. But whoever
listens wants to hear that it ended. What was told is kept beside the grants, so that an ending is told
once, and a later extension tells that access is granted again (ADR 0009).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import evolve

from billing_core.domain.access import Ending, Grant
from billing_core.domain.account import Account
from billing_core.domain.events import NewEvent, grant_data

__all__ = ["ended_before", "with_endings"]


def ended_before(account: Account, moment: datetime) -> tuple[tuple[NewEvent, ...], Account]:
    """What is to be told of grants that ended by the clock before ``moment`` (UTC), and the account once it was.

    Each ending is dated when it was, in the order in which they were.
    """
    over = [
        grant
        for grant in account.grants
        if grant.expires_at and grant.expires_at < moment and account.tells_open(grant)
    ]
    over.sort(key=lambda grant: (_ended(grant), grant.source, grant.resource))
    events = tuple(
        NewEvent(type="access.revoked", occurred_at=_ended(grant), data=grant_data(grant, grant.lapses))
        for grant in over
    )
    return events, evolve(account, endings=account.endings | _endings(over)) if over else account


def with_endings(before: Account, after: Account, occurred_at: datetime) -> Account:
    """``after`` with what need not be told of it any more.

    What was told to have ended stays so unless it was extended beyond. What had ended already when the
    deciding fact happened was never open to anybody: neither its beginning nor its end is told.
    """
    told = {(one.source, one.resource): one.at for one in before.endings}
    over = [
        grant
        for grant in after.grants
        if grant.expires_at is not None
        and grant.expires_at <= max(occurred_at, told.get((grant.source, grant.resource), occurred_at))
    ]
    return evolve(after, endings=_endings(over)) if over or after.endings else after


def _ended(grant: Grant) -> datetime:
    if grant.expires_at is None:  # pragma: no cover - only grants that end are asked
        raise AssertionError(grant)
    return grant.expires_at


def _endings(grants: Iterable[Grant]) -> frozenset[Ending]:
    return frozenset(Ending(grant.source, grant.resource, grant.expires_at) for grant in grants if grant.expires_at)
