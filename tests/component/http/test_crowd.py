"""Overload: what comes on top is refused at once, and nothing collapses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
from litestar.types import Receive, Scope, Send

from billing_http.crowd import Crowd

MEGABYTE = 1024 * 1024


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing to read
        """Answer late."""
        if scope["path"] == "/slow":
            await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def test_what_comes_on_top_is_refused_at_once() -> None:
    """Two may be under way; the third is told when to come again, and once one is done there is room."""
    slow = Slow()
    crowd = Crowd(slow, 2)
    transport = httpx.ASGITransport(crowd)  # type: ignore[arg-type]  # plain ASGI
    async with httpx.AsyncClient(transport=transport, base_url="http://billing.test") as client:
        waiting = [asyncio.create_task(client.get("/slow")) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await client.get("/fast")
        watched = [await client.get(path) for path in ("/api/health", "/api/health/ready", "/metrics")]
        slow.go.set()
        answered = [(await one).status_code for one in waiting]
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
            503,
            "unavailable",
            "2",
        )
        assert [answer.status_code for answer in watched] == [200, 200, 200]
        assert [*answered, (await client.get("/fast")).status_code] == [200, 200, 200]


async def test_bodies_that_come_to_too_much_are_refused_and_small_ones_are_not() -> None:
    """A body counts as long as it says to be, and one that does not say so as the longest that is taken."""
    slow = Slow()
    crowd = Crowd(slow, 9, 3 * MEGABYTE)
    transport = httpx.ASGITransport(crowd)  # type: ignore[arg-type]  # plain ASGI
    async with httpx.AsyncClient(transport=transport, base_url="http://billing.test") as client:

        async def posted(size: int) -> int:
            return (await client.post("/fast", content=b"x" * size)).status_code

        async def told_by_and_by() -> AsyncIterator[bytes]:
            yield b"x"

        waiting = [
            asyncio.create_task(client.post("/slow", content=b"x" * MEGABYTE)),
            asyncio.create_task(client.post("/slow", content=told_by_and_by())),
        ]
        await asyncio.sleep(0)
        assert [await posted(size) for size in (MEGABYTE, MEGABYTE - 1, 2 * MEGABYTE)] == [200, 200, 200]
        waiting.append(asyncio.create_task(client.post("/slow", content=b"x")))
        await asyncio.sleep(0)
        assert [await posted(size) for size in (MEGABYTE, MEGABYTE - 1)] == [503, 200]
        assert (await client.get("/fast")).status_code == 200
        slow.go.set()
        assert [(await one).status_code for one in waiting] == [200, 200, 200]
        assert await posted(MEGABYTE) == 200
