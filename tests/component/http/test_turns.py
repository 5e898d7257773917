"""One user who asks for very much at once: a few at a time, and nobody else notices."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from attrs import define, field
from litestar.types import Receive, Scope, Send

from billing_core.domain.callers import Caller, Role
from billing_http.operations import CALLER
from billing_http.turns import Turns


@define
class Slow:
    """Answers when it is told to; remembers how many were there at once."""

    go: asyncio.Event = field(factory=asyncio.Event)
    there: int = 0
    most: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing to read
        """Answer late."""
        self.there += 1
        self.most = max(self.most, self.there)
        if scope["path"] == "/slow":
            await self.go.wait()
        self.there -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@define
class Door:
    """Turns before somebody slow, and callers who ask."""

    slow: Slow = field(factory=Slow)
    patience: float = 60.0
    turns: Turns = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.turns = Turns(self.slow, self.patience)

    def client(self, caller: Caller) -> httpx.AsyncClient:
        """Somebody who asks as this caller."""

        async def as_the_caller(scope: Scope, receive: Receive, send: Send) -> None:
            seen: Any = {**scope, CALLER: caller}
            await self.turns(seen, receive, send)

        transport = httpx.ASGITransport(as_the_caller)  # type: ignore[arg-type]  # plain ASGI
        return httpx.AsyncClient(transport=transport, base_url="http://billing.test")


async def test_two_hundred_of_one_user_are_a_few_at_a_time_and_others_pass() -> None:
    """4 under way and 32 waiting; the 164 on top are told at once when to come again."""
    door = Door()
    ann = door.client(Caller("ann"))
    asked = [asyncio.create_task(ann.post("/slow")) for _ in range(200)]

    refused = [await one for one in asked[36:]]
    others = [
        (await door.client(Caller("bob")).post("/fast")).status_code,
        (await door.client(Caller("ann", frozenset({Role.ADMIN}))).put("/fast")).status_code,
        (await ann.get("/fast")).status_code,
    ]
    door.slow.go.set()
    answered = [(await one).status_code for one in asked]

    assert {(one.status_code, one.json()["code"], one.headers["retry-after"]) for one in refused} == {
        (503, "unavailable", "2")
    }
    assert others == [200, 200, 200]
    assert (answered.count(200), answered.count(503)) == (36, 164)
    assert door.slow.most == 4 + 1  # one of the others at a time
    assert (await ann.post("/slow")).status_code == 200


async def test_nobody_waits_for_ever() -> None:
    """A turn that does not come is told; it takes no place from whoever comes later."""
    door = Door(patience=0.01)
    ann = door.client(Caller("ann"))
    under_way = [asyncio.create_task(ann.post("/slow")) for _ in range(4)]
    await asyncio.sleep(0)

    late = await ann.post("/fast")
    door.slow.go.set()

    assert (late.status_code, late.json()["code"]) == (503, "unavailable")
    assert [(await one).status_code for one in under_way] == [200] * 4
    assert (await ann.post("/fast")).status_code == 200
