"""How the present state of each kind of object is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import stripe
from attrs import frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import Fact, ObjectKind, ObjectRef
from billing_stripe.api import Reply, StripeApi
from billing_stripe.errors import GONE
from billing_stripe.facts import snapshot_of
from billing_stripe.permissions import Permission

__all__ = ["NEVER_ASKED", "RETRIEVALS", "fact_of", "retrieve", "with_all_lines"]

Retrieve = Callable[[StripeApi, str, stripe.RequestOptions], Awaitable[stripe.StripeObject]]


@frozen
class Retrieval:
    """The call that gives one object by its id, and the permission that it takes."""

    call: Retrieve
    needs: Permission


#: A session shows with its payment whether a delayed method came to nothing.
_SESSION: stripe.params.checkout.SessionRetrieveParams = {"expand": ["payment_intent"]}

RETRIEVALS: dict[ObjectKind, Retrieval] = {
    ObjectKind.CUSTOMER: Retrieval(
        lambda api, identity, options: api.client.v1.customers.retrieve_async(identity, {}, options),
        Permission.CUSTOMERS_READ,
    ),
    ObjectKind.SESSION: Retrieval(
        lambda api, identity, options: api.client.v1.checkout.sessions.retrieve_async(identity, _SESSION, options),
        Permission.SESSIONS_READ,
    ),
    ObjectKind.SUBSCRIPTION: Retrieval(
        lambda api, identity, options: api.client.v1.subscriptions.retrieve_async(identity, {}, options),
        Permission.SUBSCRIPTIONS_READ,
    ),
    ObjectKind.SCHEDULE: Retrieval(
        lambda api, identity, options: api.client.v1.subscription_schedules.retrieve_async(identity, {}, options),
        Permission.SUBSCRIPTIONS_READ,
    ),
    ObjectKind.INVOICE: Retrieval(
        lambda api, identity, options: api.client.v1.invoices.retrieve_async(identity, {}, options),
        Permission.INVOICES_READ,
    ),
    ObjectKind.INVOICE_PAYMENT: Retrieval(
        lambda api, identity, options: api.client.v1.invoice_payments.retrieve_async(identity, {}, options),
        Permission.INVOICES_READ,
    ),
    ObjectKind.PAYMENT: Retrieval(
        lambda api, identity, options: api.client.v1.payment_intents.retrieve_async(identity, {}, options),
        Permission.PAYMENTS_READ,
    ),
    ObjectKind.CHARGE: Retrieval(
        lambda api, identity, options: api.client.v1.charges.retrieve_async(identity, {}, options),
        Permission.CHARGES_READ,
    ),
    ObjectKind.REFUND: Retrieval(
        lambda api, identity, options: api.client.v1.refunds.retrieve_async(identity, {}, options),
        Permission.CHARGES_READ,
    ),
    ObjectKind.DISPUTE: Retrieval(
        lambda api, identity, options: api.client.v1.disputes.retrieve_async(identity, {}, options),
        Permission.DISPUTES_READ,
    ),
    ObjectKind.COUPON: Retrieval(
        lambda api, identity, options: api.client.v1.coupons.retrieve_async(identity, {}, options),
        Permission.COUPONS_READ,
    ),
    ObjectKind.SETUP: Retrieval(
        lambda api, identity, options: api.client.v1.setup_intents.retrieve_async(identity, {}, options),
        Permission.SETUPS_READ,
    ),
    ObjectKind.PAYMENT_METHOD: Retrieval(
        lambda api, identity, options: api.client.v1.payment_methods.retrieve_async(identity, {}, options),
        Permission.PAYMENT_METHODS_READ,
    ),
    ObjectKind.PRODUCT: Retrieval(
        lambda api, identity, options: api.client.v1.products.retrieve_async(identity, {}, options),
        Permission.PRODUCTS_READ,
    ),
    ObjectKind.PRICE: Retrieval(
        lambda api, identity, options: api.client.v1.prices.retrieve_async(identity, {}, options),
        Permission.PRICES_READ,
    ),
}

#: Kinds that Stripe shows in events and inside other objects, and has no call for.
NEVER_ASKED = frozenset({ObjectKind.DISCOUNT})

#: Kinds of which a deleted one still says something: that it is deleted.
_DELETED_TELLS = {ObjectKind.CUSTOMER, ObjectKind.PRODUCT, ObjectKind.PRICE}


async def retrieve(api: StripeApi, ref: ObjectRef) -> Reply | None:
    """An object as it is now, with all of its lines; None where Stripe has none, or none that can be asked for.

    Raises `ProviderRefused` where the key does not suffice, `ProviderUnavailable`, and `Unreadable`.
    """
    if ref.kind in NEVER_ASKED:
        return None
    retrieval = RETRIEVALS[ref.kind]
    try:
        reply = await api.ask(lambda options: retrieval.call(api, ref.id, options), needs=retrieval.needs)
    except ProviderRefused as refusal:
        if refusal.code == GONE:
            return None
        raise
    if reply.json.flag("deleted") and ref.kind not in _DELETED_TELLS:
        return None
    return await with_all_lines(api, ref.id, reply) if ref.kind is ObjectKind.INVOICE else reply


async def with_all_lines(api: StripeApi, invoice_id: str, reply: Reply) -> Reply:
    """An invoice with every line: it comes with its first ten. Raises what `StripeApi.ask` raises."""
    if not reply.json.hash("lines").flag("has_more"):
        return reply
    of_invoice = partial(api.client.v1.invoices.line_items.list_async, invoice_id)
    lines = [line.body async for line in api.rows(of_invoice, {}, needs=Permission.INVOICES_READ)]
    return Reply(body={**reply.body, "lines": {"object": "list", "data": lines}}, at=reply.at)


async def fact_of(api: StripeApi, kind: ObjectKind, reply: Reply, *, identity: str, fact_type: str) -> Fact:
    """What ``reply`` tells about an object of this kind, as a fact of its time.

    Raises `Unreadable`, and `ProviderUnavailable` where the time of a test clock cannot be asked.
    """
    after = snapshot_of(kind, reply.body)
    return Fact(id=identity, type=fact_type, occurred_at=await api.moment_of(reply), after=after)
