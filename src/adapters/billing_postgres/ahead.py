"""What a unit of work knows ahead, because it was prepared: so that its repositories need not ask one by one.

Each answer is what the statement of the repository would have given, with what was written since; None means that this
was not asked ahead, and the repository asks. What is written is kept here too, and written behind (`pending`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from attrs import define, evolve, field, frozen

from billing_core.domain.access import ManualGrant, UserAccess
from billing_core.domain.account import Account
from billing_core.domain.audit import AuditEntry
from billing_core.domain.events import Event
from billing_core.domain.facts import Fact, ObjectRef, owners_of
from billing_core.domain.folding import ObjectState
from billing_core.domain.pauses import Pause
from billing_core.domain.purchases import Order
from billing_core.domain.received import Received
from billing_core.domain.subscriptions import counting
from billing_postgres.exchange import Statement
from billing_postgres.pending import Pending
from billing_postgres.rows.objects import ObjectRow
from billing_postgres.rows.written import AuditRow, EventRow, FactRow, MappingRow
from billing_postgres.session import Session

__all__ = ["Ahead", "UserAhead"]

_EventKey = tuple[str, str]


@frozen(kw_only=True)
class UserAhead:
    """What is stored of one user."""

    account: Account
    orders: tuple[Order, ...]
    manual_grants: tuple[ManualGrant, ...]
    pauses: tuple[Pause, ...]
    #: How many events were told about the user.
    version: int


@define(eq=False)
class Ahead:
    """What one unit of work knows. Every set of things asked has beside it what was found."""

    _session: Session
    #: The names of what it holds the locks of, such as ``customer:cus_1`` and ``user:42``.
    locked: set[str] = field(factory=set, init=False)
    customers: set[str] = field(factory=set, init=False)
    users: dict[str, UserAhead] = field(factory=dict, init=False)
    user_by_customer: dict[str, str] = field(factory=dict, init=False)
    customer_by_user: dict[str, str] = field(factory=dict, init=False)
    refs: set[ObjectRef] = field(factory=set, init=False)
    objects: dict[ObjectRef, ObjectState] = field(factory=dict, init=False)
    #: The same of each customer.
    _owned: dict[str, dict[ObjectRef, ObjectState]] = field(factory=dict, init=False)
    #: All facts of these objects.
    facts: dict[ObjectRef, list[Fact]] = field(factory=dict, init=False)
    #: By (account, event id): whether it is stored, and by id: whether the fact is.
    events: dict[_EventKey, bool] = field(factory=dict, init=False)
    fact_ids: dict[str, bool] = field(factory=dict, init=False)
    #: Whether parked events wait for this, and whether objects without a customer name this as their owner.
    waited_for: dict[str, bool] = field(factory=dict, init=False)
    orphaned: dict[ObjectRef, bool] = field(factory=dict, init=False)
    #: Of the catalog.
    catalog_version: int | None = field(default=None, init=False)
    _pending: Pending | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._session.behind = self._take_pending

    # ------------------------------------------------------------------------------------------- customers and users
    def user_of(self, customer_id: str) -> tuple[str | None] | None:
        """The user of a customer, in a tuple, since there may be none."""
        return (self.user_by_customer.get(customer_id),) if customer_id in self.customers else None

    def customer_of(self, user_id: str) -> tuple[str | None] | None:
        """The customer of a user, in a tuple, since there may be none."""
        return (self.customer_by_user.get(user_id),) if user_id in self.users else None

    def link(self, row: MappingRow) -> bool:
        """Tie two that are known to be free."""
        if self.user_of(row.customer_id) != (None,) or self.customer_of(row.user_id) != (None,):
            return False
        self.tied(row.user_id, row.customer_id)
        self._writing.mapping.append(row)
        return True

    def tied(self, user_id: str, customer_id: str) -> None:
        """These two are tied together now."""
        self.user_by_customer[customer_id], self.customer_by_user[user_id] = user_id, customer_id

    def give(self, grant: ManualGrant) -> None:
        """This grant by hand was written, new or changed."""
        known = self.users.get(grant.user_id)
        if known is not None:
            grants = (*(one for one in known.manual_grants if one.id != grant.id), grant)
            oldest_first = tuple(sorted(grants, key=lambda one: (one.granted_at, one.id)))
            self.users[grant.user_id] = evolve(known, manual_grants=oldest_first)

    def forget_user(self, user_id: str) -> None:
        """What is ours about a user was written by a statement of its own: it is asked for again."""
        self.users.pop(user_id, None)

    # ------------------------------------------------------------------------------------------------------- the inbox
    def store(self, received: Received) -> bool | None:
        """Keep an event; whether it is new."""
        key = (received.account, received.event_id)
        known = self.events.get(key)
        if known is False:
            self.events[key] = True
            self._writing.received[key] = received
            self._park(received)
        return None if known is None else not known

    def save(self, received: Received) -> bool:
        """Note what became of an event that is stored, or to be stored."""
        key = (received.account, received.event_id)
        if key not in self.events:
            return False
        to_be_stored = self._writing.received
        if key in to_be_stored:
            to_be_stored[key] = received
        else:
            self._writing.received_changed[key] = received
        self._park(received)
        return True

    def nobody_waits_for(self, keys: Collection[str]) -> bool:
        """Whether it is known that no parked event waits for any of these."""
        return not any(self.waited_for.get(key, True) for key in keys)

    def _park(self, received: Received) -> None:
        self.waited_for.update(dict.fromkeys(received.waits_for, True))

    # ---------------------------------------------------------------------------------------------- facts and objects
    def add_fact(self, fact: Fact, recorded_at: datetime) -> bool | None:
        """Keep a fact; whether it is new."""
        known = self.fact_ids.get(fact.id)
        if known is False:
            self.fact_ids[fact.id] = True
            self._writing.facts.append(FactRow.of(fact, recorded_at))
            if fact.ref in self.facts:
                self.facts[fact.ref].append(fact)
        return None if known is None else not known

    def facts_of(self, refs: Collection[ObjectRef]) -> tuple[Fact, ...] | None:
        """All facts of these objects."""
        if not all(ref in self.facts for ref in refs):
            return None
        return tuple(fact for ref in set(refs) for fact in self.facts[ref])

    def objects_of(self, customer_id: str) -> tuple[ObjectState, ...] | None:
        """All objects of a customer."""
        if customer_id not in self.customers:
            return None
        return tuple(self._owned.get(customer_id, {}).values())

    def get_objects(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...] | None:
        """These objects, as far as they are known."""
        if not all(ref in self.refs or ref in self.objects for ref in refs):
            return None
        return tuple(self.objects[ref] for ref in set(refs) if ref in self.objects)

    def learn(self, state: ObjectState) -> None:
        """This is what is known of an object now, and whose it is."""
        before = self.objects.get(state.ref)
        if before is not None and before.customer_id is not None:
            self._owned[before.customer_id].pop(state.ref)
        self.objects[state.ref] = state
        if state.customer_id is not None:
            self._owned.setdefault(state.customer_id, {})[state.ref] = state

    def keep_objects(self, states: Iterable[ObjectState]) -> bool:
        """Write objects, where it is known what they belong to: also those that a customer has just adopted."""
        states = tuple(states)
        if not all(
            state.ref in self.refs or state.ref in self.objects or state.customer_id in self.customers
            for state in states
        ):
            return False
        for state in states:
            self.learn(state)
            self._writing.objects[state.ref] = ObjectRow.of(state)
            if state.customer_id is None:
                self.orphaned.update(dict.fromkeys(owners_of(state.snapshot), True))
        return True

    def no_orphans_of(self, refs: Collection[ObjectRef]) -> bool:
        """Whether it is known that no object without a customer names any of these as its owner."""
        return not any(self.orphaned.get(ref, True) for ref in refs)

    # ------------------------------------------------------------------------------------------------------- accounts
    def keep_account(self, before: Account, after: Account) -> bool:
        """Write an account."""
        known = self.users.get(after.user_id)
        if known is None:
            return False
        self._writing.accounts.add(before, after)
        self.users[after.user_id] = evolve(known, account=after)
        return True

    def access_of(self, user_id: str) -> UserAccess | None:
        """The grants of a user, in the order in which they are stored, and the subscription that counts."""
        known = self.users.get(user_id)
        if known is None:
            return None
        grants = sorted(known.account.grants, key=lambda grant: grant.place)
        return UserAccess(
            user_id=user_id,
            version=known.version,
            grants=tuple(grants),
            subscription=counting(known.account.subscriptions),
        )

    def tell(self, user_id: str, events: Collection[Event], recorded_at: datetime) -> None:
        """Keep events, whose versions follow that of the user."""
        version = self.users[user_id].version + len(events)
        self.users[user_id] = evolve(self.users[user_id], version=version)
        self._writing.versions[user_id] = version
        self._writing.outbox.extend(EventRow.of(event, recorded_at) for event in events)

    def note(self, entry: AuditEntry) -> bool:
        """Keep an entry of the audit log."""
        if entry.user_id not in self.users:
            return False
        self._writing.audit.append(AuditRow.of(entry))
        return True

    def look_at_trials(self, user_id: str, at: datetime) -> bool:
        """Keep that a user's trial claims are to be looked at."""
        if user_id not in self.users:
            return False
        self._writing.looks[user_id] = at
        return True

    # -------------------------------------------------------------------------------------------------- writing behind
    @property
    def _writing(self) -> Pending:
        if self._pending is None:
            self._pending = Pending()
        return self._pending

    def _take_pending(self) -> list[Statement]:
        pending, self._pending = self._pending, None
        return pending.statements() if pending is not None else []
