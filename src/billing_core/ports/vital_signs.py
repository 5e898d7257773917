"""The port of vital signs: what waits, and what breaks an invariant. Contract: ``billing_contracts.vital_signs``."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from billing_core.domain.vital_signs import Invariant, Queues, Violation

__all__ = ["VitalSigns"]


class VitalSigns(Protocol):
    """Questions about everybody's rows at once, for whoever watches. Nothing changes by them."""

    async def queues(self) -> Queues:
        """What waits now. Cheap: it looks at what is not done with alone."""
        ...

    async def violations(self, invariant: Invariant, now: datetime, limit: int) -> tuple[int, tuple[Violation, ...]]:
        """How many things break ``invariant`` at ``now`` (UTC), and the first ``limit`` of them by subject.

        As `billing_core.domain.vital_signs.violations_of` finds them. It looks at every row, so it may take a while.
        """
        ...
