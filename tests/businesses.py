"""A simulated business, played through the sandbox's engine: a seed decides everything that happens in it.

Every month some people sign up, some on trial; cards are declined and replaced, plans changed, seats added,
money is refunded and disputed, subscriptions are canceled, taken back and begun anew, in several currencies. What
the sandbox tells goes into facts the way webhooks do; what it says of its own invoices and balance is left for
whoever wants to compare.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

from attrs import define, field

from billing_core.domain.facts import CouponSeen, Fact
from billing_sandbox.engine import disputes
from billing_sandbox.engine.objects import DAY, Obj
from billing_sandbox.engine.payments import fail_next_payments
from billing_sandbox.engine.world import World
from billing_stripe.facts.events import fact_of_event
from tests.unit.sandbox.play import Play

__all__ = ["Business"]

_HOUR = 3600
#: Currency, monthly price, dearer monthly price, yearly price: of two, no and three decimals.
_PRICES = {
    "usd": (2900, 9900, 29000),
    "eur": (2700, 8900, 27000),
    "jpy": (4200, 12000, 42000),
    "kwd": (9500, 29000, 95000),
}
_FAILS_LATER = "pm_card_chargeCustomerFail"
_GOOD = "pm_card_visa"


@define
class Business:
    """One business, month by month."""

    seed: int
    #: About so many people sign up in a month.
    signups: int = 10
    play: Play = field(init=False)
    #: Everything that was told, as facts, in the order of the log.
    facts: list[Fact] = field(factory=list, init=False)
    prices: dict[str, tuple[Obj, Obj, Obj]] = field(factory=dict, init=False)
    coupons: list[Obj] = field(factory=list, init=False)
    #: By customer: currency and the latest subscription.
    members: dict[str, tuple[str, str]] = field(factory=dict, init=False)
    _chance: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open: prices of every currency, and two coupons."""
        self._chance = random.Random(self.seed)  # noqa: S311 - a story, not a secret
        self.play = Play(self.seed)
        for currency, (basic, dear, yearly) in _PRICES.items():
            self.prices[currency] = (
                self.play.price(basic, currency=currency),
                self.play.price(dear, currency=currency),
                self.play.price(yearly, "year", currency=currency),
            )
        spring = {"percent_off": "25", "duration": "repeating", "duration_in_months": 3}
        self.coupons = [
            self.play.post("/v1/coupons", **spring),
            self.play.post("/v1/coupons", percent_off="10", duration="forever"),
        ]
        self._take_in()

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return datetime.fromtimestamp(self.play.now, UTC)

    def coupons_seen(self) -> list[CouponSeen]:
        """The coupons, as facts tell them."""
        return [fact.after for fact in self.facts if isinstance(fact.after, CouponSeen)]

    def live(self, months: int) -> Business:
        """Let months pass, each in eight steps of about four days."""
        for _ in range(months * 8):
            for _ in range(self._some(self.signups / 8)):
                self._sign_up()
            for customer_id, (currency, subscription_id) in list(self.members.items()):
                if self._chance.random() < 0.03:
                    self._happen(customer_id, currency, subscription_id)
            self.play.engine.advance_to(self.play.now + self._chance.randrange(3 * DAY, 5 * DAY))
            self._take_in()
        return self

    def _some(self, mean: float) -> int:
        return sum(self._chance.random() < mean / 4 for _ in range(4))

    def _sign_up(self) -> None:
        currency = self._chance.choices(list(_PRICES), (6, 3, 1, 1))[0]
        card = _FAILS_LATER if self._chance.random() < 0.12 else _GOOD
        customer = self.play.customer(card)
        on_trial = card == _FAILS_LATER or self._chance.random() < 0.3
        self._subscribe(customer["id"], currency, trial_period_days=14) if on_trial else self._subscribe(
            customer["id"], currency
        )

    def _subscribe(self, customer_id: str, currency: str, **more: object) -> None:
        price = self._chance.choices(self.prices[currency], (6, 3, 2))[0]
        if self._chance.random() < 0.2:
            more["discounts"] = [{"coupon": self._chance.choice(self.coupons)["id"]}]
        items = [{"price": price["id"], "quantity": self._chance.choices((1, 2, 5), (8, 1, 1))[0]}]
        answer = self.play.ask("POST", "/v1/subscriptions", {"customer": customer_id, "items": items, **more})
        if answer.status == 200:
            self.members[customer_id] = (currency, answer.json()["id"])

    def _happen(self, customer_id: str, currency: str, subscription_id: str) -> None:
        now = self.play.get(f"/v1/subscriptions/{subscription_id}")
        if now["status"] in {"canceled", "incomplete_expired"}:
            self._card(customer_id, _GOOD)
            self._subscribe(customer_id, currency)
            return
        path = f"/v1/subscriptions/{subscription_id}"
        item = now["items"]["data"][0]
        dear, plain = self.prices[currency][1]["id"], self.prices[currency][0]["id"]
        steps: list[tuple[int, Callable[[], object]]] = [
            (3, lambda: self._change(path, {"id": item["id"], "price": dear})),
            (2, lambda: self._change(path, {"id": item["id"], "price": plain})),
            (2, lambda: self._change(path, {"id": item["id"], "quantity": item["quantity"] + 1})),
            (3, lambda: self.play.ask("POST", path, {"cancel_at_period_end": not now["cancel_at_period_end"]})),
            (2, lambda: self.play.ask("DELETE", path)),
            (3, lambda: self._fail_next(customer_id)),
            (2, lambda: self._card(customer_id, _FAILS_LATER)),
            (3, lambda: self._card(customer_id, _GOOD)),
            (3, lambda: self._refund(now["latest_invoice"])),
            (1, lambda: self._dispute(now["latest_invoice"])),
            (1, lambda: self.play.ask("POST", path, {"pause_collection": {"behavior": "void"}})),
        ]
        self._chance.choices([step for _, step in steps], [weight for weight, _ in steps])[0]()

    def _fail_next(self, customer_id: str) -> None:
        def fail(w: World) -> Obj:
            fail_next_payments(w, customer_id, "insufficient_funds", 2)
            return {}

        self.play.engine.do(fail)

    def _change(self, path: str, item: Obj) -> None:
        self.play.ask("POST", path, {"items": [item], "proration_behavior": "always_invoice"})

    def _card(self, customer_id: str, token: str) -> None:
        method = self.play.post(f"/v1/payment_methods/{token}/attach", customer=customer_id)
        self.play.post(f"/v1/customers/{customer_id}", invoice_settings={"default_payment_method": method["id"]})

    def _payment_of(self, invoice_id: str) -> str | None:
        payments = self.play.get("/v1/invoice_payments", invoice=invoice_id)["data"]
        return next((p["payment"]["payment_intent"] for p in payments if p["status"] == "paid"), None)

    def _refund(self, invoice_id: str) -> None:
        paid = self._payment_of(invoice_id)
        if paid is not None:
            part = {"amount": 900} if self._chance.random() < 0.4 else {}
            self.play.ask("POST", "/v1/refunds", {"payment_intent": paid, **part})

    def _dispute(self, invoice_id: str) -> None:
        paid = self._payment_of(invoice_id)
        if paid is None:
            return
        charge = self.play.get(f"/v1/payment_intents/{paid}")["latest_charge"]
        seen = self.play.get(f"/v1/charges/{charge}")
        if seen["disputed"] or seen["amount_refunded"]:
            return
        opened = self.play.engine.do(lambda w: disputes.open_dispute(w, w.load("charge", charge)))
        if self._chance.random() < 0.7:
            outcome = self._chance.choice(("won", "lost"))
            self.play.engine.do(lambda w: disputes.decide(w, w.load("dispute", opened["id"]), outcome))

    def _take_in(self) -> None:
        """What was told since the last time: the log keeps 30 days."""
        known = self.facts[-1].id if self.facts else ""
        for event in self.play.events():
            fact = fact_of_event(
                event["id"],
                event["type"],
                datetime.fromtimestamp(event["created"], UTC),
                event["data"]["object"],
                event["data"].get("previous_attributes"),
            )
            if fact is not None and fact.id != known:
                self.facts.append(fact)
        self.play.forget_events()
