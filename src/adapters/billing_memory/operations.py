"""Operations in memory."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import evolve, frozen

from billing_core.domain.operations import Operation, OperationState
from billing_core.ports.operations import LATEST
from billing_memory.leases import Lease
from billing_memory.store import StoredOperation
from billing_memory.work import Work

__all__ = ["MemoryOperations"]

#: How many operations of a user and name are worth looking back at.


@frozen
class MemoryOperations:
    """The port of operations."""

    _work: Work

    async def add(self, operation: Operation) -> None:
        """Keep a new operation."""
        self._work.on(self._work.store.operations).put(operation.id, StoredOperation(operation=operation))

    async def get(self, operation_id: str) -> Operation | None:
        """One operation."""
        row = self._work.on(self._work.store.operations).get(operation_id)
        return row.operation if row else None

    async def lease(self, operation_id: str, worker: str, now: datetime, lease: timedelta) -> Operation | None:
        """A pending operation, leased."""
        await self._work.lock(("operation", operation_id))
        row = self._work.on(self._work.store.operations).get(operation_id)
        if row is None or row.operation.state is not OperationState.PENDING:
            return None
        if row.lease is not None and now < row.lease.until:
            return None
        return self._leased(row, Lease(worker, now + lease))

    async def claim_due(self, worker: str, now: datetime, lease: timedelta, limit: int) -> tuple[Operation, ...]:
        """Pending operations that are due and that nobody holds, leased."""
        due = [
            row
            for row in self._work.on(self._work.store.operations).of_group(OperationState.PENDING)
            if row.operation.next_attempt_at <= now and not (row.lease and now < row.lease.until)
        ]
        due.sort(key=lambda row: (row.operation.next_attempt_at, row.operation.id))
        claimed: list[Operation] = []
        for row in due:
            if len(claimed) < limit and self._work.lock_if_free(("operation", row.operation.id)):
                claimed.append(self._leased(row, Lease(worker, now + lease)))
        return tuple(claimed)

    async def save(self, operation: Operation) -> None:
        """Write the outcome of a try, and free it."""
        await self._work.lock(("operation", operation.id))
        self._work.on(self._work.store.operations).put(operation.id, StoredOperation(operation=operation))

    async def of_user(self, user_id: str, name: str, limit: int = LATEST) -> tuple[Operation, ...]:
        """A user's latest operations of one name."""
        found = [row.operation for row in self._work.on(self._work.store.operations).of_group((user_id, name))]
        found.sort(key=lambda operation: (operation.created_at, operation.id), reverse=True)
        return tuple(found[:limit])

    async def pending_of(self, user_id: str) -> tuple[Operation, ...]:
        """A user's operations that are not finished."""
        rows = self._work.on(self._work.store.operations).of_group((user_id, OperationState.PENDING))
        return tuple(sorted((row.operation for row in rows), key=lambda one: (one.created_at, one.id)))

    def _leased(self, row: StoredOperation, lease: Lease) -> Operation:
        self._work.on(self._work.store.operations).put(row.operation.id, evolve(row, lease=lease))
        return row.operation
