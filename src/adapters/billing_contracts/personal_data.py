"""The contract of personal data: what is about a person is found, and its bytes can be forgotten."""

from __future__ import annotations

from attrs import evolve

from billing_contracts.examples import received
from billing_core.domain.received import Received
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["PersonalDataContract"]

APPLIED = received("evt_1", minute=-5).applied()
PARKED = received("evt_2", minute=-4).parked({"customer:cus_1": "Unknown."})
FAILED = received("evt_3", minute=-6).failed("Too often.", None)
FORGOTTEN = evolve(received("evt_4", minute=-3).applied(), payload=None)


async def _stored(units: UnitsOfWork, *events: Received) -> None:
    async with units() as uow:
        for event in events:
            await uow.inbox.store(event)
            await uow.inbox.save(event)
        await uow.commit()


class PersonalDataContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_events_are_found_by_their_ids_and_by_the_customer_they_wait_with(self, units: UnitsOfWork) -> None:
        """Oldest first; another applied event of the customer is known by its fact's id alone."""
        await _stored(units, APPLIED, PARKED, FAILED, FORGOTTEN)
        customer_id = APPLIED.fact.customer_id if APPLIED.fact else None
        async with units() as uow:
            by_id = await uow.personal_data.events_about(["evt_1", "evt_4", "evt_9"], None)
            with_customer = await uow.personal_data.events_about(["evt_1"], customer_id)
            others = await uow.personal_data.events_about([], "cus_other")
        assert by_id == (APPLIED, FORGOTTEN)
        assert with_customer == (FAILED, APPLIED, PARKED)
        assert others == ()

    async def test_bytes_are_forgotten_and_nothing_else(self, units: UnitsOfWork) -> None:
        """Only of the events that are named; those without any are not counted."""
        await _stored(units, APPLIED, PARKED, FORGOTTEN)
        async with units() as uow:
            assert await uow.personal_data.forget_payloads([APPLIED, FORGOTTEN]) == 1
            await uow.commit()
        async with units() as uow:
            assert await uow.inbox.get("evt_1") == evolve(APPLIED, payload=None)
            assert await uow.inbox.get("evt_2") == PARKED
            assert await uow.personal_data.forget_payloads([APPLIED]) == 0
            assert await uow.personal_data.forget_payloads([]) == 0
