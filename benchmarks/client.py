"""The load: requests over a fixed number of kept connections of loopback.

Each is sent when the one before is answered, or, with a rate, when its time has come: where all connections are busy
then, what it waits for one of them is part of its latency.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import cast

import uvloop
from attrs import define, field, frozen

__all__ = ["Load", "measure"]

_END = b"\r\n\r\n"


@frozen(kw_only=True)
class Load:
    """What was measured."""

    answers: int
    seconds: float
    #: Of each answer, ascending.
    latencies: tuple[float, ...] = field(repr=False)
    #: Answers of another status than the one that was wanted; a run that has any counts for nothing.
    refused: int

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    def percentile(self, part: float) -> float:
        """Milliseconds within which this part (0 to 1) of the answers came."""
        return self.latencies[min(len(self.latencies) - 1, int(part * len(self.latencies)))] * 1000


def measure(
    port: int, requests: Iterator[bytes], *, connections: int, status: int = 200, per_second: float | None = None
) -> Load:
    """Send these requests, however many, and wait for every answer."""
    return uvloop.run(_measured(port, requests, connections, status, per_second))


async def _measured(
    port: int, requests: Iterator[bytes], connections: int, status: int, per_second: float | None
) -> Load:
    loop = asyncio.get_running_loop()
    due = _Due(per_second)
    lines = [_Line(requests, f"HTTP/1.1 {status}".encode(), loop.create_future(), due) for _ in range(connections)]
    for line in lines:
        await loop.create_connection(lambda line=line: line, "127.0.0.1", port)  # type: ignore[misc]  # bound at once
    begun = due.begun = time.perf_counter()
    for line in lines:
        line.send_next()
    await asyncio.gather(*(line.done for line in lines))
    seconds = time.perf_counter() - begun
    for line in lines:
        line.transport.close()
    latencies = sorted(latency for line in lines for latency in line.latencies)
    refused = sum(line.refused for line in lines)
    return Load(answers=len(latencies), seconds=seconds, latencies=tuple(latencies), refused=refused)


@define(eq=False)
class _Due:
    """When each request is to be sent."""

    _per_second: float | None
    begun: float = 0.0
    _given: int = 0

    def next(self, now: float) -> float:
        """When the next one is; now, where each follows upon an answer."""
        if self._per_second is None:
            return now
        self._given += 1
        return self.begun + self._given / self._per_second


@define(eq=False)
class _Line(asyncio.Protocol):
    """One connection."""

    _requests: Iterator[bytes]
    _wanted: bytes
    done: asyncio.Future[None]
    _due: _Due
    latencies: list[float] = field(factory=list)
    refused: int = 0
    transport: asyncio.Transport = field(init=False)
    _received: bytes = b""
    _sent_at: float = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self.transport = cast("asyncio.Transport", transport)

    def send_next(self) -> None:
        """The next request, while there is one."""
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            return
        now = time.perf_counter()
        due = self._due.next(now)
        if due > now:
            asyncio.get_running_loop().call_later(due - now, self._send_on_time, request)
        else:
            self._sent_at = due
            self.transport.write(request)

    def _send_on_time(self, request: bytes) -> None:
        # A timer that fires late is the client's doing, not the service's.
        self._sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._received += data
        head, end, body = self._received.partition(_END)
        if not end or len(body) < _content_length(head):
            return
        self.latencies.append(time.perf_counter() - self._sent_at)
        self.refused += not self._received.startswith(self._wanted)
        self._received = b""
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        """The service went away."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("The service closed the connection."))


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    place = lowered.find(b"content-length:")
    return int(lowered[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
