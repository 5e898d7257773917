"""Gathering: events that arrive while others are being stored wait for a moment, and then share a commit.

What a webhook costs is mostly round trips and the commit, and both are the same for one event and for thirty. Nobody
waits for company: where nothing is under way, an event goes at once and alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from attrs import define, field

from billing_core.domain.received import Received
from billing_core.use_cases.receive_event import Receipt, ReceiveEvent

__all__ = ["GatheredEvents"]

#: Events in one commit. Few enough that one that fails, and makes all be done again one by one, costs little.
TOGETHER_MAX: Final = 32
#: Commits under way at once: while one waits for the disk, the next is being worked out.
UNDER_WAY_MAX: Final = 2


@define(eq=False)
class GatheredEvents:
    """Receives events like `ReceiveEvent`, several in one commit, in the order in which they arrived."""

    _receive: ReceiveEvent
    _waiting: deque[tuple[Received, asyncio.Future[Receipt]]] = field(factory=deque, init=False)
    _under_way: set[asyncio.Task[None]] = field(factory=set, init=False)

    async def __call__(self, payload: bytes, signature: str) -> Receipt:
        """As `ReceiveEvent` promises: whoever gets a receipt may rely on the event being stored for good."""
        received = self._receive.read(payload, signature)
        stored: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((received, stored))
        if len(self._under_way) < UNDER_WAY_MAX:
            task = asyncio.create_task(self._store())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await stored

    async def _store(self) -> None:
        """Store what waits, until nothing does."""
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(TOGETHER_MAX, len(self._waiting)))]
            try:
                receipts = await self._receive.together([received for received, _ in taken])
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
                for _, stored in taken:
                    if not stored.done():
                        stored.set_exception(error)
                continue
            for (_, stored), receipt in zip(taken, receipts, strict=True):
                if not stored.done():  # the caller has gone; what it brought is stored nevertheless
                    stored.set_result(receipt)
