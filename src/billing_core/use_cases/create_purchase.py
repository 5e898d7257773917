"""Create a purchase: an order and the checkout session to pay it, at most one per user and thing."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from billing_core.domain.access import SourceKind
from billing_core.domain.account import Book, derive
from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller
from billing_core.domain.errors import AlreadyOwned, NotFound
from billing_core.domain.operations import OpenPurchaseCheckout, Operation
from billing_core.domain.purchases import Order, Purchase, Slot
from billing_core.domain.resources import Resource
from billing_core.ports.clock import Clock
from billing_core.ports.ids import IdSource
from billing_core.ports.operations import ALL_OF_USER
from billing_core.ports.price_book import PriceBook
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut

__all__ = ["CreatePurchase"]


@frozen(kw_only=True)
class CreatePurchase:
    """Begin to buy a single item."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut
    prices: PriceBook
    clock: Clock
    ids: IdSource

    async def __call__(self, caller: Caller, resource: Resource, success_url: str, cancel_url: str) -> Purchase:
        """The purchase with its open checkout session, for the caller themselves.

        A second request for the same thing while its session is open answers with the same purchase and
        session. Raises `NotFound` where the thing is not sold, `AlreadyOwned` where the caller has it for
        good or has paid for it already, and `ProviderRefused`, `ProviderUnavailable` or `OutcomeUnknown`.
        """
        operation = await self.carry_out.begun(caller)
        if operation is None:
            operation = await self.carry_out.patiently(lambda: self._reserve(caller, resource, success_url, cancel_url))
        command = operation.command
        if not isinstance(command, OpenPurchaseCheckout):  # pragma: no cover - by construction
            raise NotFound
        await self.carry_out(operation.id)
        async with self.units() as uow:
            purchase = await uow.views.purchase(command.order_id)
        if purchase is None:
            raise NotFound
        return purchase

    async def _reserve(self, caller: Caller, resource: Resource, success_url: str, cancel_url: str) -> Operation:
        async with self.units() as uow:
            await self.books.lock(uow, caller.user_id)
            now = self.clock.now()
            book = await self.books.book(uow, caller.user_id)
            item = book.catalog.item(resource)
            open_order = _open_order(book, resource, now)
            if open_order is not None:
                operation = await self._operation_of(uow, open_order)
                await self.carry_out.tie(uow, caller, operation)
                await uow.commit()
                return operation
            order = Order(
                id=self.ids.new(),
                user_id=caller.user_id,
                resource=resource,
                name=item.name,
                price=await self.prices.price(caller.user_id, item, now),
                refund=item.refund,
                success_url=success_url,
                cancel_url=cancel_url,
                created_at=now,
            )
            await uow.orders.add(order)
            operation = self._operation_for(order)
            await self.carry_out.write_down(uow, caller, operation)
            cause = Cause(kind="operation", id=operation.id, actor=caller.user_id)
            taken = await self.books.derive_again(uow, caller.user_id, cause, now)
            await self.books.commit(uow, taken)
        return operation

    def _operation_for(self, order: Order) -> Operation:
        command = OpenPurchaseCheckout(
            user_id=order.user_id,
            order_id=order.id,
            resource=order.resource,
            name=order.name,
            price=order.price,
            success_url=order.success_url,
            cancel_url=order.cancel_url,
        )
        return self.carry_out.new(command, order.user_id, order.user_id)

    async def _operation_of(self, uow: UnitOfWork, purchase: Purchase) -> Operation:
        for operation in await uow.operations.of_user(purchase.user_id, "open_purchase_checkout", ALL_OF_USER):
            if isinstance(operation.command, OpenPurchaseCheckout) and operation.command.order_id == purchase.id:
                return operation
        raise AlreadyOwned("A checkout for this is open elsewhere. Finish it, or wait until it expires.")


def _open_order(book: Book, resource: Resource, now: datetime) -> Purchase | None:
    """The purchase of ``resource`` whose checkout is open. Raises `AlreadyOwned` where there is nothing to buy."""
    account = derive(book)
    openers = book.catalog.containment.opened_by(resource)
    for grant in account.grants:
        lasting = grant.expires_at is None and grant.source.kind is not SourceKind.SUBSCRIPTION
        if (grant.resource.type, grant.resource.id) in openers and lasting and grant.is_open(now):
            raise AlreadyOwned
    for purchase in account.purchases:
        if purchase.resource == resource and purchase.slot in {Slot.OWNED, Slot.PROCESSING}:
            raise AlreadyOwned("It is paid for already, or the money is on its way.")
    return next((p for p in account.purchases if p.resource == resource and p.slot is Slot.RESERVED), None)
