"""What `billing dev` runs beside our own programs: the embedded servers, and children that never outlive it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from billing_embedded import EmbeddedError, EmbeddedPostgres, EmbeddedValkey, launcher
from billing_embedded.server import EmbeddedServer, free_port, is_free

__all__ = ["DevServiceFailed", "EmbeddedService", "bound_to_us", "cache_in", "database_in", "free_port", "is_free"]


class DevServiceFailed(Exception):
    """A part of `billing dev` could not be had; the message says why and what to do."""


class EmbeddedService:
    """PostgreSQL or a Redis-compatible server in one folder, from its wheel. Start it from the main thread."""

    def __init__(self, make: Callable[[Callable[[], int]], EmbeddedServer]) -> None:
        self._port_wanted: int | None = None
        self._port_had: int | None = None
        self._server = make(self._port)

    def start(self, port_wanted: int | None = None) -> str:
        """Start it, on the port wanted where that is free; its URL. Raises `DevServiceFailed`."""
        self._port_wanted = port_wanted
        with _told():
            running = self._server.start()
        self._port_had = running.port
        return running.url

    def revive(self) -> None:
        """Start it again where it was, after it ended by itself, and do not wait until it answers.

        What a killed server leaves behind, such as its children, may hold it up: then it ends again, and is to be
        revived once more. Raises `DevServiceFailed`.
        """
        if self._port_had is None:
            raise RuntimeError("It was never started.")
        with _told():
            self._server.respawn(self._port_had)

    def is_running(self) -> bool:
        """Whether it is still there."""
        return self._server.is_running()

    def last_lines(self, count: int) -> list[str]:
        """The end of what it printed."""
        try:
            return self._server.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        except OSError:
            return []

    def stop(self) -> None:
        """Stop it; does nothing where it does not run."""
        self._server.stop()

    def remove(self) -> None:
        """Drop what it made, and nothing else. Raises `DevServiceFailed` where somebody uses it."""
        with _told():
            self._server.remove()

    def _port(self) -> int:
        wanted, self._port_wanted = self._port_wanted, None
        return wanted if wanted is not None and is_free(wanted) else free_port()


def database_in(folder: Path) -> EmbeddedService:
    """A PostgreSQL that keeps its data in ``folder``."""
    return EmbeddedService(lambda choose_port: EmbeddedPostgres(folder, choose_port=choose_port))


def cache_in(folder: Path) -> EmbeddedService:
    """A Redis-compatible server that keeps nothing; its log is in ``folder``."""
    return EmbeddedService(lambda choose_port: EmbeddedValkey(folder, choose_port=choose_port))


def bound_to_us(command: Sequence[str]) -> list[str]:
    """The command, so that it is asked to end as soon as this process does, even by kill -9 (Linux).

    Start it from the main thread: Linux takes the end of a thread for the end of the parent.
    """
    this = (str(os.getpid()), str(int(signal.SIGTERM)), "-", "-")
    return [sys.executable, "-I", "-S", launcher.__file__, *this, *command]


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except EmbeddedError as error:
        raise DevServiceFailed(str(error)) from error
