"""Overload: what comes on top is refused at once, and nothing collapses."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import structlog
from attrs import define, field
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_http.answering import send_problem
from billing_http.crowd import SMALL_BYTES_MAX, Crowd
from billing_http.problems import RequestRefused
from tests.component.http.house import House

MEGABYTE = 1024 * 1024


class Slow:
    """An application that reads what it is sent, and answers when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer late."""
        given: Any = scope
        message: Any = {"more_body": given["method"] == "POST"}
        try:
            while message.get("more_body", False):
                message = await receive()
        except RequestRefused as refused:
            await send_problem(refused.problem, scope, receive, send)
            return
        if scope["path"] == "/slow":
            await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@define
class Sender:
    """Somebody who sends a body bit by bit."""

    app: ASGIApp
    path: str = "/fast"
    bits: asyncio.Queue[Any] = field(factory=asyncio.Queue)
    status: asyncio.Future[int] = field(factory=lambda: asyncio.get_running_loop().create_future())
    asking: asyncio.Task[None] = field(init=False)

    async def begin(self) -> Sender:
        """Send the head of the request, which promises a mebibyte."""
        scope: Any = {"type": "http", "method": "POST", "path": self.path, "headers": [(b"content-length", b"1048576")]}
        self.asking = asyncio.create_task(self.app(scope, self.bits.get, self._answered))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        return self

    async def send(self, bit: bytes, *, is_last: bool = False) -> None:
        """Send a bit of the body, which is read at once."""
        self.bits.put_nowait({"type": "http.request", "body": bit, "more_body": not is_last})
        for _ in range(3):
            await asyncio.sleep(0)

    async def _answered(self, message: Any) -> None:  # noqa: ANN401 - of ASGI
        if message["type"] == "http.response.start":
            self.status.set_result(message["status"])


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    """Whoever sends bodies in one go."""
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # plain ASGI
    return httpx.AsyncClient(transport=transport, base_url="http://billing.test")


async def test_what_comes_on_top_is_refused_at_once() -> None:
    """Two may be under way; the third is told when to come again, and once one is done there is room."""
    slow = Slow()
    async with client_of(Crowd(slow, 2)) as client:
        waiting = [asyncio.create_task(client.request(method, "/slow")) for method in ("GET", "POST")]
        await asyncio.sleep(0)
        refused = [await client.get("/fast"), await client.post("/fast", content=b"{}")]
        watched = [await client.get(path) for path in ("/api/health", "/api/health/ready", "/metrics")]
        slow.go.set()
        answered = [(await one).status_code for one in waiting]
        assert [(one.status_code, one.json()["code"], one.headers["retry-after"]) for one in refused] == [
            (503, "unavailable", "2")
        ] * 2
        assert [answer.status_code for answer in watched] == [200, 200, 200]
        assert [*answered, (await client.get("/fast")).status_code] == [200, 200, 200]


async def test_whoever_promises_a_body_and_hardly_sends_it_takes_nothing_from_others() -> None:
    """Neither a place nor bytes: only what is there counts. Each is answered once its body came."""
    crowd = Crowd(Slow(), 2, MEGABYTE)
    slow_ones = [await Sender(crowd).begin() for _ in range(9)]
    for one in slow_ones:
        await one.send(b"x")
    async with client_of(crowd) as client:
        assert (await client.get("/fast")).status_code == 200
        assert (await client.post("/fast", content=b"x" * MEGABYTE)).status_code == 200
    for one in slow_ones:
        await one.send(b"x", is_last=True)
    assert [await one.status for one in slow_ones] == [200] * 9


async def test_whose_body_is_there_when_there_is_no_room_is_refused_then() -> None:
    """Its place was given to others meanwhile; whoever went away instead takes none."""
    slow = Slow()
    crowd = Crowd(slow, 2)
    late, gone = await Sender(crowd).begin(), await Sender(crowd).begin()
    await late.send(b"x")
    gone.bits.put_nowait({"type": "http.disconnect"})
    waiting = [await Sender(crowd, "/slow").begin() for _ in range(2)]
    for one in waiting:
        await one.send(b"{}", is_last=True)

    await late.send(b"x", is_last=True)

    assert await late.status == 503
    slow.go.set()
    assert [await one.status for one in waiting] == [200, 200]
    async with client_of(crowd) as client:
        assert [(await client.post("/fast", content=b"{}")).status_code for _ in range(3)] == [200] * 3


async def test_large_bodies_that_come_to_too_much_are_refused_and_small_ones_are_not() -> None:
    """What is there of them, whole or not, until its request is answered. Small ones each connection holds anyway."""
    slow = Slow()
    crowd = Crowd(slow, 99, 2 * MEGABYTE)
    waiting = await Sender(crowd, "/slow").begin()
    await waiting.send(b"x" * MEGABYTE, is_last=True)
    coming = await Sender(crowd).begin()
    await coming.send(b"x" * (MEGABYTE - 1))
    async with client_of(crowd) as client:

        async def posted(size: int) -> int:
            return (await client.post("/fast", content=b"x" * size)).status_code

        assert [await posted(size) for size in (SMALL_BYTES_MAX, SMALL_BYTES_MAX + 1)] == [200, 503]
        assert (await client.get("/fast")).status_code == 200
        await coming.send(b"x", is_last=True)
        assert await coming.status == 200
        assert await posted(MEGABYTE) == 200
        slow.go.set()
        assert await waiting.status == 200
        assert [await posted(2 * MEGABYTE + size) for size in (0, 1)] == [200, 503]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/api/webhooks/stripe", {"Content-Length": "70000"}, id="the-fast-lane"),
        pytest.param("/api/webhooks/stripe", {"Transfer-Encoding": "chunked"}, id="a-route"),
        pytest.param("/api/purchases/create", {"Idempotency-Key": "k-1"}, id="under-a-key"),
    ],
)
async def test_who_is_refused_once_the_body_came_is_told_so_wherever_it_is_read(
    house: House, ann: str, log: structlog.testing.LogCapture, path: str, headers: dict[str, str]
) -> None:
    """And nobody is warned in the log: too many may be anybody's."""
    given = {"Authorization": f"Bearer {house.token(ann)}", "Content-Type": "application/json", **headers}
    async with client_of(Crowd(house.http, bytes_max=69_999)) as client:
        refused = await client.post(path, content=b"x" * 70_000, headers=given)

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "unavailable", "2")
    assert [(entry["event"], entry["log_level"]) for entry in log.entries] == [("request", "info")]
