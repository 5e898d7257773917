"""The listing: everything that Stripe has of a customer, in as few requests as it can be had.

Listing reads Stripe's own records; searching would not do, as its index lags behind. What hangs on an object
comes along in it where Stripe allows: an invoice with its payments, a charge with its refunds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import Any

from attrs import field, frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import DiscountSeen, ObjectKind, ObjectRef, Snapshot
from billing_core.ports.provider_listing import Change
from billing_stripe.api import ListMethod, Reply, StripeApi
from billing_stripe.errors import GONE, asking
from billing_stripe.facts import EVENT_KINDS, snapshot_of
from billing_stripe.facts.shown_discounts import ShownDiscounts
from billing_stripe.permissions import Permission
from billing_stripe.retrievals import retrieve, with_all_lines

__all__ = ["AT_LARGE", "LISTS", "StripeListing"]


@frozen
class _List:
    """How the objects of one kind that name a customer are listed."""

    kind: ObjectKind
    needs: Permission
    method: Callable[[StripeApi, str], ListMethod]
    #: Besides the customer.
    params: dict[str, Any] = field(factory=dict)
    #: Whether the customer is one of the parameters, not of the path.
    by_param: bool = True


LISTS: tuple[_List, ...] = (
    _List(
        ObjectKind.SESSION,
        Permission.SESSIONS_READ,
        lambda api, _: api.client.v1.checkout.sessions.list_async,
        {"expand": ["data.payment_intent"]},
    ),
    _List(
        ObjectKind.SUBSCRIPTION,
        Permission.SUBSCRIPTIONS_READ,
        lambda api, _: api.client.v1.subscriptions.list_async,
        # Canceled ones are left out otherwise. Discounts are in no list of their own.
        {"status": "all", "expand": ["data.discounts", "data.items.data.discounts"]},
    ),
    _List(
        ObjectKind.SCHEDULE,
        Permission.SUBSCRIPTIONS_READ,
        lambda api, _: api.client.v1.subscription_schedules.list_async,
    ),
    _List(
        ObjectKind.INVOICE,
        Permission.INVOICES_READ,
        lambda api, _: api.client.v1.invoices.list_async,
        {"expand": ["data.payments", "data.total_discount_amounts.discount"]},
    ),
    _List(ObjectKind.PAYMENT, Permission.PAYMENTS_READ, lambda api, _: api.client.v1.payment_intents.list_async),
    _List(
        ObjectKind.CHARGE,
        Permission.CHARGES_READ,
        lambda api, _: api.client.v1.charges.list_async,
        {"expand": ["data.refunds"]},
    ),
    _List(ObjectKind.SETUP, Permission.SETUPS_READ, lambda api, _: api.client.v1.setup_intents.list_async),
    _List(
        ObjectKind.PAYMENT_METHOD,
        Permission.PAYMENT_METHODS_READ,
        lambda api, customer: partial(api.client.v1.customers.payment_methods.list_async, customer),
        by_param=False,
    ),
)


#: How the objects are listed that concern the account, or whose customer they do not name.
AT_LARGE: tuple[_List, ...] = (
    _List(ObjectKind.PRICE, Permission.PRICES_READ, lambda api, _: api.client.v1.prices.list_async),
    _List(ObjectKind.PRODUCT, Permission.PRODUCTS_READ, lambda api, _: api.client.v1.products.list_async),
    _List(ObjectKind.COUPON, Permission.COUPONS_READ, lambda api, _: api.client.v1.coupons.list_async),
    _List(ObjectKind.DISPUTE, Permission.DISPUTES_READ, lambda api, _: api.client.v1.disputes.list_async),
    _List(ObjectKind.REFUND, Permission.CHARGES_READ, lambda api, _: api.client.v1.refunds.list_async),
)


class StripeListing:
    """Lists what Stripe has (`billing_core.ports.provider_listing.ProviderListing`). Changes nothing."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def of_customer(self, customer_id: str) -> AsyncIterator[Snapshot]:
        """A customer and all that is theirs; see the port."""
        with asking():
            customer = await retrieve(self._api, ObjectRef(ObjectKind.CUSTOMER, customer_id))
        if customer is None:
            return
        yield _read(ObjectKind.CUSTOMER, customer)
        discounts = ShownDiscounts()
        for discount in _discounts(discounts, ObjectKind.CUSTOMER, customer):
            yield discount
        for one in LISTS:
            params = {**one.params, **({"customer": customer_id} if one.by_param else {})}
            async for row in self._rows(one.method(self._api, customer_id), params, one.needs):
                async for snapshot in self._with_what_hangs_on_it(one.kind, row):
                    yield snapshot
                for discount in _discounts(discounts, one.kind, row):
                    yield discount

    async def customers(self, after: str) -> AsyncIterator[str]:
        """The ids of all customers, newest first; see the port."""
        rows = self._from(self._api.client.v1.customers.list_async, {}, after, Permission.CUSTOMERS_READ)
        async for row in rows:
            with asking():
                identity = row.json.need_identity()
            yield identity

    async def at_large(self) -> AsyncIterator[Snapshot]:
        """What stands by itself; see the port."""
        for one in AT_LARGE:
            async for row in self._rows(one.method(self._api, ""), one.params, one.needs):
                yield _read(one.kind, row)

    async def changes(self, since: datetime, after: str) -> AsyncIterator[Change]:
        """The log of events, newest first; see the port."""
        params = {"created": {"gte": int(since.timestamp())}}
        rows = self._from(self._api.client.v1.events.list_async, params, after, Permission.EVENTS_READ)
        async for row in rows:
            with asking():
                kind = EVENT_KINDS.get(row.json.need_text("type"))
                after_it = row.json.hash("data").hash("object")
                before_it = row.json.hash("data").hash("previous_attributes")
                identity = after_it.identity("id")
                named = after_it.identity("customer") or before_it.identity("customer")
                event_id = row.json.need_identity()
            if kind is not None and identity is not None:
                whose = identity if kind is ObjectKind.CUSTOMER else named
                yield Change(event_id=event_id, ref=ObjectRef(kind, identity), customer_id=whose)

    async def _with_what_hangs_on_it(self, kind: ObjectKind, row: Reply) -> AsyncIterator[Snapshot]:
        with asking():
            identity = row.json.need_identity()
            row = await with_all_lines(self._api, identity, row) if kind is ObjectKind.INVOICE else row
        yield _read(kind, row)
        v1 = self._api.client.v1
        if kind is ObjectKind.INVOICE:
            payments = self._inside(row, "payments", v1.invoice_payments.list_async, {"invoice": identity})
            async for inside in payments:
                yield _read(ObjectKind.INVOICE_PAYMENT, inside)
        if kind is ObjectKind.CHARGE:
            async for inside in self._inside(row, "refunds", v1.refunds.list_async, {"charge": identity}):
                yield _read(ObjectKind.REFUND, inside)
            if row.json.flag("disputed"):
                disputes = self._rows(v1.disputes.list_async, {"charge": identity}, Permission.DISPUTES_READ)
                async for inside in disputes:
                    yield _read(ObjectKind.DISPUTE, inside)

    async def _inside(self, row: Reply, name: str, method: ListMethod, params: dict[str, Any]) -> AsyncIterator[Reply]:
        """The members of a list that came along in an object; listed by themselves where not all of them did."""
        inside = row.json.hash(name)
        if not inside.has("data") or inside.flag("has_more"):
            needs = Permission.INVOICES_READ if name == "payments" else Permission.CHARGES_READ
            async for one in self._rows(method, params, needs):
                yield one
            return
        with asking():
            members = inside.rows("data")
        for member in members:
            yield Reply(body=member.fields, at=row.at)

    async def _rows(self, method: ListMethod, params: dict[str, Any], needs: Permission) -> AsyncIterator[Reply]:
        """Every member of a list; none where Stripe does not know whose it would be."""
        try:
            async for row in self._api.rows(method, params, needs=needs):
                yield row
        except ProviderRefused as refusal:
            if refusal.code != GONE:
                raise

    async def _from(
        self, method: ListMethod, params: dict[str, Any], after: str, needs: Permission
    ) -> AsyncIterator[Reply]:
        """Every member from beyond ``after``, or all where that is gone."""
        if after:
            try:
                async for row in self._api.rows(method, {**params, "starting_after": after}, needs=needs):
                    yield row
            except ProviderRefused as refusal:
                if refusal.code != GONE:
                    raise
            else:
                return
        async for row in self._api.rows(method, params, needs=needs):
            yield row


def _discounts(shown: ShownDiscounts, kind: ObjectKind, row: Reply) -> list[DiscountSeen]:
    with asking():
        return shown.by(kind, row.json)


def _read(kind: ObjectKind, row: Reply) -> Snapshot:
    with asking():
        return snapshot_of(kind, row.body)
