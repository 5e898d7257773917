"""Revivals: what everything else can be without for a while is started again, so that a kill tries an outage."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define, field

from billing_cli.dev.saying import say

__all__ = ["Revivals"]

_NAMES = frozenset({"database", "redis", "sandbox"})
#: Whatever ran for so long was well again.
_STEADY_SECONDS = 2.0
#: For so long it is tried again and again; then it has a fault that no further start mends.
_GIVEN_UP_SECONDS = 60.0


@define
class Revivals:
    """Remembers since when what is away, and when it was last started."""

    monotonic: Callable[[], float] = time.monotonic
    write: Callable[[str], object] = say
    _since: dict[str, float] = field(factory=dict, init=False)
    _started: dict[str, float] = field(factory=dict, init=False)

    def may(self, name: str) -> bool:
        """Whether what has just ended by itself is to be started again; says so the first time."""
        if name not in _NAMES:
            return False
        now = self.monotonic()
        if now - self._started.get(name, -_STEADY_SECONDS) >= _STEADY_SECONDS:
            self._since[name] = now
            self.write(f"{name} ended by itself, and is started again where it was.\n")
        self._started[name] = now
        return now - self._since[name] <= _GIVEN_UP_SECONDS
