"""What entrypoints ask of tracing, where there is any: see `billing_bootstrap.tracing`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from billing_stripe import Exchange

__all__ = ["Spans"]


class Spans(Protocol):
    """Makes spans around what comes in, and around what goes out."""

    def close(self) -> None:
        """Send what is left."""
        ...

    def request(self, method: str, headers: Mapping[str, str]) -> AbstractContextManager[Callable[[str, int], None]]:
        """Around a request; what it gives is told the route and the status."""
        ...

    def run(self, job: str) -> AbstractContextManager[Callable[[int], None]]:
        """Around a run of a job; what it gives is told how much there was to do."""
        ...

    def statement(self, text: str) -> AbstractContextManager[object]:
        """Around a statement on its way to PostgreSQL."""
        ...

    def command(self, name: str) -> AbstractContextManager[object]:
        """Around a command on its way to Redis."""
        ...

    def exchange(self, exchange: Exchange) -> AbstractContextManager[object]:
        """Around a request to Stripe."""
        ...
