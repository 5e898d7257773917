"""Check vital signs: the figures that metrics show and `billing doctor --invariants` explains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from attrs import frozen

from billing_core.domain.vital_signs import Invariant, Queues, Violation
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.taking_turns import Failure, SomeFailed

__all__ = ["CheckVitalSigns", "InvariantReport"]

#: The name of the run that is leased.
_LEASED_AS = "invariants"
_EXAMPLES = 5


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

    async def invariants(self, *, examples: int = _EXAMPLES) -> tuple[InvariantReport, ...]:
        """Every invariant, each looked at in a transaction of its own. Raises `StorageUnavailable`."""
        return tuple([await self._report(invariant, examples) for invariant in Invariant])

    async def leased_invariants(self, worker: str, lease: timedelta, told: Callable[[InvariantReport], object]) -> bool:
        """The same, for whichever worker looks, each as it is ``told``.

        False while another one looks, which it goes on doing as it looks again: it reads every account, so that one
        worker's looking is enough. Raises `StorageUnavailable`, and in the end `SomeFailed` where one of them could not
        be looked at, as with so many accounts that it takes too long.
        """
        async with self.units() as uow:
            taken = await uow.reconciliations.take(_LEASED_AS, worker, self.real_clock.now(), lease)
            await uow.commit()
        if taken is None:
            return False
        failures: list[Failure] = []
        for invariant in Invariant:
            try:
                told(await self._report(invariant, _EXAMPLES))
            except Exception as error:  # noqa: BLE001 - the others are looked at; it is raised in the end
                failures.append(Failure(invariant.value, error))
        if failures:
            raise SomeFailed(failures, 0)
        return True

    async def _report(self, invariant: Invariant, limit: int) -> InvariantReport:
        async with self.units() as uow:
            count, examples = await uow.vital_signs.violations(invariant, self.clock.now(), limit)
        return InvariantReport(invariant=invariant, count=count, examples=examples)
