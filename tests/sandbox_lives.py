"""Lives that are played on the sandbox's engine: a Stripe that shares no rule with us, and tells its own events.

A life is random requests of its API, what buyers do at its checkout pages, and time that passes. What the
engine refuses is no harm: its real counterpart would refuse it too. Everything follows from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random

import msgspec
from attrs import evolve

from billing_core.domain.facts import Fact, ObjectKind
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog, Plan
from billing_core.domain.purchases import Order
from billing_sandbox.engine import disputes, payments, refunds
from billing_sandbox.engine.actions import end_delayed_payment
from billing_sandbox.engine.cards import BANK_FAILS, BANK_SUCCEEDS
from billing_sandbox.engine.checkout_completion import Buyer, complete
from billing_sandbox.engine.errors import Fault
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.payment_methods import card_of
from billing_sandbox.older_shapes import rendered
from billing_stripe.facts import fact_of_event, snapshot_of
from tests.builders import ANN, BASIC, CATALOG, K8S, PRO, TEAM, YEARLY, looked_up, order
from tests.unit.sandbox.play import Play

__all__ = ["OLDER", "TODAY", "SandboxLife", "fact_of", "moment"]

TODAY = None
#: Before the fields moved (2025-03-31).
OLDER = "2024-06-20"

#: Seconds between two steps: often none, so that much falls into one second.
_PAUSES = (0, 0, 0, 0, 0, 1, 1, 60, 3700, 86_400, 4 * 86_400, 15 * 86_400, 31 * 86_400)
_CARDS = ("4242424242424242", "4242424242424242", "5555555555554444", "4000000000000002", "4000000000007726")
_TOKENS = ("pm_card_visa", "pm_card_mastercard", "pm_card_chargeCustomerFail", "pm_card_pendingRefund")
_PRORATIONS = ("always_invoice", "create_prorations", "none")


def moment(seconds: int) -> datetime:
    """Unix seconds as UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def fact_of(event: Obj, api_version: str | None = TODAY) -> Fact | None:
    """What an event tells, as an endpoint of this version is told it."""
    shown = rendered(event, api_version)
    data = shown["data"]
    return fact_of_event(
        shown["id"], shown["type"], moment(shown["created"]), data["object"], data.get("previous_attributes")
    )


class SandboxLife:
    """One customer's life at the sandbox, with every event that it told.

    Who ``goes_on`` does every other time what follows from before: left to chance, few lives come to it.
    """

    def __init__(self, seed: int | str, steps: int = 12, orders_max: int = 100, *, goes_on: bool = False) -> None:
        self._orders_max = orders_max
        self._seed = seed
        self._goes_on = goes_on
        self._dice = Random(f"life:{seed}")  # noqa: S311 - the same life for the same seed
        self.play = Play(seed)
        self.orders: list[Order] = []
        self.events: list[Obj] = []
        self._facts: dict[str | None, list[Fact]] = {}
        #: What was done, for whoever reads a failure.
        self.script: list[str] = []
        self.catalog = self._sold()
        self.customer: str = self.play.customer(metadata={"user_id": ANN})["id"]
        self._collect()
        for _ in range(steps):
            self._live()

    def __repr__(self) -> str:
        return f"SandboxLife({self._seed!r}, orders_max={self._orders_max}, goes_on={self._goes_on})"

    # --------------------------------------------------------------------------------------------- what came of it
    def facts(self, api_version: str | None = TODAY) -> list[Fact]:
        """Every event as a fact, in the order in which the sandbox told them."""
        if api_version not in self._facts:
            found = (fact_of(event, api_version) for event in self.events)
            self._facts[api_version] = [fact for fact in found if fact is not None]
        return self._facts[api_version]

    def objects(self, kind: str) -> list[Obj]:
        """The sandbox's own objects of a kind, oldest first."""
        return list(self.play.engine.world.store.each(kind))

    def asked(self, kind: ObjectKind, identity: str, *, seconds_later: int = 2) -> Fact | None:
        """What the sandbox answers when it is asked for an object a little later; None where it has none."""
        name = {ObjectKind.SESSION: "checkout.session", ObjectKind.SCHEDULE: "subscription_schedule"}.get(kind, kind)
        found = self.play.engine.world.store.find(name, identity)
        return looked_up(snapshot_of(kind, found), moment(self.play.now + seconds_later)) if found else None

    # ------------------------------------------------------------------------------------------------------ one step
    def _live(self) -> None:
        self._wait(self._dice.choice(_PAUSES))
        steps = self._steps()
        going_on = sorted(self._what_follows()) if self._goes_on and self._coin() else []
        name = self._dice.choice(going_on or sorted(steps))
        self.script.append(f"{self.play.now} {name}")
        try:
            steps[name]()
        except Fault as fault:
            self.script[-1] += f" (refused: {fault.body['error'].get('code')})"
        self._collect()

    def _wait(self, seconds: int) -> None:
        for _ in self.play.engine.steps_to(self.play.now + seconds):
            self._collect()
        self._collect()

    def _collect(self) -> None:
        world = self.play.engine.world
        fresh, world.emitted = world.emitted, []
        self.events += [msgspec.json.decode(world.store.raw("event", identity)) for identity in fresh]

    def _steps(self) -> dict[str, Callable[[], object]]:
        steps: dict[str, Callable[[], object]] = {
            "subscribe": self._subscribe,
            "try": lambda: self._subscribe(trial_days=7),
            "buy": self._buy,
            "buy elsewhere": lambda: self._buy(ours=False),
            "buy by bank": lambda: self._buy(by_bank=True),
            "leave a checkout": lambda: self._buy(pays=False),
            "add a card": self._add_card,
            "decline": self._decline_next,
        }
        if self._first("payment_method", customer=self.customer):
            steps["remove a card"] = self._remove_card
        if self._running():
            steps |= {
                "change plan": self._change_plan,
                "change plan later": self._schedule,
                "cancel now": lambda: self._ask("DELETE", self._path(), prorate=self._coin(), invoice_now=self._coin()),
                "cancel at the end": lambda: self._ask("POST", self._path(), cancel_at_period_end=True),
                "undo": lambda: self._ask("POST", self._path(), cancel_at_period_end=False),
                "pause": lambda: self._ask("POST", f"{self._path()}/pause", type="subscription"),
                "resume": lambda: self._ask("POST", f"{self._path()}/resume"),
                "hold": self._hold,
                "go on": lambda: self._ask("POST", self._path(), pause_collection=""),
                "end the trial": lambda: self._ask("POST", self._path(), trial_end="now"),
                "pay the invoice": self._pay_open,
                "a day": lambda: self._wait(86_400),
                "a month": lambda: self._wait(32 * 86_400),
            }
        if self._goes_on:
            steps |= {"to the next period": self._to_the_next_period, "pay the invoice": self._pay_open}
        if self._first("charge", status="succeeded"):
            steps |= {
                "refund": self._refund,
                "refund a part": lambda: self._refund(part=True),
                "dispute": self._dispute,
            }
        if self._first("refund"):
            steps["fail a refund"] = self._fail_refund
        if self._first("dispute"):
            steps |= {"win": lambda: self._decide("won"), "lose": lambda: self._decide("lost")}
        if self._first("payment_intent", status="processing"):
            steps["end a delayed payment"] = self._end_delayed
        return steps

    def _what_follows(self) -> Iterator[str]:
        """The steps that need something to have happened before, where it has."""
        running = self._first("subscription", id=self._running())
        if running:
            yield from ("change plan", "to the next period")
            yield from ("resume",) if running["status"] == "paused" else ("pause",)
            yield from ("go on",) if running["pause_collection"] else ()
            yield from ("undo",) if running["cancel_at_period_end"] else ()
        if self._first("invoice", status="open"):
            yield "pay the invoice"
        if self._first("refund", status="succeeded"):
            yield "fail a refund"
        if self._first("dispute", status="needs_response"):
            yield from ("win", "lose")
        if self._first("payment_intent", status="processing"):
            yield "end a delayed payment"

    # ------------------------------------------------------------------------------------------------------- the steps
    def _subscribe(self, trial_days: int = 0) -> None:
        data: Obj = {"metadata": {"user_id": ANN}} | ({"trial_period_days": trial_days} if trial_days else {})
        session = self._ask(
            "POST",
            "/v1/checkout/sessions",
            mode="subscription",
            success_url="http://127.0.0.1/ok",
            customer=self.customer,
            line_items=[{"price": self._dice.choice(self.catalog.plans).stripe_price_id, "quantity": self._quantity()}],
            subscription_data=data,
        )
        self._pays(session, self._dice.choice(_CARDS))

    def _buy(self, *, ours: bool = True, by_bank: bool = False, pays: bool = True) -> None:
        labels = {"user_id": ANN, "resource_type": K8S.resource.type.value, "resource_id": K8S.resource.id}
        if ours and len(self.orders) < self._orders_max:
            number = len(self.orders) + 1
            made = order(f"01944b2c-0000-7000-8000-{number:012}", resource=K8S.resource, created=moment(self.play.now))
            self.orders.append(made)
            labels["purchase_id"] = made.id
        price = {"currency": "usd", "unit_amount": 4900, "product_data": {"name": K8S.name}}
        session = self._ask(
            "POST",
            "/v1/checkout/sessions",
            mode="payment",
            success_url="http://127.0.0.1/ok",
            customer=self.customer,
            line_items=[{"quantity": 1, "price_data": price}],
            metadata=labels,
            payment_intent_data={"metadata": labels},
            invoice_creation={"enabled": self._coin()},
        )
        if not pays:
            self._ask("POST", f"/v1/checkout/sessions/{session['id']}/expire")
        elif by_bank:
            bank = BANK_FAILS if self._coin() else BANK_SUCCEEDS
            buyer = Buyer(email="ann@example.com", name="Ann", card=bank)
            self._do(lambda w: complete(w, w.load("checkout.session", session["id"]), buyer))
        else:
            self._pays(session, self._dice.choice(_CARDS))

    def _pays(self, session: Obj, number: str) -> None:
        buyer = Buyer(email="ann@example.com", name="Ann", card=card_of(number))
        try:
            self._do(lambda w: complete(w, w.load("checkout.session", session["id"]), buyer))
        except Fault:
            if self._coin():
                second = evolve(buyer, card=card_of(_CARDS[0]))
                self._do(lambda w: complete(w, w.load("checkout.session", session["id"]), second))

    def _add_card(self) -> None:
        token = self._dice.choice(_TOKENS)
        method = self._ask("POST", f"/v1/payment_methods/{token}/attach", customer=self.customer)
        if self._coin():
            self._ask(
                "POST", f"/v1/customers/{self.customer}", invoice_settings={"default_payment_method": method["id"]}
            )

    def _remove_card(self) -> None:
        self._ask("POST", f"/v1/payment_methods/{self._any('payment_method', customer=self.customer)['id']}/detach")

    def _decline_next(self) -> None:
        def note(w: object) -> Obj:
            payments.fail_next_payments(w, self.customer, "generic_decline", self._dice.randint(1, 3))  # type: ignore[arg-type]  # the engine's world
            return {}

        self._do(note)

    def _change_plan(self) -> None:
        subscription = self._first("subscription", id=self._running())
        new = {
            "id": subscription["items"]["data"][0]["id"],
            "price": self._dice.choice(self.catalog.plans).stripe_price_id,
            "quantity": self._quantity(),
        }
        proration = self._dice.choice(_PRORATIONS)
        how = {"payment_behavior": "pending_if_incomplete"} if proration == "always_invoice" and self._coin() else {}
        self._ask("POST", self._path(), items=[new], proration_behavior=proration, **how)

    def _schedule(self) -> None:
        schedule = self._ask("POST", "/v1/subscription_schedules", from_subscription=self._running())
        if self._coin():
            self._ask("POST", f"/v1/subscription_schedules/{schedule['id']}/release")
            return
        (phase,) = schedule["phases"]
        now = {"items": [{"price": phase["items"][0]["price"], "quantity": 1}]}
        later = {"items": [{"price": self._dice.choice(self.catalog.plans).stripe_price_id, "quantity": 1}]}
        first = now | {"start_date": phase["start_date"], "end_date": phase["end_date"]}
        self._ask("POST", f"/v1/subscription_schedules/{schedule['id']}", phases=[first, later], end_behavior="release")

    def _to_the_next_period(self) -> None:
        """To its first second, in which more may happen."""
        (item, *_) = self._any("subscription", id=self._running())["items"]["data"]
        self._wait(max(0, item["current_period_end"] - self.play.now))

    def _hold(self) -> None:
        behavior = self._dice.choice(("void", "keep_as_draft", "mark_uncollectible"))
        self._ask("POST", self._path(), pause_collection={"behavior": behavior})

    def _pay_open(self) -> None:
        self._ask("POST", f"/v1/invoices/{self._any('invoice', status='open')['id']}/pay")

    def _refund(self, *, part: bool = False) -> None:
        charge = self._any("charge", status="succeeded")
        amount = {"amount": self._dice.randint(1, charge["amount"])} if part else {}
        self._ask("POST", "/v1/refunds", payment_intent=charge["payment_intent"], **amount)

    def _fail_refund(self) -> None:
        refund = self._any("refund")
        self._do(lambda w: refunds.fail(w, w.load("refund", refund["id"])))

    def _dispute(self) -> None:
        charge, inquiry = self._any("charge", status="succeeded"), self._dice.random() < 0.2
        self._do(lambda w: disputes.open_dispute(w, w.load("charge", charge["id"]), inquiry=inquiry))

    def _decide(self, outcome: str) -> None:
        dispute = self._any("dispute")
        self._do(lambda w: disputes.decide(w, w.load("dispute", dispute["id"]), outcome))

    def _end_delayed(self) -> None:
        intent, succeeds = self._any("payment_intent", status="processing"), self._coin()
        self._do(lambda w: end_delayed_payment(w, w.load("payment_intent", intent["id"]), succeeds=succeeds))

    # ------------------------------------------------------------------------------------------------------- the means
    def _ask(self, method: str, path: str, **params: object) -> Obj:
        answer = self.play.ask(method, path, params)
        body = answer.json()
        if answer.status != 200:
            raise _Refused(body)
        return body

    def _do(self, what: Callable[..., Obj]) -> Obj:
        return self.play.engine.do(what)

    def _coin(self) -> bool:
        return self._dice.random() < 0.5

    def _quantity(self) -> int:
        return self._dice.choice((1, 1, 1, 3))

    def _path(self) -> str:
        return f"/v1/subscriptions/{self._running()}"

    def _running(self) -> str:
        ended = {"canceled", "incomplete_expired"}
        return next((one["id"] for one in self.objects("subscription") if one["status"] not in ended), "")

    def _matching(self, kind: str, wanted: Obj) -> Iterator[Obj]:
        for one in self.objects(kind):
            if all(one.get(name) == value for name, value in wanted.items()):
                yield one

    def _first(self, kind: str, **wanted: object) -> Obj:
        return next(self._matching(kind, wanted), {})

    def _any(self, kind: str, **wanted: object) -> Obj:
        found = list(self._matching(kind, wanted))
        if not found:
            raise _Refused({"error": {"code": f"no {kind} is there"}})
        return self._dice.choice(found)

    def _sold(self) -> Catalog:
        plans = tuple(self._at_stripe(plan) for plan in (PRO, TEAM, BASIC, YEARLY))
        return Catalog(plans=plans, items=CATALOG.items)

    def _at_stripe(self, plan: Plan) -> Plan:
        interval = "year" if plan.interval is Interval.YEAR else "month"
        price: Money = plan.price
        return evolve(plan, stripe_price_id=self.play.price(price.amount, interval)["id"])


class _Refused(Fault):
    """The engine's refusal of a request, as an error."""

    def __init__(self, body: Obj) -> None:
        Exception.__init__(self, body)
        self._told = body

    @property
    def body(self) -> Obj:
        """The error that was answered."""
        return self._told
