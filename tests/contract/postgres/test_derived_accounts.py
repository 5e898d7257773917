"""No constraint refuses a fact: whatever the provider may say is derived, stored, and comes back as it was."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_contracts.examples import COURSE, item, manual_grant, order, ours, plan
from billing_core.domain.account import Account, Book, derive, in_order
from billing_core.domain.facts import SNAPSHOT_TYPES, Fact, Labels, ObjectKind, Snapshot
from billing_core.domain.folding import ObjectState, fold
from billing_core.domain.known import Known
from billing_core.domain.lifecycles import RANKS
from billing_core.domain.plans import Catalog
from billing_postgres import PostgresUnitsOfWork, open_pool
from tests.contract.postgres.values import instances

_PREFIXES = {kind: f"{kind.value}_" for kind in ObjectKind}
_LINKS = {
    "payment_id": ObjectKind.PAYMENT,
    "charge_id": ObjectKind.CHARGE,
    "invoice_id": ObjectKind.INVOICE,
    "latest_invoice_id": ObjectKind.INVOICE,
    "subscription_id": ObjectKind.SUBSCRIPTION,
    "schedule_id": ObjectKind.SCHEDULE,
    "setup_id": ObjectKind.SETUP,
    "default_payment_method_id": ObjectKind.PAYMENT_METHOD,
}
_DAYS = st.integers(-400, 400).map(lambda days: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=days))
_AMOUNTS = st.integers(0, 99_999_999)
_LABELS = st.builds(
    Labels,
    user_id=st.sampled_from([None, "user-1", "user-2"]),
    purchase_id=st.sampled_from([None, ours(1), ours(2), "not ours"]),
    resource_type=st.sampled_from([None, "course", "book"]),
    resource_id=st.sampled_from([None, COURSE.id, "other"]),
    operation_id=st.sampled_from([None, "anything"]),
)
_CATALOG = Catalog(plans=(plan(),), items=(item(),))


def _ids(kind: ObjectKind) -> st.SearchStrategy[str]:
    """Few of each kind, so that objects meet."""
    return st.integers(1, 2).map(lambda number: f"{_PREFIXES[kind]}{number}")


def _field(kind: type[Snapshot], name: str, annotation: str) -> st.SearchStrategy[Any] | None:
    """What the provider may truthfully say in a field; None where its type says enough."""
    optional = "None" in annotation
    found: st.SearchStrategy[Any] | None = None
    if name in _LINKS:
        found = _ids(_LINKS[name])
    elif name == "status":
        found = st.sampled_from([*RANKS[kind], "a_status_that_is_new"])
    elif name == "payment_status":
        found = st.sampled_from(["unpaid", "paid", "no_payment_required", "failed"])
    elif name == "currency":
        found = st.just("usd")
    elif name == "customer_id":
        found = st.just("cus_1")
    elif name == "price_id":
        found = st.sampled_from(["price_1", "price_unknown"])
    elif name == "labels":
        return _LABELS
    elif name.startswith(("amount", "quantity", "attempt_count")) and "Line" not in kind.__name__:
        found = _AMOUNTS
    elif "datetime" in annotation:
        found = _DAYS
    return found | st.none() if found is not None and optional else found


@cache
def _told(kind: ObjectKind) -> st.SearchStrategy[Snapshot]:
    """An object of one kind as the provider may show it."""
    return _shaped(SNAPSHOT_TYPES[kind], id=_ids(kind))


def _shaped(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any class of facts
    for name, annotation in kind.__annotations__.items():
        parts = _parts(annotation)
        chosen = _field(kind, name, str(annotation)) if parts is None else parts
        if chosen is not None:
            fields.setdefault(name, chosen)
    return instances(kind, **fields)


def _parts(annotation: str) -> st.SearchStrategy[Any] | None:
    from billing_core.domain import facts  # noqa: PLC0415 - names of its parts are read from annotations

    for name in ("ItemSeen", "InvoiceLineSeen", "PhaseSeen"):
        if name in str(annotation):
            return st.lists(_shaped(getattr(facts, name)), max_size=2).map(tuple)
    return None


def _states() -> st.SearchStrategy[list[ObjectState]]:
    """What is known of a customer: some objects of each kind, some seen twice."""
    seen = st.lists(st.sampled_from(ObjectKind).flatmap(_told), max_size=14)
    return st.tuples(seen, st.lists(_DAYS, min_size=14, max_size=14)).map(_folded)


def _folded(drawn: tuple[list[Snapshot], list[datetime]]) -> list[ObjectState]:
    facts: dict[tuple[type, str], list[Fact]] = {}
    for number, (snapshot, moment) in enumerate(zip(*drawn, strict=False)):
        fact = Fact(id=f"evt_{number}", type="any", occurred_at=moment, after=snapshot)
        facts.setdefault((type(snapshot), snapshot.id), []).append(fact)
    states = (fold(about) for about in facts.values())
    return [state for state in states if state is not None]


@pytest.fixture(scope="module")
async def units(schema_url: str) -> AsyncIterator[PostgresUnitsOfWork]:
    """Units of work on one database: each example is undone, so they may share it."""
    pool = await open_pool(schema_url)
    yield PostgresUnitsOfWork(pool)
    await pool.close()


@settings(max_examples=min(settings().max_examples, 150))
@given(first=_states(), second=_states(), given_up=st.booleans())
async def test_whatever_the_provider_says_is_stored(
    units: PostgresUnitsOfWork, first: list[ObjectState], second: list[ObjectState], *, given_up: bool
) -> None:
    """And what it says next, in place of it."""
    mine = evolve(order(1), given_up_at=order(1).created_at if given_up else None)
    async with units() as uow:
        await uow.orders.add(mine)
        before = Account(user_id="user-1")
        for states in (first, second):
            book = Book(
                user_id="user-1",
                known=Known(states),
                orders=(mine,),
                manual_grants=(manual_grant(),),
                catalog=_CATALOG,
            )
            after = evolve(derive(book), unknown_prices=frozenset())
            await uow.accounts.save(before, after)
            before = await uow.accounts.load("user-1")
            assert in_order(before) == in_order(after)
