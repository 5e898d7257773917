"""What is stored: the committed rows of every table, and the locks on them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime

from attrs import field, frozen

from billing_core.domain.access import Grant, ManualGrant, Source
from billing_core.domain.analytics.entries import Entry
from billing_core.domain.audit import AuditEntry
from billing_core.domain.events import Event
from billing_core.domain.facts import Fact, ObjectRef, owners_of, wards_of
from billing_core.domain.folding import ObjectState
from billing_core.domain.idempotency import KeptAnswer
from billing_core.domain.invoices import Invoice
from billing_core.domain.operations import Operation
from billing_core.domain.pauses import Pause
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment
from billing_core.domain.plans import Catalog
from billing_core.domain.purchases import Order, Purchase
from billing_core.domain.received import Received
from billing_core.domain.reconciliation import Progress
from billing_core.domain.refunds import Refund
from billing_core.domain.resources import Resource
from billing_core.domain.steps import StepTaken
from billing_core.domain.subscriptions import Subscription
from billing_core.domain.trials import Mark
from billing_core.ports.ids import IdSource
from billing_core.ports.provider import ProviderIdentity
from billing_memory.ids import SequentialIds
from billing_memory.leases import Lease
from billing_memory.locks import LOCK_SECONDS_MAX, Locks
from billing_memory.tables import Rows

__all__ = [
    "UNPUBLISHED",
    "WAITING",
    "AccountRows",
    "Customer",
    "HeldMark",
    "JournalLine",
    "MemoryStore",
    "StoredCatalog",
    "StoredEvent",
    "StoredFact",
    "StoredGrant",
    "StoredKey",
    "StoredOperation",
    "StoredProgress",
    "StoredReceived",
]


@frozen(kw_only=True)
class StoredReceived:
    """A received event with the worker that is at it."""

    received: Received
    lease: Lease | None = None


@frozen(kw_only=True)
class StoredFact:
    """A fact and when we came to know it."""

    fact: Fact
    recorded_at: datetime


@frozen(kw_only=True)
class JournalLine:
    """An entry of the journal, and for how long it stood."""

    place: int
    customer_id: str
    entry: Entry
    known_from: datetime
    known_until: datetime | None = None


@frozen(kw_only=True)
class Customer:
    """The tie between a user and a customer."""

    user_id: str
    customer_id: str
    source: str
    linked_at: datetime


@frozen(kw_only=True)
class HeldMark:
    """A mark of a person, and the trial that it belongs to."""

    mark: Mark
    user_id: str
    claim_id: str
    claimed_at: datetime
    look_at: datetime | None
    began_at: datetime | None


@frozen(kw_only=True)
class StoredGrant:
    """A derived grant and whose it is."""

    user_id: str
    grant: Grant
    #: The end of it that was told, if any.
    told_ended_at: datetime | None = None


@frozen(kw_only=True)
class StoredCatalog:
    """The catalog, and how often it was saved."""

    catalog: Catalog = field(factory=Catalog)
    version: int = 0


@frozen(kw_only=True)
class StoredOperation:
    """An operation with the worker that is at it."""

    operation: Operation
    lease: Lease | None = None


@frozen(kw_only=True)
class StoredKey:
    """An idempotency key with the attempt that is at it."""

    request_hash: bytes
    expires_at: datetime
    lease: Lease | None
    effect_id: str | None = None
    answer: KeptAnswer | None = None


@frozen(kw_only=True)
class StoredEvent:
    """An event of the outbox, with its place among all and what became of it."""

    event: Event
    place: int
    recorded_at: datetime
    published_at: datetime | None = None
    lease: Lease | None = None


@frozen(kw_only=True)
class StoredProgress:
    """How far a reconciliation is, with the worker that is at it."""

    progress: Progress
    lease: Lease | None = None


def _inbox_groups(row: StoredReceived) -> Iterable[Hashable]:
    return (row.received.state, *(("waits for", key) for key in row.received.waits_for))


def _operation_groups(row: StoredOperation) -> Iterable[Hashable]:
    operation = row.operation
    return operation.state, (operation.user_id, operation.name), (operation.user_id, operation.state)


def _object_groups(state: ObjectState) -> Iterable[Hashable]:
    if state.customer_id is None:
        return owners_of(state.snapshot)
    return (state.customer_id, *(("guards", ward) for ward in wards_of(state.snapshot)))


class _Unpublished:
    """The group of outbox events that are still to be sent."""


UNPUBLISHED = _Unpublished()


class _Waiting:
    """The group of pauses about which something is to be done some day."""


WAITING = _Waiting()


def _user_of(row: Subscription | Purchase | Payment | Refund | Invoice | PaymentMethod | StoredGrant) -> tuple[str]:
    return (row.user_id,)


@frozen
class AccountRows:
    """The rows of derived accounts."""

    subscriptions: Rows[str, Subscription] = field(factory=lambda: Rows(_user_of))
    purchases: Rows[str, Purchase] = field(factory=lambda: Rows(_user_of))
    payments: Rows[str, Payment] = field(factory=lambda: Rows(_user_of))
    refunds: Rows[str, Refund] = field(factory=lambda: Rows(_user_of))
    invoices: Rows[str, Invoice] = field(factory=lambda: Rows(_user_of))
    payment_methods: Rows[str, PaymentMethod] = field(factory=lambda: Rows(_user_of))
    grants: Rows[tuple[str, Source, Resource], StoredGrant] = field(factory=lambda: Rows(_user_of))


class MemoryStore:
    """A whole database in memory, gone when it is. Several stores know nothing of each other.

    A lock that somebody else holds is waited for ``lock_seconds_max`` real seconds.
    """

    def __init__(self, ids: IdSource | None = None, *, lock_seconds_max: float = LOCK_SECONDS_MAX) -> None:
        #: Where the ids of outbox events come from.
        self.ids = ids or SequentialIds(first=1_000_000)
        self.locks = Locks(lock_seconds_max)
        self.inbox: Rows[tuple[str, str], StoredReceived] = Rows(_inbox_groups)
        self.facts: Rows[str, StoredFact] = Rows(lambda row: (row.fact.ref,))
        self.objects: Rows[ObjectRef, ObjectState] = Rows(_object_groups)
        self.customers: Rows[str, Customer] = Rows(lambda row: (row.user_id,))
        self.accounts = AccountRows()
        self.orders: Rows[str, Order] = Rows(lambda order: (order.user_id,))
        self.manual_grants: Rows[str, ManualGrant] = Rows(lambda grant: (grant.user_id,))
        self.pauses: Rows[str, Pause] = Rows(
            lambda pause: (pause.user_id, WAITING) if pause.due_at is not None else (pause.user_id,)
        )
        self.catalog: Rows[str, StoredCatalog] = Rows()
        self.operations: Rows[str, StoredOperation] = Rows(_operation_groups)
        self.idempotency_keys: Rows[tuple[str, str], StoredKey] = Rows()
        self.outbox: Rows[str, StoredEvent] = Rows(
            lambda row: (row.event.user_id, UNPUBLISHED) if row.published_at is None else (row.event.user_id,)
        )
        self.reconciliations: Rows[str, StoredProgress] = Rows()
        self.provider_account: Rows[str, ProviderIdentity] = Rows()
        self.trial_marks: Rows[Mark, HeldMark] = Rows(lambda row: (row.claim_id, ("user", row.user_id)))
        self.steps: Rows[tuple[str, str, str], StepTaken] = Rows(lambda step: (step.user_id,))
        self.versions: Rows[str, int] = Rows()
        self.audit: Rows[int, AuditEntry] = Rows(lambda entry: (entry.user_id,))
        self.journal: Rows[int, JournalLine] = Rows(lambda line: (line.customer_id,))
        #: The objects that facts were added about, each with its place in the queue, and when the fact was recorded.
        self.journal_queue: Rows[int, tuple[int, ObjectRef, datetime]] = Rows()
        self._place = 0

    def __repr__(self) -> str:
        return f"<fake MemoryStore of {len(self.facts.rows)} facts>"

    def next_place(self) -> int:
        """A number above all that it gave before; like a sequence, it is not given back when work is undone."""
        self._place += 1
        return self._place
