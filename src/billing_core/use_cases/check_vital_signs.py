"""Check vital signs: the figures that metrics show and `billing doctor --invariants` explains."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.vital_signs import Invariant, Queues, Violation
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["CheckVitalSigns", "InvariantReport"]


@frozen(kw_only=True)
class InvariantReport:
    """How an invariant is."""

    invariant: Invariant
    #: How many things break it.
    count: int
    #: The first of them.
    examples: tuple[Violation, ...]


@frozen(kw_only=True)
class CheckVitalSigns:
    """Look whether anything waits for too long or is as it must never be."""

    units: UnitsOfWork
    clock: Clock

    async def queues(self) -> Queues:
        """What waits. Raises `StorageUnavailable`."""
        async with self.units() as uow:
            return await uow.vital_signs.queues()

    async def invariants(self, *, examples: int = 5) -> tuple[InvariantReport, ...]:
        """Every invariant, each looked at in a transaction of its own. Raises `StorageUnavailable`."""
        return tuple([await self._report(invariant, examples) for invariant in Invariant])

    async def _report(self, invariant: Invariant, limit: int) -> InvariantReport:
        async with self.units() as uow:
            count, examples = await uow.vital_signs.violations(invariant, self.clock.now(), limit)
        return InvariantReport(invariant=invariant, count=count, examples=examples)
