"""Allowing: what only reads is answered while its request is counted, and sent only if that is within the limit."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from attrs import define, field, frozen
from litestar.types import Receive, Scope, Send

from billing_core.ports.rate_limits import Allowance
from billing_http.allowing import Allowing


@frozen(kw_only=True)
class Told:
    """What is left of a limit."""

    allowed: bool
    reset_seconds: int = 17
    remaining: int = 0
    limit: int = 2
    window_seconds: int = 60


@define
class Limit:
    """A limit that says what it is told to say, once it is told to."""

    says: Allowance | None = field(factory=lambda: Told(allowed=True))
    go: asyncio.Event = field(factory=asyncio.Event)
    counted: list[tuple[str, ...]] = field(factory=list)

    async def hit(self, *key: str) -> Allowance | None:
        """Count."""
        self.counted.append(key)
        await self.go.wait()
        return self.says


@define
class App:
    """An application that notes what it was asked, and answers in three messages, fails, or says nothing."""

    asked: list[str] = field(factory=list)
    fails: bool = False
    is_silent: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing to read
        """Answer."""
        self.asked.append(f"{scope['method']} {scope['path']}")  # type: ignore[typeddict-item]  # it is HTTP
        if self.fails:
            raise LookupError("It fails.")
        if not self.is_silent:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"the ", "more_body": True})
            await send({"type": "http.response.body", "body": b"answer", "more_body": False})


@define
class Door:
    """An application behind a limit, as its clients see it."""

    limit: Limit = field(factory=Limit)
    app: App = field(factory=App)
    allowing: Allowing = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.allowing = Allowing(self.app, self.limit, "user", refused_max=2)

    async def ask(self, method: str = "GET", path: str = "/api/access/ann", *, caller: str = "ann") -> httpx.Response:
        """The answer."""

        async def entry(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - plain ASGI
            await self.allowing(caller, scope, receive, send)

        transport = httpx.ASGITransport(entry)
        async with httpx.AsyncClient(transport=transport, base_url="http://billing.test") as client:
            return await client.request(method, path)

    async def begun(self, method: str, path: str) -> asyncio.Task[httpx.Response]:
        """A request that is under way, and got as far as it gets while nothing is counted yet."""
        asking = asyncio.create_task(self.ask(method, path))
        for _ in range(9):
            await asyncio.sleep(0)
        return asking


@pytest.mark.parametrize(
    ("method", "path", "beside"),
    [
        ("GET", "/api/access/ann", True),
        ("HEAD", "/api/access/ann", True),
        ("POST", "/api/access/ann/check", True),
        ("POST", "/api/purchases/create", False),
        ("PUT", "/api/subscriptions/1", False),
        ("DELETE", "/api/payments/methods/pm_1", False),
    ],
)
async def test_only_what_reads_is_looked_for_before_it_is_known_to_be_allowed(
    method: str, path: str, *, beside: bool
) -> None:
    door = Door()
    asking = await door.begun(method, path)
    assert door.limit.counted == [("user", "ann")]
    assert door.app.asked == ([f"{method} {path}"] if beside else [])
    assert not asking.done(), "nothing is sent yet"
    door.limit.go.set()
    answer = await asking
    assert (answer.status_code, answer.text) == (200, "" if method == "HEAD" else "the answer")
    assert door.app.asked == [f"{method} {path}"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_too_often_is_told_so_and_nothing_else(method: str) -> None:
    door = Door(Limit(Told(allowed=False)))
    door.limit.go.set()
    answer = await door.ask(method)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "rate_limited", "17")


async def test_of_who_was_refused_nothing_is_looked_for_until_they_may_come_back() -> None:
    """Whoever asks too often must not make us read each time."""
    door = Door(Limit(Told(allowed=False)))
    door.limit.go.set()
    assert [(await door.ask()).status_code for _ in range(3)] == [429, 429, 429]
    assert len(door.app.asked) == 1
    door.limit.says = Told(allowed=False, reset_seconds=0)
    assert [(await door.ask()).status_code for _ in range(3)] == [429, 429, 429]
    assert len(door.app.asked) == 3, "the first of these is counted first, and may come back at once"


async def test_without_a_limit_everything_passes() -> None:
    door = Door(Limit(None))
    door.limit.go.set()
    assert (await door.ask()).text == "the answer"
    assert (await door.ask("POST")).text == "the answer"


async def test_an_answer_that_does_not_come_is_counted_all_the_same() -> None:
    """As of a client who has gone, or where something fails."""
    door = Door(app=App(is_silent=True))
    asking = await door.begun("GET", "/api/access/ann")
    door.limit.go.set()
    with pytest.raises(AssertionError):  # of the client, who got no answer
        await asking
    door.app.fails = True
    with pytest.raises(LookupError):
        await door.ask()
    assert door.limit.counted == [("user", "ann")] * 2


async def test_many_who_were_refused_do_not_fill_the_memory() -> None:
    """Who was refused first is forgotten first, and then counted beside the answer again."""
    door = Door(Limit(Told(allowed=False)))
    door.limit.go.set()
    for caller in ("ann", "bob", "cid", "cid", "bob"):
        await door.ask(caller=caller)
    assert len(door.app.asked) == 3
    await door.ask(caller="ann")
    assert len(door.app.asked) == 4
