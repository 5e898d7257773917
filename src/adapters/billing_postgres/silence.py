"""Silence: a server that neither answers nor goes away, as behind a broken network, is given up on.

Time-outs of statements are kept by the server itself, and those of TCP only notice a machine that is gone: whoever is
in between may take all that is sent and let nothing back. One timer a transaction notices, and ends the connection.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from contextlib import suppress

from attrs import define, field
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

__all__ = ["GRACE_SECONDS", "Silence"]

#: How much longer than a statement may take its answer may be on its way; and how long what takes no time may take.
GRACE_SECONDS = 2.0


@define(eq=False)
class Silence:
    """Listens on one connection for one transaction: `expect` says until when something has to be heard."""

    _connection: AsyncConnection[TupleRow]
    #: Whether the connection was given up on.
    is_broken: bool = field(default=False, init=False)
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop, init=False)
    _deadline: float = field(default=0.0, init=False)
    _timer: asyncio.TimerHandle | None = field(default=None, init=False)

    def expect(self, seconds: float) -> None:
        """An answer to what is sent now takes so long at most."""
        self._deadline = self._loop.time() + seconds + GRACE_SECONDS
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._listen)

    def stop(self) -> None:
        """The transaction is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _listen(self) -> None:
        waiting = self._connection.info.transaction_status is TransactionStatus.ACTIVE
        if waiting and self._loop.time() >= self._deadline and not self._has_come():
            self._break()
            return
        # Nobody waits for the server just now, or not for long enough yet.
        self._timer = self._loop.call_at(max(self._deadline, self._loop.time() + GRACE_SECONDS), self._listen)

    def _has_come(self) -> bool:
        """Whether there is something to read: then it was this process that was held up, by whatever it was."""
        coming = select.poll()
        coming.register(self._connection.fileno(), select.POLLIN)
        return bool(coming.poll(0))

    def _break(self) -> None:
        """The driver, which waits for the socket, learns that there is nothing to come."""
        self.is_broken, self._timer = True, None
        with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
