"""The contract of the fact log: every fact once, unchanged, for ever."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve

from billing_contracts.examples import NOW, after, customer_fact, payment_fact, refund_fact
from billing_contracts.meanwhile import patiently, started
from billing_core.domain.facts import Fact
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["FactLogContract"]


async def _add(units: UnitsOfWork, *facts: Fact, recorded_at: datetime = NOW) -> None:
    async with units() as uow:
        for fact in facts:
            assert await uow.facts.add(fact, recorded_at)
        await uow.commit()


class FactLogContract:
    """Give the fixture ``units``: units of work on an empty store."""

    @pytest.mark.parametrize(
        "fact", [customer_fact(), payment_fact(), refund_fact()], ids=["customer", "paid", "refund"]
    )
    async def test_a_fact_comes_back_as_it_was(self, units: UnitsOfWork, fact: Fact) -> None:
        """Equal in every field, before and after."""
        await _add(units, fact)
        async with units() as uow:
            assert await uow.facts.of_objects([fact.ref]) == (fact,)

    async def test_a_fact_is_kept_once(self, units: UnitsOfWork) -> None:
        """One event seen in two API versions is one fact: the first one stays."""
        await _add(units, customer_fact())
        async with units() as uow:
            assert not await uow.facts.add(customer_fact(name="other"), after(1))
            await uow.commit()
        async with units() as uow:
            assert await uow.facts.of_objects([customer_fact().ref]) == (customer_fact(),)

    async def test_a_twin_waits_and_then_knows_the_fact(self, units: UnitsOfWork) -> None:
        """Of two that add the same fact at once, one keeps it."""

        async def twin() -> bool:
            async with units() as uow:
                return await uow.facts.add(customer_fact(), NOW)

        async with units() as first:
            assert await first.facts.add(customer_fact(), NOW)
            second = await started(patiently(twin))
            assert not second.done()
            await first.commit()
        assert await second is False

    async def test_facts_are_found_by_their_objects(self, units: UnitsOfWork) -> None:
        """All facts about the objects asked for, and no others."""
        one, two = customer_fact("evt_1"), customer_fact("evt_2", minute=1)
        other = customer_fact("evt_3", customer_id="cus_2")
        await _add(units, one, two, other, payment_fact())
        async with units() as uow:
            assert set(await uow.facts.of_objects([one.ref, payment_fact().ref])) == {one, two, payment_fact()}
            assert await uow.facts.of_objects([]) == ()

    async def test_objects_of_two_kinds_may_share_an_id(self, units: UnitsOfWork) -> None:
        """An object is named by its kind and its id."""
        same_id = payment_fact(payment_id="cus_1")
        await _add(units, customer_fact(), same_id)
        async with units() as uow:
            assert await uow.facts.of_objects([same_id.ref]) == (same_id,)

    async def test_the_past_is_what_had_happened_by_then(self, units: UnitsOfWork) -> None:
        """Up to a moment, including it."""
        early, late = customer_fact("evt_1", minute=0), customer_fact("evt_2", minute=5)
        await _add(units, early, late, recorded_at=after(6))
        async with units() as uow:
            assert await uow.facts.known_by([early.ref], at=after(4), known_at=None) == (early,)
            assert set(await uow.facts.known_by([early.ref], at=after(5), known_at=None)) == {early, late}

    async def test_what_was_known_is_what_had_been_recorded_by_then(self, units: UnitsOfWork) -> None:
        """A fact that came late had happened, but was not known."""
        early, late = customer_fact("evt_1", minute=0), customer_fact("evt_2", minute=1)
        await _add(units, early, recorded_at=after(1))
        await _add(units, late, recorded_at=after(60))
        async with units() as uow:
            assert await uow.facts.known_by([early.ref], at=after(30), known_at=after(30)) == (early,)
            assert set(await uow.facts.known_by([early.ref], at=None, known_at=after(60))) == {early, late}

    async def test_two_facts_that_differ_in_their_id_alone_are_two(self, units: UnitsOfWork) -> None:
        """Facts are told apart by id, never by what they say."""
        one = customer_fact("evt_1")
        two = evolve(one, id="evt_2")
        await _add(units, one, two)
        async with units() as uow:
            assert set(await uow.facts.of_objects([one.ref])) == {one, two}
