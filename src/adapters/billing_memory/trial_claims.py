"""Trial claims in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.trials import Mark, TrialClaim
from billing_memory.store import HeldMark
from billing_memory.tables import Changes
from billing_memory.work import Work

__all__ = ["MemoryTrialClaims"]


@frozen
class MemoryTrialClaims:
    """The port of trial claims."""

    _work: Work

    async def claim(self, claim: TrialClaim) -> bool:
        """Hold all marks of a claim, or none."""
        if await self._hold(claim, claim.marks):
            return True
        for row in list(self._rows().of_group(claim.id)):
            self._rows().remove(row.mark)
        return False

    async def add_marks(self, claim_id: str, marks: Collection[Mark]) -> bool:
        """Add what became known of a claim's person."""
        claim = await self.get(claim_id)
        return claim is not None and await self._hold(claim, marks)

    async def get(self, claim_id: str) -> TrialClaim | None:
        """A claim that is held."""
        return _claim(self._rows().of_group(claim_id))

    async def save(self, claim: TrialClaim) -> None:
        """Write ``look_at`` and ``began_at``."""
        for row in list(self._rows().of_group(claim.id)):
            self._rows().put(row.mark, evolve(row, look_at=claim.look_at, began_at=claim.began_at))

    async def give_back(self, claim_id: str) -> None:
        """Free the marks of a claim whose trial never began."""
        for row in list(self._rows().of_group(claim_id)):
            if row.began_at is None:
                self._rows().remove(row.mark)

    async def look(self, user_id: str, at: datetime) -> None:
        """This user's claims are to be looked at."""
        for row in list(self._rows().of_group(("user", user_id))):
            self._rows().put(row.mark, evolve(row, look_at=at))

    async def due(self, now: datetime, limit: int) -> Collection[TrialClaim]:
        """Claims to be looked at, the longest due first."""
        due = {row.claim_id for row in self._rows().all() if row.look_at is not None and row.look_at <= now}
        claims = [claim for claim_id in due if (claim := await self.get(claim_id)) is not None]
        return sorted(claims, key=lambda claim: (claim.look_at or now, claim.id))[:limit]

    async def _hold(self, claim: TrialClaim, marks: Iterable[Mark]) -> bool:
        free = True
        for mark in sorted(marks):
            await self._work.lock(("trial mark", mark))
            held = self._rows().get(mark)
            if held is not None and held.claim_id == claim.id:
                continue
            if held is not None and (held.user_id != claim.user_id or held.began_at is not None):
                free = False
                continue
            row = HeldMark(
                mark=mark,
                user_id=claim.user_id,
                claim_id=claim.id,
                claimed_at=claim.claimed_at,
                look_at=claim.look_at,
                began_at=claim.began_at,
            )
            self._rows().put(mark, row)
        return free

    def _rows(self) -> Changes[Mark, HeldMark]:
        return self._work.on(self._work.store.trial_marks)


def _claim(rows: Iterable[HeldMark]) -> TrialClaim | None:
    held = list(rows)
    if not held:
        return None
    first = held[0]
    return TrialClaim(
        id=first.claim_id,
        user_id=first.user_id,
        marks=frozenset(row.mark for row in held),
        claimed_at=min(row.claimed_at for row in held),
        look_at=first.look_at,
        began_at=first.began_at,
    )
