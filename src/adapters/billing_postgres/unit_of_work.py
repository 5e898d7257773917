"""The unit of work on PostgreSQL: one transaction, and a repository for each port."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Self

from attrs import field, frozen

from billing_core.domain.received import Received
from billing_postgres.accounts import PostgresAccounts
from billing_postgres.ahead import Ahead
from billing_postgres.audit import PostgresAuditLog
from billing_postgres.catalogs import CatalogCopy, PostgresCatalogs
from billing_postgres.customers import PostgresCustomers
from billing_postgres.facts import PostgresFactLog
from billing_postgres.idempotency_keys import PostgresIdempotencyKeys
from billing_postgres.inbox import PostgresInbox
from billing_postgres.journal import PostgresJournal
from billing_postgres.known_rows import KnownRows
from billing_postgres.manual_grants import PostgresManualGrants
from billing_postgres.objects import PostgresObjects
from billing_postgres.operations import PostgresOperations
from billing_postgres.orders import PostgresOrders
from billing_postgres.outbox import PostgresOutbox
from billing_postgres.pauses import PostgresPauses
from billing_postgres.personal_data import PostgresPersonalData
from billing_postgres.pool import Pool
from billing_postgres.preparing import prepare
from billing_postgres.reconciliations import PostgresReconciliations
from billing_postgres.session import STATEMENT_TIMEOUT_MS, Session
from billing_postgres.steps import PostgresSteps
from billing_postgres.trial_claims import PostgresTrialClaims
from billing_postgres.views import PostgresViews
from billing_postgres.vital_signs import PostgresVitalSigns

__all__ = ["PostgresUnitOfWork", "PostgresUnitsOfWork"]


class PostgresUnitOfWork:
    """One transaction. After an error, a `LockTimeout` too, and after `commit` it can only be left."""

    def __init__(self, session: Session, catalog: CatalogCopy, rows: KnownRows) -> None:
        self._session = session
        self._known_rows = rows
        self._ahead = ahead = Ahead(session)
        self.inbox = PostgresInbox(session, ahead)
        self.facts = PostgresFactLog(session, ahead)
        self.objects = PostgresObjects(session, ahead)
        self.customers = PostgresCustomers(session, ahead)
        self.accounts = PostgresAccounts(session, ahead)
        self.orders = PostgresOrders(session, ahead)
        self.manual_grants = PostgresManualGrants(session, ahead)
        self.catalogs = PostgresCatalogs(session, ahead, catalog)
        self.pauses = PostgresPauses(session, ahead)
        self.operations = PostgresOperations(session)
        self.idempotency_keys = PostgresIdempotencyKeys(session)
        self.reconciliations = PostgresReconciliations(session)
        self.outbox = PostgresOutbox(session, ahead)
        self.audit = PostgresAuditLog(session, ahead)
        self.views = PostgresViews(session, ahead)
        self.trials = PostgresTrialClaims(session, ahead)
        self.steps = PostgresSteps(session)
        self.payment_methods = self.views
        self.personal_data = PostgresPersonalData(session)
        self.vital_signs = PostgresVitalSigns(session)
        self.journal = PostgresJournal(session)

    async def __aenter__(self) -> Self:
        """Take a connection; the transaction begins with its first statement. Raises `StorageUnavailable`."""
        await self._session.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; undo what was not committed."""
        await self._session.end()

    async def prepare(self, events: Collection[Received], *, patient: bool = True) -> Collection[Received]:
        """Lock and read with one statement each what taking these events in asks. Raises `LockTimeout`."""
        return await prepare(self._session, self._ahead, self._known_rows, events, patient=patient)

    async def prepare_user(self, user_id: str) -> None:
        """Lock and read with one statement each what deriving this user's account asks. Raises `LockTimeout`."""
        await prepare(self._session, self._ahead, self._known_rows, (), users=(user_id,))

    async def commit(self) -> None:
        """Make everything since the beginning permanent at once, durably."""
        await self._session.commit()


@frozen(kw_only=True)
class PostgresUnitsOfWork:
    """Where units of work come from.

    Attributes:
        pool: whose connections they take, each one for as long as it lasts.
        statement_timeout_ms: how long one statement may take before it fails with `StorageUnavailable`.
        replica: the connections to a streaming replica: then nothing can be written, what is read may be a little old,
            and where the replica is away, ``pool`` is read.
    """

    pool: Pool = field(kw_only=False)
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS
    replica: Pool | None = None
    _catalog: CatalogCopy = field(factory=CatalogCopy, init=False, repr=False)
    _known_rows: KnownRows = field(factory=KnownRows, init=False, repr=False)

    def __call__(self) -> PostgresUnitOfWork:
        """A new one, not yet begun."""
        if self.replica is None:
            session = Session(self.pool, self.statement_timeout_ms)
        else:
            session = Session(self.replica, self.statement_timeout_ms, otherwise=self.pool)
        return PostgresUnitOfWork(session, self._catalog, self._known_rows)
