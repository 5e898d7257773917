"""Somebody else who changes users again and again, and reads at once what is answered: is it ever an older state?

In turns a grant by hand, with the decision that it makes, and the next event of a learner's story, with their status.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
import uvloop
from attrs import define, field

from benchmarks.crowd import delivery
from benchmarks.mix import Story, told_story
from billing_bootstrap import presenting
from billing_bootstrap.absent import NoCache
from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import SERVE, load_settings
from billing_core.domain.callers import Caller, Role
from billing_core.domain.resources import Resource, ResourceType
from billing_core.use_cases.known_access import StoredAccess
from billing_core.use_cases.look_up import LookUp

__all__ = ["StaleAnswer", "Writer", "changing"]

USER = "changed-again-and-again"
_CHANGED = Resource(ResourceType.COURSE, "of-the-benchmark")
_SUPPORT = Caller("support", frozenset({Role.ADMIN}))
_APART_SECONDS = 0.01
#: Where the numbers of those begin whose stories are told here.
_FIRST_LEARNER = 30_000_000


class StaleAnswer(Exception):
    """Something was answered that is older than what had been committed before it was asked for."""


@define(eq=False)
class Writer:
    """A process of its own, as far as the server can tell: it has its own connections to PostgreSQL and Redis."""

    _environment: Mapping[str, str]
    _port: int
    #: Of another service, which may read about everybody.
    _token: str
    #: How many events were told; of each learner as many as the story has.
    _told: int = 0
    _story: Story = field(factory=told_story)
    stop: bool = False
    #: How often a change was committed, and what was read after it the new state.
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
                    await self._require_decision(reader, writer, allowed=True)
                    await self._tell(application)
                    await self._require_status(reader, writer, application)
                    await application.revoke_grant(_SUPPORT, USER, granted.source.id)
                    await self._require_decision(reader, writer, allowed=False)
            finally:
                writer.close()

    @property
    def _learner(self) -> int:
        return _FIRST_LEARNER + (self._told - 1) // len(self._story)

    async def _tell(self, application: Application) -> None:
        self._told += 1
        place = (self._told - 1) % len(self._story)
        await application.receive_event(*delivery(self._story, place, self._learner))

    async def _require_decision(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, allowed: bool
    ) -> None:
        body = await self._ask(reader, writer, f"/api/access/{USER}/{_CHANGED.type}/{_CHANGED.id}")
        if (b'"allowed":true' in body) is not allowed:
            raise StaleAnswer(f"allowed should be {allowed}: {body.decode()}")

    async def _require_status(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, application: Application
    ) -> None:
        """The status has to be what is stored, as it is read past every cache."""
        user_id, units = Story.user_id(self._learner), application.units
        body = await self._ask(reader, writer, f"/api/subscriptions/status/{user_id}")
        past_caches = LookUp(
            units=units,
            stale_units=units,
            stored=StoredAccess(units, NoCache()),
            cache=NoCache(),
            clock=application.clock,
        )
        expected = msgspec.json.encode(presenting.status(await past_caches.status(_SUPPORT, user_id)))
        if body != expected:
            raise StaleAnswer(f"{body.decode()} should be {expected.decode()}")

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {body.decode()}")
        self.fresh += 1
        await asyncio.sleep(_APART_SECONDS)
        return body


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
