"""Gathering: events that arrive while others are being stored wait for a moment, and then share a commit.

What a webhook costs is mostly round trips and the commit, and both are the same for one event and for thirty. Where
nothing is under way, an event goes at once and alone. Whatever comes meanwhile goes together, and for that those who
are many give each other a moment: who was just answered is about to send the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
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
#: How long others are awaited at most before the next commit begins, where the last one took several.
MOMENT_SECONDS: Final = 0.01


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
    _waiting: deque[_Waiting] = field(factory=deque, init=False)
    #: Customers whose events are under way: those that follow wait here, not for the customer's lock.
    _busy: set[str] = field(factory=set, init=False)
    #: Who stores: each takes itself off when nothing waits any more, at once, so that whoever comes then is not left.
    _under_way: set[asyncio.Task[None] | None] = field(factory=set, init=False)
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
        if not self._under_way or (len(self._under_way) < UNDER_WAY_MAX and len(self._waiting) >= TOGETHER_MAX):
            self._under_way.add(asyncio.create_task(self._store()))
        return await waiting.stored

    async def _store(self) -> None:
        """Store what waits, until nothing does that may go now."""
        try:
            while taken := self._take():
                await self._company(await self._together(taken))
        finally:
            self._under_way.discard(asyncio.current_task())

    async def _company(self, answered: int) -> None:
        """Wait for the next event of all who were just answered, a moment at most; after a lonely one not at all."""
        if answered == 1:
            return
        self._wanted = min(answered + len(self._waiting), TOGETHER_MAX)
        self._enough.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(MOMENT_SECONDS):
                await self._enough.wait()

    async def _together(self, taken: list[_Waiting]) -> int:
        """Store these; how many were answered. The others wait again, before all who came later."""
        customers = {one.customer_id for one in taken if one.customer_id is not None}
        self._busy |= customers
        try:
            receipts = await self._receipts(taken)
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
                one.left_out += 1
                left_out.append(one)
            elif not one.stored.done():  # the caller has gone; what it brought is stored nevertheless
                one.stored.set_result(receipt)
        self._waiting.extendleft(reversed(left_out))
        return len(taken) - len(left_out)

    async def _receipts(self, taken: list[_Waiting]) -> Sequence[Receipt | None]:
        """A receipt for each; None for those whom another process is at work on, and for whom others need not wait."""
        events = [one.received for one in taken]
        if len(taken) == 1 or _was_left_out(taken[0]):
            return await self._receive.together(events)
        return await self._receive.together_where_free(events)

    def _take(self) -> list[_Waiting]:
        """What goes next; what was left out too often goes by itself, as it is waited for."""
        free = [one for one in self._waiting if one.customer_id not in self._busy]
        taken = ([one for one in free if _was_left_out(one)] or free)[:TOGETHER_MAX]
        gone = set(map(id, taken))
        self._waiting = deque(one for one in self._waiting if id(one) not in gone)
        return taken


def _was_left_out(one: _Waiting) -> bool:
    return one.left_out >= LEFT_OUT_MAX
