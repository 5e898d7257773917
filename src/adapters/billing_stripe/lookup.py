"""The lookup: what can be asked of Stripe."""

from __future__ import annotations

from collections.abc import Collection

from attrs import evolve

from billing_core.domain.errors import InvalidValue
from billing_core.domain.facts import ANSWER, LOOKED_UP, Fact, ObjectKind, ObjectRef
from billing_core.domain.money import Money
from billing_core.domain.operations import Answer, ChangePlan, Operation
from billing_core.domain.promotions import Promotion
from billing_core.ports.provider import Preview, ProviderIdentity
from billing_stripe.api import Reply, StripeApi
from billing_stripe.effects import EFFECTS
from billing_stripe.errors import asking
from billing_stripe.permissions import Permission
from billing_stripe.previews import preview_of
from billing_stripe.promotions import promotion_of
from billing_stripe.retrievals import fact_of, retrieve

__all__ = ["StripeLookup"]


class StripeLookup:
    """Asks Stripe (`billing_core.ports.provider.ProviderLookup`). Changes nothing."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def fetch(self, ref: ObjectRef) -> Fact | None:
        """The object as it is now; see the port. An invoice comes with all of its lines."""
        with asking():
            reply = await retrieve(self._api, ref)
            return await self._looked_up(ref.kind, reply) if reply else None

    async def effect_of(self, operation: Operation) -> Answer | None:
        """What ``operation`` did; see the port. Something done by halves counts as not done: it is done again."""
        find = EFFECTS[type(operation.command)]
        with asking():
            found = await find(self._api, operation, operation.command)
            if found is None:
                return None
            facts = [
                await fact_of(
                    self._api,
                    kind,
                    reply,
                    identity=f"answer:{operation.id}:found:{reply.json.need_identity()}",
                    fact_type=ANSWER,
                )
                for kind, reply in found
            ]
        secret = found[0][1].json.text("client_secret") if found[0][0] is ObjectKind.SETUP else None
        return Answer(facts=tuple(facts), result_id=facts[0].after.id, secret=secret)

    async def preview(self, operation: Operation) -> Preview:
        """What a change of plan would charge; see the port."""
        if not isinstance(operation.command, ChangePlan):
            raise InvalidValue("Only a change of plan can be previewed.", field="command")
        with asking():
            return await preview_of(self._api, operation.command)

    async def balance(self, customer_id: str) -> Money | None:
        """What a customer owes or has as credit; see the port."""
        customers = self._api.client.v1.customers
        with asking():
            reply = await self._api.ask(
                lambda options: customers.retrieve_async(customer_id, {}, options), needs=Permission.CUSTOMERS_READ
            )
            kept = reply.json.whole("balance")
            return Money(kept, reply.json.currency()) if kept else None

    async def promotion(self, code: str) -> Promotion | None:
        """The active promotion code ``code``; see the port."""
        with asking():
            return await promotion_of(self._api, code)

    async def links_of(self, payment_intent_id: str) -> Collection[Fact]:
        """The invoice payments of a payment; see the port."""
        params = {"payment": {"type": "payment_intent", "payment_intent": payment_intent_id}}
        rows = self._api.rows(self._api.client.v1.invoice_payments.list_async, params, needs=Permission.INVOICES_READ)
        with asking():
            return [await self._looked_up(ObjectKind.INVOICE_PAYMENT, row) async for row in rows]

    async def identity(self) -> ProviderIdentity:
        """Which account and mode the key belongs to. The key itself tells its mode."""
        with asking():
            reply = await self._api.ask(
                lambda options: self._api.client.v1.accounts.retrieve_current_async({}, options),
                needs=Permission.ACCOUNTS_READ,
            )
            return ProviderIdentity(account_id=reply.json.need_identity(), livemode=self._api.livemode)

    async def _looked_up(self, kind: ObjectKind, reply: Reply) -> Fact:
        fact = await fact_of(self._api, kind, reply, identity=LOOKED_UP, fact_type=LOOKED_UP)
        return evolve(fact, id=f"lookup:{fact.ref}:{int(fact.occurred_at.timestamp())}")
