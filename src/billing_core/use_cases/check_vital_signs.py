"""Check vital signs: the figures that metrics show and `billing doctor --invariants` explains."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from billing_core.domain.vital_signs import Invariant, Queues, Violation
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["CheckVitalSigns", "InvariantReport"]

#: The name of the run that is leased.
_LEASED_AS = "invariants"


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
    #: Which leases are counted in.
    real_clock: Clock

    async def queues(self) -> Queues:
        """What waits. Raises `StorageUnavailable`."""
        async with self.units() as uow:
            return await uow.vital_signs.queues()

    async def invariants(self, *, examples: int = 5) -> tuple[InvariantReport, ...]:
        """Every invariant, each looked at in a transaction of its own. Raises `StorageUnavailable`."""
        return tuple([await self._report(invariant, examples) for invariant in Invariant])

    async def leased_invariants(self, worker: str, lease: timedelta) -> tuple[InvariantReport, ...] | None:
        """The same, for whichever worker looks: None while another one does, which it goes on doing as it looks again.

        It reads every account, so one worker's looking is enough. Raises `StorageUnavailable`.
        """
        async with self.units() as uow:
            taken = await uow.reconciliations.take(_LEASED_AS, worker, self.real_clock.now(), lease)
            await uow.commit()
        return None if taken is None else await self.invariants()

    async def _report(self, invariant: Invariant, limit: int) -> InvariantReport:
        async with self.units() as uow:
            count, examples = await uow.vital_signs.violations(invariant, self.clock.now(), limit)
        return InvariantReport(invariant=invariant, count=count, examples=examples)
