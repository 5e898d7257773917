"""Gathering: events that arrive while others are being stored wait for a moment, and then share a commit.

What a webhook costs is mostly round trips and the commit, and both are the same for one event and for thirty. Nobody
waits for company: where nothing is under way, an event goes at once and alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from attrs import define, field, frozen

from billing_core.domain.received import Received
from billing_core.use_cases.receive_event import Receipt, ReceiveEvent

__all__ = ["GatheredEvents"]

#: Events in one commit. Few enough that one that fails, and makes all be done again one by one, costs little.
TOGETHER_MAX: Final = 32
#: Commits under way at once: while one waits for the disk, the next is being worked out.
UNDER_WAY_MAX: Final = 2


@frozen(eq=False)
class _Waiting:
    """An event that came, and whom its receipt is for."""

    received: Received
    stored: asyncio.Future[Receipt]

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

    async def __call__(self, payload: bytes, signature: str) -> Receipt:
        """As `ReceiveEvent` promises: whoever gets a receipt may rely on the event being stored for good."""
        received = self._receive.read(payload, signature)
        waiting = _Waiting(received, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._under_way) < UNDER_WAY_MAX:
            self._under_way.add(asyncio.create_task(self._store()))
        return await waiting.stored

    async def _store(self) -> None:
        """Store what waits, until nothing does that may go now."""
        try:
            while taken := self._take():
                await self._together(taken)
        finally:
            self._under_way.discard(asyncio.current_task())

    async def _together(self, taken: list[_Waiting]) -> None:
        customers = {one.customer_id for one in taken if one.customer_id is not None}
        self._busy |= customers
        try:
            receipts = await self._receive.together([one.received for one in taken])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
            for one in taken:
                if not one.stored.done():
                    one.stored.set_exception(error)
        else:
            for one, receipt in zip(taken, receipts, strict=True):
                if not one.stored.done():  # the caller has gone; what it brought is stored nevertheless
                    one.stored.set_result(receipt)
        finally:
            self._busy -= customers

    def _take(self) -> list[_Waiting]:
        taken = [one for one in self._waiting if one.customer_id not in self._busy][:TOGETHER_MAX]
        gone = set(map(id, taken))
        self._waiting = deque(one for one in self._waiting if id(one) not in gone)
        return taken
