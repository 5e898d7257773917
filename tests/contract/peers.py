"""Peers: servers on loopback within this process, spoken to in bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen
from litestar.types import ASGIApp
from uvicorn import Config, Server

from billing_http.connections import BoundedConnection
from tests.component.http.house import House

HEALTH = b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n"
LAST = HEALTH + b"Connection: close\r\n\r\n"
POST = b"POST /api/purchases/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WEBHOOK = b"POST /api/webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Signature: t=1,v1=00\r\n"


class Patient(BoundedConnection):
    """A connection that no test is too slow for."""

    head_seconds = 60
    body_seconds = 60
    taking_seconds = 60
    lingering_seconds = 60


@frozen
class Peer:
    """A server on loopback, and who speaks to it in bytes."""

    port: int
    #: All connections that the server has.
    open: Collection[object]

    async def say(self, *parts: bytes) -> bytes:
        """All that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for part in parts:
            writer.write(part)
            await writer.drain()
        told = await reader.read()
        writer.close()
        return told

    @asynccontextmanager
    async def line(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection, to speak on it bit by bit; only what hangs takes as long as is waited here."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(30):
                yield reader, writer
        finally:
            writer.close()


async def served_by(
    connection: type[BoundedConnection], *, app: ASGIApp | None = None, kept_seconds: int = 0
) -> AsyncIterator[Peer]:
    """A server with such connections, in front of a house of its own unless told otherwise."""
    config = Config(
        app or House().http,
        host="127.0.0.1",
        port=0,
        http=connection,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_keep_alive=kept_seconds,
    )
    server = Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield Peer(server.servers[0].sockets[0].getsockname()[1], server.server_state.connections)
    finally:
        await server.shutdown()


def answers(told: bytes) -> list[tuple[int, dict[str, str], Any]]:
    """Status, headers and document of each answer."""
    found = []
    while told:
        head, _, rest = told.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        found.append((int(first.split()[1]), headers, json.loads(rest[:length] or b"null")))
        told = rest[length:]
    return found
