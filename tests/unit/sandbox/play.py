"""A sandbox engine to play with: requests as plain Python values, time by hand."""

from typing import Any

from attrs import define, field

from billing_sandbox.engine.cards import BANK_FAILS, BANK_SUCCEEDS
from billing_sandbox.engine.checkout_completion import Buyer, complete
from billing_sandbox.engine.engine import Answer, Engine
from billing_sandbox.engine.forms import Raw
from billing_sandbox.engine.ids import SeededIds
from billing_sandbox.engine.objects import DAY, Obj
from billing_sandbox.engine.payment_methods import card_of
from billing_sandbox.engine.world import World

START = 1_767_225_600
"""1 January 2026, 00:00 UTC."""


def raw(value: Any) -> Raw:  # noqa: ANN401 - any value that a form can carry
    """A Python value as form text."""
    if isinstance(value, dict):
        return {key: raw(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return {str(n): raw(inner) for n, inner in enumerate(value)}
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@define
class Play:
    """One account, from an empty start."""

    seed: int | str = 1
    engine: Engine = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin on 1 January 2026."""
        self.engine = Engine(World(ids=SeededIds(self.seed), main_time=START))

    # ------------------------------------------------------------------------------------------------------- requests
    def ask(self, method: str, path: str, params: Obj | None = None, key: str | None = None) -> Answer:
        """The answer, whatever it is."""
        encoded = {name: raw(value) for name, value in (params or {}).items()}
        return self.engine.call(method, path, encoded, key=key)

    def post(self, path: str, **params: object) -> Obj:
        """The object that a POST answers with, which must be 200."""
        return self._fine(self.ask("POST", path, params))

    def get(self, path: str, **params: object) -> Obj:
        """The object at a path."""
        return self._fine(self.ask("GET", path, params))

    def delete(self, path: str, **params: object) -> Obj:
        """What a DELETE answers with."""
        return self._fine(self.ask("DELETE", path, params))

    def refused(self, path: str, **params: object) -> Obj:
        """The error of a POST that must fail, its status included."""
        answer = self.ask("POST", path, params)
        assert answer.status != 200, answer.body
        error: Obj = answer.json()["error"]
        return error | {"status": answer.status}

    # ----------------------------------------------------------------------------------------------------------- time
    @property
    def now(self) -> int:
        """The engine's time."""
        return self.engine.world.main_time

    def wait(self, *, days: float = 0, hours: float = 0) -> None:
        """Let time pass."""
        self.engine.advance_to(self.now + int(days * DAY + hours * 3600))

    # --------------------------------------------------------------------------------------------------------- events
    def events(self, prefix: str = "") -> list[Obj]:
        """The events of the last 30 days whose type begins with `prefix`, oldest first."""
        return [event for event in self.engine.world.store.each("event") if event["type"].startswith(prefix)]

    def types(self, prefix: str = "") -> list[str]:
        """The types of those events."""
        return [event["type"] for event in self.events(prefix)]

    def forget_events(self) -> None:
        """Begin the event log anew."""
        for event in self.events():
            self.engine.world.store.remove("event", event["id"])

    # ----------------------------------------------------------------------------------------------------- short cuts
    def customer(self, card: str | None = "pm_card_visa", **params: object) -> Obj:
        """A customer, with this card as the default."""
        customer = self.post("/v1/customers", **({"email": "ada@example.com"} | params))
        if card is None:
            return customer
        method = self.post(f"/v1/payment_methods/{card}/attach", customer=customer["id"])
        default = {"default_payment_method": method["id"]}
        return self.post(f"/v1/customers/{customer['id']}", invoice_settings=default)

    def price(self, amount: int = 2900, interval: str | None = "month", currency: str = "usd", **params: object) -> Obj:
        """A price, recurring unless `interval` is None."""
        recurring = {"recurring": {"interval": interval}} if interval else {}
        named = {} if "product" in params else {"product_data": {"name": "Pro"}}
        return self.post("/v1/prices", unit_amount=amount, currency=currency, **recurring, **named, **params)

    def subscription(self, customer: Obj | None = None, price: Obj | None = None, **params: object) -> Obj:
        """A subscription of one item."""
        customer, price = customer or self.customer(), price or self.price()
        return self.post("/v1/subscriptions", customer=customer["id"], items=[{"price": price["id"]}], **params)

    def again(self, obj: Obj) -> Obj:
        """The object as it is now."""
        folder = {"checkout.session": "checkout/sessions"}.get(obj["object"], obj["object"] + "s")
        return self.get(f"/v1/{folder}/{obj['id']}")

    def invoice_of(self, subscription: Obj) -> Obj:
        """The latest invoice of a subscription."""
        return self.get(f"/v1/invoices/{self.again(subscription)['latest_invoice']}")

    def intent_of(self, invoice: Obj) -> Obj:
        """The payment intent of an invoice."""
        payments = self.get("/v1/invoice_payments", invoice=invoice["id"])["data"]
        return self.get(f"/v1/payment_intents/{payments[0]['payment']['payment_intent']}")

    def pay(self, session: Obj, number: str = "4242424242424242", **answers: object) -> Obj:
        """Complete a checkout session as its page does."""
        buyer = Buyer(email="ada@example.com", name="Ada", card=card_of(number), **answers)  # type: ignore[arg-type]  # named by the caller
        return self.engine.do(lambda w: complete(w, w.load("checkout.session", session["id"]), buyer))

    def pay_by_bank(self, session: Obj, *, closed: bool = False) -> Obj:
        """Complete a checkout session by bank debit, which takes three days and, from a closed account, fails."""
        buyer = Buyer(email="ada@example.com", name="Ada", card=BANK_FAILS if closed else BANK_SUCCEEDS)
        return self.engine.do(lambda w: complete(w, w.load("checkout.session", session["id"]), buyer))

    @staticmethod
    def _fine(answer: Answer) -> Obj:
        assert answer.status == 200, answer.body
        return answer.json()
