"""The webhook over HTTP: verified over its raw bytes, stored for good, answered; else nothing is stored."""

import asyncio
from datetime import timedelta

import pytest
from attrs import frozen

from billing_core.domain.errors import StorageDenied, StorageUnavailable
from billing_core.ports.unit_of_work import UnitOfWork
from tests.component.http.house import House


def event(house: House) -> bytes:
    """The raw body of an event that nobody has delivered yet."""
    return house.provider.world.tell_nothing("invoice.upcoming").payload


async def stored(house: House) -> int:
    """How many events were stored for good."""
    async with house.units() as uow:
        return len((await uow.inbox.page(None, 100)).rows)


async def test_an_event_is_received_once(house: House) -> None:
    payload = event(house)

    first, second = await house.post_webhook(payload), await house.post_webhook(payload)

    assert (first.status_code, first.json()) == (200, {"received": True, "duplicate": False})
    assert (second.status_code, second.json()) == (200, {"received": True, "duplicate": True})


async def test_twins_at_once_are_one(house: House) -> None:
    payload = event(house)

    answers = await asyncio.gather(house.post_webhook(payload), house.post_webhook(payload))

    assert sorted(answer.json()["duplicate"] for answer in answers) == [False, True]


@pytest.mark.parametrize(
    "signature",
    ["", "nonsense", "t=,v1=", "t=1,v1=aa", "t=99999999999999999999,v1=aa", "v1=aa", "t=1"],
)
async def test_what_does_not_verify_stores_nothing(house: House, signature: str) -> None:
    before = await stored(house)

    answer = await house.post_webhook(event(house), signature)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")
    assert await stored(house) == before


async def test_odd_bytes_in_the_header_are_no_signature(house: House) -> None:
    headers = [(b"Stripe-Signature", "t=é,v1=é".encode())]

    answer = await house.client.post("/api/webhooks/stripe", content=event(house), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")


async def test_without_a_signature_nothing_is_stored(house: House) -> None:
    answer = await house.client.post("/api/webhooks/stripe", content=event(house))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")


async def test_a_changed_body_does_not_verify(house: House) -> None:
    payload = event(house)
    signature = house.provider.signature_of(payload, house.clock.now())

    answer = await house.post_webhook(payload + b" ", signature)

    assert answer.json()["code"] == "invalid_signature"


@pytest.mark.parametrize("off", [-301, 301])
async def test_an_old_or_future_signature_does_not_verify(house: House, off: int) -> None:
    payload = event(house)
    signature = house.provider.signature_of(payload, house.clock.now() + timedelta(seconds=off))

    assert (await house.post_webhook(payload, signature)).json()["code"] == "invalid_signature"


async def test_a_body_may_have_a_mebibyte_and_no_more(house: House) -> None:
    fits, too_large = b"x" * 1024 * 1024, b"x" * (1024 * 1024 + 1)

    answers = [await house.post_webhook(payload) for payload in (fits, too_large)]

    assert [answer.json()["code"] for answer in answers] == ["invalid_signature", "payload_too_large"]


@frozen
class Away:
    """A database that no unit of work can be had of."""

    error: Exception

    def __call__(self) -> UnitOfWork:
        """Raises what the test wants."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param(StorageUnavailable(), 503, "unavailable", id="away"),
        pytest.param(StorageDenied(), 503, "unavailable", id="a-right-is-lacking"),
        pytest.param(LookupError("a fault of ours"), 500, "internal_error", id="what-nobody-thought-of"),
    ],
)
async def test_what_could_not_be_stored_is_asked_for_again_and_counted(
    error: Exception, status: int, code: str
) -> None:
    """Whatever the reason: by that count somebody is woken."""
    house = House(units=Away(error))

    answer = await house.post_webhook(event(house))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    counted = house.application.metrics.text().decode().splitlines()
    assert 'billing_webhook_deliveries_total{outcome="not_stored"} 1.0' in counted
