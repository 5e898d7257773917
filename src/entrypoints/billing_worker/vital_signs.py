"""Watching: the vital signs as metrics, and a line in the log where an invariant is broken."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from attrs import frozen

from billing_bootstrap.application import Application
from billing_core.domain.vital_signs import UNSETTLED, Backlog
from billing_core.use_cases.check_vital_signs import InvariantReport

__all__ = ["Watcher"]

#: Longer than the pause between two looks: whoever looks goes on looking, and another one soon after it has gone.
_LEASE = timedelta(minutes=8)

_log = structlog.get_logger("billing_worker")


@frozen
class Watcher:
    """Looks, and says what it saw."""

    application: Application

    async def queues(self, _worker: str) -> int:
        """Show what waits: every worker for itself, each sees the same. There is never more to do at once."""
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

    async def invariants(self, worker: str) -> int:
        """Show what breaks an invariant, and log the first that do; unless another worker does so."""
        if not await self.application.check_vital_signs.leased_invariants(worker, _LEASE, self._show):
            self.application.metrics.violations.clear()  # what was seen here before is no longer looked at
        return 0

    def _show(self, report: InvariantReport) -> None:
        self.application.metrics.violations.labels(report.invariant.value).set(report.count)
        if report.count:
            subjects = [one.subject for one in report.examples]
            _log.error("invariant broken", invariant=report.invariant.value, count=report.count, subjects=subjects)


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
