"""Vital signs in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime

from attrs import frozen

from billing_core.domain.operations import OperationState
from billing_core.domain.received import ReceivedState
from billing_core.domain.vital_signs import (
    PARKED_TOO_LONG,
    UNSETTLED,
    Backlog,
    Invariant,
    Queues,
    Violation,
    violations_of,
)
from billing_memory.accounts import MemoryAccounts
from billing_memory.store import UNPUBLISHED
from billing_memory.work import Work

__all__ = ["MemoryVitalSigns"]


@frozen
class MemoryVitalSigns:
    """The port of vital signs."""

    _work: Work

    async def queues(self) -> Queues:
        """What waits now."""
        work, store = self._work, self._work.store
        received = {
            state: [row.received.received_at for row in work.on(store.inbox).of_group(state)] for state in UNSETTLED
        }
        pending = work.on(store.operations).of_group(OperationState.PENDING)
        return Queues(
            inbox={state: _backlog(moments) for state, moments in received.items() if moments},
            outbox=_backlog(row.recorded_at for row in work.on(store.outbox).of_group(UNPUBLISHED)),
            operations=_backlog(row.operation.created_at for row in pending),
        )

    async def violations(self, invariant: Invariant, now: datetime, limit: int) -> tuple[int, tuple[Violation, ...]]:
        """How many things break ``invariant``, and the first of them."""
        if invariant is Invariant.PARKED_OVER_AN_HOUR:
            found = list(self._parked(now))
        else:
            found = [one async for kind, one in self._of_accounts(now) if kind is invariant]
        return len(found), tuple(sorted(found, key=lambda one: (one.subject, one.user_id or ""))[:limit])

    def _parked(self, now: datetime) -> Iterator[Violation]:
        for row in self._work.on(self._work.store.inbox).of_group(ReceivedState.PARKED):
            if row.received.received_at <= now - PARKED_TOO_LONG:
                yield Violation(subject=f"event:{row.received.event_id}", user_id=None)

    async def _of_accounts(self, now: datetime) -> AsyncIterator[tuple[Invariant, Violation]]:
        work, tables = self._work, self._work.store.accounts
        accounts = MemoryAccounts(work)
        users = {row.user_id for row in work.on(tables.subscriptions).all()}
        users |= {row.user_id for row in work.on(tables.purchases).all()}
        users |= {row.user_id for row in work.on(tables.payments).all()}
        users |= {row.user_id for row in work.on(tables.grants).all()}
        catalog = work.on(work.store.catalog).all()
        granting = {(plan.id, plan.version) for stored in catalog for plan in stored.catalog.plans if plan.grants}
        for user_id in users:
            by_hand = work.on(work.store.manual_grants).of_group(user_id)
            for found in violations_of(await accounts.load(user_id), by_hand, frozenset(granting), now):
                yield found


def _backlog(moments: Iterable[datetime]) -> Backlog:
    waiting = sorted(moments)
    return Backlog(count=len(waiting), oldest=waiting[0] if waiting else None)
