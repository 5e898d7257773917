"""The contract of the cache port: it may forget, and it never brings back what is outdated."""

from __future__ import annotations

from itertools import count

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_contracts.examples import subscription, user_access
from billing_core.domain.access import UserAccess
from billing_core.ports.cache import CATALOG, AccessCache

__all__ = ["AccessCacheContract"]

_users = count()


def _state(version: int, quantity: int, user_id: str) -> UserAccess:
    """What is stored: not every change has a version of its own."""
    access = user_access(version, user_id=user_id)
    return evolve(access, subscription=evolve(subscription(user_id=user_id), quantity=quantity))


class _Database:
    """What the cache stands before: the state of one user, with readers and writers at work on it."""

    def __init__(self, cache: AccessCache, user_id: str) -> None:
        self.cache = cache
        self.user_id = user_id
        self.present = _state(1, 1, user_id)
        #: For each writer and reader, how far it is and what it has in hand.
        self._stages: dict[int, tuple[int, UserAccess]] = {}
        self._marks: dict[int, str] = {}

    async def write(self, writer: int) -> None:
        """The next step of a writer: announce, commit, lift. The first one changes what has no version."""
        stage, committed = self._stages.get(writer, (0, self.present))
        if stage == 0:
            self._marks[writer] = await self.cache.mark_stale([self.user_id])
        elif stage == 1:
            version, held = self.present.version, self.present.subscription
            told = 0 if writer == 0 else 1
            committed = self.present = _state(version + told, held.quantity + 1 if held else 1, self.user_id)
        else:
            await self.cache.lift([committed], self._marks[writer])
        self._stages[writer] = ((stage + 1) % 3, committed)

    async def read(self, reader: int) -> None:
        """The next step of a reader that found nothing in the cache: read what is committed, put it."""
        stage, seen = self._stages.get(reader, (0, self.present))
        if stage == 0:
            seen = self.present
        else:
            await self.cache.put([seen], self.cache.moment())
        self._stages[reader] = ((stage + 1) % 2, seen)


class AccessCacheContract:
    """Give the fixture ``cache``: an empty cache that can be reached."""

    async def test_a_stranger_is_unknown(self, cache: AccessCache) -> None:
        """Nothing is known of whom nobody put."""
        assert await cache.get("user-1") is None

    async def test_what_was_put_is_known(self, cache: AccessCache) -> None:
        """Equal in every field."""
        await cache.put([user_access(2)], cache.moment())
        assert await cache.get("user-1") == user_access(2)

    async def test_users_are_kept_apart(self, cache: AccessCache) -> None:
        """Whatever characters their ids have."""
        for user_id in ("user-1", "user:1", "ü ser\u20ac", "1"):
            await cache.put([user_access(1, user_id=user_id)], cache.moment())
        for user_id in ("user-1", "user:1", "ü ser\u20ac", "1"):
            assert await cache.get(user_id) == user_access(1, user_id=user_id)

    async def test_several_are_put_at_once(self, cache: AccessCache) -> None:
        """Each by the rules for one: what is newer, or about to change, stays as it is; nobody is no question."""
        await cache.put([user_access(2, user_id="user-2")], cache.moment())
        await cache.mark_stale(["user-3"])
        read = [user_access(1, user_id=f"user-{number}") for number in (1, 2, 3, 4)]
        await cache.put(read, cache.moment())
        await cache.put([], cache.moment())
        newer = user_access(2, user_id="user-2")
        assert await cache.get_all([access.user_id for access in read]) == (read[0], newer, None, read[3])

    @pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
    async def test_the_newer_version_stays(self, cache: AccessCache, first: int, second: int) -> None:
        """In whatever order two readers put what they read."""
        await cache.put([user_access(first)], cache.moment())
        await cache.put([user_access(second)], cache.moment())
        assert await cache.get("user-1") == user_access(2)

    async def test_several_are_asked_for_at_once(self, cache: AccessCache) -> None:
        """What is known of each, in the order in which they were named; the catalog is one of them."""
        for known in ("user-1", CATALOG):
            await cache.put([user_access(3, user_id=known)], cache.moment())
        asked = (CATALOG, "user-2", "user-1")
        assert await cache.get_all(asked) == (
            user_access(3, user_id=CATALOG),
            None,
            user_access(3, user_id="user-1"),
        )

    async def test_marking_forgets(self, cache: AccessCache) -> None:
        """All that are named, and nobody else."""
        for user_id in ("user-1", "user-2", "user-3"):
            await cache.put([user_access(1, user_id=user_id)], cache.moment())
        await cache.mark_stale(["user-1", "user-2"])
        assert await cache.get("user-1") is None
        assert await cache.get("user-2") is None
        assert await cache.get("user-3") is not None
        await cache.mark_stale([])

    async def test_nothing_is_put_while_a_change_is_announced(self, cache: AccessCache) -> None:
        """What was read before the change must not be remembered after it."""
        await cache.mark_stale(["user-1"])
        await cache.put([user_access(1)], cache.moment())
        assert await cache.get("user-1") is None

    async def test_lifting_remembers_the_result(self, cache: AccessCache) -> None:
        """Fresh for the next reader."""
        mark = await cache.mark_stale(["user-1"])
        await cache.lift([user_access(2)], mark)
        assert await cache.get("user-1") == user_access(2)

    async def test_a_late_reader_does_not_bring_the_past_back(self, cache: AccessCache) -> None:
        """What was read before a change and put after it is refused."""
        mark = await cache.mark_stale(["user-1"])
        await cache.lift([user_access(2)], mark)
        await cache.put([user_access(1)], cache.moment())
        assert await cache.get("user-1") == user_access(2)

    async def test_what_took_too_long_to_read_is_not_remembered(self, cache: AccessCache) -> None:
        """Of a change that came meanwhile nothing may be known any more."""
        await cache.put([user_access(1)], cache.moment() - 5)
        assert await cache.get("user-1") is None

    async def test_after_lifting_things_are_put_again(self, cache: AccessCache) -> None:
        """A change bars the cache only while it is under way."""
        mark = await cache.mark_stale(["user-1"])
        await cache.lift([user_access(2)], mark)
        await cache.put([user_access(3)], cache.moment())
        assert await cache.get("user-1") == user_access(3)

    async def test_of_two_changes_the_last_one_lifts(self, cache: AccessCache) -> None:
        """While another change is under way, the result of the first is outdated already."""
        first, second = await cache.mark_stale(["user-1"]), await cache.mark_stale(["user-1"])
        await cache.lift([user_access(2)], first)
        assert await cache.get("user-1") is None
        await cache.put([user_access(2)], cache.moment())
        assert await cache.get("user-1") is None
        await cache.lift([user_access(3)], second)
        assert await cache.get("user-1") == user_access(3)

    async def test_lifts_may_come_in_the_wrong_order(self, cache: AccessCache) -> None:
        """The newer result was known already, so the older one is nothing."""
        first, second = await cache.mark_stale(["user-1"]), await cache.mark_stale(["user-1"])
        await cache.lift([user_access(3)], second)
        await cache.lift([user_access(2)], first)
        assert await cache.get("user-1") in {None, user_access(3)}
        await cache.put([user_access(2)], cache.moment())
        assert await cache.get("user-1") in {None, user_access(3)}

    async def test_a_lift_without_a_mark_is_taken(self, cache: AccessCache) -> None:
        """The mark may have been lost."""
        await cache.lift([user_access(2)], "lost")
        assert await cache.get("user-1") == user_access(2)

    async def test_a_lift_lifts_no_other_mark(self, cache: AccessCache) -> None:
        """However often it is told, and however late: another change may be under way by then."""
        first = await cache.mark_stale(["user-1"])
        await cache.lift([user_access(2)], first)
        second = await cache.mark_stale(["user-1"])
        await cache.lift([user_access(2)], first)
        await cache.put([user_access(2)], cache.moment())
        assert await cache.get("user-1") is None
        await cache.lift([user_access(3)], second)
        assert await cache.get("user-1") == user_access(3)

    async def test_a_change_without_a_new_version_replaces_the_value(self, cache: AccessCache) -> None:
        """What is lifted is newer than what was put, also where nothing was told to others."""
        await cache.put([user_access(1)], cache.moment())
        mark = await cache.mark_stale(["user-1"])
        same_version = evolve(user_access(4), version=1)
        await cache.lift([same_version], mark)
        assert await cache.get("user-1") == same_version

    async def test_of_two_changes_of_one_version_neither_is_remembered(self, cache: AccessCache) -> None:
        """Which one is the latest cannot be told, so what is stored is read until a newer version comes."""
        earlier, later = _state(1, 1, "user-1"), _state(1, 2, "user-1")
        first, second = await cache.mark_stale(["user-1"]), await cache.mark_stale(["user-1"])
        await cache.lift([later], second)
        await cache.lift([earlier], first)
        await cache.put([earlier], cache.moment())
        assert await cache.get("user-1") is None
        third = await cache.mark_stale(["user-1"])
        await cache.lift([_state(2, 3, "user-1")], third)
        assert await cache.get("user-1") == _state(2, 3, "user-1")

    async def test_a_result_that_is_told_again_replaces_no_other_of_its_version(self, cache: AccessCache) -> None:
        """Its change is no longer announced, and another one may have come after it."""
        first = await cache.mark_stale(["user-1"])
        await cache.lift([_state(1, 1, "user-1")], first)
        second = await cache.mark_stale(["user-1"])
        await cache.lift([_state(1, 2, "user-1")], second)
        await cache.lift([_state(1, 1, "user-1")], first)
        assert await cache.get("user-1") == _state(1, 2, "user-1")

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors])
    @given(steps=st.lists(st.integers(0, 5), max_size=40))
    async def test_whatever_the_order_nothing_old_is_served(self, cache: AccessCache, steps: list[int]) -> None:
        """Three writers and three readers, their steps mixed in any order: the cache knows the present or nothing."""
        database = _Database(cache, f"user-{next(_users)}")
        for actor in steps:
            await (database.write(actor) if actor < 3 else database.read(actor))
            known = await cache.get(database.user_id)
            assert known in {None, database.present}
