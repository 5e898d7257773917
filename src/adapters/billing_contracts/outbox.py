"""The contract of the outbox port: versions without a gap, and order per user through every failure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from billing_contracts.examples import NOW, after, new_event
from billing_contracts.meanwhile import patiently, started
from billing_core.domain.events import Event
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["OutboxContract"]

_LEASE = timedelta(seconds=30)


async def _add(units: UnitsOfWork, user_id: str, *names: str, commit: bool = True) -> tuple[Event, ...]:
    async with units() as uow:
        await uow.customers.lock_users([user_id])
        added = await uow.outbox.add(user_id, [new_event(name) for name in names], NOW)
        if commit:
            await uow.commit()
    return added


async def _claimed(units: UnitsOfWork, worker: str, seconds: int = 0, limit: int = 100) -> tuple[Event, ...]:
    async with units() as uow:
        claimed = await uow.outbox.claim(worker, NOW + timedelta(seconds=seconds), _LEASE, limit)
        await uow.commit()
    return claimed


async def _published(units: UnitsOfWork, events: Sequence[Event], minute: int = 0) -> None:
    async with units() as uow:
        await uow.outbox.published(events, after(minute))
        await uow.commit()


class OutboxContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_an_event_comes_back_as_it_was_added(self, units: UnitsOfWork) -> None:
        """With an id, its user and its version."""
        (added,) = await _add(units, "user-1", "purchase.completed")
        assert (added.type, added.occurred_at, added.data) == ("purchase.completed", NOW, new_event().data)
        assert (added.user_id, added.version, UUID(added.id).version) == ("user-1", 1, 7)
        async with units() as uow:
            assert await uow.outbox.of_user("user-1", 0, 10) == (added,)

    async def test_versions_count_up_by_one_per_user(self, units: UnitsOfWork) -> None:
        """In the order in which the events were given, over many commits."""
        await _add(units, "user-1", "a", "b")
        await _add(units, "user-2", "c")
        await _add(units, "user-1", "d")
        async with units() as uow:
            mine = await uow.outbox.of_user("user-1", 0, 10)
        assert [(event.version, event.type) for event in mine] == [(1, "a"), (2, "b"), (3, "d")]

    async def test_what_is_undone_leaves_no_gap(self, units: UnitsOfWork) -> None:
        """A version that was not committed is given again."""
        await _add(units, "user-1", "a")
        await _add(units, "user-1", "b", "c", commit=False)
        (added,) = await _add(units, "user-1", "d")
        assert added.version == 2

    async def test_two_at_once_leave_no_gap(self, units: UnitsOfWork) -> None:
        """The user's lock makes one wait for the other."""
        async with units() as first:
            await first.customers.lock_users(["user-1"])
            await first.outbox.add("user-1", [new_event("a")], NOW)
            second = await started(patiently(lambda: _add(units, "user-1", "b")))
            assert not second.done()
            await first.commit()
        (added,) = await second
        assert added.version == 2

    async def test_nothing_to_tell_is_no_version(self, units: UnitsOfWork) -> None:
        """Adding no events changes nothing."""
        assert await _add(units, "user-1") == ()
        (added,) = await _add(units, "user-1", "a")
        assert added.version == 1

    async def test_events_are_claimed_in_order_per_user(self, units: UnitsOfWork) -> None:
        """Each once, users in any order."""
        for name in ("a", "b", "c"):
            await _add(units, "user-1", name)
            await _add(units, "user-2", name)
        claimed = await _claimed(units, "worker-1")
        assert len(claimed) == 6
        for user_id in ("user-1", "user-2"):
            assert [event.version for event in claimed if event.user_id == user_id] == [1, 2, 3]

    async def test_a_limit_never_skips_an_event(self, units: UnitsOfWork) -> None:
        """What is claimed of a user begins with the first that is not published."""
        await _add(units, "user-1", "a", "b", "c")
        claimed = await _claimed(units, "worker-1", limit=2)
        assert [event.version for event in claimed] == [1, 2]

    async def test_a_user_is_one_workers_at_a_time(self, units: UnitsOfWork) -> None:
        """While some events of a user are leased, none of that user's go to another worker."""
        await _add(units, "user-1", "a", "b", "c")
        await _claimed(units, "worker-1", limit=1)
        await _add(units, "user-1", "d")
        await _add(units, "user-2", "e")
        claimed = await _claimed(units, "worker-2", seconds=29)
        assert [(event.user_id, event.type) for event in claimed] == [("user-2", "e")]

    async def test_a_lease_that_is_over_frees_the_user(self, units: UnitsOfWork) -> None:
        """From the first event that was not published on, so nothing is left out."""
        await _add(units, "user-1", "a", "b")
        await _claimed(units, "worker-1")
        claimed = await _claimed(units, "worker-2", seconds=31)
        assert [event.version for event in claimed] == [1, 2]

    async def test_published_events_are_not_claimed_again(self, units: UnitsOfWork) -> None:
        """And the rest is free for anybody at once."""
        await _add(units, "user-1", "a", "b")
        await _published(units, await _claimed(units, "worker-1", limit=1))
        claimed = await _claimed(units, "worker-2")
        assert [event.version for event in claimed] == [2]

    async def test_two_workers_at_once_never_share_a_user(self, units: UnitsOfWork) -> None:
        """Neither while their claims are under way nor after."""
        for user_id in ("user-1", "user-2", "user-3"):
            await _add(units, user_id, "a", "b")
        async with units() as first, units() as second:
            mine = await first.outbox.claim("worker-1", NOW, _LEASE, 1)
            theirs = await second.outbox.claim("worker-2", NOW, _LEASE, 100)
            await first.commit()
            await second.commit()
        users = {event.user_id for event in theirs}
        assert len(mine) == 1
        assert users
        assert mine[0].user_id not in users
        for user_id in users:
            assert [event.version for event in theirs if event.user_id == user_id] == [1, 2]

    async def test_a_claim_that_was_undone_never_was(self, units: UnitsOfWork) -> None:
        """Leases are part of the transaction."""
        await _add(units, "user-1", "a")
        async with units() as uow:
            await uow.outbox.claim("worker-1", NOW, _LEASE, 10)
        assert len(await _claimed(units, "worker-2")) == 1

    async def test_events_that_are_not_committed_are_not_claimed(self, units: UnitsOfWork) -> None:
        """What has not happened is not told."""
        async with units() as first:
            await first.customers.lock_users(["user-1"])
            await first.outbox.add("user-1", [new_event("a")], NOW)
            assert await _claimed(units, "worker-1") == ()

    async def test_a_consumer_fills_a_gap(self, units: UnitsOfWork) -> None:
        """The events of a user above a version, published or not, up to a limit."""
        added = await _add(units, "user-1", "a", "b", "c", "d")
        await _published(units, added[:2])
        async with units() as uow:
            assert await uow.outbox.of_user("user-1", 1, 2) == added[1:3]
            assert await uow.outbox.of_user("user-1", 4, 2) == ()
            assert await uow.outbox.of_user("user-2", 0, 2) == ()

    async def test_everybodys_events_are_read_in_steps(self, units: UnitsOfWork) -> None:
        """Oldest first, from beyond the last id."""
        added = [*await _add(units, "user-1", "a", "b"), *await _add(units, "user-2", "c")]
        added += await _add(units, "user-1", "d")
        async with units() as uow:
            first = await uow.outbox.of_user(None, 0, 3)
            rest = await uow.outbox.of_user(None, 0, 3, first[-1].id)
        assert [*first, *rest] == added

    async def test_whoever_reads_on_misses_no_late_commit(self, units: UnitsOfWork) -> None:
        """Of two that are under way at once, the one that began first commits last."""
        async with units() as late, units() as quick:
            for uow, user_id in ((late, "user-1"), (quick, "user-2")):
                await uow.customers.lock_users([user_id])
                await uow.outbox.add(user_id, [new_event("a")], NOW)
            await quick.commit()
            async with units() as uow:
                read = list(await uow.outbox.of_user(None, 0, 10))
            await late.commit()
        async with units() as uow:
            read += await uow.outbox.of_user(None, 0, 10, read[-1].id if read else "")
        assert sorted(event.user_id for event in read) == ["user-1", "user-2"]

    async def test_so_many_at_once_are_sent_again_that_were_published_first(self, units: UnitsOfWork) -> None:
        """And nothing that was published later than the end that is named, such as what is sent again already."""
        added = await _add(units, "user-1", "a", "b", "c", "d")
        for minute, event in enumerate(added):
            await _published(units, [event], minute)
        found = []
        for _ in range(3):
            async with units() as uow:
                found.append(await uow.outbox.republish(after(0), after(2), 2))
                await uow.commit()
        assert found == [2, 1, 0]
        assert [event.version for event in await _claimed(units, "worker-1", seconds=300)] == [1, 2, 3]

    async def test_what_was_published_can_be_sent_again(self, units: UnitsOfWork) -> None:
        """Since a moment, including it; how many is said."""
        added = await _add(units, "user-1", "a", "b", "c")
        for minute, event in enumerate(added):
            await _published(units, [event], minute)
        async with units() as uow:
            assert await uow.outbox.republish(after(1), after(5), 10) == 2
            await uow.commit()
        assert [event.version for event in await _claimed(units, "worker-1", seconds=300)] == [2, 3]
