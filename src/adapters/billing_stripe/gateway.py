"""The gateway: what can be changed at Stripe, as a table from command to call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from billing_core.domain.operations import (
    Answer,
    ApplyPromotion,
    AttachPaymentMethod,
    CancelSubscription,
    ChangePlan,
    ChangeTrialEnd,
    Command,
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
from billing_stripe.api import StripeApi
from billing_stripe.calls.checkout import expire_checkout, open_purchase_checkout, open_subscription_checkout
from billing_stripe.calls.collecting import give_up_collecting, pay_invoice
from billing_stripe.calls.customers import create_customer
from billing_stripe.calls.discounts import apply_promotion, end_discounts
from billing_stripe.calls.pauses import hold_collection, pause_subscription, release_hold, resume_subscription
from billing_stripe.calls.payment_methods import (
    attach_payment_method,
    create_setup_intent,
    detach_payment_method,
    open_portal,
    set_default_payment_method,
)
from billing_stripe.calls.plan_changes import change_plan
from billing_stripe.calls.refunds import refund_payment
from billing_stripe.calls.subscriptions import cancel_subscription, change_trial_end, undo_cancel
from billing_stripe.errors import changing
from billing_stripe.steps import Steps

__all__ = ["CALLS", "StripeProvider"]

#: What carries out each command. Each function takes the command of its own row.
CALLS: dict[type[Command], Callable[[Steps, Any], Awaitable[Answer]]] = {
    CreateCustomer: create_customer,
    OpenPurchaseCheckout: open_purchase_checkout,
    OpenSubscriptionCheckout: open_subscription_checkout,
    ExpireCheckout: expire_checkout,
    RefundPayment: refund_payment,
    CancelSubscription: cancel_subscription,
    UndoCancel: undo_cancel,
    ChangePlan: change_plan,
    AttachPaymentMethod: attach_payment_method,
    SetDefaultPaymentMethod: set_default_payment_method,
    DetachPaymentMethod: detach_payment_method,
    CreateSetupIntent: create_setup_intent,
    OpenPortal: open_portal,
    ChangeTrialEnd: change_trial_end,
    PayInvoice: pay_invoice,
    GiveUpCollecting: give_up_collecting,
    HoldCollection: hold_collection,
    ReleaseHold: release_hold,
    PauseSubscription: pause_subscription,
    ResumeSubscription: resume_subscription,
    ApplyPromotion: apply_promotion,
    EndDiscounts: end_discounts,
}


class StripeProvider:
    """Changes things at Stripe (`billing_core.ports.provider.Provider`)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def execute(self, operation: Operation) -> Answer:
        """Carry out ``operation.command``; see the port.

        A command of several steps that is refused in a later one may have given up a pending change of plan
        before: the provider's events say so, as they do for whatever is changed elsewhere.
        """
        with changing():
            return await CALLS[type(operation.command)](Steps(self._api, operation), operation.command)
