"""The contract of the port of the provider's objects."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_contracts.examples import after, customer_fact, folded, payment_fact, refund_fact
from billing_core.domain.facts import ObjectKind, ObjectRef, owners_of
from billing_core.domain.folding import ObjectState
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["ObjectsContract"]


async def _save(units: UnitsOfWork, *states: ObjectState) -> None:
    async with units() as uow:
        await uow.objects.save(states)
        await uow.commit()


class ObjectsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    @pytest.mark.parametrize(
        "state",
        [
            folded(customer_fact()),
            evolve(
                folded(payment_fact()),
                status_not_before=after(0),
                price_since=after(1),
                trial_ending_at=after(2),
                statuses=frozenset({"processing", "succeeded"}),
                ambiguous=True,
                fold_version=7,
                facts=3,
            ),
            folded(refund_fact()),
        ],
        ids=["customer", "payment with everything", "refund without customer"],
    )
    async def test_a_state_comes_back_as_it_was(self, units: UnitsOfWork, state: ObjectState) -> None:
        """Equal in every field."""
        await _save(units, state)
        async with units() as uow:
            assert await uow.objects.get([state.ref]) == (state,)

    async def test_unknown_objects_are_left_out(self, units: UnitsOfWork) -> None:
        """Asking for what is not known is no error."""
        await _save(units, folded(customer_fact()))
        async with units() as uow:
            found = await uow.objects.get([customer_fact().ref, payment_fact().ref])
            assert found == (folded(customer_fact()),)
            assert await uow.objects.get([]) == ()

    async def test_a_later_state_replaces_the_earlier_one(self, units: UnitsOfWork) -> None:
        """There is one state of each object."""
        later = folded(customer_fact("evt_2", minute=1, name="changed"))
        await _save(units, folded(customer_fact()))
        await _save(units, later)
        async with units() as uow:
            assert await uow.objects.of_customer("cus_1") == (later,)

    async def test_objects_are_found_by_their_customer(self, units: UnitsOfWork) -> None:
        """By the customer that was saved with the state, whether or not the object names one."""
        mine = folded(refund_fact(), customer_id="cus_1")
        await _save(units, folded(customer_fact()), mine, folded(customer_fact("evt_2", customer_id="cus_2")))
        async with units() as uow:
            assert set(await uow.objects.of_customer("cus_1")) == {folded(customer_fact()), mine}
            assert await uow.objects.of_customer("cus_none") == ()

    async def test_an_object_that_finds_its_customer_belongs_to_it(self, units: UnitsOfWork) -> None:
        """And is no orphan any more."""
        await _save(units, folded(refund_fact()))
        await _save(units, folded(refund_fact(), customer_id="cus_1"))
        async with units() as uow:
            assert await uow.objects.of_customer("cus_1") == (folded(refund_fact(), customer_id="cus_1"),)
            assert await uow.objects.without_customer([payment_fact().ref]) == ()

    async def test_orphans_are_found_by_the_owner_that_they_name(self, units: UnitsOfWork) -> None:
        """By any of the objects through which their customer is found, each once."""
        orphan, other = folded(refund_fact()), folded(refund_fact("evt_re_2", refund_id="re_2", payment_id="pi_2"))
        await _save(units, orphan, other)
        charge = [ref for ref in owners_of(orphan.snapshot) if ref.kind is ObjectKind.CHARGE]
        async with units() as uow:
            assert await uow.objects.without_customer([payment_fact().ref, *charge]) == (orphan,)
            assert await uow.objects.without_customer([customer_fact().ref]) == ()
            assert await uow.objects.without_customer([]) == ()

    async def test_guardians_are_found_by_what_they_name(self, units: UnitsOfWork) -> None:
        """By the charge that a payment names, as long as it belongs to a customer."""
        payment, other = folded(payment_fact()), folded(payment_fact("evt_pi_2", payment_id="pi_2"))
        await _save(units, payment, other, folded(payment_fact("evt_pi_3", payment_id="pi_3", customer_id=None)))
        charge, of_nobody = (ObjectRef(ObjectKind.CHARGE, f"ch_of_{name}") for name in ("pi_1", "pi_3"))
        async with units() as uow:
            assert await uow.objects.guardians_of([charge, of_nobody, customer_fact().ref]) == (payment,)
            assert await uow.objects.guardians_of([]) == ()

    async def test_objects_in_doubt_are_listed_oldest_first(self, units: UnitsOfWork) -> None:
        """By the time of their last fact, up to the limit; certain ones are not."""
        doubtful = [
            folded(customer_fact(f"evt_{minute}", customer_id=f"cus_{minute}", minute=minute), ambiguous=True)
            for minute in (3, 1, 2)
        ]
        await _save(units, *doubtful, folded(payment_fact()))
        async with units() as uow:
            assert [ref.id for ref in await uow.objects.ambiguous(2)] == ["cus_1", "cus_2"]
