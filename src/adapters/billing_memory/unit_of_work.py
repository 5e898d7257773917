"""Units of work in memory."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Self

from billing_core.domain.facts import labels_of, owners_of
from billing_core.domain.received import Received
from billing_memory.accounts import MemoryAccounts
from billing_memory.audit import MemoryAuditLog
from billing_memory.catalogs import MemoryCatalogs
from billing_memory.customers import MemoryCustomers, customer_lock, user_lock
from billing_memory.facts import MemoryFactLog
from billing_memory.idempotency_keys import MemoryIdempotencyKeys
from billing_memory.inbox import MemoryInbox
from billing_memory.journal import MemoryJournal
from billing_memory.manual_grants import MemoryManualGrants
from billing_memory.objects import MemoryObjects
from billing_memory.operations import MemoryOperations
from billing_memory.orders import MemoryOrders
from billing_memory.outbox import MemoryOutbox
from billing_memory.pauses import MemoryPauses
from billing_memory.personal_data import MemoryPersonalData
from billing_memory.reconciliations import MemoryReconciliations
from billing_memory.steps import MemorySteps
from billing_memory.store import MemoryStore
from billing_memory.trial_claims import MemoryTrialClaims
from billing_memory.views import MemoryViews
from billing_memory.vital_signs import MemoryVitalSigns
from billing_memory.work import Work

__all__ = ["MemoryUnitOfWork", "MemoryUnitsOfWork"]


class MemoryUnitOfWork:
    """The port of the unit of work. After `commit` it has ended: to go on, begin another one."""

    def __init__(self, store: MemoryStore) -> None:
        self._work = Work(store)
        self.inbox = MemoryInbox(self._work)
        self.facts = MemoryFactLog(self._work)
        self.objects = MemoryObjects(self._work)
        self.customers = MemoryCustomers(self._work)
        self.accounts = MemoryAccounts(self._work)
        self.orders = MemoryOrders(self._work)
        self.manual_grants = MemoryManualGrants(self._work)
        self.pauses = MemoryPauses(self._work)
        self.catalogs = MemoryCatalogs(self._work)
        self.operations = MemoryOperations(self._work)
        self.idempotency_keys = MemoryIdempotencyKeys(self._work)
        self.reconciliations = MemoryReconciliations(self._work)
        self.outbox = MemoryOutbox(self._work)
        self.audit = MemoryAuditLog(self._work)
        self.trials = MemoryTrialClaims(self._work)
        self.steps = MemorySteps(self._work)
        self.views = MemoryViews(self._work)
        self.payment_methods = self.views
        self.personal_data = MemoryPersonalData(self._work)
        self.vital_signs = MemoryVitalSigns(self._work)
        self.journal = MemoryJournal(self._work)

    def __repr__(self) -> str:
        return f"<fake MemoryUnitOfWork on {self._work.store!r}>"

    async def __aenter__(self) -> Self:
        """Begin."""
        self._work.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; undo what was not committed."""
        self._work.end()

    async def prepare(self, events: Collection[Received], *, patient: bool = True) -> Collection[Received]:
        """Lock those whom these events concern. There is nothing to have at hand: all of it is in memory."""
        if not patient:
            return [event for event in events if not await self._is_free(event)]
        customers, users = await self._concerned(events)
        for customer_id in customers:
            await self.customers.lock_customer(customer_id)
        await self.customers.lock_users(users)
        return ()

    async def prepare_user(self, user_id: str) -> None:
        """Lock the user's customer, and the user."""
        customer_id = await self.customers.customer_of(user_id)
        if customer_id is not None:
            await self.customers.lock_customer(customer_id)
        await self.customers.lock_users([user_id])

    async def _is_free(self, event: Received) -> bool:
        customers, users = await self._concerned([event])
        keys = [*map(customer_lock, customers), *map(user_lock, users)]
        return all(self._work.lock_if_free(key) for key in keys)

    async def _concerned(self, events: Collection[Received]) -> tuple[list[str], list[str]]:
        """The customers and the users, each in ascending order."""
        facts = [event.fact for event in events if event.fact is not None]
        owners = {fact.customer_id for fact in facts}
        refs = [ref for fact in facts if fact.customer_id is None for ref in (fact.ref, *owners_of(fact.after))]
        owners |= {state.customer_id for state in await self.objects.get(refs)}
        customers = sorted(owner for owner in owners if owner is not None)
        users = {await self.customers.user_of(customer_id) for customer_id in customers}
        users |= {labels_of(fact.after).user_id for fact in facts}
        return customers, sorted(user_id for user_id in users if user_id is not None)

    async def commit(self) -> None:
        """Make everything since the beginning permanent at once."""
        self.outbox.take_places()
        self._work.commit()


class MemoryUnitsOfWork:
    """Where units of work on one store come from."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        #: The database that they work on.
        self.store = store or MemoryStore()

    def __repr__(self) -> str:
        return f"<fake MemoryUnitsOfWork on {self.store!r}>"

    def __call__(self) -> MemoryUnitOfWork:
        """A new one, not yet begun."""
        return MemoryUnitOfWork(self.store)
