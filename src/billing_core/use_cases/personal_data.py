"""Personal data: erase what is held of a person beyond amounts and ids, and export all that is held on a user.

Facts and what they add up to hold no name, e-mail or address (ADR 0012): only the bytes of webhooks do.
"""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.access import ManualGrant
from billing_core.domain.account import Account
from billing_core.domain.audit import AuditEntry, Cause
from billing_core.domain.callers import Caller
from billing_core.domain.events import Event
from billing_core.domain.facts import Fact
from billing_core.domain.operations import COMMAND_NAMES, Operation
from billing_core.domain.pauses import Pause
from billing_core.domain.purchases import Order
from billing_core.domain.received import Received
from billing_core.domain.resources import require_id
from billing_core.ports.clock import Clock
from billing_core.ports.operations import ALL_OF_USER
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.patience import Patience

__all__ = ["EraseCustomer", "ExportUser", "Holdings"]

_PAGE = 500
#: More than anybody's audit log has.
_ENTRIES_MAX = 100_000


@frozen(kw_only=True)
class Holdings:
    """All that is held on one user."""

    user_id: str
    #: The provider's customer; None for a user who never paid.
    stripe_customer_id: str | None
    account: Account
    orders: tuple[Order, ...]
    manual_grants: tuple[ManualGrant, ...]
    pauses: tuple[Pause, ...]
    operations: tuple[Operation, ...]
    #: What the provider told about them, and the webhooks that brought it, with their bytes while these are kept.
    facts: tuple[Fact, ...]
    received: tuple[Received, ...]
    #: What others were told in the last 30 days.
    events: tuple[Event, ...]
    audit: tuple[AuditEntry, ...]


async def _facts_about(uow: UnitOfWork, books: Bookkeeper, user_id: str) -> tuple[Fact, ...]:
    book = await books.book(uow, user_id)
    return await uow.facts.of_objects([state.ref for state in book.known])


async def _received_about(uow: UnitOfWork, facts: tuple[Fact, ...], customer_id: str | None) -> tuple[Received, ...]:
    return await uow.personal_data.events_about({fact.id for fact in facts}, customer_id)


@frozen(kw_only=True)
class EraseCustomer:
    """Erase names, e-mails and addresses of one user; amounts and ids stay."""

    units: UnitsOfWork
    books: Bookkeeper
    patiently: Patience
    clock: Clock

    async def __call__(self, caller: Caller, user_id: str, *, reason: str | None = None) -> int:
        """How many webhooks were stripped of their bytes; 0 where it was done already. Written into the audit log.

        What the provider sends later is held again for 90 days: erase there first. Raises `Forbidden` for anyone
        but support staff.
        """
        caller.require_admin()
        require_id(user_id, "user_id")
        return await self.patiently(lambda: self._erase(caller, user_id, reason))

    async def _erase(self, caller: Caller, user_id: str, reason: str | None) -> int:
        async with self.units() as uow:
            await self.books.lock(uow, user_id)
            customer_id = await uow.customers.customer_of(user_id)
            received = await _received_about(uow, await _facts_about(uow, self.books, user_id), customer_id)
            erased = await uow.personal_data.forget_payloads(received)
            if erased:
                cause = Cause(kind="erase", actor=caller.user_id, reason=reason)
                changes = {"received_events": {"payloads": (str(erased), "0")}}
                await uow.audit.add(AuditEntry(user_id=user_id, at=self.clock.now(), cause=cause, changes=changes))
            await uow.commit()
        return erased


@frozen(kw_only=True)
class ExportUser:
    """Export all that is held on one user."""

    units: UnitsOfWork
    books: Bookkeeper
    patiently: Patience

    async def __call__(self, caller: Caller, user_id: str) -> Holdings:
        """Everything, as of one moment. Raises `Forbidden` for anyone but support staff."""
        caller.require_admin()
        require_id(user_id, "user_id")
        return await self.patiently(lambda: self._collect(user_id))

    async def _collect(self, user_id: str) -> Holdings:
        async with self.units() as uow:
            await self.books.lock(uow, user_id)
            customer_id = await uow.customers.customer_of(user_id)
            facts = await _facts_about(uow, self.books, user_id)
            named = [
                await uow.operations.of_user(user_id, name, ALL_OF_USER) for name in sorted(COMMAND_NAMES.values())
            ]
            return Holdings(
                user_id=user_id,
                stripe_customer_id=customer_id,
                account=await uow.accounts.load(user_id),
                orders=await uow.orders.of_user(user_id),
                manual_grants=await uow.manual_grants.of_user(user_id),
                pauses=await uow.pauses.of_user(user_id),
                operations=tuple(operation for operations in named for operation in operations),
                facts=facts,
                received=await _received_about(uow, facts, customer_id),
                events=await _events_of(uow, user_id),
                audit=await uow.audit.of_user(user_id, _ENTRIES_MAX),
            )


async def _events_of(uow: UnitOfWork, user_id: str) -> tuple[Event, ...]:
    found: list[Event] = []
    while True:
        page = await uow.outbox.of_user(user_id, found[-1].version if found else 0, _PAGE)
        found += page
        if len(page) < _PAGE:
            return tuple(found)
