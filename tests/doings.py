"""Everything that asks Stripe to change something, with the commits and calls that it takes, in order.

The steps are compared with what really happens by a test: a commit or a call that is added must be added here, and
is then crashed at too. Another test wants every command there is among them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen

from billing_bootstrap.application import Application
from billing_core.domain.callers import Caller
from billing_core.domain.proration import PlanChange
from tests.builders import K8S
from tests.crashing import PLANS, THANKS

__all__ = ["DOINGS", "Doing", "carry_out"]

_DAY = 24 * 60


@frozen
class Doing:
    """One thing that is done for a user."""

    #: Does it to a thing of theirs: the id of a purchase, subscription or payment method.
    do: Callable[[Application, str, str], Awaitable[object]]
    #: Its commits and calls.
    steps: tuple[str, ...]
    #: The commands that it consists of.
    commands: tuple[str, ...]
    #: By how many minutes our clock is ahead of Stripe's while it is done: what is due by then.
    minutes_later: int = 0


def _asked(*calls: str) -> tuple[str, ...]:
    """Intent, lease, call, outcome."""
    return ("commit", "commit", *(f"change {call}" for call in calls), "commit")


async def carry_out(doing: str, user: str, thing: str, app: Application) -> None:
    """Do it."""
    await DOINGS[doing].do(app, user, thing)


async def _buy(app: Application, user: str, _thing: str) -> None:
    await app.create_purchase(Caller(user), K8S.resource, success_url=THANKS, cancel_url=PLANS)


async def _subscribe(app: Application, user: str, _thing: str) -> None:
    await app.open_subscription_checkout(Caller(user), "pro-monthly", success_url=THANKS, cancel_url=PLANS)


async def _subscribe_to_another(app: Application, user: str, _thing: str) -> None:
    await app.open_subscription_checkout(Caller(user), "team-monthly", success_url=THANKS, cancel_url=PLANS)


async def _refund(app: Application, user: str, purchase_id: str) -> None:
    await app.request_refund(Caller(user), purchase_id)


async def _cancel_later(app: Application, user: str, subscription_id: str) -> None:
    await app.cancel_subscription(Caller(user), subscription_id, at_period_end=True)


async def _cancel_now(app: Application, user: str, subscription_id: str) -> None:
    await app.cancel_subscription(Caller(user), subscription_id, at_period_end=False)


async def _upgrade(app: Application, user: str, subscription_id: str) -> None:
    await app.change_plan(Caller(user), subscription_id, PlanChange(plan_id="team-monthly"))


async def _downgrade(app: Application, user: str, subscription_id: str) -> None:
    await app.change_plan(Caller(user), subscription_id, PlanChange(plan_id="basic-monthly"))


async def _resume(app: Application, user: str, subscription_id: str) -> None:
    await app.resume_subscription(Caller(user), subscription_id)


async def _pause(app: Application, user: str, subscription_id: str) -> None:
    await app.pause_subscription(Caller(user), subscription_id)


async def _begin_the_pause(app: Application, _user: str, _thing: str) -> None:
    await app.run_pauses("worker")


async def _take_steps(app: Application, _user: str, _thing: str) -> None:
    while await app.take_steps("worker"):
        continue


async def _redeem(app: Application, user: str, subscription_id: str) -> None:
    await app.apply_promotion_code(Caller(user), subscription_id, user)


async def _end_discount(app: Application, user: str, subscription_id: str) -> None:
    await app.end_discount(Caller(user), subscription_id)


async def _end_trial(app: Application, user: str, subscription_id: str) -> None:
    await app.end_trial(Caller(user), subscription_id)


async def _choose(app: Application, user: str, payment_method_id: str) -> None:
    await app.set_default_payment_method(Caller(user), payment_method_id)


async def _attach(app: Application, user: str, payment_method_id: str) -> None:
    await app.attach_payment_method(Caller(user), payment_method_id)


async def _detach(app: Application, user: str, payment_method_id: str) -> None:
    await app.detach_payment_method(Caller(user), payment_method_id)


async def _save(app: Application, user: str, _thing: str) -> None:
    await app.open_hosted.setup(Caller(user))


async def _portal(app: Application, user: str, _thing: str) -> None:
    await app.open_hosted.portal(Caller(user), PLANS)


_SUBSCRIPTION = _asked("SUBSCRIPTIONS_WRITE")


def _of_customer(call: str) -> tuple[str, ...]:
    """What a new user asks for makes the customer under its lease."""
    return ("commit", "commit", *_asked("CUSTOMERS_WRITE"), f"change {call}", "commit")


_CHECKOUT = _of_customer("SESSIONS_WRITE")
#: One intent for both: the session that is open is closed, then the new one is opened.
_ANOTHER = (*_asked("SESSIONS_WRITE"), "commit", "change SESSIONS_WRITE", "commit")

DOINGS: dict[str, Doing] = {
    "buy": Doing(_buy, _CHECKOUT, ("create_customer", "open_purchase_checkout")),
    "subscribe": Doing(_subscribe, _CHECKOUT, ("create_customer", "open_subscription_checkout")),
    "subscribe to another plan": Doing(
        _subscribe_to_another, _ANOTHER, ("expire_checkout", "open_subscription_checkout")
    ),
    "refund": Doing(_refund, _asked("CHARGES_WRITE"), ("refund_payment",)),
    "cancel later": Doing(_cancel_later, _SUBSCRIPTION, ("cancel_subscription",)),
    "cancel now": Doing(_cancel_now, _SUBSCRIPTION, ("cancel_subscription",)),
    "take the cancellation back": Doing(_resume, _SUBSCRIPTION, ("undo_cancel",)),
    "upgrade": Doing(_upgrade, _SUBSCRIPTION, ("change_plan",)),
    "downgrade": Doing(_downgrade, _asked("SUBSCRIPTIONS_WRITE", "SUBSCRIPTIONS_WRITE"), ("change_plan",)),
    "plan a pause": Doing(_pause, _SUBSCRIPTION, ("hold_collection",)),
    "give the pause up": Doing(_resume, _SUBSCRIPTION, ("release_hold",)),
    "begin the pause": Doing(
        _begin_the_pause,
        _asked("SUBSCRIPTIONS_WRITE", "SUBSCRIPTIONS_WRITE"),
        ("pause_subscription",),
        minutes_later=40 * _DAY,
    ),
    "end the pause": Doing(_resume, _SUBSCRIPTION, ("resume_subscription",)),
    "redeem a code": Doing(_redeem, _SUBSCRIPTION, ("apply_promotion",)),
    "end the discount": Doing(_end_discount, _SUBSCRIPTION, ("end_discounts",)),
    "end the trial": Doing(_end_trial, _SUBSCRIPTION, ("change_trial_end",)),
    "try to be paid": Doing(_take_steps, _asked("INVOICES_WRITE"), ("pay_invoice",), minutes_later=4 * _DAY),
    "give up collecting": Doing(
        _take_steps, _asked("INVOICES_WRITE", "SUBSCRIPTIONS_WRITE"), ("give_up_collecting",), minutes_later=6 * _DAY
    ),
    "choose a payment method": Doing(
        _choose, _asked("SUBSCRIPTIONS_WRITE", "CUSTOMERS_WRITE"), ("set_default_payment_method",)
    ),
    "attach a payment method": Doing(_attach, _asked("PAYMENT_METHODS_WRITE"), ("attach_payment_method",)),
    "detach a payment method": Doing(_detach, _asked("PAYMENT_METHODS_WRITE"), ("detach_payment_method",)),
    "save a payment method": Doing(
        _save,
        _of_customer("SETUPS_WRITE"),
        (
            "create_customer",
            "create_setup_intent",
        ),
    ),
    "open the portal": Doing(
        _portal,
        _of_customer("PORTAL_WRITE"),
        (
            "create_customer",
            "open_portal",
        ),
    ),
}
