"""Killed at every commit and every call to Stripe: whatever moves money happens at most once, and we know of it.

A real process, real PostgreSQL, the served sandbox. Another process goes on where the one that was killed was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import msgspec
import pytest
from attrs import define, evolve, field

from billing_bootstrap.application import Application
from billing_core.domain.callers import Caller
from billing_core.domain.errors import (
    BillingError,
    ConcurrentChange,
    LockTimeout,
    OperationInProgress,
    StorageUnavailable,
)
from billing_core.domain.purchases import PurchaseStatus
from billing_sandbox.engine.objects import Obj
from billing_sandbox.signing import signature_header
from tests.builders import BASIC, K8S, PRO, TEAM
from tests.contract.sandbox_server import SECRET, Served
from tests.crashing import DOINGS, PLANS, STEPS, THANKS, Steps, child, opened
from tests.forked import FORKED

_NUMBERS = count(1)
_PURCHASES_AT_ONCE = 200


@define
class Scene:
    """One user, the sandbox, and the database."""

    database_url: str
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
        for event in self._all("event")[self.earlier_events :]:
            body = msgspec.json.encode(event)
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
        thing = ""
        if doing == "refund":
            purchase = await self.app.create_purchase(
                Caller(self.user), K8S.resource, success_url=THANKS, cancel_url=PLANS
            )
            self.pays(purchase.stripe_session_id or "")
            thing = purchase.id
        elif doing not in {"buy", "subscribe"}:
            session = await self.app.open_subscription_checkout(
                Caller(self.user), "pro-monthly", success_url=THANKS, cancel_url=PLANS
            )
            self.pays(session.session.id)
            await self.hears(self.app)
            thing = (await self.app.look_up.status(Caller(self.user), self.user)).subscription.id  # type: ignore[union-attr]
        if doing == "choose a payment method":
            (customer,) = self.objects("customer")
            thing = self.stripe.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer["id"]}).id
        self.seconds_pass()
        await self.hears(self.app)
        return thing

    # ------------------------------------------------------------------------------------------------ what came of it
    def effects(self, doing: str) -> int:
        """How often Stripe has done it."""
        match doing:
            case "buy" | "subscribe":
                assert len(self.objects("customer")) <= 1
                return len(self.objects("checkout.session"))
            case "refund":
                return len(self.objects("refund"))
            case "cancel later":
                return len(self.objects("subscription", cancel_at_period_end=True))
            case "cancel now":
                return len(self.objects("subscription", status="canceled"))
            case "upgrade":
                return len(self.objects("invoice")) - 1
            case _:
                (customer,) = self.objects("customer")
                return int(customer["invoice_settings"]["default_payment_method"] in self._mastercards())

    def _mastercards(self) -> set[str]:
        return {one["id"] for one in self.objects("payment_method") if one["card"]["brand"] == "mastercard"}

    async def agrees(self, app: Application, doing: str, thing: str) -> bool:
        """Whether we know what Stripe has done."""
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
            case _:
                found = await app.look_up.subscription(caller, thing)
                (truth,) = self.objects("subscription")
                return (found.status, found.cancel_at_period_end, found.plan_id) == (
                    truth["status"],
                    truth["cancel_at_period_end"],
                    "team-monthly" if done and doing == "upgrade" else "pro-monthly",
                )


@pytest.fixture
async def scene(schema_url: str, stripe: Served) -> AsyncIterator[Scene]:
    async with opened(schema_url, stripe.url, connections=8) as app:
        plans = [evolve(plan, stripe_price_id=None) for plan in (BASIC, PRO, TEAM)]
        await app.apply_catalog(plans, [K8S], actor="test")
        earlier = list(stripe.sandbox.engine.world.store.each("event"))
        yield Scene(schema_url, stripe, app, len(earlier))


@pytest.mark.parametrize("doing", DOINGS)
async def test_every_commit_and_every_call_is_enumerated(scene: Scene, doing: str) -> None:
    """Whoever adds one must say so in `tests.crashing.STEPS`; then it is crashed at too."""
    thing, steps = await scene.prepared_for(doing), Steps()
    async with opened(scene.database_url, scene.stripe.url, steps) as app:
        await DOINGS[doing](app, scene.user, thing)

    assert tuple(steps.taken) == STEPS[doing]
    assert scene.effects(doing) == 1


@pytest.mark.parametrize(
    ("doing", "step"), [(doing, step) for doing, steps in STEPS.items() for step in range(len(steps))]
)
async def test_killed_before_any_step_it_happens_at_most_once_and_we_know_of_it(
    scene: Scene, doing: str, step: int
) -> None:
    thing = await scene.prepared_for(doing)
    process = FORKED.Process(target=child, args=(scene.database_url, scene.stripe.url, doing, scene.user, thing, step))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == -9

    async with opened(scene.database_url, scene.stripe.url, minutes_later=4) as app:
        while await app.carry_out.due("worker"):
            continue
        scene.seconds_pass()
        await scene.hears(app)
        while await app.retry_events("worker"):
            continue
        await app.settle_doubts()
        # Where not even the intent was written down, nobody knows of it, and nothing was done.
        assert scene.effects(doing) == (1 if step else 0)
        assert await scene.agrees(app, doing, thing)


async def test_two_hundred_purchases_of_one_item_at_once_are_one_session_and_one_charge(scene: Scene) -> None:
    async def buy() -> tuple[str, str | None]:
        while True:
            try:
                bought = await scene.app.create_purchase(
                    Caller(scene.user), K8S.resource, success_url=THANKS, cancel_url=PLANS
                )
            except (ConcurrentChange, LockTimeout, OperationInProgress, StorageUnavailable):
                await asyncio.sleep(1)  # as a client does that is told to try again in a second
            else:
                return bought.id, bought.stripe_session_id

    answers = await asyncio.gather(*(buy() for _ in range(_PURCHASES_AT_ONCE)))

    ((_, session_id),) = set(answers)
    assert [one["id"] for one in scene.objects("checkout.session")] == [session_id]
    scene.pays(session_id or "")
    await scene.hears(scene.app)
    assert len(scene.objects("charge", status="succeeded")) == 1
    with pytest.raises(BillingError, match="already"):
        await buy()
