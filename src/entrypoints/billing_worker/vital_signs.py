"""Watching: the vital signs as metrics, and a line in the log where an invariant is broken."""

from __future__ import annotations

from datetime import datetime

import structlog
from attrs import frozen

from billing_bootstrap.application import Application
from billing_core.domain.vital_signs import UNSETTLED, Backlog

__all__ = ["Watcher"]

_log = structlog.get_logger("billing_worker")


@frozen
class Watcher:
    """Looks, and says what it saw. Every worker does so for itself: each sees the same."""

    application: Application

    async def queues(self, _worker: str) -> int:
        """Show what waits. There is never more to do at once."""
        metrics, now = self.application.metrics, self.application.clock.now()
        found = await self.application.check_vital_signs.queues()
        for state in UNSETTLED:
            waiting = found.inbox.get(state, Backlog())
            metrics.inbox_events.labels(state.value).set(waiting.count)
            metrics.inbox_age.labels(state.value).set(_age(waiting.oldest, now))
        metrics.outbox_events.set(found.outbox.count)
        metrics.outbox_lag.set(_age(found.outbox.oldest, now))
        metrics.operations_pending.set(found.operations.count)
        metrics.operations_age.set(_age(found.operations.oldest, now))
        return 0

    async def invariants(self, _worker: str) -> int:
        """Show what breaks an invariant, and log the first that do."""
        for report in await self.application.check_vital_signs.invariants():
            self.application.metrics.violations.labels(report.invariant.value).set(report.count)
            if report.count:
                subjects = [one.subject for one in report.examples]
                _log.error("invariant broken", invariant=report.invariant.value, count=report.count, subjects=subjects)
        return 0


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
