"""Somebody else who changes users again and again, and reads at once what is answered: is it ever an older state?

In turns a grant by hand, with the decision that it makes, and the next event of a learner's story, with their status.
"""

from __future__ import annotations

import asyncio
import threading
import time
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

_CHANGED = Resource(ResourceType.COURSE, "of-the-benchmark")
_SUPPORT = Caller("support", frozenset({Role.ADMIN}))
#: How far apart changes begin, and of how many users several may be under way: one takes longer than that.
_APART_SECONDS, _USERS = 0.01, 4


class StaleAnswer(Exception):
    """Something was answered that is older than what had been committed before it was asked for."""


@define(eq=False)
class Writer:
    """A process of its own, as far as the server can tell: it has its own connections to PostgreSQL and Redis."""

    _environment: Mapping[str, str]
    _port: int
    #: Of another service, which may read about everybody.
    _token: str
    #: Where the numbers of those begin whose stories are told here: of nobody twice, as that would change nothing.
    _first_learner: int
    _story: Story = field(factory=told_story)
    #: How many events were told, by user: of each learner as many as the story has.
    _told: list[int] = field(factory=lambda: [0] * _USERS, init=False)
    #: When the next change is due, by the loop's clock.
    _due: float = field(default=0.0, init=False)
    stop: bool = False
    #: How often a change was committed, and what was read after it the new state.
    fresh: int = 0
    #: For how long it did so.
    seconds: float = 0.0
    failed: BaseException | None = None

    def run(self) -> None:
        """Change, read, compare, until it is stopped."""
        try:
            uvloop.run(self._change_all())
        except BaseException as error:  # noqa: BLE001 - told to whoever measures
            self.failed = error

    async def _change_all(self) -> None:
        settings = load_settings(self._environment, SERVE)
        async with open_application(settings) as application:
            begun = time.monotonic()
            async with asyncio.TaskGroup() as users:
                for number in range(_USERS):
                    users.create_task(self._change(application, number))
            self.seconds = time.monotonic() - begun

    async def _change(self, application: Application, number: int) -> None:
        user_id = f"changed-again-and-again-{number}"
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while not self.stop:
                await self._is_due()
                granted = await application.grant_by_hand(_SUPPORT, user_id, _CHANGED, reason="Measuring")
                await self._require_decision(reader, writer, user_id, allowed=True)
                await self._is_due()
                learner = await self._tell(application, number)
                await self._require_status(reader, writer, application, Story.user_id(learner))
                await self._is_due()
                await application.revoke_grant(_SUPPORT, user_id, granted.source.id)
                await self._require_decision(reader, writer, user_id, allowed=False)
        finally:
            writer.close()

    async def _is_due(self) -> None:
        """Wait until it is time for the next change of anybody. What is late begins now, and is not made up for."""
        now = asyncio.get_running_loop().time()
        at = max(self._due, now)
        self._due = at + _APART_SECONDS
        await asyncio.sleep(at - now)

    async def _tell(self, application: Application, number: int) -> int:
        """Tell the next event of the learner whose turn it is; of whom it was."""
        ended, place = divmod(self._told[number], len(self._story))
        self._told[number] += 1
        learner = self._first_learner + ended * _USERS + number
        await application.receive_event(*delivery(self._story, place, learner))
        return learner

    async def _require_decision(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, user_id: str, *, allowed: bool
    ) -> None:
        body = await self._ask(reader, writer, f"/api/access/{user_id}/{_CHANGED.type}/{_CHANGED.id}")
        if (b'"allowed":true' in body) is not allowed:
            raise StaleAnswer(f"allowed should be {allowed}: {body.decode()}")

    async def _require_status(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, application: Application, user_id: str
    ) -> None:
        """The status has to be what is stored, as it is read past every cache."""
        units = application.units
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
