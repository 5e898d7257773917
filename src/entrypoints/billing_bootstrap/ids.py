"""Ids for what is ours."""

from __future__ import annotations

import secrets
import time

from billing_core.domain.ids import uuid7

__all__ = ["NewIds"]


class NewIds:
    """The id port: UUIDv7 of this moment, with 74 bits from the system."""

    def new(self) -> str:
        """A new id."""
        return uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))
