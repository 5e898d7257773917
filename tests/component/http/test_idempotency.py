"""``Idempotency-Key``: the same request under the same key is answered once and done once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from billing_core.domain.callers import Role
from billing_core.domain.errors import ProviderRefused
from billing_memory import MemoryStore, MemoryUnitsOfWork, Trouble
from tests.component.http.house import URLS, House, Json

COURSE = {"resource_type": "course", "resource_id": "k8s-101"}
PRIZE = {**COURSE, "reason": "a prize"}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house of this test's own: what is asked of its provider is counted."""
    house = House()
    async with house.client:
        yield await house.sells()


async def grant(house: House, key: str, given: Json = PRIZE, *, user: str = "sue") -> httpx.Response:
    """Grant by hand under a key."""
    return await house.ask(
        "POST", "/api/access/ann/grants", user=user, roles=[Role.ADMIN], json=given, headers={"Idempotency-Key": key}
    )


async def refund(house: House, purchase_id: str, key: str) -> httpx.Response:
    """Refund a purchase of Ann's under a key."""
    path = f"/api/purchases/{purchase_id}/refund"
    return await house.ask("POST", path, user="ann", json={"reason": "too hard"}, headers={"Idempotency-Key": key})


async def grants_of_ann(house: House) -> list[Json]:
    """What is open to Ann."""
    answer = await house.ask("GET", "/api/access/ann", user="ann")
    found: list[Json] = answer.json()["grants"]
    return found


async def test_the_same_request_is_answered_as_it_was_at_first(house: House) -> None:
    """Status, body and headers; the header says that it is the answer given before."""
    first, again = await grant(house, "k1"), await grant(house, "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"] == "application/json"
    assert again.headers["cache-control"] == "no-store"
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")


async def test_it_is_done_once(house: House) -> None:
    """Three times the same key: one grant. Two keys: two grants."""
    for _ in range(3):
        await grant(house, "k1")
    assert len(await grants_of_ann(house)) == 1
    await grant(house, "k2")
    assert len(await grants_of_ann(house)) == 2


async def test_each_answer_has_a_request_id_of_its_own(house: House) -> None:
    """What is answered again is the answer, not the log line."""
    first, again = await grant(house, "k1"), await grant(house, "k1")
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


@pytest.mark.parametrize(
    "other", [{**PRIZE, "reason": "another prize"}, {**PRIZE, "expires_at": "2030-01-01T00:00:00Z"}]
)
async def test_the_key_of_another_request_is_refused(house: House, other: Json) -> None:
    """422, and nothing is done."""
    await grant(house, "k1")
    answer = await grant(house, "k1", other)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await grants_of_ann(house)) == 1


async def test_another_path_is_another_request(house: House) -> None:
    """Also with the same body."""
    await grant(house, "k1")
    answer = await house.ask(
        "POST",
        "/api/access/bob/grants",
        user="sue",
        roles=[Role.ADMIN],
        json=PRIZE,
        headers={"Idempotency-Key": "k1"},
    )
    assert answer.status_code == 422


async def test_a_body_may_be_written_in_another_way(house: House) -> None:
    """The order of fields and white space say nothing."""
    first = await grant(house, "k1")
    again = await grant(house, "k1", dict(reversed(PRIZE.items())))
    assert again.content == first.content


async def test_a_key_is_its_callers_own(house: House) -> None:
    """Nobody is answered what another caller was answered."""
    await grant(house, "k1")
    other = await grant(house, "k1", {**PRIZE, "reason": "of mine"}, user="tom")
    assert (other.status_code, "idempotent-replayed" in other.headers) == (201, False)


@pytest.mark.parametrize("key", ["", " ", "with space", "k\u00e9y", "x" * 256, "tab\there"])
async def test_a_malformed_key_is_refused(house: House, key: str) -> None:
    """1 to 255 visible ASCII characters, and nothing is done under anything else."""
    answer = await house.client.post(
        "/api/access/ann/grants",
        json=PRIZE,
        headers=[
            (b"Authorization", f"Bearer {house.token('sue', [Role.ADMIN])}".encode()),
            (b"Idempotency-Key", key.encode("latin-1")),
        ],
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert await grants_of_ann(house) == []


async def test_two_keys_at_once_are_none(house: House) -> None:
    """Nobody can tell which is meant."""
    token = house.token("sue", [Role.ADMIN])
    headers = [("Authorization", f"Bearer {token}"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await house.client.post("/api/access/ann/grants", json=PRIZE, headers=headers)
    assert answer.status_code == 400


async def test_a_request_that_does_not_fit_is_not_kept(house: House) -> None:
    """It may be mended and sent under the same key."""
    refused = await grant(house, "k1", {**PRIZE, "resource_type": "planet"})
    mended = await grant(house, "k1")
    assert (refused.status_code, mended.status_code) == (400, 201)


async def test_a_refusal_is_kept(house: House) -> None:
    """404 stays 404, also when there is such a thing later."""
    body = {"resource_type": "course", "resource_id": "later", **URLS}
    headers = {"Idempotency-Key": "k1"}
    first = await house.ask("POST", "/api/purchases/create", user="ann", json=body, headers=headers)
    again = await house.ask("POST", "/api/purchases/create", user="ann", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (404, 404)
    assert again.headers["idempotent-replayed"] == "true"


async def test_without_a_token_nothing_is_kept(house: House) -> None:
    """401, as without a key."""
    answer = await house.ask("POST", "/api/access/ann/grants", user=None, json=PRIZE, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 401


async def test_on_other_methods_the_header_says_nothing(house: House) -> None:
    """A GET is answered anew each time."""
    headers = {"Idempotency-Key": "k1"}
    before = await house.ask("GET", "/api/access/ann", user="ann", headers=headers)
    await grant(house, "k1")
    after = await house.ask("GET", "/api/access/ann", user="ann", headers=headers)
    assert (len(before.json()["grants"]), len(after.json()["grants"])) == (0, 1)


async def test_a_body_over_the_limit_is_refused(house: House) -> None:
    """As without a key."""
    answer = await grant(house, "k1", {**PRIZE, "reason": "x" * 300_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


async def test_after_a_day_the_key_is_new(house: House) -> None:
    """The same request is done again then."""
    await grant(house, "k1")
    house.clock.advance(timedelta(hours=24))
    again = await grant(house, "k1")
    assert "idempotent-replayed" not in again.headers
    assert len(await grants_of_ann(house)) == 2


async def test_twins_get_one_answer(house: House) -> None:
    """Eight at once: done once, and everybody hears the same."""
    patient = House(units=house.units, wait=asyncio.sleep)
    async with patient.client:
        answers = await asyncio.gather(*(grant(patient, "k1") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert len(await grants_of_ann(house)) == 1


async def test_a_twin_does_not_wait_for_ever() -> None:
    """While the first attempt hangs the twin is told so; a failure that was ours is not kept."""
    units = MemoryUnitsOfWork(MemoryStore(lock_seconds_max=0.01))
    house = House(units=units)
    async with units() as uow:
        await uow.customers.lock_users(["ann"])
        first = asyncio.create_task(grant(house, "k1"))
        await asyncio.sleep(0.05)
        twin = await grant(house, "k1")
        assert (twin.status_code, twin.json()["code"]) == (409, "idempotency_in_progress")
        assert twin.headers["retry-after"] == "1"
        assert (await first).status_code == 503
    assert (await grant(house, "k1")).status_code == 201


async def test_what_stripe_refused_is_asked_for_anew(house: House) -> None:
    """502 is not kept: the card may be a better one by now. What was refused changed nothing."""
    purchase_id = await house.buys("ann")
    house.provider.trouble.append(ProviderRefused("No.", code="charge_disputed"))
    refused = await refund(house, purchase_id, "k1")
    mended = await refund(house, purchase_id, "k1")
    again = await refund(house, purchase_id, "k1")
    assert [answer.status_code for answer in (refused, mended, again)] == [502, 201, 201]
    assert again.content == mended.content


async def test_what_stripe_did_not_answer_is_gone_on_with(house: House) -> None:
    """503 is not kept, but what was begun is: the next attempt finds the same refund, and makes no second one."""
    purchase_id = await house.buys("ann")
    house.provider.trouble.append(Trouble.ANSWER_LOST)
    unclear = await refund(house, purchase_id, "k1")
    then = await refund(house, purchase_id, "k1")
    status = await house.ask("GET", f"/api/purchases/{purchase_id}/status", user="ann")
    assert [answer.status_code for answer in (unclear, then)] == [503, 201]
    assert status.json()["purchase"]["amount_refunded"] == then.json()["amount"]


@pytest.mark.parametrize(
    ("path", "given", "secret"),
    [
        ("/api/payments/setup-intent", {}, "client_secret"),
        ("/api/payments/portal-session", {"return_url": URLS["cancel_url"]}, "url"),
    ],
)
async def test_of_a_secret_nothing_is_kept(house: House, path: str, given: Json, secret: str) -> None:
    """The answer is made again from what was opened: it is the same, and nothing is opened twice."""
    headers = {"Idempotency-Key": "k1"}
    first = await house.ask("POST", path, user="ann", json=given, headers=headers)
    again = await house.ask("POST", path, user="ann", json=given, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()[secret]
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    (kept,) = house.units.store.idempotency_keys.rows.values()
    assert kept.effect_id is not None
    assert kept.answer is not None
    assert (kept.answer.body, kept.answer.headers) == (b"", {})
