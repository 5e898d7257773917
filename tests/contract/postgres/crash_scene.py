"""One user at the sandbox, for whom one thing is done: what is there before, how often Stripe did it, what we know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count

import msgspec
from attrs import define, evolve, field

from billing_bootstrap.application import Application
from billing_core.domain.callers import Caller
from billing_core.domain.changes import changes_between
from billing_core.domain.operations import COMMAND_NAMES, OperationState
from billing_core.domain.policies import Collector, DunningPolicy
from billing_core.domain.purchases import PurchaseStatus
from billing_postgres import Pool
from billing_sandbox.engine.chaos import Chaos, Rates
from billing_sandbox.engine.objects import Obj
from billing_sandbox.signing import signature_header
from tests.builders import BASIC, K8S, PRO, TEAM
from tests.contract.sandbox_server import SECRET, Served
from tests.crashing import PLANS, THANKS, opened_on
from tests.doings import DOINGS

__all__ = ["SOLD", "Scene"]

#: Who does not pay is asked again by us.
DUNNED = evolve(
    BASIC,
    id="own-monthly",
    stripe_price_id=None,
    dunning=DunningPolicy(collector=Collector.OWN, retry_days=(3,), reminder_days=(), last_day=5),
)
SOLD = (*(evolve(plan, stripe_price_id=None) for plan in (BASIC, PRO, TEAM)), DUNNED)
_NUMBERS = count(1)
_FROM_NOTHING = {"buy", "subscribe", "save a payment method", "open the portal"}


@define
class Scene:
    """One user, the sandbox, and the database."""

    database_url: str
    pool: Pool
    stripe: Served
    app: Application
    #: How many events are of users before this one.
    earlier_events: int
    user: str = field(factory=lambda: f"user-{next(_NUMBERS)}")

    # ----------------------------------------------------------------------------------------------------- the means
    def objects(self, kind: str, **wanted: object) -> list[Obj]:
        """The sandbox's own objects of this user."""
        mine = {one["id"] for one in self._all("customer") if one["metadata"].get("user_id") == self.user}
        found = self._all(kind) if kind != "customer" else [one for one in self._all(kind) if one["id"] in mine]
        if kind == "refund":
            charges = {one["id"] for one in self.objects("charge")}
            return [one for one in found if one["charge"] in charges]
        if kind != "customer":
            found = [one for one in found if one["customer"] in mine]
        return [one for one in found if all(one[name] == value for name, value in wanted.items())]

    def _all(self, kind: str) -> list[Obj]:
        return list(self.stripe.sandbox.engine.world.store.each(kind))

    async def hears(self, app: Application) -> None:
        """Everything that the sandbox has told of this user so far reaches us, what came before a second time."""
        store = self.stripe.sandbox.engine.world.store
        for event_id in store.ids("event")[self.earlier_events :]:
            body = store.raw("event", event_id)
            now = int(app.real_clock.now().timestamp())
            await app.receive_event(body, signature_header(body, SECRET, now))

    def seconds_pass(self) -> None:
        """At the sandbox: what happens from now on is later than what happened."""
        self.stripe.control("advance", {"by": "3"})

    def pays(self, session_id: str) -> None:
        """The buyer pays."""
        assert self.stripe.control(f"sessions/{session_id}/pay", {"card": "4242424242424242"})["status"] == "complete"

    # ------------------------------------------------------------------------------------------ what is there before
    async def prepared_for(self, doing: str) -> str:
        """The id of what it is done to."""
        if doing in _FROM_NOTHING:
            return ""
        thing = await self._prepared_for(doing)
        self.seconds_pass()
        await self.hears(self.app)
        return thing

    async def _prepared_for(self, doing: str) -> str:
        if doing == "refund":
            purchase = await self.app.create_purchase(
                Caller(self.user), K8S.resource, success_url=THANKS, cancel_url=PLANS
            )
            self.pays(purchase.stripe_session_id or "")
            return purchase.id
        if doing == "subscribe to another plan":
            await self._checkout()
            return ""
        if doing in {"end the trial", "try to be paid", "give up collecting"}:
            await self._on_trial()
            if doing != "end the trial":
                await self._past_due(doing)
            return await self._subscription_id()
        session_id = await self._checkout()
        self.pays(session_id)
        await self.hears(self.app)
        return await self._on_a_subscription(doing, await self._subscription_id())

    async def _checkout(self) -> str:
        made = await self.app.open_subscription_checkout(
            Caller(self.user), "pro-monthly", success_url=THANKS, cancel_url=PLANS
        )
        return made.session.id

    async def _subscription_id(self) -> str:
        return (await self.app.look_up.status(Caller(self.user), self.user)).subscription.id  # type: ignore[union-attr]

    async def _on_trial(self) -> None:
        """A subscription on trial."""
        customer = await self.app.carry_out.customer_of(self.user, self.user)
        catalog = await self.app.catalogs.current()
        (price,) = (plan.stripe_price_id for plan in catalog.plans if plan.id == DUNNED.id)
        self.stripe.v1.subscriptions.create(
            {
                "customer": customer,
                "items": [{"price": price}],
                "trial_period_days": 7,
                "default_payment_method": self._attached("pm_card_visa", customer),
                "metadata": {"user_id": self.user},
            }
        )
        self.seconds_pass()
        await self.hears(self.app)

    async def _past_due(self, doing: str) -> None:
        """Its trial has ended with a card that is declined; where there is nothing but to give up, a retry too."""
        (subscription,) = self.objects("subscription")
        update = partial(self.stripe.v1.subscriptions.update, subscription["id"])
        update({"trial_end": "now", "default_payment_method": self._attached("pm_card_chargeCustomerFail")})
        self.seconds_pass()
        await self.hears(self.app)
        days = (
            1 if doing == "try to be paid" else 4
        )  # which invoice failed is asked on the first, the retry is on the third
        async with opened_on(self.pool, self.stripe.url, minutes_later=days * 24 * 60) as later:
            while await later.take_steps("worker"):
                continue
        if doing == "try to be paid":
            update({"default_payment_method": self._attached("pm_card_visa")})

    def _attached(self, token: str, customer: str = "") -> str:
        customer = customer or self.objects("customer")[0]["id"]
        method: str = self.stripe.v1.payment_methods.attach(token, {"customer": customer}).id
        return method

    async def _on_a_subscription(self, doing: str, thing: str) -> str:
        caller, (subscription,) = Caller(self.user), self.objects("subscription")
        match doing:
            case "take the cancellation back":
                await self.app.cancel_subscription(caller, thing, at_period_end=True)
            case "give the pause up" | "begin the pause":
                await self.app.pause_subscription(caller, thing)
            case "end the pause":
                self.stripe.client.raw_request(
                    "post", f"/v1/subscriptions/{subscription['id']}/pause", type="subscription"
                )
            case "redeem a code" | "end the discount":
                coupon = self.stripe.v1.coupons.create({"percent_off": 10, "duration": "forever"})
                self.stripe.v1.promotion_codes.create(
                    {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": self.user}
                )
                if doing == "end the discount":
                    await self.app.apply_promotion_code(caller, thing, self.user)
            case "attach a payment method":
                return "pm_card_mastercard"
            case "choose a payment method" | "detach a payment method":
                return self._attached("pm_card_mastercard")
            case _:
                pass
        return thing

    # ------------------------------------------------------------------------------------------------ what came of it
    def requests(self) -> Callable[[], list[str]]:
        """Every request from now on, by method and path: chaos writes them down, and here it does nothing else."""
        chaos = Chaos(0, Rates().changed(dict.fromkeys(("refuse", "hide", "drop", "stale"), 0)))
        self.stripe.sandbox.chaos = chaos
        return lambda: [one["request"] for one in map(msgspec.json.decode, chaos.log) if "request" in one]

    async def commands(self) -> Counter[str]:
        """What was asked of Stripe for the user so far."""
        async with self.app.units() as uow:
            return Counter(
                {name: len(await uow.operations.of_user(self.user, name)) for name in COMMAND_NAMES.values()}
            )

    def effects(self, doing: str) -> int:
        """How often Stripe has done it."""
        if doing in _SUBSCRIPTION_SAYS:
            (subscription,) = self.objects("subscription")
            return int(_SUBSCRIPTION_SAYS[doing](subscription))
        return self._made(doing)

    def _made(self, doing: str) -> int:
        sessions, invoices = self.objects("checkout.session"), self.objects("invoice")
        customers = self.objects("customer")
        assert len(customers) <= 1
        mastercards = {one["id"] for one in self.objects("payment_method") if one["card"]["brand"] == "mastercard"}
        charged = {one["invoice_settings"]["default_payment_method"] for one in customers}
        made: dict[str, int] = {
            "buy": len(sessions),
            "subscribe": len(sessions),
            "subscribe to another plan": len(sessions) - len(self.objects("checkout.session", status="open")),
            "refund": len(self.objects("refund")),
            "upgrade": len(invoices) - 1,
            "end the pause": len(invoices) - 1,
            "downgrade": len(self.objects("subscription_schedule")),
            "try to be paid": len([one for one in invoices if one["status"] == "paid" and one["amount_paid"]]),
            "save a payment method": len(self.objects("setup_intent")),
            "attach a payment method": len(mastercards),
            "detach a payment method": 1 - len(mastercards),
            "choose a payment method": len(mastercards & charged),
        }
        return made[doing]

    async def agrees(self, app: Application, doing: str, thing: str) -> bool:
        """Whether we know what Stripe has done: a reconciliation changes nothing, and nothing waits to be done."""
        async with app.units() as uow:
            before = await uow.accounts.load(self.user)
            asked = [one for name in DOINGS[doing].commands for one in await uow.operations.of_user(self.user, name)]
        if self.objects("customer"):
            await app.reconcile.user(self.user, actor="test", dry_run=False)
        async with app.units() as uow:
            changes = changes_between(before, await uow.accounts.load(self.user))
        finished = all(one.state is OperationState.DONE for one in asked)
        return finished and not changes and await self._is_told(app, doing, thing)

    async def _is_told(self, app: Application, doing: str, thing: str) -> bool:
        caller, done = Caller(self.user), self.effects(doing)
        match doing:
            case "buy":
                bought = (await app.look_up.purchases(caller, self.user, 10, None)).rows
                sessions = [one["id"] for one in self.objects("checkout.session")]
                return [one.stripe_session_id for one in bought] == sessions
            case "subscribe":
                async with app.units() as uow:
                    operations = await uow.operations.of_user(self.user, "open_subscription_checkout")
                return [one.result_id for one in operations] == [one["id"] for one in self.objects("checkout.session")]
            case "refund":
                purchase, _ = await app.look_up.purchase(caller, thing)
                return purchase.status == (PurchaseStatus.REFUNDED if done else PurchaseStatus.COMPLETED)
            case "choose a payment method":
                methods = await app.look_up.payment_methods(caller, self.user)
                (customer,), (subscription,) = self.objects("customer"), self.objects("subscription")
                named = subscription["default_payment_method"]
                charged = named or customer["invoice_settings"]["default_payment_method"]
                return [one.id for one in methods if one.is_default] == [charged]
            case "cancel later" | "cancel now" | "upgrade":
                found = await app.look_up.subscription(caller, thing)
                (truth,) = self.objects("subscription")
                return (found.status, found.cancel_at_period_end, found.plan_id) == (
                    truth["status"],
                    truth["cancel_at_period_end"],
                    "team-monthly" if done and doing == "upgrade" else "pro-monthly",
                )
            case _:
                return True


_SUBSCRIPTION_SAYS: dict[str, Callable[[Obj], bool]] = {
    "cancel later": lambda subscription: subscription["cancel_at_period_end"],
    "take the cancellation back": lambda subscription: not subscription["cancel_at_period_end"],
    "cancel now": lambda subscription: subscription["status"] == "canceled",
    "give up collecting": lambda subscription: subscription["status"] == "canceled",
    "plan a pause": lambda subscription: subscription["pause_collection"] is not None,
    "give the pause up": lambda subscription: subscription["pause_collection"] is None,
    "begin the pause": lambda subscription: subscription["status"] == "paused",
    "redeem a code": lambda subscription: len(subscription["discounts"]) == 1,
    "end the discount": lambda subscription: not subscription["discounts"],
    "end the trial": lambda subscription: subscription["status"] == "active",
}
