"""The fake provider: the five provider ports on one small world."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from enum import Enum

from attrs import evolve, frozen

from billing_core.domain.errors import (
    CatalogInvalid,
    OutcomeUnknown,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from billing_core.domain.facts import (
    CustomerSeen,
    Fact,
    InvoicePaymentSeen,
    ObjectKind,
    ObjectRef,
    PriceSeen,
    ProductSeen,
    Snapshot,
    SubscriptionSeen,
)
from billing_core.domain.money import Money
from billing_core.domain.offers import Offer
from billing_core.domain.operations import Answer, ChangePlan, Command, Operation
from billing_core.domain.plans import Plan
from billing_core.domain.promotions import Promotion
from billing_core.domain.received import Delivery
from billing_core.ports.clock import Clock
from billing_core.ports.provider import Preview, PreviewLine, ProviderIdentity
from billing_core.ports.provider_listing import Change
from billing_memory.provider.buyers import Buyers
from billing_memory.provider.commands import Commands
from billing_memory.provider.discounts import Discounts
from billing_memory.provider.listing import Listing
from billing_memory.provider.money import Till
from billing_memory.provider.subscribing import Subscribing
from billing_memory.provider.wallet import Wallet
from billing_memory.provider.world import World

__all__ = ["FakeProvider", "Trouble"]

#: For so long an idempotency key is remembered.
_KEY_MEMORY = timedelta(hours=24)


class Trouble(Enum):
    """What may go wrong with a call that changes something."""

    #: The request does not get through: no effect.
    UNAVAILABLE = "unavailable"
    #: The request has its effect, but the answer is lost.
    ANSWER_LOST = "answer lost"
    #: The request is lost on the way, and nobody can tell.
    REQUEST_LOST = "request lost"
    #: The provider fails after the effect; its failure is replayed under the key.
    FAILED_AFTER = "failed after"
    #: The provider fails before the effect; its failure is replayed under the key.
    FAILED_BEFORE = "failed before"


@frozen
class _Kept:
    """What an idempotency key was used for."""

    command: Command
    outcome: Answer | ProviderError
    at: datetime


class FakeProvider:
    """A payment provider in memory. It implements the five provider ports and says so in no production code.

    ``buyers`` acts at the provider as people and banks do; ``take_deliveries`` gives the events to deliver.
    ``trouble`` holds what goes wrong with the next calls, one each; an error in it is raised as a refusal.
    """

    def __init__(self, clock: Clock, *, webhook_secret: str = "whsec_fake") -> None:  # noqa: S107 - of a fake
        self.world = World(clock, webhook_secret=webhook_secret)
        #: The promotion codes that can be redeemed; `Discounts.offer` makes one.
        self.discounts = Discounts(self.world)
        till = Till(self.world, self.discounts)
        subscribing = Subscribing(self.world, till)
        #: What customers can be charged with; its cards are made and saved as a browser does.
        self.wallet = Wallet(self.world)
        self._commands = Commands(self.world, till, subscribing, self.wallet)
        self.buyers = Buyers(self.world, till, subscribing, self._commands.checkouts)
        #: What goes wrong with the next calls of `execute`, in this order.
        self.trouble: deque[Trouble | ProviderRefused] = deque()
        #: While False, every question and every change is refused as unreachable.
        self.reachable = True
        self._till, self._subscribing = till, subscribing
        self._listing = Listing(self.world)
        self._kept: dict[str, _Kept] = {}

    def __repr__(self) -> str:
        return f"<fake FakeProvider, account {self.world.account_id}>"

    @property
    def cards_work(self) -> bool:
        """Whether the cards on file can be charged for a change of plan."""
        return self._commands.cards_work

    @cards_work.setter
    def cards_work(self, work: bool) -> None:
        self._commands.cards_work = work

    def decline_cards_for(self, decline_code: str) -> None:
        """From now on, cards that are declined are declined for this reason, such as ``lost_card``."""
        self._till.decline_code = decline_code

    @property
    def refund_status(self) -> str:
        """The status in which a refund is answered, such as ``succeeded`` or ``pending``."""
        return self._commands.refund_status

    @refund_status.setter
    def refund_status(self, status: str) -> None:
        self._commands.refund_status = status

    def take_deliveries(self) -> list[Delivery]:
        """The events since the last call, oldest first."""
        return self.world.take_deliveries()

    def signature_of(self, payload: bytes, at: datetime) -> str:
        """The signature header of ``payload``, sent at this real time."""
        return self.world.sign(payload, at)

    # Provider

    async def execute(self, operation: Operation) -> Answer:
        """Carry out a command, at most once per idempotency key."""
        self._require_reachable()
        trouble = self.trouble.popleft() if self.trouble else None
        if trouble is Trouble.UNAVAILABLE:
            raise ProviderUnavailable
        if trouble is Trouble.REQUEST_LOST:
            raise OutcomeUnknown
        outcome = self._once(operation, trouble)
        if isinstance(outcome, ProviderError):
            raise outcome
        if trouble is Trouble.ANSWER_LOST:
            raise OutcomeUnknown
        return outcome

    def _once(self, operation: Operation, trouble: Trouble | ProviderRefused | None) -> Answer | ProviderError:
        key, now = operation.idempotency_key, self.world.now()
        kept = self._kept.get(key)
        if kept is not None and now < kept.at + _KEY_MEMORY:
            if kept.command != operation.command:
                return ProviderRefused("This idempotency key was used otherwise.", code="idempotency_error")
            return kept.outcome
        outcome: Answer | ProviderError
        if isinstance(trouble, ProviderRefused):
            outcome = trouble
        elif trouble is Trouble.FAILED_BEFORE:
            outcome = OutcomeUnknown(answered=True)
        else:
            try:
                outcome = self._commands.carry_out(operation)
            except ProviderRefused as refusal:
                outcome = refusal
            if trouble is Trouble.FAILED_AFTER:
                outcome = OutcomeUnknown(answered=True)
        self._kept[key] = _Kept(operation.command, outcome, now)
        return outcome

    # ProviderLookup

    async def fetch(self, ref: ObjectRef) -> Fact | None:
        """The object as it is now; no discount, as at the real provider."""
        self._require_reachable()
        return None if ref.kind is ObjectKind.DISCOUNT else self.world.fact_of(ref)

    async def effect_of(self, operation: Operation) -> Answer | None:
        """What an operation did, if anything."""
        self._require_reachable()
        return self._commands.effect_of(operation)

    async def preview(self, operation: Operation) -> Preview:
        """What a change of plan would charge."""
        self._require_reachable()
        command = operation.command
        if not isinstance(command, ChangePlan):
            raise ProviderRefused("Only a change of plan can be previewed.")
        subscription = self.world.get(SubscriptionSeen, command.subscription_id)
        currency = self.world.get(PriceSeen, command.price_id).currency
        lines = self.discounts.lessened(subscription, self._subscribing.change_lines(subscription, command))
        return Preview(
            amount_due=self._till.due_of(subscription.customer_id, currency, lines)[0],
            credit=Money(-sum(line.amount for line in lines if line.amount < 0), currency),
            lines=tuple(
                PreviewLine(
                    description=line.description or "",
                    amount=Money(line.amount - line.discount, currency),
                    proration=line.proration,
                    period_start=line.period_start,
                    period_end=line.period_end,
                )
                for line in lines
            ),
            next_invoice_at=max((line.period_end for line in lines), default=subscription.items[0].period_end),
            proration_date=command.proration_date or self.world.now(),
        )

    async def balance(self, customer_id: str) -> Money | None:
        """What the next invoice settles."""
        self._require_reachable()
        customer = self.world.get(CustomerSeen, customer_id)
        kept = self._till.balances.get(customer.id)
        return kept if kept is not None and kept.amount else None

    async def promotion(self, code: str) -> Promotion | None:
        """What customers type in as ``code``."""
        self._require_reachable()
        return self.discounts.codes.get(code)

    async def links_of(self, payment_intent_id: str) -> Collection[Fact]:
        """The invoice payments of a payment."""
        self._require_reachable()
        refs = [
            ObjectRef(ObjectKind.INVOICE_PAYMENT, link.id)
            for link in self.world.all(InvoicePaymentSeen)
            if link.payment_id == payment_intent_id
        ]
        return [fact for fact in map(self.world.fact_of, refs) if fact is not None]

    async def identity(self) -> ProviderIdentity:
        """The one account that it has."""
        self._require_reachable()
        return ProviderIdentity(account_id=self.world.account_id, livemode=False)

    # ProviderListing

    def of_customer(self, customer_id: str) -> AsyncIterator[Snapshot]:
        """A customer and all that is theirs."""
        self._require_reachable()
        return self._listing.of_customer(customer_id)

    def customers(self, after: str) -> AsyncIterator[str]:
        """The ids of all customers."""
        self._require_reachable()
        return self._listing.customers(after)

    def at_large(self) -> AsyncIterator[Snapshot]:
        """What stands by itself in the account."""
        self._require_reachable()
        return self._listing.at_large()

    def changes(self, since: datetime, after: str) -> AsyncIterator[Change]:
        """The log of events."""
        self._require_reachable()
        return self._listing.changes(since, after)

    # ProviderCatalog

    async def offers(self) -> Collection[Offer]:
        """Every recurring price that is sold."""
        self._require_reachable()
        sold = [price for price in self.world.all(PriceSeen) if price.active and price.interval is not None]
        return [Offer(price=price, product=self.world.get(ProductSeen, price.product_id)) for price in sold]

    async def ensure_plan(self, plan: Plan) -> str:
        """The price of a plan, found or made."""
        self._require_reachable()
        if plan.stripe_price_id is not None:
            given = self.world.find(PriceSeen, plan.stripe_price_id)
            if given is None or not _fits(given, plan):
                raise CatalogInvalid(
                    f"The price {plan.stripe_price_id} does not fit the plan {plan.id}.", field="plans"
                )
            return given.id
        known = next((one for one in self.world.all(PriceSeen) if one.lookup_key == plan.id), None)
        if known is not None and known.active and _fits(known, plan):
            return known.id
        if known is not None:
            self.world.tell("price.updated", evolve(known, active=False, lookup_key=None))
        return self._new_price(plan, known.product_id if known else self._new_product(plan)).id

    def _new_product(self, plan: Plan) -> str:
        product = ProductSeen(
            id=self.world.new_id("prod"), created=self.world.now(), name=plan.name, description=plan.description or None
        )
        return self.world.tell("product.created", product).id

    def _new_price(self, plan: Plan, product_id: str) -> PriceSeen:
        price = PriceSeen(
            id=self.world.new_id("price"),
            created=self.world.now(),
            product_id=product_id,
            currency=plan.price.currency,
            amount=plan.price.amount,
            interval=plan.interval,
            interval_count=plan.interval_count,
            lookup_key=plan.id,
        )
        return self.world.tell("price.created", price)

    # WebhookVerifier

    def read(self, payload: bytes, signature: str, now: datetime) -> Delivery:
        """The event in a webhook, after its signature is verified."""
        return self.world.read(payload, signature, now)

    def read_again(self, payload: bytes) -> Delivery:
        """The event in a webhook that was verified before."""
        return self.world.delivery_of(payload)

    def delete_customer(self, customer_id: str) -> None:
        """Somebody deletes a customer in the dashboard."""
        customer = self.world.get(CustomerSeen, customer_id)
        self.world.tell("customer.deleted", evolve(customer, deleted=True, default_payment_method_id=None))

    def _require_reachable(self) -> None:
        if not self.reachable:
            raise ProviderUnavailable


def _fits(price: PriceSeen, plan: Plan) -> bool:
    terms = (price.amount, price.currency, price.interval, price.interval_count)
    return terms == (plan.price.amount, plan.price.currency, plan.interval, plan.interval_count)
