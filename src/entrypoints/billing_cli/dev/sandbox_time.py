"""Business time follows the sandbox's clock, whoever moved it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from attrs import define, field

from billing_bootstrap.business_time import put_ahead
from billing_bootstrap.settings import Settings
from billing_cli.calls import Server
from billing_cli.failures import CommandFailed
from billing_core.domain.errors import StorageUnavailable

__all__ = ["SandboxTime"]


@define
class SandboxTime:
    """The offset that the database has, and the sandbox's, which it is to agree with."""

    sandbox: Server
    settings: Settings
    _told: timedelta | None = field(default=None, init=False)

    async def follow(self) -> None:
        """Put the database's business time where the sandbox's clock is, if that was moved since."""
        with suppress(CommandFailed, StorageUnavailable):  # whoever is away is noticed as dead elsewhere
            clock = await asyncio.to_thread(self.sandbox.get, "/_sandbox/clock")
            ahead = timedelta(seconds=clock.json["offset"])
            if ahead != self._told:
                await put_ahead(self.settings, ahead)
                self._told = ahead
