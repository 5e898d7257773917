"""Somebody else who changes a user again and again, and reads the decision at once: is it ever an older one?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvloop
from attrs import define

from billing_bootstrap.container import open_application
from billing_bootstrap.settings import SERVE, load_settings
from billing_core.domain.callers import Caller, Role
from billing_core.domain.resources import Resource, ResourceType

__all__ = ["StaleAnswer", "Writer", "changing"]

USER = "changed-again-and-again"
_CHANGED = Resource(ResourceType.COURSE, "of-the-benchmark")
_SUPPORT = Caller("support", frozenset({Role.ADMIN}))
_APART_SECONDS = 0.01


class StaleAnswer(Exception):
    """A decision was answered that is older than what had been committed before it was asked for."""


@define(eq=False)
class Writer:
    """A process of its own, as far as the server can tell: it has its own connections to PostgreSQL and Redis."""

    _environment: Mapping[str, str]
    _port: int
    _token: str
    stop: bool = False
    #: How often a change was committed, and the decision read after it the new one.
    fresh: int = 0
    failed: BaseException | None = None

    def run(self) -> None:
        """Change, read, compare, until it is stopped."""
        try:
            uvloop.run(self._change())
        except BaseException as error:  # noqa: BLE001 - told to whoever measures
            self.failed = error

    async def _change(self) -> None:
        settings = load_settings(self._environment, SERVE)
        async with open_application(settings) as application:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                while not self.stop:
                    granted = await application.grant_by_hand(_SUPPORT, USER, _CHANGED, reason="Measuring")
                    await self._require(reader, writer, allowed=True)
                    await application.revoke_grant(_SUPPORT, USER, granted.source.id)
                    await self._require(reader, writer, allowed=False)
            finally:
                writer.close()

    async def _require(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, allowed: bool) -> None:
        path = f"/api/access/{USER}/{_CHANGED.type}/{_CHANGED.id}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        if (b'"allowed":true' in body) is not allowed or not head.startswith(b"HTTP/1.1 200"):
            raise StaleAnswer(f"allowed should be {allowed}: {body.decode()}")
        self.fresh += 1
        await asyncio.sleep(_APART_SECONDS)


@contextmanager
def changing(writer: Writer) -> Iterator[Writer]:
    """Somebody changes and reads while the context lasts. Raises what went wrong for them."""
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop = True
        thread.join()
    if writer.failed is not None:
        raise writer.failed
