"""Operations: what we ask the payment provider to change, as intent, call, settle (decision 4).

A command says what is wanted. It is written down as an operation with an idempotency key of its own and
committed before the provider is called; the answer is committed after. A crash in between leaves a
pending operation, which any worker finishes under the same key. A key belongs to one operation, never to
the thing that it changes: a second cancellation of one subscription is another operation.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from attrs import evolve, field, frozen

from billing_core.domain.continuing import (
    ApplyPromotion,
    ChangeTrialEnd,
    EndDiscounts,
    GiveUpCollecting,
    HoldCollection,
    PauseSubscription,
    PayInvoice,
    ReleaseHold,
    ResumeSubscription,
)
from billing_core.domain.facts import Fact
from billing_core.domain.money import Money
from billing_core.domain.own_proration import OwnLine
from billing_core.domain.resources import Resource

__all__ = [
    "DUPLICATE",
    "KEY_LIFETIME",
    "Answer",
    "ApplyPromotion",
    "AttachPaymentMethod",
    "CancelSubscription",
    "ChangePlan",
    "ChangeTrialEnd",
    "Command",
    "CreateCustomer",
    "CreateSetupIntent",
    "DetachPaymentMethod",
    "EndDiscounts",
    "ExpireCheckout",
    "GiveUpCollecting",
    "HoldCollection",
    "OfCustomer",
    "OfSubscription",
    "OpenPortal",
    "OpenPurchaseCheckout",
    "OpenSubscriptionCheckout",
    "Operation",
    "OperationState",
    "PauseSubscription",
    "PayInvoice",
    "RefundPayment",
    "ReleaseHold",
    "ResumeSubscription",
    "SetDefaultPaymentMethod",
    "UndoCancel",
]

#: After this the provider forgets an idempotency key, so the effect is looked up instead (Stripe: at least 24 h).
KEY_LIFETIME = timedelta(hours=23)

#: Why a second capture for one thing is given back, in the provider's word.
DUPLICATE = "duplicate"


@frozen(kw_only=True)
class CreateCustomer:
    """Make the one customer of a user."""

    user_id: str


@frozen(kw_only=True)
class OpenPurchaseCheckout:
    """Open a checkout session for one order."""

    user_id: str
    #: None until the user has a customer.
    customer_id: str | None = None
    order_id: str
    resource: Resource
    name: str
    price: Money
    success_url: str
    cancel_url: str


@frozen(kw_only=True)
class OpenSubscriptionCheckout:
    """Open a checkout session for a new subscription."""

    user_id: str
    #: None until the user has a customer.
    customer_id: str | None = None
    plan_id: str
    price_id: str
    quantity: int
    #: Days of trial; 0 for none.
    trial_days: int
    success_url: str
    cancel_url: str
    promotion_code: str | None = None
    #: Whether a payment method is asked for although nothing is due yet.
    payment_method_required: bool = False
    #: What happens at the trial's end without one: ``cancel``, ``invoice`` or ``pause``.
    without_payment_method: str = "cancel"


@frozen(kw_only=True)
class ExpireCheckout:
    """Close an open checkout session, so that it cannot be paid any more."""

    session_id: str


@frozen(kw_only=True)
class RefundPayment:
    """Give money back."""

    payment_intent_id: str
    amount: Money
    #: ``requested_by_customer``, ``duplicate`` or ``fraudulent``; free text goes into the audit log.
    reason: str = "requested_by_customer"
    purchase_id: str | None = None


@frozen(kw_only=True)
class CancelSubscription:
    """End a subscription, now or at the end of its period. A pending change of plan is given up with it."""

    subscription_id: str
    at_period_end: bool
    #: The schedule that holds a pending change, to be released first.
    schedule_id: str | None = None
    #: An open invoice to be voided: cancelling while past due stops collecting.
    void_invoice_id: str | None = None
    #: Whether a pause was to come, which is given up: collection is no longer held.
    release_hold: bool = False


@frozen(kw_only=True)
class UndoCancel:
    """Take a cancellation at the period's end back. A change of plan that is pending beside it is given up."""

    subscription_id: str
    #: The schedule that holds such a change, to be released first.
    schedule_id: str | None = None


@frozen(kw_only=True)
class ChangePlan:
    """Give a subscription another price or quantity."""

    subscription_id: str
    item_id: str
    price_id: str
    quantity: int
    #: Whether it waits for the end of the period (by a schedule).
    at_period_end: bool
    #: ``create_prorations``, ``always_invoice`` or ``none``.
    proration: str
    #: Second (UTC) from which on it is prorated, as previewed.
    proration_date: datetime | None = None
    #: Whether it takes effect only once it is paid (``pending_if_incomplete``).
    only_when_paid: bool = False
    #: A schedule with an earlier pending change, to be released first.
    schedule_id: str | None = None
    #: Whether a cancellation at the period's end is taken back with it.
    clear_cancel: bool = False
    #: Whether a trial ends with it, so that the first period is invoiced at once.
    end_trial: bool = False
    #: Amounts of our own: invoiced and paid before the plan changes.
    own_lines: tuple[OwnLine, ...] = ()
    #: Whose invoice they are on.
    customer_id: str = ""
    #: What the subscription has until then: the first phase of a schedule.
    current_price_id: str = ""
    current_quantity: int = 1
    #: Whether a pause was to come, which is given up: collection is no longer held, or nothing could be charged.
    release_hold: bool = False


@frozen(kw_only=True)
class AttachPaymentMethod:
    """Attach a payment method to a user's customer."""

    user_id: str
    #: None until the user has a customer.
    customer_id: str | None = None
    payment_method_id: str
    #: Whether it becomes the one that is charged.
    make_default: bool = False
    #: The subscriptions that are to name it then: what a subscription names wins over the customer's default.
    subscription_ids: tuple[str, ...] = ()


@frozen(kw_only=True)
class SetDefaultPaymentMethod:
    """Make an attached payment method the one that is charged: the customer's, and that of each subscription."""

    customer_id: str
    payment_method_id: str
    subscription_ids: tuple[str, ...] = ()


@frozen(kw_only=True)
class DetachPaymentMethod:
    """Take a payment method from its customer, for ever."""

    customer_id: str
    payment_method_id: str
    #: The one that is charged in its place from now on, set before it is gone; None where nobody has to follow.
    successor_id: str | None = None
    #: Whether the successor becomes the customer's default.
    passes_default: bool = False
    #: The subscriptions that name it, and are to name the successor.
    subscription_ids: tuple[str, ...] = ()


@frozen(kw_only=True)
class CreateSetupIntent:
    """Let a user save a payment method, without taking money. The answer's secret is the client secret."""

    user_id: str
    #: None until the user has a customer.
    customer_id: str | None = None


@frozen(kw_only=True)
class OpenPortal:
    """Open the provider's customer portal. The answer's secret is its URL: whoever has it is let in."""

    user_id: str
    #: None until the user has a customer.
    customer_id: str | None = None
    return_url: str


#: Commands that need the user's customer, which is made first where there is none.
OfCustomer = OpenPurchaseCheckout | OpenSubscriptionCheckout | AttachPaymentMethod | CreateSetupIntent | OpenPortal


#: Commands that change one subscription, or collect for it: one at a time (ADR 0016).
OfSubscription = (
    CancelSubscription
    | UndoCancel
    | ChangePlan
    | ChangeTrialEnd
    | PayInvoice
    | GiveUpCollecting
    | HoldCollection
    | ReleaseHold
    | PauseSubscription
    | ResumeSubscription
    | ApplyPromotion
    | EndDiscounts
)


Command = (
    OfCustomer
    | OfSubscription
    | CreateCustomer
    | ExpireCheckout
    | RefundPayment
    | SetDefaultPaymentMethod
    | DetachPaymentMethod
)

#: The name under which each command is stored, and with which its idempotency key begins.
COMMAND_NAMES: dict[type[Command], str] = {
    CreateCustomer: "create_customer",
    OpenPurchaseCheckout: "open_purchase_checkout",
    OpenSubscriptionCheckout: "open_subscription_checkout",
    ExpireCheckout: "expire_checkout",
    RefundPayment: "refund_payment",
    CancelSubscription: "cancel_subscription",
    UndoCancel: "undo_cancel",
    ChangePlan: "change_plan",
    AttachPaymentMethod: "attach_payment_method",
    SetDefaultPaymentMethod: "set_default_payment_method",
    DetachPaymentMethod: "detach_payment_method",
    CreateSetupIntent: "create_setup_intent",
    OpenPortal: "open_portal",
    ChangeTrialEnd: "change_trial_end",
    PayInvoice: "pay_invoice",
    GiveUpCollecting: "give_up_collecting",
    HoldCollection: "hold_collection",
    ReleaseHold: "release_hold",
    PauseSubscription: "pause_subscription",
    ResumeSubscription: "resume_subscription",
    ApplyPromotion: "apply_promotion",
    EndDiscounts: "end_discounts",
}


class OperationState(StrEnum):
    """How far an operation is."""

    #: Written down; it may or may not have reached the provider.
    PENDING = "pending"
    #: The provider did it, and what it answered is applied.
    DONE = "done"
    #: The provider refused it; nothing was changed there.
    REFUSED = "refused"


@frozen(kw_only=True)
class Operation:
    """One thing that we ask the provider to change, from intent to outcome."""

    #: UUIDv7; the provider's objects carry it as metadata ``operation_id``.
    id: str
    user_id: str
    command: Command
    state: OperationState = OperationState.PENDING
    #: Who asked for it: a user's id, an operator, or ``worker``.
    actor: str
    #: Why, in the words of whoever asked; for the audit log.
    reason: str | None = None
    created_at: datetime
    attempts: int = 0
    #: Not before this moment (UTC) is it tried again by a worker.
    next_attempt_at: datetime
    #: Counts up with each new key: only after it is proved that nothing was done under the last one.
    key_generation: int = 1
    #: The provider's object that it made or changed.
    result_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    decline_code: str | None = None
    finished_at: datetime | None = None

    @property
    def name(self) -> str:
        """What it is called in storage and logs."""
        return COMMAND_NAMES[type(self.command)]

    @property
    def subscription_id(self) -> str | None:
        """The provider's id of the one subscription that it changes; None for what is about none, or about several."""
        return self.command.subscription_id if isinstance(self.command, OfSubscription) else None

    @property
    def idempotency_key(self) -> str:
        """The key under which the provider does it at most once."""
        if isinstance(self.command, CreateCustomer):
            return f"customer:{self.id}:{self.key_generation}"
        return f"{self.name}:{self.id}:{self.key_generation}"

    def done(self, answer: Answer, now: datetime) -> Operation:
        """It, after the provider did it."""
        return evolve(
            self, state=OperationState.DONE, result_id=answer.result_id, finished_at=now, attempts=self.attempts + 1
        )

    def refused(self, code: str, message: str, decline_code: str | None, now: datetime) -> Operation:
        """It, after the provider refused it."""
        return evolve(
            self,
            state=OperationState.REFUSED,
            error_code=code,
            error_message=message,
            decline_code=decline_code,
            finished_at=now,
            attempts=self.attempts + 1,
        )

    def unclear(self, next_attempt_at: datetime, error: str) -> Operation:
        """It, after a try without a clear outcome; ``error`` says what is known."""
        return evolve(self, attempts=self.attempts + 1, next_attempt_at=next_attempt_at, error_code=error)

    def with_new_key(self) -> Operation:
        """It, to be tried under a new key: only after it is proved that nothing was done under the old one."""
        return evolve(self, key_generation=self.key_generation + 1, error_code=None)


@frozen(kw_only=True)
class Answer:
    """What the provider answered to a command."""

    #: The objects that it answered with, as facts of type `billing_core.domain.facts.ANSWER`.
    facts: tuple[Fact, ...]
    #: The provider's id of the object that was made or changed.
    result_id: str
    #: A secret for the owner alone, such as a client secret. Never stored, never logged.
    secret: str | None = field(default=None, repr=False)
