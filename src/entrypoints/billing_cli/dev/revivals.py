"""Revivals: what everything else can be without for a while is started again, so that a kill tries an outage."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from attrs import define, field

__all__ = ["Revivals"]

_NAMES = frozenset({"database", "redis", "sandbox"})
#: Whatever ends again so soon has a fault that no further start mends.
_STEADY_SECONDS = 2.0


@define
class Revivals:
    """Remembers when what was revived."""

    monotonic: Callable[[], float] = time.monotonic
    write: Callable[[str], object] = field(default=sys.stdout.write)
    _latest: dict[str, float] = field(factory=dict, init=False)

    def may(self, name: str) -> bool:
        """Whether what ended by itself is to be started again; says so."""
        now = self.monotonic()
        if name not in _NAMES or now - self._latest.get(name, -_STEADY_SECONDS) < _STEADY_SECONDS:
            return False
        self._latest[name] = now
        self.write(f"{name} ended by itself, and is started again where it was.\n")
        return True
