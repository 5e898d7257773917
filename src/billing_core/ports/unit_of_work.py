"""The port of the unit of work: one transaction. Contract: ``billing_contracts.unit_of_work``."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Protocol, Self

from billing_core.domain.received import Received
from billing_core.ports.accounts import Accounts
from billing_core.ports.audit import AuditLog
from billing_core.ports.catalogs import Catalogs
from billing_core.ports.customers import Customers
from billing_core.ports.facts import FactLog
from billing_core.ports.idempotency_keys import IdempotencyKeys
from billing_core.ports.inbox import Inbox
from billing_core.ports.journal import Journal
from billing_core.ports.manual_grants import ManualGrants
from billing_core.ports.objects import Objects
from billing_core.ports.operations import Operations
from billing_core.ports.orders import Orders
from billing_core.ports.outbox import Outbox
from billing_core.ports.pauses import Pauses
from billing_core.ports.personal_data import PersonalData
from billing_core.ports.reconciliations import Reconciliations
from billing_core.ports.steps import Steps
from billing_core.ports.trial_claims import TrialClaims
from billing_core.ports.views import PaymentMethodViews, Views
from billing_core.ports.vital_signs import VitalSigns

__all__ = ["UnitOfWork", "UnitsOfWork"]


class UnitOfWork(Protocol):
    """Everything that is stored, as it is inside one transaction.

    ``async with`` begins it; leaving without `commit`, by an exception or not, undoes all of it. What was
    not committed is invisible to others. Every method of its members raises `StorageUnavailable` when the
    database cannot be reached and `ConcurrentChange` when another transaction got in the way.
    """

    @property
    def inbox(self) -> Inbox:
        """Received events."""
        ...

    @property
    def facts(self) -> FactLog:
        """The fact log."""
        ...

    @property
    def objects(self) -> Objects:
        """The provider's objects, as folded."""
        ...

    @property
    def customers(self) -> Customers:
        """The ties between users and customers, and the locks."""
        ...

    @property
    def accounts(self) -> Accounts:
        """Derived accounts."""
        ...

    @property
    def orders(self) -> Orders:
        """What users set out to buy."""
        ...

    @property
    def manual_grants(self) -> ManualGrants:
        """Grants by hand."""
        ...

    @property
    def pauses(self) -> Pauses:
        """Pauses of subscriptions."""
        ...

    @property
    def catalogs(self) -> Catalogs:
        """The stored catalog."""
        ...

    @property
    def operations(self) -> Operations:
        """What we ask the provider to change."""
        ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys:
        """First answers to requests, and what those requests did."""
        ...

    @property
    def reconciliations(self) -> Reconciliations:
        """Which account of the provider this is about, and how far it was compared."""
        ...

    @property
    def outbox(self) -> Outbox:
        """What others are to be told."""
        ...

    @property
    def audit(self) -> AuditLog:
        """Who changed what, when and why."""
        ...

    @property
    def trials(self) -> TrialClaims:
        """Who has or had a trial."""
        ...

    @property
    def steps(self) -> Steps:
        """What our own schedule did."""
        ...

    @property
    def views(self) -> Views:
        """Derived rows, for reading."""
        ...

    @property
    def payment_methods(self) -> PaymentMethodViews:
        """Payment methods, for reading."""
        ...

    @property
    def personal_data(self) -> PersonalData:
        """The bytes of webhooks, which alone hold names and addresses."""
        ...

    @property
    def vital_signs(self) -> VitalSigns:
        """What waits, and what breaks an invariant."""
        ...

    @property
    def journal(self) -> Journal:
        """What reports are sums of."""
        ...

    async def __aenter__(self) -> Self:
        """Begin."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; undo what was not committed."""
        ...

    async def prepare(self, events: Collection[Received], *, patient: bool = True) -> Collection[Received]:
        """Be the only one at work on those whom these events concern, and have at hand what taking them in asks for.

        Their customers are locked first, then the users, each in ascending order. Every method answers the same
        without it; with it, many events cost a store hardly more than one. Raises `LockTimeout`.

        Unless ``patient``, nobody is waited for: returns the events about those whom somebody else is at work on, which
        the caller leaves for later.
        """
        ...

    async def prepare_user(self, user_id: str) -> None:
        """Be the only one at work on this user, and have at hand what deriving their account anew asks for.

        Their customer is locked first. As with `prepare`, every answer is the same without it. Raises `LockTimeout`.
        """
        ...

    async def commit(self) -> None:
        """Make everything since the beginning permanent at once. Once it returns, it survives a crash."""
        ...


class UnitsOfWork(Protocol):
    """Where units of work come from."""

    def __call__(self) -> UnitOfWork:
        """A new one, not yet begun."""
        ...
