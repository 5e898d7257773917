"""The port for new ids. Contract: ``billing_contracts.ids``."""

from __future__ import annotations

from typing import Protocol

__all__ = ["IdSource"]


class IdSource(Protocol):
    """New ids for what is ours: orders, operations, grants, events."""

    def new(self) -> str:
        """A UUIDv7 in its usual spelling, never given before."""
        ...
