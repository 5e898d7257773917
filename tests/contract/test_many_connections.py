"""Many connections at once: whoever opens them and asks nothing keeps nobody out. On real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import islice

import pytest

from tests.contract.peers import HEALTH, LAST, POST, WEBHOOK, Patient, Peer, answers, served_by


class Narrow(Patient):
    """A connection to a server that keeps four open."""

    connections_max = staticmethod(lambda: 4)


@pytest.fixture
async def narrow() -> AsyncIterator[Peer]:
    """Somebody who has time, but speaks with few at once."""
    async for one in served_by(Narrow, kept_seconds=60):
        yield one


@pytest.mark.parametrize(
    ("begun", "end"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(HEALTH, b"408", id="a-head"),
        pytest.param(WEBHOOK + b"Content-Length: 9\r\n\r\nx", b"408", id="a-body"),
        pytest.param(POST + b"Content-Length: 9\r\n\r\nx", b"401", id="a-body-that-nobody-reads"),
        pytest.param(HEALTH + b"\r\n", b"200", id="an-answer-before"),
    ],
)
async def test_whoever_opens_many_and_asks_nothing_keeps_nobody_out(narrow: Peer, begun: bytes, end: bytes) -> None:
    """As many give way as come on top; each newcomer is answered."""
    lines = [await asyncio.open_connection("127.0.0.1", narrow.port) for _ in range(9)]
    for _, writer in lines:
        writer.write(begun)

    answered = [await narrow.say(LAST) for _ in range(9)]

    assert [status for told in answered for status, _, _ in answers(told)] == [200] * 9
    assert len(narrow.open) <= 4
    waiting = [asyncio.create_task(_end_of(reader)) for reader, _ in lines]
    ends = [await told for told in islice(asyncio.as_completed(waiting), 5)]
    assert {told.split()[1] for told in ends if told} <= {end}
    for line, (_, writer) in zip(waiting, lines, strict=True):
        line.cancel()
        writer.close()


async def _end_of(reader: asyncio.StreamReader) -> bytes:
    """All that comes until a connection is closed; nothing where that was before what it sent was read."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""
