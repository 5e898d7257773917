"""Whatever the domain's classes may hold comes back from PostgreSQL as it was."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_contracts.examples import NOW, item, operation, order, plan, received
from billing_core.domain.audit import AuditEntry, Cause
from billing_core.domain.errors import InvalidValue
from billing_core.domain.facts import SNAPSHOT_TYPES, CustomerSeen, Fact, Labels, ObjectKind
from billing_core.domain.folding import ObjectState
from billing_core.domain.operations import COMMAND_NAMES, Command, OpenPurchaseCheckout
from billing_core.domain.plans import Catalog
from billing_postgres import PostgresUnitsOfWork, open_pool
from tests.contract.postgres.values import IDS, TEXT, TIMES, facts, instances

#: A few examples only, for each asks a server; what can go wrong does so at once.
few = settings(max_examples=min(settings().max_examples // 4, 100))


@pytest.fixture(scope="module")
async def units(schema_url: str) -> AsyncIterator[PostgresUnitsOfWork]:
    """Units of work on one database: each example is undone, so they may share it."""
    pool = await open_pool(schema_url)
    yield PostgresUnitsOfWork(pool)
    await pool.close()


@few
@given(told=st.lists(facts(), max_size=5, unique_by=lambda fact: fact.id))
async def test_facts_about_any_object(units: PostgresUnitsOfWork, told: list[Fact]) -> None:
    async with units() as uow:
        for fact in told:
            assert await uow.facts.add(fact, NOW)
        found = await uow.facts.of_objects([fact.ref for fact in told])

    assert sorted(found, key=_id) == sorted(told, key=_id)
    assert set(found) == set(told)


@pytest.mark.parametrize("kind", ObjectKind)
@settings(max_examples=5)
@given(data=st.data())
async def test_a_fact_about_each_kind_of_object(
    units: PostgresUnitsOfWork, kind: ObjectKind, data: st.DataObject
) -> None:
    """The property above may miss a kind on an unlucky day; this one names each."""
    seen = data.draw(instances(SNAPSHOT_TYPES[kind], id=IDS))
    fact = Fact(id="evt_1", type="any", occurred_at=NOW, after=seen, before=seen)
    async with units() as uow:
        await uow.facts.add(fact, NOW)
        assert await uow.facts.of_objects([fact.ref]) == (fact,)


@few
@given(fact=facts(), data=st.data())
async def test_states_of_any_object(units: PostgresUnitsOfWork, fact: Fact, data: st.DataObject) -> None:
    state = data.draw(
        st.builds(
            ObjectState,
            ref=st.just(fact.ref),
            customer_id=st.none() | IDS,
            snapshot=st.just(fact.after),
            status_since=TIMES,
            status_not_before=st.none() | TIMES,
            statuses=st.frozensets(TEXT, max_size=4),
            price_since=st.none() | TIMES,
            trial_ending_at=st.none() | TIMES,
            last_at=TIMES,
            facts=st.integers(1, 10_000),
            ambiguous=st.booleans(),
            fold_version=st.integers(1, 100),
        )
    )
    async with units() as uow:
        await uow.objects.save([state])
        assert await uow.objects.get([state.ref]) == (state,)


@few
@given(fact=facts() | st.none(), payload=st.binary(max_size=200), waits_for=st.frozensets(TEXT, max_size=3))
async def test_received_events(
    units: PostgresUnitsOfWork, fact: Fact | None, payload: bytes, waits_for: frozenset[str]
) -> None:
    event = evolve(received(), fact=fact, payload=payload, waits_for=waits_for)
    async with units() as uow:
        await uow.inbox.store(event)
        assert await uow.inbox.get(event.event_id) == event


@pytest.mark.parametrize("kind", COMMAND_NAMES, ids=list(COMMAND_NAMES.values()))
@settings(max_examples=5)
@given(data=st.data())
async def test_operations_with_each_command(
    units: PostgresUnitsOfWork, kind: type[Command], data: st.DataObject
) -> None:
    wanted = operation(command=data.draw(instances(kind)))
    async with units() as uow:
        await uow.operations.add(wanted)
        found = await uow.operations.get(wanted.id)
    assert found == wanted
    assert hash(found) == hash(wanted)


@few
@given(
    changes=st.dictionaries(TEXT, st.dictionaries(TEXT, st.tuples(TEXT | st.none(), TEXT | st.none())), max_size=3),
    reason=st.none() | TEXT,
    at=TIMES,
)
async def test_audit_entries(
    units: PostgresUnitsOfWork,
    changes: dict[str, dict[str, tuple[str | None, str | None]]],
    reason: str | None,
    at: datetime,
) -> None:
    entry = AuditEntry(
        user_id="user-1", at=at, cause=Cause(kind="event", id="e", actor="a", reason=reason), changes=changes
    )
    async with units() as uow:
        await uow.audit.add(entry)
        assert await uow.audit.of_user("user-1", 1) == (entry,)


async def test_what_is_read_is_made_by_its_own_class(units: PostgresUnitsOfWork) -> None:
    """A hash that a class keeps is there, and what lies inside it is the class's own, not merely shaped like it."""
    bought = order()
    command = OpenPurchaseCheckout(
        user_id="user-1",
        order_id=bought.id,
        resource=bought.resource,
        name=bought.name,
        price=bought.price,
        success_url="",
        cancel_url="",
    )
    async with units() as uow:
        await uow.operations.add(operation(command=command))
        await uow.catalogs.save(Catalog(plans=(plan(),), items=(item(),)))
        found = await uow.operations.get(operation().id)
        catalog = await uow.catalogs.load()

    assert found is not None
    assert {found.command} == {command}
    assert {*catalog.plans, *catalog.items} == {plan(), item()}


@pytest.mark.parametrize("where", ["id", "metadata"])
async def test_a_nul_is_refused_as_an_invalid_value(units: PostgresUnitsOfWork, where: str) -> None:
    """PostgreSQL cannot store one; whoever reads the provider's words must take it out."""
    fact = Fact(
        id="evt_1", type="any", occurred_at=NOW, after=CustomerSeen(id="cus", created=NOW, labels=Labels(user_id="\0"))
    )
    event = received("evt_\0") if where == "id" else evolve(received(), fact=fact)
    async with units() as uow:
        with pytest.raises(InvalidValue):
            await uow.inbox.store(event)


def _id(fact: Fact) -> str:
    return fact.id


def test_the_examples_reach_every_kind() -> None:
    """A kind without a strategy would be left out in silence."""
    kinds: Iterable[ObjectKind] = SNAPSHOT_TYPES

    assert set(kinds) == set(ObjectKind)
