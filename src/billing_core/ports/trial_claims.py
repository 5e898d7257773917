"""The port of trial claims: who has or had a trial. Contract: ``billing_contracts.trial_claims``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from billing_core.domain.trials import Mark, TrialClaim

__all__ = ["TrialClaims"]


class TrialClaims(Protocol):
    """Each mark of a person belongs to one claim at most, whoever asks at the same moment."""

    async def claim(self, claim: TrialClaim) -> bool:
        """Hold all marks of a claim; False, and none held, where any of them is another user's or had its trial.

        Marks that this user holds without a trial having begun pass to the new claim. Another transaction that
        is just claiming the same mark is waited for, 200 ms at most; then `LockTimeout` is raised.
        """
        ...

    async def add_marks(self, claim_id: str, marks: Collection[Mark]) -> bool:
        """Add what became known of a claim's person; False where any is another user's. The free ones are held then.

        Nothing is added to a claim that is not held.
        """
        ...

    async def get(self, claim_id: str) -> TrialClaim | None:
        """A claim that is held."""
        ...

    async def save(self, claim: TrialClaim) -> None:
        """Write ``look_at`` and ``began_at`` of a claim that is held."""
        ...

    async def give_back(self, claim_id: str) -> None:
        """Free the marks of a claim whose trial never began; one that began is kept for ever."""
        ...

    async def look(self, user_id: str, at: datetime) -> None:
        """Something happened to this user: their claims are to be looked at from ``at`` on."""
        ...

    async def due(self, now: datetime, limit: int) -> Collection[TrialClaim]:
        """Claims to be looked at by ``now``, the longest due first."""
        ...
