"""What the fake provider does when it is asked to change something, and how it finds that again."""

from __future__ import annotations

from datetime import timedelta

from attrs import define, evolve, field, frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import (
    ANSWER,
    CustomerSeen,
    InvoiceSeen,
    Labels,
    ObjectKind,
    ObjectRef,
    PriceSeen,
    RefundSeen,
    ScheduleSeen,
    SessionSeen,
    SetupSeen,
    SubscriptionSeen,
)
from billing_core.domain.operations import (
    Answer,
    ApplyPromotion,
    AttachPaymentMethod,
    CancelSubscription,
    ChangePlan,
    ChangeTrialEnd,
    CreateCustomer,
    CreateSetupIntent,
    DetachPaymentMethod,
    EndDiscounts,
    ExpireCheckout,
    GiveUpCollecting,
    HoldCollection,
    OpenPortal,
    OpenPurchaseCheckout,
    OpenSubscriptionCheckout,
    Operation,
    PauseSubscription,
    PayInvoice,
    RefundPayment,
    ReleaseHold,
    ResumeSubscription,
    SetDefaultPaymentMethod,
    UndoCancel,
)
from billing_memory.provider.money import Till
from billing_memory.provider.resting import rests_as_wanted
from billing_memory.provider.subscribing import Subscribing
from billing_memory.provider.wallet import Wallet
from billing_memory.provider.world import World

__all__ = ["Commands"]

_OfSubscription = CancelSubscription | UndoCancel | ChangePlan | ChangeTrialEnd | PayInvoice | GiveUpCollecting
_OfGoingOn = HoldCollection | ReleaseHold | PauseSubscription | ResumeSubscription | ApplyPromotion | EndDiscounts
#: How long a checkout session stays open.
_SESSION_LIFE = timedelta(hours=24)


@frozen
class _Done:
    """What a command made or changed, the result first."""

    result_id: str
    refs: tuple[ObjectRef, ...] = ()
    secret: str | None = None

    @classmethod
    def of(cls, *refs: ObjectRef, secret: str | None = None) -> _Done:
        """These objects."""
        return cls(refs[0].id, refs, secret)


@define
class Commands:
    """Carries commands out. It knows nothing of idempotency keys: whoever calls it does."""

    world: World
    till: Till
    subscribing: Subscribing
    wallet: Wallet
    #: What each session was opened with.
    checkouts: dict[str, OpenPurchaseCheckout | OpenSubscriptionCheckout] = field(factory=dict)
    cards_work: bool = True
    refund_status: str = "succeeded"

    def carry_out(self, operation: Operation) -> Answer:
        """Do what the command says. Raises `ProviderRefused`."""
        return self._answer(operation, self._do(operation))

    def _do(self, operation: Operation) -> _Done:
        match operation.command:
            case OpenPortal() as command:
                return self._open_portal(command)
            case CreateSetupIntent() as command:
                ref = self.wallet.begin_setup(command, operation)
                return _Done.of(ref, secret=_client_secret(ref.id))
            case AttachPaymentMethod() | SetDefaultPaymentMethod() | DetachPaymentMethod() as command:
                return _Done.of(*self.wallet.change(command))
            case (
                CancelSubscription()
                | UndoCancel()
                | ChangePlan()
                | ChangeTrialEnd()
                | PayInvoice()
                | GiveUpCollecting() as command
            ):
                return _Done.of(_subscription(self._change(command)))
            case (
                HoldCollection()
                | ReleaseHold()
                | PauseSubscription()
                | ResumeSubscription()
                | ApplyPromotion()
                | EndDiscounts() as command
            ):
                return _Done.of(_subscription(self._go_on(command)))
            case command:
                return _Done.of(self._of_money(command, operation))

    def _of_money(
        self,
        command: CreateCustomer | OpenPurchaseCheckout | OpenSubscriptionCheckout | ExpireCheckout | RefundPayment,
        operation: Operation,
    ) -> ObjectRef:
        match command:
            case CreateCustomer():
                return self._create_customer(command, operation)
            case OpenPurchaseCheckout() | OpenSubscriptionCheckout():
                return self._open_session(command, operation)
            case ExpireCheckout():
                return self._expire(command.session_id)
            case RefundPayment():
                return self._refund(command, operation)

    def _open_portal(self, command: OpenPortal) -> _Done:
        """Its session is no object that anybody hears of."""
        self.world.get(CustomerSeen, command.customer_id or "")
        identity = self.world.new_id("bps")
        return _Done(identity, secret=f"https://portal.invalid/{identity}")

    def _change(self, command: _OfSubscription) -> SubscriptionSeen:
        match command:
            case CancelSubscription():
                return self.subscribing.cancel(command)
            case UndoCancel():
                return self.subscribing.undo_cancel(command.subscription_id, command.schedule_id)
            case ChangePlan():
                return self.subscribing.change(command, paid=self.cards_work)
            case ChangeTrialEnd():
                return self.subscribing.change_trial_end(command, paid=self.cards_work)
            case PayInvoice():
                return self.subscribing.pay_invoice(command, paid=self.cards_work)
            case GiveUpCollecting():
                return self.subscribing.give_up(command)

    def _go_on(self, command: _OfGoingOn) -> SubscriptionSeen:
        subscription, discounts = self.subscribing.going_on(command.subscription_id), self.till.discounts
        match command:
            case ApplyPromotion(promotion_id=promotion_id):
                redeemed = discounts.apply(subscription, discounts.redeemable(promotion_id))
                return self.world.tell("customer.subscription.updated", redeemed)
            case EndDiscounts():
                return self.world.tell("customer.subscription.updated", discounts.remove(subscription))
            case HoldCollection() | ReleaseHold() | PauseSubscription() | ResumeSubscription():
                return self.subscribing.rest(command, paid=self.cards_work)

    def effect_of(self, operation: Operation) -> Answer | None:
        """What an operation did: by the metadata of what it made, else by whether things are as it wanted them."""
        ref = self._made_by(operation) or self._as_wanted(operation)
        if ref is None:
            return None
        secret = _client_secret(ref.id) if ref.kind is ObjectKind.SETUP else None
        return self._answer(operation, _Done.of(ref, secret=secret))

    def _create_customer(self, command: CreateCustomer, operation: Operation) -> ObjectRef:
        customer = CustomerSeen(
            id=self.world.new_id("cus"),
            created=self.world.now(),
            labels=Labels(user_id=command.user_id, operation_id=operation.id),
        )
        self.world.tell("customer.created", customer)
        return ObjectRef(ObjectKind.CUSTOMER, customer.id)

    def _open_session(
        self, command: OpenPurchaseCheckout | OpenSubscriptionCheckout, operation: Operation
    ) -> ObjectRef:
        customer = self.world.get(CustomerSeen, command.customer_id or "")
        if customer.deleted:
            raise ProviderRefused(f"The customer {customer.id!r} is deleted.", code="resource_missing")
        identity = self.world.new_id("cs")
        session = SessionSeen(
            id=identity,
            created=self.world.now(),
            customer_id=customer.id,
            mode="payment",
            status="open",
            payment_status="unpaid",
            url=f"https://checkout.invalid/{identity}",
            expires_at=self.world.now() + _SESSION_LIFE,
            client_reference_id=command.user_id,
        )
        if isinstance(command, OpenPurchaseCheckout):
            labels = Labels(
                user_id=command.user_id,
                purchase_id=command.order_id,
                resource_type=command.resource.type,
                resource_id=command.resource.id,
                operation_id=operation.id,
            )
            session = evolve(session, amount_total=command.price.amount, currency=command.price.currency, labels=labels)
        else:
            session = self._for_subscription(session, command, operation)
        self.checkouts[identity] = command
        self.world.put(session)
        return ObjectRef(ObjectKind.SESSION, identity)

    def _for_subscription(
        self, session: SessionSeen, command: OpenSubscriptionCheckout, operation: Operation
    ) -> SessionSeen:
        price = self.world.get(PriceSeen, command.price_id)
        if not price.active or price.amount is None:
            raise ProviderRefused(f"The price {price.id!r} is not active.", code="resource_missing")
        if command.promotion_code is not None and command.promotion_code not in self.till.discounts.codes:
            raise ProviderRefused(f"No such promotion code: {command.promotion_code!r}.", code="resource_missing")
        return evolve(
            session,
            mode="subscription",
            amount_total=0 if command.trial_days else price.amount * command.quantity,
            currency=price.currency,
            labels=Labels(user_id=command.user_id, plan_id=command.plan_id, operation_id=operation.id),
        )

    def _expire(self, session_id: str) -> ObjectRef:
        session = self.world.get(SessionSeen, session_id)
        if session.status == "complete":
            raise ProviderRefused("The session is complete; it cannot be expired.")
        if session.status == "open":
            self.world.tell("checkout.session.expired", evolve(session, status="expired", url=None))
        return ObjectRef(ObjectKind.SESSION, session_id)

    def _refund(self, command: RefundPayment, operation: Operation) -> ObjectRef:
        labels = Labels(user_id=operation.user_id, purchase_id=command.purchase_id, operation_id=operation.id)
        refund = self.till.refund(
            command.payment_intent_id, command.amount, labels, status=self.refund_status, reason=command.reason
        )
        return ObjectRef(ObjectKind.REFUND, refund.id)

    def _answer(self, operation: Operation, done: _Done) -> Answer:
        # Answers of one second are ordered by their ids, as the real adapter's are: by operation, in its order.
        answered = f"answer:{operation.id}:{operation.key_generation}"
        facts = (self.world.fact_of(ref, ANSWER, f"{answered}:{self.world.new_id('req')}") for ref in done.refs)
        told = tuple(fact for fact in facts if fact is not None)
        return Answer(facts=told, result_id=done.result_id, secret=done.secret)

    def _made_by(self, operation: Operation) -> ObjectRef | None:
        made: list[CustomerSeen] | list[SessionSeen] | list[RefundSeen] | list[SetupSeen]
        match operation.command:
            case CreateCustomer():
                made, kind = self.world.all(CustomerSeen), ObjectKind.CUSTOMER
            case OpenPurchaseCheckout() | OpenSubscriptionCheckout():
                made, kind = self.world.all(SessionSeen), ObjectKind.SESSION
            case RefundPayment():
                made, kind = self.world.all(RefundSeen), ObjectKind.REFUND
            case CreateSetupIntent():
                made, kind = self.world.all(SetupSeen), ObjectKind.SETUP
            case _:
                return None
        return next((ObjectRef(kind, one.id) for one in made if one.labels.operation_id == operation.id), None)

    def _as_wanted(self, operation: Operation) -> ObjectRef | None:
        match operation.command:
            case ExpireCheckout(session_id=session_id):
                expired = self.world.get(SessionSeen, session_id).status == "expired"
                return ObjectRef(ObjectKind.SESSION, session_id) if expired else None
            case (
                HoldCollection()
                | ReleaseHold()
                | PauseSubscription()
                | ResumeSubscription()
                | ApplyPromotion()
                | EndDiscounts() as command
            ):
                subscription = self.world.get(SubscriptionSeen, command.subscription_id)
                return _subscription(subscription) if self._goes_on_as_wanted(subscription, command) else None
            case CancelSubscription() | UndoCancel() | ChangePlan() as command:
                subscription = self.world.get(SubscriptionSeen, command.subscription_id)
                return _subscription(subscription) if self._is_as_wanted(subscription, command) else None
            case AttachPaymentMethod() | SetDefaultPaymentMethod() | DetachPaymentMethod() as command:
                as_wanted = self.wallet.is_as_wanted(command)
                return ObjectRef(ObjectKind.PAYMENT_METHOD, command.payment_method_id) if as_wanted else None
            case ChangeTrialEnd() | PayInvoice() | GiveUpCollecting() as command:
                subscription_id = command.subscription_id
                return ObjectRef(ObjectKind.SUBSCRIPTION, subscription_id) if self._came_about(command) else None
            case _:
                return None

    def _goes_on_as_wanted(self, subscription: SubscriptionSeen, command: _OfGoingOn) -> bool:
        match command:
            case ApplyPromotion(promotion_id=promotion_id):
                return self.till.discounts.has(subscription, promotion_id)
            case EndDiscounts():
                return not subscription.discount_ids
            case HoldCollection() | ReleaseHold() | PauseSubscription() | ResumeSubscription():
                return rests_as_wanted(subscription, command)

    def _came_about(self, command: ChangeTrialEnd | PayInvoice | GiveUpCollecting) -> bool:
        match command:
            case ChangeTrialEnd(subscription_id=subscription_id, trial_end=trial_end):
                subscription = self.world.get(SubscriptionSeen, subscription_id)
                return subscription.trial_end == trial_end if trial_end else subscription.status != "trialing"
            case PayInvoice(invoice_id=invoice_id):
                return self.world.get(InvoiceSeen, invoice_id).status == "paid"
            case GiveUpCollecting(invoice_id=invoice_id):
                return self.world.get(InvoiceSeen, invoice_id).status == "void"

    def _is_as_wanted(
        self, subscription: SubscriptionSeen, command: CancelSubscription | UndoCancel | ChangePlan
    ) -> bool:
        match command:
            case CancelSubscription(at_period_end=at_period_end):
                return subscription.status == "canceled" or (at_period_end and subscription.cancel_at_period_end)
            case UndoCancel(schedule_id=schedule_id):
                held = schedule_id is not None and subscription.schedule_id == schedule_id
                return not subscription.cancel_at_period_end and not held
            case ChangePlan(price_id=price_id, quantity=quantity, at_period_end=False):
                item = subscription.items[0]
                waiting = (subscription.pending_price_id, subscription.pending_quantity)
                return (price_id, quantity) in ((item.price_id, item.quantity), waiting)
            case ChangePlan(price_id=price_id, quantity=quantity):
                schedule = self.world.find(ScheduleSeen, subscription.schedule_id)
                phase = schedule.phases[-1] if schedule else None
                return phase is not None and (phase.price_id, phase.quantity) == (price_id, quantity)


def _client_secret(setup_id: str) -> str:
    return f"{setup_id}_secret_of_the_fake"


def _subscription(subscription: SubscriptionSeen) -> ObjectRef:
    return ObjectRef(ObjectKind.SUBSCRIPTION, subscription.id)
