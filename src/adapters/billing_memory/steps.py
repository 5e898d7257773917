"""Steps in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import frozen

from billing_core.domain.steps import StepTaken
from billing_memory.work import Work

__all__ = ["MemorySteps"]


@frozen
class MemorySteps:
    """The port of steps."""

    _work: Work

    async def add(self, step: StepTaken) -> bool:
        """Keep a step, unless it was taken already."""
        key = (step.user_id, step.subject, step.name)
        await self._work.lock(("step", key))
        rows = self._work.on(self._work.store.steps)
        if rows.get(key) is not None:
            return False
        rows.put(key, step)
        return True

    async def of_user(self, user_id: str) -> tuple[StepTaken, ...]:
        """All steps of a user, oldest first."""
        found = self._work.on(self._work.store.steps).of_group(user_id)
        return tuple(sorted(found, key=lambda step: (step.taken_at, step.subject, step.name)))

    async def users_due(self, now: datetime, limit: int) -> Collection[str]:
        """Users with a step that is due, the longest due first."""
        due: dict[str, datetime] = {}
        for row in self._work.on(self._work.store.accounts.subscriptions).all():
            if row.next_step is not None and row.next_step.due_at <= now:
                due[row.user_id] = min(due.get(row.user_id, now), row.next_step.due_at)
        return sorted(due, key=lambda user_id: (due[user_id], user_id))[:limit]
