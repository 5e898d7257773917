"""The story: a learner subscribes, upgrades, buys a course, is refunded, cancels; months pass.

Every step is checked. A new user plays it each time, so it can be told again and again.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field

from billing_cli.calls import Answer, Server
from billing_cli.demo.stage import CARD, DECLINED_CARD, Stage

__all__ = ["Story"]

_OK, _CREATED, _CONFLICT, _PAYMENT_REQUIRED = 200, 201, 409, 402
#: Between Basic and Pro for a whole period, in cents.
_DIFFERENCE = 2000
#: To the end of any period of a month, and the hour until what it costs is charged; no two periods are so short.
_A_MONTH = "32d"
_COURSE = "course/k8s-101"
_LAB = "lab/k8s-lab"


@define
class Story:
    """One learner's months."""

    stage: Stage
    token: str = field(default="", init=False)

    def play(self) -> None:
        """All of it. Raises `StoryBroken` at the first step that is not as it should be."""
        self._arrive()
        subscription = self._subscribe()
        self._upgrade(subscription)
        purchase = self._buy_with_a_second_card()
        self._be_refunded(purchase)
        self._renew(subscription)
        self._cancel(subscription)
        self._end(subscription)
        self._look_back()

    # ------------------------------------------------------------------------------------------------ the acts
    def _arrive(self) -> None:
        self._says(f"{self.stage.user_id} comes in with a token of their own and sees what is sold")
        self.token = self.stage.cli("token", self.stage.user_id)
        plans = {
            plan["id"]: plan["price"] for plan in self._got(self.stage.api().get("/api/subscriptions/plans"))["plans"]
        }
        self._expect({"amount": 900, "currency": "usd"}, plans.get("basic-monthly"), "the price of Basic")
        self._expect({"amount": 2900, "currency": "usd"}, plans.get("pro-monthly"), "the price of Pro")
        self._says("nothing is open to them yet")
        self._expect_access(_COURSE, allowed=False, reason="no_grant")

    def _subscribe(self) -> str:
        self._says("they subscribe to Basic: the checkout page says $9.00 per month")
        session = self._send("POST", "/api/subscriptions/checkout-session", self._returns({"plan_id": "basic-monthly"}))
        page = self.stage.page(session["url"])
        for term in ("Basic", "$9.00", "per month"):
            self._require(term in page.text, f"that the checkout page says {term!r}")
        self._says("they pay with 4242 4242 4242 4242, and every course is open")
        self.stage.paid(session["url"], CARD, self._success_url)
        self.stage.eventually("active", lambda: self._subscription()["status"], "the subscription's status")
        self._expect_access(_COURSE, allowed=True, reason="subscription_active")
        self._expect_access(_LAB, allowed=False, reason="no_grant")
        again = self._api.send("POST", "/api/subscriptions/checkout-session", self._returns({"plan_id": "pro-monthly"}))
        self._expect((_CONFLICT, "already_subscribed"), (again.status, again.json["code"]), "a second subscription")
        return str(self._subscription()["id"])

    def _upgrade(self, subscription_id: str) -> None:
        path = f"/api/subscriptions/{subscription_id}"
        preview = self._got(self._api.send("POST", f"{path}/preview", {"plan_id": "pro-monthly"}))
        due = preview["amount_due"]
        self._says(
            f"they upgrade to Pro for what the preview said, {due['amount'] / 100:.2f} USD, and labs are open too"
        )
        self._require(0 < due["amount"] <= _DIFFERENCE, "that the preview charges the difference")
        body = {
            "plan_id": "pro-monthly",
            "proration_date": preview["proration_date"],
            "expected_amount_due": due,
        }
        changed = self._got(self._api.send("PUT", path, body))
        self._expect("pro-monthly", changed["plan_id"], "the plan")
        self._expect_access(_LAB, allowed=True, reason="subscription_active")

    def _buy_with_a_second_card(self) -> str:
        self._says("they buy the Kubernetes course for good; the first card is declined, and nothing is bought")
        wanted = self._returns({"resource_type": "course", "resource_id": "k8s-101"})
        bought = self._send("POST", "/api/purchases/create", wanted)
        refused = self.stage.pay(bought["url"], DECLINED_CARD)
        self._expect(_PAYMENT_REQUIRED, refused.status, "the answer to a card that is declined")
        self._require("declined" in refused.text, "that the page says why")
        self._expect("pending", self._purchase(bought["purchase_id"])["status"], "the purchase")
        self._says("they pay with another card: it is theirs, and cannot be bought twice")
        self.stage.paid(bought["url"], CARD, self._success_url)
        look = lambda: self._purchase(bought["purchase_id"])["status"]  # noqa: E731 - looked at again and again
        self.stage.eventually("completed", look, "the purchase")
        self._expect([bought["purchase_id"]], self._grants_by("purchase"), "what their purchases open")
        again = self._api.send("POST", "/api/purchases/create", wanted)
        self._expect((_CONFLICT, "already_owned"), (again.status, again.json["code"]), "buying it again")
        return str(bought["purchase_id"])

    def _be_refunded(self, purchase_id: str) -> None:
        self._says("support refunds the course: the purchase opens nothing any more")
        refund = self.stage.cli("purchases", "refund", purchase_id, "--reason", "asked by e-mail", "--yes", "--json")
        self._expect("succeeded", refund["status"], "the refund")
        look = lambda: self._purchase(purchase_id)["status"]  # noqa: E731 - looked at again and again
        self.stage.eventually("refunded", look, "the purchase")
        self._expect([], self._grants_by("purchase"), "what their purchases open")
        again = self._api.send("POST", f"/api/purchases/{purchase_id}/refund")
        self._expect((_CONFLICT, "already_refunded"), (again.status, again.json["code"]), "a second refund")

    def _renew(self, subscription_id: str) -> None:
        self._says("a month passes: Pro renews by itself")
        before = self._subscription()["current_period_end"]
        self.stage.cli("sandbox", "advance", _A_MONTH)
        self.stage.eventually(before, lambda: self._subscription()["current_period_start"], "the new period's start")
        self.stage.eventually(
            {"amount": 2900, "currency": "usd"}, lambda: self._payments()[0]["amount"], "what was paid last"
        )
        self._expect(subscription_id, self._subscription()["id"], "the subscription")
        self._expect_access(_LAB, allowed=True, reason="subscription_active")

    def _cancel(self, subscription_id: str) -> None:
        self._says("they cancel at the end of the period: until then everything stays open")
        path = f"/api/subscriptions/{subscription_id}/cancel"
        canceled = self._got(self._api.send("POST", path, {"at_period_end": True}))
        self._expect((True, "active"), (canceled["cancel_at_period_end"], canceled["status"]), "the cancellation")
        self._expect_access(_LAB, allowed=True, reason="subscription_active")

    def _end(self, subscription_id: str) -> None:
        self._says("another month passes: the subscription has ended, and nothing is open")
        self.stage.cli("sandbox", "advance", _A_MONTH)
        self.stage.eventually("canceled", lambda: self._subscription()["status"], "the subscription's status")
        self.stage.eventually((False, "subscription_ended"), lambda: self._access(_LAB), "access to the lab")
        self._expect_access(_COURSE, allowed=False, reason="subscription_ended")
        shown = self.stage.cli("subscriptions", "show", self.stage.user_id, "--json")
        self._expect((subscription_id, False), (shown["subscription"]["id"], shown["has_access"]), "what support sees")

    def _look_back(self) -> None:
        self._says("they look back: every payment with what it was for")
        # Sorted: the first three may be of one second, and then nothing says which was made first.
        kinds = sorted(str((payment["context"] or {}).get("kind")) for payment in self._payments())
        self._expect(["purchase", "subscription", "subscription", "subscription"], kinds, "what was paid for")
        self._says("every event arrived, and none is left over")
        for state in ("failed", "dead", "parked", "stored"):
            left = self.stage.cli("events", "list", "--state", state, "--json")["events"]
            self._expect([], [event["event_id"] for event in left], f"the {state} events")

    # ------------------------------------------------------------------------------------------------ the means
    @property
    def _api(self) -> Server:
        return self.stage.api(self.token)

    @property
    def _success_url(self) -> str:
        return f"{self.stage.environment['BILLING_URL']}/thanks"

    def _returns(self, wanted: dict[str, str]) -> dict[str, str]:
        return wanted | {
            "success_url": self._success_url,
            "cancel_url": f"{self.stage.environment['BILLING_URL']}/plans",
        }

    def _says(self, step: str) -> None:
        self.stage.teller.says(step)

    def _expect(self, wanted: object, found: object, what: str) -> None:
        self.stage.teller.expect(wanted, found, what)

    def _require(self, holds: bool, what: str) -> None:  # noqa: FBT001 - the condition itself
        self.stage.teller.expect("so", "so" if holds else "not so", what)

    def _got(self, answer: Answer, status: int = _OK) -> Any:  # noqa: ANN401 - whatever JSON may hold
        self._expect(status, answer.status, f"the answer ({answer.text[:300]})")
        return answer.json

    def _send(self, method: str, path: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON may hold
        return self._got(self._api.send(method, path, body), _CREATED)

    def _subscription(self) -> Any:  # noqa: ANN401 - whatever JSON may hold
        status = self._got(self._api.get(f"/api/subscriptions/status/{self.stage.user_id}"))
        return status["subscription"] or {"status": None, "current_period_start": None}

    def _purchase(self, purchase_id: str) -> Any:  # noqa: ANN401 - whatever JSON may hold
        return self._got(self._api.get(f"/api/purchases/{purchase_id}/status"))["purchase"]

    def _payments(self) -> Any:  # noqa: ANN401 - whatever JSON may hold
        return self._got(self._api.get(f"/api/payments/history/{self.stage.user_id}"))["payments"]

    def _access(self, resource: str) -> tuple[bool, str]:
        decision = self._got(self._api.get(f"/api/access/{self.stage.user_id}/{resource}"))
        return decision["allowed"], decision["reason"]

    def _expect_access(self, resource: str, *, allowed: bool, reason: str) -> None:
        self._expect((allowed, reason), self._access(resource), f"access to {resource}")

    def _grants_by(self, kind: str) -> list[str]:
        grants = self._got(self._api.get(f"/api/access/{self.stage.user_id}"))["grants"]
        return [grant["source"]["id"] for grant in grants if grant["source"]["kind"] == kind]
