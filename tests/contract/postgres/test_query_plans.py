"""Each statement finds what it wants by an index, on tables that grow; and each index is there for a statement."""

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from attrs import define, evolve, field

import billing_postgres
from billing_contracts.examples import (
    NOW,
    account,
    audit_entry,
    customer_fact,
    entry,
    folded,
    item,
    manual_grant,
    new_event,
    operation,
    order,
    ours,
    payment_fact,
    plan,
    received,
    refund_fact,
    step_taken,
    trial_claim,
)
from billing_core.domain.account import Account
from billing_core.domain.analytics.entries import EntryKind
from billing_core.domain.analytics.journal import JournalQuery
from billing_core.domain.facts import ObjectRef
from billing_core.domain.idempotency import KeptAnswer, RequestKey
from billing_core.domain.pauses import Pause
from billing_core.domain.plans import Catalog
from billing_core.domain.received import ReceivedState
from billing_core.domain.vital_signs import Invariant
from billing_core.ports.journal import Revision
from billing_core.ports.paging import Cursor
from billing_core.ports.provider import ProviderIdentity
from billing_postgres import Pool, PostgresUnitOfWork, clock, housekeeping, open_pool, vital_signs
from billing_postgres.catalogs import CatalogCopy
from billing_postgres.known_rows import KnownRows
from tests.contract.postgres.explaining import ExplainingSession
from tests.contract.postgres.many_rows import DIFFERENT, ROWS
from tests.contract.postgres.wrong_rows import WHOLE

_PACKAGE = Path(billing_postgres.__file__).parent
FOLDERS = (_PACKAGE, _PACKAGE / "rows")

#: How a session is asked; and the modules that open one of their own, whose statements `outside` yields.
ASKING = re.compile(r"(self\._)?session\.(row|rows|values|execute)")
OUTSIDE = {"clock.py", "housekeeping.py"}

#: Find what must not be, wherever it is: a job of its own looks at every row, seldom.
LOOK_AT_ALL = {" ".join(statement.split()) for statement in vital_signs._VIOLATIONS.values()}  # noqa: SLF001

#: These hold a row or a few, or what a business sells.
SMALL = {
    "business_clock",
    "catalog_state",
    "subscription_plans",
    "catalog_items",
    "provider_account",
    "reconciliations",
}


@define
class Seen:
    """The statements that were run, and what their plans use."""

    #: Partitions that hold nothing: reading one from end to end costs nothing.
    empty: frozenset[str] = frozenset()
    #: Where in the package a statement was run: file and line.
    places: set[tuple[str, int]] = field(factory=set)
    #: By the name of a partition's index, that of its table's.
    whole_index: Mapping[str, str] = field(factory=dict)
    statements: list[str] = field(factory=list)
    scanned_whole: dict[str, str] = field(factory=dict)
    indexes: set[str] = field(factory=set)

    def walk(self, statement: str, plan: dict[str, Any]) -> None:
        if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] not in SMALL | self.empty:
            self.scanned_whole[statement] = plan["Relation Name"]
        used = {plan["Index Name"]} if "Index Name" in plan else set()
        for index in used | set(plan.get("Conflict Arbiter Indexes", ())):
            self.indexes.add(self.whole_index.get(index, index))
        for part in plan.get("Plans", ()):
            self.walk(statement, part)


@define(eq=False)
class SeeingSession(ExplainingSession):
    """Looks at each plan."""

    seen: Seen = field(factory=Seen, kw_only=True)

    def explained(self, statement: str, plan: dict[str, Any]) -> None:
        """Told of each statement before it runs."""
        self.seen.statements.append(statement)
        self.seen.places |= set(places_that_ask())
        self.seen.walk(" ".join(statement.split()), plan)


def places_that_ask() -> Iterator[tuple[str, int]]:
    """File and line of each frame of the package that waits for the present one."""
    frame = sys._getframe()  # noqa: SLF001 - the stack is asked for nowhere else
    while frame.f_back is not None:
        frame = frame.f_back
        if Path(frame.f_code.co_filename).parent in FOLDERS:
            yield frame.f_code.co_filename, frame.f_lineno


@pytest.fixture(scope="module")
async def pool(schema_url: str) -> AsyncIterator[Pool]:
    """A pool on tables with some thousand rows each."""
    with psycopg.connect(schema_url, autocommit=True) as connection:
        for table, differs in DIFFERENT.items():
            row = WHOLE[table] | differs
            query = f"INSERT INTO {table} ({', '.join(row)}) SELECT {', '.join(row.values())}"
            connection.execute(f"{query} FROM generate_series(1, {ROWS}) AS i".encode())
        connection.execute(b"VACUUM ANALYZE")
    opened = await open_pool(schema_url)
    yield opened
    await opened.close()


async def looked_at(pool: Pool) -> Seen:
    """What is to be known of the partitions before plans are read."""
    async with pool.connection() as connection:
        empty = await connection.execute("SELECT relname FROM pg_class WHERE relispartition AND reltuples = 0")
        found = [name for (name,) in await empty.fetchall()]
        parents = await connection.execute(
            "SELECT i.inhrelid::regclass::text, i.inhparent::regclass::text FROM pg_inherits i"
            " JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind = 'i'"
        )
        return Seen(empty=frozenset(found), whole_index=dict(await parents.fetchall()))


@pytest.fixture(scope="module")
async def seen(pool: Pool) -> Seen:
    """What was seen while each method of each port was used once."""
    seen = await looked_at(pool)
    session = SeeingSession(pool, seen=seen)
    async with PostgresUnitOfWork(session, CatalogCopy(), KnownRows()) as uow:
        await uow.prepare([evolve(received("evt_together"), fact=payment_fact("evt_together"))])
        await take_in_together(uow)
    session = SeeingSession(pool, seen=seen)
    async with PostgresUnitOfWork(session, CatalogCopy(), KnownRows()) as uow:
        await use_events(uow)
        await use_users(uow)
        await use_the_rest(uow)
        await use_the_journal(uow)
        for statement, parameters in outside():
            await session.execute(statement, parameters)
    return seen


async def use_events(uow: PostgresUnitOfWork) -> None:
    """What comes in and what goes out."""
    lease, place = timedelta(seconds=30), Cursor(NOW, "evt")
    await uow.inbox.store(received())
    await uow.inbox.save(received().applied())
    await uow.inbox.get("evt")
    await uow.inbox.claim("w", NOW, lease, 10)
    await uow.inbox.waiting_for(["customer:c5", "customer:c6"])
    await uow.inbox.page(None, 20, place)
    await uow.inbox.page(ReceivedState.DEAD, 20)
    await uow.facts.add(customer_fact(), NOW)
    await uow.facts.of_objects([ObjectRef(customer_fact().kind, f"o{number}") for number in range(5)])
    await uow.objects.of_customer("c7")
    await uow.objects.get([refund_fact().ref])
    await uow.objects.save([folded(customer_fact()), folded(refund_fact())])
    await uow.objects.ambiguous(10)
    await uow.objects.without_customer([refund_fact().ref])
    await uow.objects.guardians_of([refund_fact().ref])
    await uow.outbox.add("u1", [new_event()], NOW)
    await uow.outbox.published(await uow.outbox.claim("w", NOW, lease, 10), NOW)
    await uow.outbox.of_user("u1", 0, 10)
    await uow.outbox.of_user(None, 0, 10, "e4000")
    await uow.outbox.republish(NOW + timedelta(days=3650), NOW + timedelta(days=3651), 10)


async def take_in_together(uow: PostgresUnitOfWork) -> None:
    """What is written behind: with rows that come, with one that is stored already, and with rows that are gone."""
    fact = payment_fact("evt_together")
    event = evolve(received("evt_together"), fact=fact)
    await uow.inbox.store(event)
    await uow.facts.add(fact, NOW)
    await uow.objects.save([folded(fact)])
    await uow.customers.link("user-1", "cus_1", source="", now=NOW)
    whole, nothing = account("user-1"), Account(user_id="user-1")
    await uow.accounts.save(nothing, whole)
    await uow.outbox.add("user-1", [new_event()], NOW)
    await uow.audit.add(audit_entry())
    await uow.trials.look("user-1", NOW)
    await uow.inbox.get("written until now")
    await uow.inbox.save(event.applied())
    await uow.accounts.save(whole, nothing)
    await uow.inbox.get("and the rest")


async def use_users(uow: PostgresUnitOfWork) -> None:
    """What belongs to a user."""
    place = Cursor(NOW, "p")
    await uow.customers.lock_customer("c1")
    await uow.customers.user_of("c1")
    await uow.customers.customer_of("u1")
    assert await uow.customers.link("new", "new", source="", now=NOW)
    assert not await uow.customers.link("new", "new", source="", now=NOW)
    whole, nothing = account("new"), Account(user_id="new")
    await uow.accounts.save(nothing, whole)
    await uow.accounts.load("new")
    await uow.views.subscription(ours(1))
    await uow.views.subscriptions_of("u1")
    await uow.views.purchase(ours(1))
    await uow.views.purchases_of("u1", 20, place)
    await uow.views.payments_of("u1", 20, place)
    await uow.views.invoices_of("u1", 20, place)
    await uow.views.access_of(["u1"])
    await uow.views.payment_methods_of("u1")
    await uow.accounts.save(whole, nothing)
    await uow.accounts.users_with_objects("u1", 20)
    await uow.accounts.users_with_endings(NOW, 20)
    await uow.accounts.users_with_duplicates(20)
    await uow.pauses.save(
        Pause(
            id=ours(901),
            user_id="new",
            subscription_id=ours(101),
            stripe_subscription_id="sub_1",
            starts_at=NOW,
            requested_at=NOW,
        )
    )
    await uow.pauses.of_user("u1")
    await uow.pauses.due(NOW, 20)


async def use_the_rest(uow: PostgresUnitOfWork) -> None:
    """What is ours."""
    lease = timedelta(seconds=30)
    await uow.orders.add(order())
    await uow.orders.save(evolve(order(), given_up_at=NOW))
    await uow.orders.get(ours(1))
    await uow.orders.of_user("u1")
    await uow.manual_grants.save(manual_grant())
    await uow.manual_grants.of_user("u1")
    claim = trial_claim()
    await uow.trials.claim(claim)
    await uow.trials.add_marks(claim.id, claim.marks)
    await uow.trials.save(claim)
    await uow.trials.look("u1", NOW)
    await uow.trials.due(NOW, 10)
    await uow.trials.give_back(claim.id)
    await uow.trials.claim(evolve(claim, user_id="u9"))
    assert not await uow.trials.claim(evolve(claim, id=ours(902), user_id="u8"))
    await uow.steps.add(step_taken())
    await uow.steps.of_user("u1")
    await uow.steps.users_due(NOW, 10)
    await uow.catalogs.save(Catalog(plans=(plan(),), items=(item(),)))
    await uow.catalogs.version()
    await uow.catalogs.load()
    await uow.operations.add(operation())
    await uow.operations.get(ours(1))
    await uow.operations.lease(ours(701), "w", NOW, lease)
    await uow.operations.claim_due("w", NOW, lease, 10)
    await uow.operations.of_user("u1", "create_customer")
    await uow.operations.pending_of("u1")
    account_there = ProviderIdentity(account_id="acct_1", livemode=False)
    for _ in range(2):
        await uow.reconciliations.pin(account_there)
    progress = await uow.reconciliations.take("everything", "w", NOW, lease)
    assert progress is not None
    await uow.reconciliations.save(progress, "w", NOW, lease)
    await uow.reconciliations.free("everything", "w")
    request = RequestKey(caller_id="user-1", key="k5", holder="attempt-1")
    await uow.idempotency_keys.claim(request, b"hash", NOW)
    await uow.idempotency_keys.claim(request, b"hash", NOW)
    await uow.idempotency_keys.tie(request, "effect")
    await uow.idempotency_keys.keep(request, KeptAnswer(status=200, headers={}, body=b""))
    await uow.idempotency_keys.free(request)
    await uow.audit.add(audit_entry())
    await uow.audit.of_user("u1", 20)
    await uow.personal_data.events_about(["evt1", "evt2"], "c1")
    await uow.personal_data.forget_payloads([received()])
    await uow.vital_signs.queues()
    for invariant in Invariant:
        await uow.vital_signs.violations(invariant, NOW, 20)


async def use_the_journal(uow: PostgresUnitOfWork) -> None:
    """What reports are sums of: narrow in time, as the tables are small."""
    month = JournalQuery(
        kinds=frozenset({EntryKind.NEW}), since=datetime.now(UTC) - timedelta(days=2), until=datetime.now(UTC)
    )
    await uow.journal.due(10, datetime.now(UTC))
    await uow.journal.due(10, datetime.now(UTC), ["c1", "c2"])
    await uow.journal.lock("c1")
    await uow.journal.told("c1")
    await uow.journal.entries_of("c1")
    await uow.journal.write("c1", [Revision(struck=[entry(amount=1)], added=[entry()], known_at=NOW)])
    await uow.journal.totals(month)
    await uow.journal.totals(evolve(month, since=None, known_at=datetime.now(UTC) - timedelta(hours=1)))
    await uow.journal.listed(month, 10)


def outside() -> Iterator[tuple[LiteralString, tuple[object, ...]]]:
    """The statements that are run outside a unit of work."""
    yield clock._READ, ()  # noqa: SLF001 - the functions that run these begin a transaction themselves
    yield clock._WRITE, (1,)  # noqa: SLF001
    yield housekeeping._UNPUBLISHED, ()  # noqa: SLF001
    for statement in (housekeeping._EVENTS, housekeeping._RECEIVED, housekeeping._PAYLOADS, housekeeping._KEYS):  # noqa: SLF001
        yield statement, (NOW - timedelta(days=3650), 100)
    for statement in (housekeeping._MAKE, housekeeping._TAKE_AWAY):  # noqa: SLF001
        yield statement, (NOW,)


#: Part of others, and what begins each transaction, which reads no table.
_NOT_ALONE = frozenset({"SELECT_RECEIVED", "_SETTINGS"})


def statements() -> Iterator[str]:
    """Every statement that a module of the package names."""
    for module in pkgutil.walk_packages(billing_postgres.__path__, "billing_postgres."):
        for name, value in vars(importlib.import_module(module.name)).items():
            values = value.values() if isinstance(value, dict) else (value,)
            for text in values:
                first = text.split()[0] if isinstance(text, str) and text.split() else ""
                if first in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"} and name not in _NOT_ALONE:
                    yield text


def test_no_statement_reads_a_growing_table_from_end_to_end(seen: Seen) -> None:
    assert seen.scanned_whole.keys() - LOOK_AT_ALL == set()


def test_every_statement_was_looked_at(seen: Seen) -> None:
    """A new statement that is not used above is red here."""
    run = "\n".join(seen.statements)

    assert [statement for statement in statements() if statement not in run] == []


def askings() -> Iterator[tuple[str, range]]:
    """Every place in the package that asks a session to run a statement: its file and its lines."""
    for path in (path for folder in FOLDERS for path in folder.glob("*.py") if path.name not in OUTSIDE):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ASKING.fullmatch(ast.unparse(node.func)):
                yield str(path), range(node.lineno, (node.end_lineno or node.lineno) + 1)


def test_every_place_that_runs_a_statement_was_passed(seen: Seen) -> None:
    """Also one that puts its statement together when it is run."""
    there = list(askings())
    passed = [any((file, line) in seen.places for line in lines) for file, lines in there]
    missing = [f"{Path(file).name}:{lines[0]}" for (file, lines), was in zip(there, passed, strict=True) if not was]

    assert there
    assert missing == []


def test_every_index_serves_a_statement(seen: Seen, schema_url: str) -> None:
    """One that serves none costs every write."""
    with psycopg.connect(schema_url) as connection:
        there = connection.execute(
            b"SELECT t.relname, i.relname FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid"
            b" JOIN pg_class i ON i.oid = x.indexrelid WHERE t.relnamespace = 'public'::regnamespace"
        ).fetchall()
    growing = {index for table, index in there if table in DIFFERENT and not index.endswith("_pkey")}

    assert growing - seen.indexes == set()
