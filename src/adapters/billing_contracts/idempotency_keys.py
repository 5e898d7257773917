"""The contract of the port of idempotency keys: one attempt at a time, one answer, one effect."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing_contracts.examples import NOW, operation, ours
from billing_core.domain.errors import OperationInProgress
from billing_core.domain.idempotency import ATTEMPT_LEASE, KEYS_KEPT, KeptAnswer, KeyClaim, RequestKey
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["IdempotencyKeysContract"]

_HASH, _OTHER_HASH = b"\x00\xff" * 16, b"\x01" * 32
_ANSWER = KeptAnswer(status=201, headers={"content-type": "application/json"}, body=b'{"id": "\xc3\xa9"}')


def _request(holder: str = "attempt-1", *, caller_id: str = "user-1", key: str = "key-1") -> RequestKey:
    return RequestKey(caller_id=caller_id, key=key, holder=holder)


async def _claim(
    units: UnitsOfWork, request: RequestKey, later: timedelta = timedelta(), request_hash: bytes = _HASH
) -> KeyClaim:
    async with units() as uow:
        claimed = await uow.idempotency_keys.claim(request, request_hash, NOW + later)
        await uow.commit()
    return claimed


async def _tie(units: UnitsOfWork, request: RequestKey, effect_id: str) -> None:
    async with units() as uow:
        await uow.idempotency_keys.tie(request, effect_id)
        await uow.commit()


async def _keep(units: UnitsOfWork, request: RequestKey, answer: KeptAnswer = _ANSWER) -> bool:
    async with units() as uow:
        kept = await uow.idempotency_keys.keep(request, answer)
        await uow.commit()
    return kept


async def _free(units: UnitsOfWork, request: RequestKey) -> None:
    async with units() as uow:
        await uow.idempotency_keys.free(request)
        await uow.commit()


class IdempotencyKeysContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_a_new_key_is_granted(self, units: UnitsOfWork) -> None:
        """Nothing is known of it yet."""
        assert await _claim(units, _request()) == KeyClaim(granted=True, request_hash=_HASH)

    async def test_while_one_attempt_is_at_it_no_other_one_begins(self, units: UnitsOfWork) -> None:
        """As long as it may be at it; from then on the next one may."""
        await _claim(units, _request())
        just_before = ATTEMPT_LEASE - timedelta(microseconds=1)
        assert not (await _claim(units, _request("attempt-2"), just_before)).granted
        assert (await _claim(units, _request("attempt-2"), ATTEMPT_LEASE)).granted

    async def test_the_answer_is_kept(self, units: UnitsOfWork) -> None:
        """Byte by byte, whoever asks next."""
        await _claim(units, _request())
        assert await _keep(units, _request())
        again = await _claim(units, _request("attempt-2"), timedelta(hours=1))
        assert again == KeyClaim(granted=False, request_hash=_HASH, answer=_ANSWER)

    async def test_an_empty_answer_is_an_answer(self, units: UnitsOfWork) -> None:
        """A 204 has no body, and of a secret none is kept."""
        empty = KeptAnswer(status=204, headers={}, body=b"")
        await _claim(units, _request())
        await _keep(units, _request(), empty)
        assert (await _claim(units, _request("attempt-2"))).answer == empty

    async def test_another_request_sees_whose_key_it_is(self, units: UnitsOfWork) -> None:
        """Also when nobody is at it: the key belongs to the first request."""
        await _claim(units, _request())
        found = await _claim(units, _request("attempt-2"), ATTEMPT_LEASE, _OTHER_HASH)
        assert (found.granted, found.request_hash) == (False, _HASH)

    async def test_a_key_is_its_callers_own(self, units: UnitsOfWork) -> None:
        """Two callers may choose the same one; one caller has many."""
        await _claim(units, _request())
        assert (await _claim(units, _request(caller_id="user-2"), request_hash=_OTHER_HASH)).granted
        assert (await _claim(units, _request(key="key-2"), request_hash=_OTHER_HASH)).granted

    async def test_after_a_day_a_key_is_new_again(self, units: UnitsOfWork) -> None:
        """For any request, with nothing of the old one left; not a moment earlier."""
        await _claim(units, _request())
        await _tie(units, _request(), ours(1))
        await _keep(units, _request())
        late = KEYS_KEPT - timedelta(microseconds=1)
        assert not (await _claim(units, _request("attempt-2"), late, _OTHER_HASH)).granted
        renewed = await _claim(units, _request("attempt-2"), KEYS_KEPT, _OTHER_HASH)
        assert renewed == KeyClaim(granted=True, request_hash=_OTHER_HASH)
        assert not (await _claim(units, _request("attempt-3"), KEYS_KEPT + timedelta(hours=23), _HASH)).granted

    async def test_what_was_done_is_known_to_the_next_attempt(self, units: UnitsOfWork) -> None:
        """After a crash between the effect and the answer."""
        await _claim(units, _request())
        await _tie(units, _request(), ours(1))
        again = await _claim(units, _request("attempt-2"), ATTEMPT_LEASE)
        assert again == KeyClaim(granted=True, request_hash=_HASH, effect_id=ours(1))

    async def test_the_tie_is_part_of_the_commit_of_the_effect(self, units: UnitsOfWork) -> None:
        """Both or neither."""
        await _claim(units, _request())
        async with units() as uow:
            await uow.operations.add(operation())
            await uow.idempotency_keys.tie(_request(), operation().id)
        undone = await _claim(units, _request("attempt-2"), ATTEMPT_LEASE)
        assert (undone.granted, undone.effect_id) == (True, None)
        async with units() as uow:
            assert await uow.operations.get(operation().id) is None

    async def test_an_attempt_that_was_overtaken_does_nothing(self, units: UnitsOfWork) -> None:
        """It neither ties nor keeps: there is one effect and one first answer."""
        await _claim(units, _request())
        await _claim(units, _request("attempt-2"), ATTEMPT_LEASE)
        with pytest.raises(OperationInProgress):
            await _tie(units, _request(), ours(1))
        assert not await _keep(units, _request())
        await _free(units, _request())
        assert not (await _claim(units, _request("attempt-3"), ATTEMPT_LEASE)).granted
        assert await _keep(units, _request("attempt-2"))

    async def test_once_answered_nothing_is_tied_any_more(self, units: UnitsOfWork) -> None:
        """The attempt is over."""
        await _claim(units, _request())
        await _keep(units, _request())
        with pytest.raises(OperationInProgress):
            await _tie(units, _request(), ours(1))

    async def test_a_freed_key_without_an_effect_is_forgotten(self, units: UnitsOfWork) -> None:
        """A request that did not fit may be mended and sent under the same key."""
        await _claim(units, _request())
        await _free(units, _request())
        assert (await _claim(units, _request("attempt-2"), request_hash=_OTHER_HASH)).granted

    async def test_a_freed_key_with_an_effect_goes_on_with_it(self, units: UnitsOfWork) -> None:
        """At once, and for the same request alone."""
        await _claim(units, _request())
        await _tie(units, _request(), ours(1))
        await _free(units, _request())
        assert not (await _claim(units, _request("attempt-2"), request_hash=_OTHER_HASH)).granted
        again = await _claim(units, _request("attempt-2"))
        assert (again.granted, again.effect_id) == (True, ours(1))

    async def test_an_effect_that_came_to_nothing_gives_way_to_the_next(self, units: UnitsOfWork) -> None:
        """What the provider refused is asked for anew."""
        await _claim(units, _request())
        await _tie(units, _request(), ours(1))
        await _tie(units, _request(), ours(2))
        assert (await _claim(units, _request("attempt-2"), ATTEMPT_LEASE)).effect_id == ours(2)
