"""Two hundred purchases of one item by one user at once, at two servers over HTTP: one session, one charge."""

from __future__ import annotations

import asyncio

import httpx

from tests.builders import K8S
from tests.contract.many import running
from tests.contract.sandbox_server import KEY, Served
from tests.contract.serving import AT_ONCE, URLS, bearer, sell, server_environ

_BUYERS = 200
_WANTED = {"resource_type": K8S.resource.type.value, "resource_id": K8S.resource.id, **URLS}


async def test_two_hundred_purchases_of_one_item_at_once_are_one_session_and_one_charge(
    database_url: str, redis_url: str, stripe: Served
) -> None:
    await sell(database_url, K8S)
    environ = server_environ(
        database_url, redis_url, STRIPE_API_BASE=stripe.url, STRIPE_SECRET_KEY=KEY, RATE_LIMIT_USER="9999/minute"
    )
    with running(environ, servers=2, workers=0) as urls:
        async with httpx.AsyncClient(headers=bearer("ann"), timeout=120, limits=AT_ONCE) as client:

            async def buy(number: int) -> httpx.Response:
                while True:
                    url = f"{urls[number % len(urls)]}/api/purchases/create"
                    answer = await client.post(url, json=_WANTED)
                    if "Retry-After" not in answer.headers:
                        return answer
                    await asyncio.sleep(float(answer.headers["Retry-After"]))  # as a client does that is told so

            answers = await asyncio.gather(*map(buy, range(_BUYERS)))
            assert {answer.status_code for answer in answers} == {201}
            ((_, session_id),) = {(answer.json()["purchase_id"], answer.json()["session_id"]) for answer in answers}
            store = stripe.sandbox.engine.world.store
            assert [one["id"] for one in store.each("checkout.session")] == [session_id]

            paid = stripe.control(f"sessions/{session_id}/pay", {"card": "4242424242424242"})
            assert paid["status"] == "complete"
            assert [one["status"] for one in store.each("charge")] == ["succeeded"]
            assert len(list(store.each("customer"))) == 1
