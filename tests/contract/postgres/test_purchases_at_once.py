"""Two hundred purchases of one item by one user at once, at two servers over HTTP: one session, one charge."""

from __future__ import annotations

import asyncio

import httpx

from tests.builders import K8S
from tests.contract.many import running
from tests.contract.sandbox_server import KEY, Served
from tests.contract.serving import AT_ONCE, URLS, bearer, sell, server_environ

_BUYERS = 200
#: Each asks with connections of its own: of so many in one pool httpx looks at all for each request.
_WINDOWS = 10
_WANTED = {"resource_type": K8S.resource.type.value, "resource_id": K8S.resource.id, **URLS}


async def test_two_hundred_purchases_of_one_item_at_once_are_one_session_and_one_charge(
    database_url: str, redis_url: str, stripe: Served
) -> None:
    await sell(database_url, K8S)
    environ = server_environ(
        database_url, redis_url, STRIPE_API_BASE=stripe.url, STRIPE_SECRET_KEY=KEY, RATE_LIMIT_USER="9999/minute"
    )
    with running(environ, servers=2, workers=0) as urls:
        answers = await asyncio.gather(*(_buys(url, _BUYERS // _WINDOWS) for url in urls * (_WINDOWS // len(urls))))
        assert [answer.status_code for some in answers for answer in some] == [201] * _BUYERS
        ((_, session_id),) = {
            (answer.json()["purchase_id"], answer.json()["session_id"]) for some in answers for answer in some
        }
        store = stripe.sandbox.engine.world.store
        assert [one["id"] for one in store.each("checkout.session")] == [session_id]

        paid = stripe.control(f"sessions/{session_id}/pay", {"card": "4242424242424242"})
        assert paid["status"] == "complete"
        assert [one["status"] for one in store.each("charge")] == ["succeeded"]
        assert len(list(store.each("customer"))) == 1


async def _buys(url: str, times: int) -> list[httpx.Response]:
    """The answers to so many at once, each given as long as it is told to wait."""
    async with httpx.AsyncClient(base_url=url, headers=bearer("ann"), timeout=120, limits=AT_ONCE) as client:

        async def buy() -> httpx.Response:
            while True:
                answer = await client.post("/api/purchases/create", json=_WANTED)
                if "Retry-After" not in answer.headers:
                    return answer
                await asyncio.sleep(float(answer.headers["Retry-After"]))

        return await asyncio.gather(*(buy() for _ in range(times)))
