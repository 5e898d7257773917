"""Deferred adapters: made when they are first asked for something."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar, cast

__all__ = ["Port", "deferred"]

Port = TypeVar("Port")


def deferred(make: Callable[[], Port]) -> Port:
    """What ``make`` gives, once anything of it is used; until then it costs nothing, not even an import."""
    return cast("Port", _Deferred(make))


class _Deferred:
    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> object:
        return self._make()

    def __getattr__(self, name: str) -> object:
        return getattr(self._made, name)
