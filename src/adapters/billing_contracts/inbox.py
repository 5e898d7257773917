"""The contract of the inbox port: every event once, for good, and handed to one worker at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from billing_contracts.examples import NOW, after, received
from billing_contracts.meanwhile import patiently, started
from billing_core.domain.received import Received, ReceivedState
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["InboxContract"]

_LEASE = timedelta(seconds=30)


async def _stored(units: UnitsOfWork, *events: Received) -> None:
    """Store these events and what became of them."""
    async with units() as uow:
        for event in events:
            assert await uow.inbox.store(event)
            await uow.inbox.save(event)
        await uow.commit()


async def _claimed(units: UnitsOfWork, worker: str = "worker-1", limit: int = 10, seconds: int = 0) -> list[str]:
    async with units() as uow:
        claimed = await uow.inbox.claim(worker, NOW + timedelta(seconds=seconds), _LEASE, limit)
        await uow.commit()
    return [event.event_id for event in claimed]


class InboxContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_an_event_comes_back_as_it_was_stored(self, units: UnitsOfWork) -> None:
        """Fact, payload and all."""
        await _stored(units, received())
        async with units() as uow:
            assert await uow.inbox.get("evt_1") == received()

    async def test_an_unknown_event_is_none(self, units: UnitsOfWork) -> None:
        """Asking for what was never received is no error."""
        async with units() as uow:
            assert await uow.inbox.get("evt_never") is None

    async def test_the_same_event_is_stored_once(self, units: UnitsOfWork) -> None:
        """A second delivery is known, and changes nothing."""
        await _stored(units, received())
        async with units() as uow:
            assert not await uow.inbox.store(evolve(received(), type="another.type"))
            await uow.commit()
        async with units() as uow:
            assert await uow.inbox.get("evt_1") == received()

    async def test_a_fact_that_was_read_only_later_is_kept(self, units: UnitsOfWork) -> None:
        """The event could not be read when it came. A fact that is there already stays as it is."""
        await _stored(units, evolve(received(), fact=None))
        later, another = received(), received("evt_2").fact
        async with units() as uow:
            await uow.inbox.save(later)
            await uow.inbox.save(evolve(later, fact=another))
            await uow.commit()
        async with units() as uow:
            assert await uow.inbox.get("evt_1") == later

    async def test_two_accounts_may_have_the_same_event_id(self, units: UnitsOfWork) -> None:
        """An event is named by its account and its id."""
        await _stored(units, received(), received(account="acct_2"))
        async with units() as uow:
            assert await uow.inbox.get("evt_1", "acct_2") == received(account="acct_2")

    async def test_an_event_whose_storing_was_undone_is_new_again(self, units: UnitsOfWork) -> None:
        """What was never committed was never received."""
        async with units() as uow:
            await uow.inbox.store(received())
        async with units() as uow:
            assert await uow.inbox.store(received())

    async def test_a_twin_waits_and_then_knows_the_event(self, units: UnitsOfWork) -> None:
        """Of two deliveries at once, the second waits for the first, and is a duplicate once that is committed."""

        async def twin() -> bool:
            async with units() as uow:
                return await uow.inbox.store(received())

        async with units() as first:
            await first.inbox.store(received())
            second = await started(patiently(twin))
            assert not second.done()
            await first.commit()
        assert await second is False

    async def test_a_twin_takes_over_where_the_first_is_undone(self, units: UnitsOfWork) -> None:
        """Of two deliveries at once, the second is the one that counts where the first fails."""

        async def twin() -> bool:
            async with units() as uow:
                return await uow.inbox.store(received())

        async with units() as first:
            await first.inbox.store(received())
            second = await started(patiently(twin))
            assert not second.done()
        assert await second is True

    @pytest.mark.parametrize(
        "became",
        [
            received().applied(),
            received().parked({"customer:cus_1": "Nobody is tied to it.", "price:price_1": "No plan maps to it."}),
            received().failed("ZeroDivisionError: division by zero", after(3)),
            received().failed("It failed too often.", None),
        ],
        ids=["applied", "parked", "failed", "dead"],
    )
    async def test_what_became_of_an_event_is_saved(self, units: UnitsOfWork, became: Received) -> None:
        """State, attempts, reasons and the next attempt."""
        await _stored(units, received())
        async with units() as uow:
            await uow.inbox.save(became)
            await uow.commit()
        async with units() as uow:
            assert await uow.inbox.get("evt_1") == became

    async def test_saving_does_not_touch_what_came_in(self, units: UnitsOfWork) -> None:
        """The event itself is evidence: only what became of it is written."""
        await _stored(units, received())
        async with units() as uow:
            await uow.inbox.save(evolve(received().applied(), type="forged", payload=None, fact=None))
            await uow.commit()
        async with units() as uow:
            assert await uow.inbox.get("evt_1") == received().applied()

    async def test_the_oldest_events_are_claimed_first(self, units: UnitsOfWork) -> None:
        """By the time at which they happened, up to the limit."""
        await _stored(units, *(received(f"evt_{minute}", minute=-minute) for minute in (1, 4, 2, 3)))
        assert await _claimed(units, limit=3) == ["evt_4", "evt_3", "evt_2"]

    async def test_a_claimed_event_is_nobody_elses(self, units: UnitsOfWork) -> None:
        """As long as the lease lasts."""
        await _stored(units, received())
        assert await _claimed(units, "worker-1") == ["evt_1"]
        assert await _claimed(units, "worker-2", seconds=29) == []

    async def test_a_lease_that_is_over_frees_the_event(self, units: UnitsOfWork) -> None:
        """A worker that died does not keep what it claimed."""
        await _stored(units, received())
        await _claimed(units, "worker-1")
        assert await _claimed(units, "worker-2", seconds=31) == ["evt_1"]

    async def test_saving_frees_the_lease(self, units: UnitsOfWork) -> None:
        """A failed event is due at its next attempt, for whoever asks first."""
        await _stored(units, received())
        await _claimed(units, "worker-1")
        async with units() as uow:
            await uow.inbox.save(received().failed("Busy.", NOW + timedelta(seconds=2)))
            await uow.commit()
        assert await _claimed(units, "worker-2", seconds=3) == ["evt_1"]

    async def test_a_claim_that_is_under_way_is_passed_over(self, units: UnitsOfWork) -> None:
        """Two workers at once share the events, and neither waits for the other."""
        await _stored(units, received("evt_1", minute=-2), received("evt_2", minute=-1))
        async with units() as first, units() as second:
            mine = await first.inbox.claim("worker-1", NOW, _LEASE, 1)
            theirs = await second.inbox.claim("worker-2", NOW, _LEASE, 2)
            assert [event.event_id for event in mine] == ["evt_1"]
            assert [event.event_id for event in theirs] == ["evt_2"]

    async def test_a_claim_that_was_undone_never_was(self, units: UnitsOfWork) -> None:
        """Leases are part of the transaction."""
        await _stored(units, received())
        async with units() as uow:
            await uow.inbox.claim("worker-1", NOW, _LEASE, 10)
        assert await _claimed(units, "worker-2") == ["evt_1"]

    @pytest.mark.parametrize(("seconds", "claimed"), [(4, []), (5, ["evt_1"])])
    async def test_an_event_is_left_to_its_receiver_for_five_seconds(
        self, units: UnitsOfWork, seconds: int, claimed: list[str]
    ) -> None:
        """Younger than that, it is about to be applied by whoever received it."""
        await _stored(units, received(minute=0))
        assert await _claimed(units, seconds=seconds) == claimed

    @pytest.mark.parametrize(("seconds", "claimed"), [(59, []), (60, ["evt_1"])])
    async def test_a_failed_event_waits_for_its_next_attempt(
        self, units: UnitsOfWork, seconds: int, claimed: list[str]
    ) -> None:
        """It is due from exactly that moment on."""
        await _stored(units, received().failed("Busy.", after(1)))
        assert await _claimed(units, seconds=seconds) == claimed

    @pytest.mark.parametrize(("seconds", "claimed"), [(59, []), (60, ["evt_1"])])
    async def test_a_parked_event_is_looked_at_again_at_its_time(
        self, units: UnitsOfWork, seconds: int, claimed: list[str]
    ) -> None:
        """Whatever it waits for may have come in a way that released nothing."""
        await _stored(units, received().parked({"customer:cus_1": "Unknown."}, after(1)))
        assert await _claimed(units, seconds=seconds) == claimed

    async def test_parked_events_are_claimed_after_all_others(self, units: UnitsOfWork) -> None:
        """What is sure to be work comes first, up to the limit of both."""
        await _stored(
            units,
            received("evt_1", minute=-9).parked({"customer:cus_1": "Unknown."}, after(-1)),
            received("evt_2", minute=-1),
            received("evt_3", minute=-2).failed("Busy.", after(-1)),
        )
        assert set(await _claimed(units, limit=2)) == {"evt_2", "evt_3"}
        assert await _claimed(units, "worker-2", limit=2) == ["evt_1"]

    async def test_finished_and_parked_events_are_not_claimed(self, units: UnitsOfWork) -> None:
        """Only stored and failed ones are work, and parked ones that are to be looked at again."""
        await _stored(
            units,
            received("evt_1").applied(),
            received("evt_2").parked({"customer:cus_1": "Unknown."}),
            received("evt_3").failed("Too often.", None),
            evolve(received("evt_4"), state=ReceivedState.IGNORED),
        )
        assert await _claimed(units) == []

    async def test_parked_events_are_found_by_what_they_wait_for(self, units: UnitsOfWork) -> None:
        """By any of the keys, each once, oldest first."""
        await _stored(
            units,
            received("evt_new", minute=-1).parked({"customer:cus_1": "Unknown."}),
            received("evt_old", minute=-3).parked({"customer:cus_1": "Unknown.", "price:price_1": "Unknown."}),
            received("evt_other", minute=-2).parked({"customer:cus_2": "Unknown."}),
        )
        async with units() as uow:
            found = await uow.inbox.waiting_for(["customer:cus_1", "price:price_1"])
            assert [event.event_id for event in found] == ["evt_old", "evt_new"]
            assert await uow.inbox.waiting_for([]) == ()

    async def test_an_event_that_was_applied_waits_for_nothing(self, units: UnitsOfWork) -> None:
        """It is not found by the keys that it waited for once."""
        parked = received().parked({"customer:cus_1": "Unknown."})
        await _stored(units, parked)
        async with units() as uow:
            await uow.inbox.save(parked.applied())
            await uow.commit()
        async with units() as uow:
            assert await uow.inbox.waiting_for(["customer:cus_1"]) == ()

    async def test_a_parked_event_that_failed_since_waits_for_nothing(self, units: UnitsOfWork) -> None:
        """It is tried again at its time, not when what it lacked is found."""
        await _stored(units, received().parked({"customer:cus_1": "Unknown."}).failed("Busy.", after(1)))
        async with units() as uow:
            assert await uow.inbox.waiting_for(["customer:cus_1"]) == ()

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
    async def test_pages_show_every_event_once_newest_first(self, units: UnitsOfWork, size: int) -> None:
        """Whatever the size of a page, also where events came in at the same moment."""
        minutes = [-5, -4, -4, -4, -2, -1]
        await _stored(units, *(received(f"evt_{place}", minute=minute) for place, minute in enumerate(minutes)))
        shown: list[str] = []
        cursor = None
        async with units() as uow:
            while True:
                page = await uow.inbox.page(None, size, cursor)
                shown += [event.event_id for event in page.rows]
                cursor = page.next
                if cursor is None:
                    break
        assert shown == ["evt_5", "evt_4", "evt_3", "evt_2", "evt_1", "evt_0"]

    async def test_the_last_page_leads_nowhere(self, units: UnitsOfWork) -> None:
        """Also where it is full, and where there is nothing at all."""
        async with units() as uow:
            assert (await uow.inbox.page(None, 2)).next is None
        await _stored(units, received("evt_1"), received("evt_2"))
        async with units() as uow:
            assert (await uow.inbox.page(None, 2)).next is None
            assert (await uow.inbox.page(None, 1)).next is not None

    async def test_a_page_is_not_moved_by_what_comes_in(self, units: UnitsOfWork) -> None:
        """A cursor goes on where the last page ended, however many events were added since."""
        await _stored(units, *(received(f"evt_{minute}", minute=-minute) for minute in (3, 2, 1)))
        async with units() as uow:
            first = await uow.inbox.page(None, 2)
        await _stored(units, received("evt_0", minute=0))
        async with units() as uow:
            second = await uow.inbox.page(None, 2, first.next)
        assert [event.event_id for event in first.rows] == ["evt_1", "evt_2"]
        assert [event.event_id for event in second.rows] == ["evt_3"]

    async def test_a_page_may_be_of_one_state(self, units: UnitsOfWork) -> None:
        """Such as the dead letters."""
        await _stored(units, received("evt_1"), received("evt_2").failed("Too often.", None))
        async with units() as uow:
            page = await uow.inbox.page(ReceivedState.DEAD, 10)
        assert [event.event_id for event in page.rows] == ["evt_2"]
