"""Gathering: events that arrive while others are being stored wait for a moment, and then share a commit.

What a webhook costs is mostly round trips and the commit, and both are the same for one event and for thirty. Where
nothing is under way, an event goes at once and alone. Whatever comes meanwhile goes together, and for that those who
are many give each other a moment: who was just answered is about to send the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

from attrs import define, field

from billing_core.domain.received import Received
from billing_core.use_cases.receive_event import Receipt, ReceiveEvent

__all__ = ["GatheredEvents"]

#: Events in one commit. Few enough that one that fails, and makes all be done again one by one, costs little.
TOGETHER_MAX: Final = 32
#: Commits under way at once: a second one only where it is full, as two small ones cost twice what one costs.
UNDER_WAY_MAX: Final = 2
#: How often an event is left out because another process is at work on its customer; then that one is waited for.
LEFT_OUT_MAX: Final = 2

_Receive = Callable[[Sequence[Received]], Awaitable[Sequence[Receipt | None]]]


@define(eq=False)
class _Waiting:
    """An event that came, and whom its receipt is for."""

    received: Received
    stored: asyncio.Future[Receipt]
    #: How often others went without it.
    left_out: int = 0

    @property
    def customer_id(self) -> str | None:
        """Whose event it is, where it says so itself."""
        return self.received.fact.customer_id if self.received.fact is not None else None


@define(eq=False)
class GatheredEvents:
    """Receives events like `ReceiveEvent`, several in one commit, each customer's in the order of arrival."""

    _receive: ReceiveEvent
    #: How long others are awaited at most before the next commit begins, where the last one took several.
    _moment_seconds: float = 0.003
    _waiting: deque[_Waiting] = field(factory=deque, init=False)
    #: Customers whose events are under way: those that follow wait here, not for the customer's lock.
    _busy: set[str] = field(factory=set, init=False)
    #: Who stores: each takes itself off when nothing waits any more, at once, so that whoever comes then is not left.
    _under_way: set[asyncio.Task[None] | None] = field(factory=set, init=False)
    #: Who waits for another process: beside those, so that nobody else's events wait too.
    _apart: set[asyncio.Task[None] | None] = field(factory=set, init=False)
    #: How many are to wait before the next commit begins, and that they do.
    _wanted: int = field(default=1, init=False)
    _enough: asyncio.Event = field(factory=asyncio.Event, init=False)

    async def __call__(self, payload: bytes, signature: str) -> Receipt:
        """As `ReceiveEvent` promises: whoever gets a receipt may rely on the event being stored for good."""
        received = self._receive.read(payload, signature)
        waiting = _Waiting(received, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._waiting) >= self._wanted:
            self._enough.set()
        self._begin()
        return await waiting.stored

    def _begin(self) -> None:
        """See to it that what waits is stored."""
        if not self._under_way or (len(self._under_way) < UNDER_WAY_MAX and len(self._waiting) >= TOGETHER_MAX):
            self._under_way.add(asyncio.create_task(self._store()))

    async def _store(self) -> None:
        """Store what waits, until nothing does that may go now."""
        try:
            while taken := self._take():
                await self._company(await self._together(taken, self._receive.together_where_free))
        finally:
            self._under_way.discard(asyncio.current_task())

    async def _store_apart(self, taken: list[_Waiting]) -> None:
        """Store these, whose customers are waited for; then what came of them meanwhile."""
        try:
            await self._together(taken, self._receive.together)
        finally:
            self._apart.discard(asyncio.current_task())
            self._begin()

    async def _company(self, answered: int) -> None:
        """Wait for the next event of all who were just answered, a moment at most.

        Not at all after a lonely one, nor where as many wait as go together.
        """
        if answered == 1 or len(self._waiting) >= TOGETHER_MAX:
            return
        self._wanted = min(answered + len(self._waiting), TOGETHER_MAX)
        self._enough.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._moment_seconds):
                await self._enough.wait()

    async def _together(self, taken: list[_Waiting], receive: _Receive) -> int:
        """Store these; how many were answered."""
        customers = _customers_of(taken)
        self._busy |= customers
        try:
            receipts = await receive([one.received for one in taken])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
            for one in taken:
                if not one.stored.done():
                    one.stored.set_exception(error)
            return len(taken)
        finally:
            self._busy -= customers
        left_out = []
        for one, receipt in zip(taken, receipts, strict=True):
            if receipt is None:
                left_out.append(one)
            elif not one.stored.done():  # the caller has gone; what it brought is stored nevertheless
                one.stored.set_result(receipt)
        self._leave_out(left_out)
        return len(taken) - len(left_out)

    def _leave_out(self, left_out: list[_Waiting]) -> None:
        """These wait again, before all who came later; one that was left out too often waits for the other process."""
        for one in left_out:
            one.left_out += 1
        too_often = [one for one in left_out if one.left_out >= LEFT_OUT_MAX]
        self._waiting.extendleft(one for one in reversed(left_out) if one not in too_often)
        if too_often:
            self._busy |= _customers_of(too_often)
            self._apart.add(asyncio.create_task(self._store_apart(too_often)))

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        for one in self._waiting:
            goes = len(taken) < TOGETHER_MAX and one.customer_id not in self._busy
            (taken if goes else left).append(one)
        self._waiting = left
        return taken


def _customers_of(taken: Iterable[_Waiting]) -> set[str]:
    return {one.customer_id for one in taken if one.customer_id is not None}
