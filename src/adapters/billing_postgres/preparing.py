"""Preparing a unit of work: one statement locks what events are about, one reads what taking them in asks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final, LiteralString

import msgspec
from attrs import define, field

from billing_core.domain.facts import Fact, ObjectRef, labels_of, owners_of, wards_of
from billing_core.domain.folding import ObjectState
from billing_core.domain.received import Received
from billing_postgres.ahead import Ahead, UserAhead
from billing_postgres.encoding import FactJson
from billing_postgres.exchange import Statement
from billing_postgres.known_rows import KnownRows, Reading, Told, told_rows
from billing_postgres.locks import LOCK_KEY, LOCK_TIMEOUT, TRY_KEY
from billing_postgres.rows.accounts import AccountRows, Owned, account_rows
from billing_postgres.rows.manual_grants import ManualGrantRow
from billing_postgres.rows.objects import read_state
from billing_postgres.rows.pauses import PauseRow
from billing_postgres.rows.purchases import OrderRow
from billing_postgres.session import Session
from billing_postgres.statements import refs_as_arrays

__all__ = ["prepare"]

#: What belongs to a user without a customer is kept under this and the user's id.
GUEST: Final = "user:"


def _taken(name: LiteralString) -> LiteralString:
    """Whether the lock of this name is ours now."""
    waited_for = f"{LOCK_KEY.format(name)} IS NOT NULL"  # what it returns when it has it is nothing, but not null
    return f"CASE WHEN %(patient)s THEN {waited_for} ELSE {TRY_KEY.format(name)} END"


#: Who is locked is handed from one statement to the next by the server, so that both go in one round trip: customers,
#: with those under whose names the things of users without one are kept, and users.
_CUSTOMERS: Final[LiteralString] = "current_setting('billing.customers')::text[]"
_USERS: Final[LiteralString] = "current_setting('billing.users')::text[]"

#: What follows is planned once for a connection, not each time anew: planning grows with the partitions that there are.
#: It looks rows up by their keys, and is planned so: a plan made while a table is small would read all of it later.
_PLANNING: Final[LiteralString] = """
SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""

#: Customers that are named, tied to a user who is named, or owners of an object that is named; then their users.
#: All customers are locked before the first user, each in ascending order, each waited for 200 ms at most, or not at
#: all by who is not patient. A tie that another one makes at this moment is not seen here: then the use case finds the
#: user, and locks them itself. Whoever is not ours is told by every name that an event may know them by.
_LOCK: Final[LiteralString] = f"""
WITH named AS (
    SELECT unnest(%(customers)s::text[]) AS id
    UNION SELECT m.customer_id FROM user_stripe_mapping m WHERE m.user_id = ANY(%(users)s)
    UNION
    SELECT o.customer_id
    FROM unnest(%(kinds)s::text[], %(ids)s::text[]) AS wanted (kind, id)
    JOIN provider_objects o ON o.id = wanted.id COLLATE "C" AND o.kind = wanted.kind
    WHERE o.customer_id IS NOT NULL
), customers AS MATERIALIZED (
    SELECT named.id, {_taken("'customer:' || named.id")} AS is_ours
    FROM (SELECT id COLLATE "C" AS id FROM named ORDER BY 1) AS named, {LOCK_TIMEOUT}
), users AS MATERIALIZED (
    SELECT unnest(%(users)s::text[]) AS id
    UNION SELECT m.user_id FROM customers c JOIN user_stripe_mapping m ON m.customer_id = c.id WHERE c.is_ours
    UNION SELECT substr(c.id, {len(GUEST) + 1}) FROM customers c WHERE c.id LIKE '{GUEST}%%'
), locked AS MATERIALIZED (
    SELECT users.id, {_taken("'user:' || users.id")} AS is_ours
    FROM (SELECT id COLLATE "C" AS id FROM users ORDER BY 1) AS users
), busy AS MATERIALIZED (
    SELECT id FROM customers WHERE NOT is_ours
    UNION SELECT '{GUEST}' || id FROM locked WHERE NOT is_ours
    UNION
    SELECT m.customer_id FROM locked JOIN user_stripe_mapping m ON m.user_id = locked.id WHERE NOT locked.is_ours
)
SELECT json_build_object(
    'customers', ARRAY(SELECT id FROM customers WHERE is_ours),
    'users', ARRAY(SELECT id FROM locked WHERE is_ours),
    'busy', ARRAY(
        SELECT id FROM busy
        UNION
        SELECT o.kind || ':' || o.id
        FROM unnest(%(kinds)s::text[], %(ids)s::text[]) AS wanted (kind, id)
        JOIN provider_objects o ON o.id = wanted.id COLLATE "C" AND o.kind = wanted.kind
        JOIN busy ON busy.id = o.customer_id
    )),
    set_config('billing.users', ARRAY(SELECT id FROM locked WHERE is_ours)::text, true),
    set_config('billing.customers', ARRAY(
        SELECT id FROM customers WHERE is_ours UNION SELECT '{GUEST}' || id FROM locked WHERE is_ours
    )::text, true)
"""  # noqa: S608 - constants of this package

#: What others may wait for: those customers, and the objects that are told of.
_KEYS: Final[LiteralString] = f"(%(keys)s::text[] || ARRAY(SELECT 'customer:' || unnest({_CUSTOMERS})))"

#: Everything in one JSON value, in arrays and unsorted: to prepare an aggregate or a sort costs the server more
#: than the few rows do that are in it. Of an object that must be folded again, facts are read, too: it has one as late.
_READ: Final[LiteralString] = f"""
SELECT json_build_object(
    'ties', ARRAY(
        SELECT to_json(m) FROM user_stripe_mapping m
        WHERE m.customer_id = ANY({_CUSTOMERS}) OR m.user_id = ANY({_USERS})
    ),
    'objects', {told_rows("provider_objects", "r.kind, r.id", f"r.customer_id = ANY({_CUSTOMERS})")},
    'other_objects', ARRAY(
        SELECT to_json(o)
        FROM unnest(%(kinds)s::text[], %(ids)s::text[]) AS wanted (kind, id)
        JOIN provider_objects o ON o.id = wanted.id COLLATE "C" AND o.kind = wanted.kind
        WHERE o.customer_id IS NULL OR o.customer_id <> ALL({_CUSTOMERS})
    ),
    'facts', ARRAY(
        SELECT to_json(f)
        FROM unnest(%(told_kinds)s::text[], %(told_ids)s::text[], %(told_at)s::timestamptz[]) AS told (kind, id, at)
        JOIN provider_objects o ON o.id = told.id COLLATE "C" AND o.kind = told.kind AND o.last_at >= told.at
        JOIN facts f ON f.object_id = told.id COLLATE "C" AND f.kind = told.kind
    ),
    'known_events', ARRAY(
        SELECT json_build_array(r.account, r.event_id)
        FROM unnest(%(accounts)s::text[], %(events)s::text[], %(created)s::timestamptz[])
            AS wanted (account, id, created)
        JOIN received_events r ON r.account = wanted.account COLLATE "C" AND r.event_id = wanted.id COLLATE "C"
            AND r.created = wanted.created
    ),
    'known_facts', ARRAY(
        SELECT f.id
        FROM unnest(%(facts)s::text[], %(objects)s::text[]) AS wanted (id, object_id)
        JOIN facts f ON f.id = wanted.id COLLATE "C" AND f.object_id = wanted.object_id COLLATE "C"
    ),
    'waited_for', ARRAY(
        SELECT key FROM received_events r, unnest(r.waits_for) AS key
        WHERE r.state = 'parked' AND r.waits_for && {_KEYS}
    ),
    'orphaned', ARRAY(
        SELECT owner FROM provider_objects o, unnest(o.owners) AS owner
        WHERE o.customer_id IS NULL AND o.owners && {_KEYS}
    ),
    'accounts', {account_rows(_USERS)},
    'orders', ARRAY(SELECT to_json(p) FROM purchases p WHERE p.user_id = ANY({_USERS}) AND NOT p.is_foreign),
    'manual_grants', ARRAY(SELECT to_json(g) FROM manual_grants g WHERE g.user_id = ANY({_USERS})),
    'pauses', ARRAY(SELECT to_json(p) FROM pauses p WHERE p.user_id = ANY({_USERS})),
    'versions', ARRAY(
        SELECT json_build_array(v.user_id, v.version) FROM user_versions v WHERE v.user_id = ANY({_USERS})
    ),
    'catalog_version', (SELECT version FROM catalog_state)
), set_config('lock_timeout', '0', true)
"""  # noqa: S608 - constants of this package


class _Tie(msgspec.Struct):
    user_id: str
    customer_id: str


class _Read(msgspec.Struct):
    """What `_READ` gives."""

    ties: list[_Tie]
    objects: Told
    other_objects: list[msgspec.Raw]
    facts: list[FactJson]
    known_events: list[tuple[str, str]]
    known_facts: list[str]
    waited_for: list[str]
    orphaned: list[str]
    accounts: AccountRows
    orders: list[OrderRow]
    manual_grants: list[ManualGrantRow]
    pauses: list[PauseRow]
    versions: list[tuple[str, int]]
    catalog_version: int


class _Locked(msgspec.Struct):
    """What `_LOCK` gives: whose locks are held now, and the names of whom somebody else is at work on."""

    customers: list[str]
    users: list[str]
    busy: frozenset[str]


_LOCKED: Final = msgspec.json.Decoder(_Locked)
_FOUND: Final = msgspec.json.Decoder(_Read)


@define
class _Asked:
    """What taking in some events will ask, and deriving the accounts of some users."""

    events: Collection[Received]
    of_users: Collection[str] = ()
    facts: tuple[Fact, ...] = field(init=False)
    customers: set[str] = field(init=False)
    #: Named in metadata: they may be tied to a customer by it. Those of objects without a customer may be guests.
    users: set[str] = field(init=False)
    guests: set[str] = field(init=False)
    #: What names no customer, and through which it may be found whose it is. Locked by its own name before it is read:
    #: another transaction may find that out, or fold the object anew, at this very moment.
    nobodys: set[ObjectRef] = field(init=False)
    refs: set[ObjectRef] = field(init=False)
    #: What is told of, with what it says about others: what was waited for may be among them.
    told_of: set[ObjectRef] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.facts = tuple(event.fact for event in self.events if event.fact is not None)
        self.customers = {fact.customer_id for fact in self.facts if fact.customer_id is not None}
        labels = {fact: labels_of(fact.after).user_id for fact in self.facts}
        self.users = {*self.of_users, *(user_id for user_id in labels.values() if user_id is not None)}
        self.guests = {user_id for fact, user_id in labels.items() if user_id is not None and fact.customer_id is None}
        nameless = [fact for fact in self.facts if fact.customer_id is None]
        self.nobodys = {ref for fact in nameless for ref in (fact.ref, *owners_of(fact.after))}
        self.refs = {fact.ref for fact in self.facts} | self.nobodys
        self.told_of = {ref for fact in self.facts for ref in (fact.ref, *wards_of(fact.after))}

    def names(self) -> dict[str, object]:
        """What is to be locked."""
        guests = (f"{GUEST}{user_id}" for user_id in self.guests)
        return {"customers": [*self.customers, *guests, *map(str, self.nobodys)], "users": list(self.users)}

    def told(self) -> dict[str, object]:
        """What is asked about the events themselves, and about the objects that their facts are about."""
        since = self._from_when()
        return {
            "keys": list(map(str, self.told_of)),
            "accounts": [event.account for event in self.events],
            "events": [event.event_id for event in self.events],
            "created": [event.created for event in self.events],
            "facts": [fact.id for fact in self.facts],
            "objects": [fact.after.id for fact in self.facts],
            "told_kinds": [ref.kind.value for ref in since],
            "told_ids": [ref.id for ref in since],
            "told_at": list(since.values()),
        }

    def _from_when(self) -> dict[ObjectRef, datetime]:
        """From which moment on a known fact of an object makes a new one need all of them; two new ones do anyway."""
        since: dict[ObjectRef, datetime] = {}
        for fact in self.facts:
            since[fact.ref] = _EARLIEST if fact.ref in since else fact.occurred_at
        return since


_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


async def prepare(
    session: Session,
    ahead: Ahead,
    rows: KnownRows,
    events: Collection[Received],
    *,
    users: Collection[str] = (),
    patient: bool = True,
) -> Collection[Received]:
    """Lock what these events are about, and these users; read into ``ahead`` what taking in and deriving them asks.

    Returns the events whose customers or users somebody else is at work on, where these are not waited for. Raises
    `LockTimeout`.
    """
    asked = _Asked(events, users)
    refs = refs_as_arrays(asked.refs)
    if session.is_begun:  # it may see what it has written itself, and may write again without another version
        rows = KnownRows()
    reading = rows.reading([*asked.customers, *(f"{GUEST}{user_id}" for user_id in asked.guests)])
    lock: Statement = _LOCK, {**asked.names(), "patient": patient, **refs}
    read: Statement = _READ, {**asked.told(), **refs, "known_rows": reading.parameter()}
    _, locked_json, found_json = await session.values([(_PLANNING, {}), lock, read])
    locked, found = _LOCKED.decode(locked_json), _FOUND.decode(found_json)
    ahead.locked.update(f"customer:{one}" for one in locked.customers)
    ahead.locked.update(f"user:{one}" for one in locked.users)
    left_out = [event for event in events if not locked.busy.isdisjoint(_names_of(event))] if locked.busy else []
    if not left_out or len(left_out) < len(events):
        ours = _Asked([event for event in events if event not in left_out]) if left_out else asked
        _learn(ahead, ours, locked, found, reading)
        rows.learn(reading, lambda value: _customer_of(ahead, value))
    return left_out


def _names_of(event: Received) -> set[str]:
    """By which names those whom an event concerns may be told to be busy."""
    asked = _Asked([event])
    return {*asked.customers, *map(str, asked.nobodys), *(f"{GUEST}{user_id}" for user_id in asked.users)}


def _customer_of(ahead: Ahead, value: ObjectState | Owned) -> str | None:
    """Under which customer what was read is remembered."""
    if isinstance(value, ObjectState):
        return value.customer_id
    return ahead.customer_by_user.get(value.user_id, f"{GUEST}{value.user_id}")


def _learn(ahead: Ahead, asked: _Asked, locked: _Locked, found: _Read, reading: Reading) -> None:
    """Note what was found of whom is locked, and of what these events are about."""
    customers = {*locked.customers, *(f"{GUEST}{user_id}" for user_id in locked.users)}
    ahead.customers.update(customers)
    keys = {*(f"customer:{one}" for one in customers), *map(str, asked.told_of)}
    ahead.waited_for.update(dict.fromkeys(keys, False) | dict.fromkeys(keys.intersection(found.waited_for), True))
    ahead.catalog_version = found.catalog_version
    _learn_users(ahead, locked.users, found, reading)
    _learn_objects(ahead, asked, found, reading)
    known_events, known_facts = set(found.known_events), set(found.known_facts)
    for event in asked.events:
        key = (event.account, event.event_id)
        ahead.events[key] = key in known_events
        ahead.fact_ids[event.event_id] = event.event_id in known_facts


def _learn_users(ahead: Ahead, users: Collection[str], read: _Read, reading: Reading) -> None:
    ahead.user_by_customer.update((tie.customer_id, tie.user_id) for tie in read.ties)
    ahead.customer_by_user.update((tie.user_id, tie.customer_id) for tie in read.ties)
    versions = dict(read.versions)
    orders = sorted(read.orders, key=lambda row: (row.created_at, row.id))
    manual_grants = sorted(read.manual_grants, key=lambda row: (row.granted_at, row.id))
    pauses = sorted(read.pauses, key=lambda row: (row.requested_at, row.id))
    for user_id, account in read.accounts.to_accounts(users, reading).items():
        ahead.users[user_id] = UserAhead(
            account=account,
            orders=tuple(row.to_domain() for row in orders if row.user_id == user_id),
            manual_grants=tuple(row.to_domain() for row in manual_grants if row.user_id == user_id),
            pauses=tuple(row.to_domain() for row in pauses if row.user_id == user_id),
            version=versions.get(user_id, 0),
        )


def _learn_objects(ahead: Ahead, asked: _Asked, read: _Read, reading: Reading) -> None:
    """Of an object that is not known yet there are no facts; of one whose facts were not needed, none are known."""
    ahead.refs.update(asked.refs)
    for state in reading.values(read.objects, read_state):
        ahead.learn(state)
    for state in map(read_state, read.other_objects):
        if state.ref in asked.refs:
            ahead.learn(state)
    for fact in (row.to_fact() for row in read.facts):
        if fact.ref in asked.refs:
            ahead.facts.setdefault(fact.ref, []).append(fact)
    for fact in asked.facts:
        if fact.ref not in ahead.objects:
            ahead.facts.setdefault(fact.ref, [])
        for ref in (fact.ref, *wards_of(fact.after)):
            ahead.orphaned[ref] = str(ref) in read.orphaned
