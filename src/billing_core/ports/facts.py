"""The port of the fact log: every fact, for ever. Contract: ``billing_contracts.facts``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from billing_core.domain.facts import Fact, ObjectRef

__all__ = ["FactLog"]


class FactLog(Protocol):
    """All facts. They are added and read, never changed and never deleted."""

    async def add(self, fact: Fact, recorded_at: datetime) -> bool:
        """Keep a fact. False, and nothing changed, where its id is known already."""
        ...

    async def of_objects(self, refs: Collection[ObjectRef]) -> tuple[Fact, ...]:
        """All facts about these objects, in no particular order."""
        ...

    async def known_by(
        self, refs: Collection[ObjectRef], *, at: datetime | None, known_at: datetime | None
    ) -> tuple[Fact, ...]:
        """The facts about these objects that happened up to ``at`` and were recorded up to ``known_at``.

        Both are inclusive, None is no bound; in no particular order.
        """
        ...
