"""Somebody else is at work on the user: whoever asks for something waits, and is answered as if nobody had been."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import httpx

from billing_core.domain.callers import Role
from tests.component.http.house import ORIGIN, URLS, House, Json

#: What is asked of a user's own things, by what was prepared for them.
Asked = Callable[[House, str, Json], Coroutine[None, None, httpx.Response]]
ADMIN = [Role.ADMIN]
GRANT = {"resource_type": "lab", "resource_id": "x", "reason": "a prize"}
METHODS = "/api/payments/methods"


def _own(method: str, path: str, **body: object) -> Asked:
    """Their own request about their subscription, card or grant."""

    async def ask(house: House, user: str, has: Json) -> httpx.Response:
        return await house.ask(method, path.format(**has), user=user, json=body or None)

    return ask


def _staffs(method: str, path: str, **body: object) -> Asked:
    """Support staff's."""

    async def ask(house: House, user: str, has: Json) -> httpx.Response:
        return await house.ask(method, path.format(user=user, **has), user="sue", roles=ADMIN, json=body or None)

    return ask


ASKED: dict[str, tuple[Asked, int]] = {
    "cancel": (_own("POST", "/api/subscriptions/{subscription}/cancel"), 200),
    "pause": (_own("POST", "/api/subscriptions/{subscription}/pause"), 200),
    "change": (_own("PUT", "/api/subscriptions/{subscription}", plan_id="team-monthly"), 200),
    "preview": (_own("POST", "/api/subscriptions/{subscription}/preview", plan_id="team-monthly"), 200),
    "add a card": (_own("POST", METHODS, payment_method_id="pm_card_visa"), 201),
    "choose a card": (_own("POST", METHODS + "/{card}/default"), 200),
    "remove a card": (_own("DELETE", METHODS + "/{spare}"), 204),
    "set up": (_own("POST", "/api/payments/setup-intent"), 201),
    "portal": (_own("POST", "/api/payments/portal-session", return_url=f"{ORIGIN}/"), 201),
    "buy": (_own("POST", "/api/purchases/create", resource_type="learning_path", resource_id="devops", **URLS), 201),
    "grant": (_staffs("POST", "/api/access/{user}/grants", **GRANT), 201),
    "revoke": (_staffs("DELETE", "/api/access/{user}/grants/{grant}"), 204),
}


async def _prepared(house: House, user: str) -> Json:
    """A subscription, two cards and a grant."""
    subscription = await house.subscribes(user, "basic-monthly")
    cards = [
        (await house.ask("POST", METHODS, user=user, json={"payment_method_id": "pm_card_visa"})).json()["id"]
        for _ in range(2)
    ]
    return {
        "subscription": subscription["id"],
        "card": cards[0],
        "spare": cards[1],
        "grant": (await house.grants(user))["source"]["id"],
    }


async def test_whoever_meets_somebody_at_work_on_the_user_waits_and_is_answered() -> None:
    """All at once, each with a user of their own who is held until somebody waited."""
    waited = asyncio.Event()

    async def wait(_seconds: float) -> None:
        waited.set()
        await asyncio.sleep(0)

    house = await House(wait=wait).sells()
    has = {name: await _prepared(house, name.replace(" ", "-")) for name in ASKED}

    async with house.units() as uow:
        await uow.customers.lock_users(sorted(name.replace(" ", "-") for name in ASKED))
        asked = [asyncio.create_task(ask(house, name.replace(" ", "-"), has[name])) for name, (ask, _) in ASKED.items()]
        await waited.wait()
    answers = dict(zip(ASKED, await asyncio.gather(*asked), strict=True))

    assert {name: answer.status_code for name, answer in answers.items()} == {
        name: status for name, (_, status) in ASKED.items()
    }
