"""A second reading of the sandbox's own objects: the account that they add up to, without a rule of the core's.

Only raw objects are read here, each answer by the most direct way there is; `rows_of` puts an account of ours into
the same plain rows, so that the two can be compared field by field.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TypeAlias

from billing_core.domain.account import Account
from billing_core.domain.ids import derived_id
from billing_core.domain.money import Money
from billing_sandbox.engine.objects import Obj
from tests.builders import K8S
from tests.sandbox_credits import is_given_back, lenders, lines_of
from tests.sandbox_lives import SandboxLife, moment

__all__ = ["Rows", "balance_of", "kept_of", "rows_of", "told_by"]

#: Plain values by kind of row and the provider's id (a purchase: ours).
Rows: TypeAlias = dict[str, dict[str, dict[str, object]]]

_LIVE_REFUNDS = {"pending", "requires_action", "succeeded"}
_HOLDING = {"needs_response", "under_review", "lost"}


# -------------------------------------------------------------------------------------------- what the account says
def rows_of(account: Account) -> Rows:
    """An account of ours as plain rows."""
    return {
        "subscriptions": {
            one.stripe_subscription_id: {
                "plan_id": one.plan_id,
                "status": one.status,
                "quantity": one.quantity,
                "current_period_start": one.current_period_start,
                "current_period_end": one.current_period_end,
                "trial_end": one.trial_end,
                "cancel_at_period_end": one.cancel_at_period_end,
                "canceled_at": one.canceled_at,
                "ended_at": one.ended_at,
                "past_due_since": one.past_due_since,
                "created_at": one.created_at,
            }
            for one in account.subscriptions
        },
        "invoices": {
            one.stripe_invoice_id: {
                "number": one.number,
                "status": one.status,
                "amount_due": one.amount_due,
                "amount_paid": one.amount_paid,
                "paid_at": one.paid_at,
                "subscription": one.subscription_id,
                "hosted_invoice_url": one.hosted_invoice_url,
                "invoice_pdf_url": one.invoice_pdf_url,
            }
            for one in account.invoices
        },
        "payments": {
            one.stripe_payment_intent_id: {
                "amount": one.amount,
                "amount_refunded": one.amount_refunded,
                "status": one.status.value,
                "invoice": one.stripe_invoice_id,
                "subscription": one.context.subscription_id if one.context else None,
                "purchase": one.context.purchase_id if one.context else None,
                "failure_code": one.failure_code,
                "created_at": one.created_at,
            }
            for one in account.payments
        },
        "refunds": {
            one.stripe_refund_id: {"amount": one.amount, "status": one.status, "payment": one.payment_id}
            for one in account.refunds
        },
        "purchases": {
            one.id: {"status": one.status.value, "amount_refunded": one.amount_refunded, "captured": one.captured}
            for one in account.purchases
        },
        "payment_methods": {
            one.id: {"last4": one.last4, "exp_year": one.exp_year, "is_default": one.is_default}
            for one in account.payment_methods
        },
        "blocked": {
            grant.source.id: {"resource": str(grant.resource), "blocked": grant.blocked is not None}
            for grant in account.grants
        },
    }


# --------------------------------------------------------------------------------------- what the sandbox's objects say
def told_by(life: SandboxLife) -> Rows:
    """The same rows, read off the sandbox's objects."""
    return _Reading(life).rows()


def balance_of(life: SandboxLife) -> dict[str, int]:
    """What each charge left in the account's balance, by its intent: all movements that name it, added up."""
    charge_of = {one["id"]: one["id"] for one in life.objects("charge")}
    charge_of |= {one["id"]: one["charge"] for kind in ("refund", "dispute") for one in life.objects(kind)}
    intent_of = {one["id"]: one["payment_intent"] for one in life.objects("charge")}
    total: dict[str, int] = defaultdict(int)
    for movement in life.objects("balance_transaction"):
        total[intent_of[charge_of[movement["source"]]]] += movement["amount"]
    return dict(total)


def kept_of(account: Account) -> dict[str, int]:
    """What the account says is kept of each payment."""
    return {
        one.stripe_payment_intent_id: (one.amount - one.amount_refunded - one.amount_disputed).amount
        for one in account.payments
        if one.paid_at is not None
    }


class _Reading:
    """One life's objects, by what they belong to."""

    def __init__(self, life: SandboxLife) -> None:
        self._life = life
        self._plans = {plan.stripe_price_id: plan.id for plan in life.catalog.plans}
        self._subscriptions = {one["id"]: one for one in life.objects("subscription")}
        self._intents = {one["id"]: one for one in life.objects("payment_intent")}
        self._refunds: dict[str, list[Obj]] = defaultdict(list)
        for refund in life.objects("refund"):
            self._refunds[refund["payment_intent"]].append(refund)
        self._disputes: dict[str, list[Obj]] = defaultdict(list)
        for dispute in life.objects("dispute"):
            self._disputes[dispute["payment_intent"]].append(dispute)
        #: Only what is paid: no event tells of a link before that.
        self._invoice_of = {
            one["payment"]["payment_intent"]: one["invoice"]
            for one in life.objects("invoice_payment")
            if one["status"] == "paid"
        }
        self._orders = self._all_orders()

    def rows(self) -> Rows:
        tried = {identity: one for identity, one in self._intents.items() if self._status(one) is not None}
        return {
            "subscriptions": {identity: self._subscription(one) for identity, one in self._subscriptions.items()},
            "invoices": {one["id"]: self._invoice(one) for one in self._life.objects("invoice")},
            "payments": {identity: self._payment(one) for identity, one in tried.items()},
            "refunds": {one["id"]: self._refund(one) for many in self._refunds.values() for one in many},
            "purchases": {identity: self._purchase(session) for identity, session in self._orders.items()},
            "payment_methods": self._methods(),
            "blocked": self._blocked(),
        }

    # ------------------------------------------------------------------------------------------------- subscriptions
    def _subscription(self, one: Obj) -> dict[str, object]:
        item = one["items"]["data"][0]
        return {
            "plan_id": self._plans[item["price"]["id"]],
            "status": one["status"],
            "quantity": item["quantity"],
            "current_period_start": moment(item["current_period_start"]),
            "current_period_end": moment(item["current_period_end"]),
            "trial_end": _moment(one["trial_end"]),
            "cancel_at_period_end": one["cancel_at_period_end"],
            "canceled_at": _moment(one["canceled_at"]),
            "ended_at": _moment(one["ended_at"]),
            "past_due_since": self._past_due_since(one),
            "created_at": moment(one["created"]),
        }

    def _past_due_since(self, one: Obj) -> datetime | None:
        """`created` of the first event of the present run of events that show it past due."""
        since: int | None = None
        for event in self._life.events:
            if event["data"]["object"].get("id") == one["id"]:
                past_due = event["data"]["object"]["status"] == "past_due"
                since = (since or event["created"]) if past_due else None
        return _moment(since)

    def _our_subscription(self, identity: str | None) -> str | None:
        one = self._subscriptions.get(identity or "")
        return derived_id(moment(one["created"]), one["id"]) if one else None

    # ----------------------------------------------------------------------------------------- invoices and payments
    def _invoice(self, one: Obj) -> dict[str, object]:
        return {
            "number": one["number"],
            "status": one["status"],
            "amount_due": Money(one["amount_due"], one["currency"]),
            "amount_paid": Money(one["amount_paid"], one["currency"]),
            "paid_at": _moment(one["status_transitions"]["paid_at"]),
            "subscription": self._our_subscription(_subscription_of(one)),
            "hosted_invoice_url": one["hosted_invoice_url"],
            "invoice_pdf_url": one["invoice_pdf"],
        }

    def _status(self, intent: Obj) -> str | None:
        if intent["status"] == "succeeded":
            return self._after_success(intent)
        if intent["status"] in {"requires_payment_method", "requires_confirmation"}:
            return "failed" if intent["last_payment_error"] else None
        return "canceled" if intent["status"] == "canceled" else "processing"

    def _after_success(self, intent: Obj) -> str:
        if self._is_held(intent):
            return "disputed"
        back = self._given_back(intent)
        if back >= intent["amount_received"]:
            return "refunded"
        return "partially_refunded" if back else "succeeded"

    def _is_held(self, intent: Obj) -> bool:
        return any(dispute["status"] in _HOLDING for dispute in self._disputes[intent["id"]])

    def _given_back(self, intent: Obj) -> int:
        return sum(one["amount"] for one in self._refunds[intent["id"]] if one["status"] in _LIVE_REFUNDS)

    def _payment(self, intent: Obj) -> dict[str, object]:
        paid, status = intent["status"] == "succeeded", self._status(intent)
        invoice = self._life.play.engine.world.store.find("invoice", self._invoice_of.get(intent["id"], ""))
        error = (intent["last_payment_error"] or {}) if status == "failed" else {}
        by_session = (order for order, one in self._orders.items() if one and one["payment_intent"] == intent["id"])
        purchase = intent["metadata"].get("purchase_id") or next(by_session, None)
        return {
            "amount": Money(intent["amount_received"] if paid else intent["amount"], intent["currency"]),
            "amount_refunded": Money(self._given_back(intent), intent["currency"]),
            "status": status,
            "invoice": invoice["id"] if invoice else None,
            "subscription": self._our_subscription(_subscription_of(invoice)) if invoice and not purchase else None,
            "purchase": purchase,
            "failure_code": error.get("decline_code") or error.get("code"),
            "created_at": moment(intent["created"]),
        }

    def _refund(self, one: Obj) -> dict[str, object]:
        intent = self._intents[one["payment_intent"]]
        return {
            "amount": Money(one["amount"], one["currency"]),
            "status": one["status"],
            "payment": derived_id(moment(intent["created"]), intent["id"]),
        }

    # ----------------------------------------------------------------------------------------------------- purchases
    def _all_orders(self) -> dict[str, Obj | None]:
        """The session of each order of ours, and of each paid session that was made elsewhere."""
        sessions = [one for one in self._life.objects("checkout.session") if one["mode"] == "payment"]
        by_order = {one["metadata"].get("purchase_id"): one for one in sessions}
        orders: dict[str, Obj | None] = {order.id: self._told(by_order.get(order.id)) for order in self._life.orders}
        for one in sessions:
            intent = self._intents.get(one["payment_intent"] or "", {})
            is_paid = one["payment_status"] == "paid" or intent.get("status") == "succeeded"
            if "purchase_id" not in one["metadata"] and is_paid:
                orders[derived_id(moment(one["created"]), one["id"])] = one
        return orders

    @staticmethod
    def _told(session: Obj | None) -> Obj | None:
        """No event tells of a session that is open."""
        return session if session and session["status"] != "open" else None

    def _purchase(self, session: Obj | None) -> dict[str, object]:
        intent = self._intents.get((session or {}).get("payment_intent") or "")
        paid = intent is not None and intent["status"] == "succeeded"
        return {
            "status": self._purchase_status(session, intent),
            "amount_refunded": Money(self._given_back(intent) if intent and paid else 0, "usd"),
            "captured": Money(intent["amount_received"] if intent and paid else 0, "usd"),
        }

    def _purchase_status(self, session: Obj | None, intent: Obj | None) -> str:
        if session is None:
            return "pending"
        if intent is not None and intent["status"] == "succeeded":
            status = self._after_success(intent)
            return "completed" if status == "succeeded" else status
        if session["status"] == "expired":
            return "expired"
        return "pending" if intent is not None and intent["status"] == "processing" else "failed"

    # ------------------------------------------------------------------------------------------- methods and access
    def _methods(self) -> dict[str, dict[str, object]]:
        default = self._charged_method()
        return {
            one["id"]: {
                "last4": one[one["type"]]["last4"],
                "exp_year": one[one["type"]].get("exp_year"),
                "is_default": one["id"] == default,
            }
            for one in self._life.objects("payment_method")
            if one["customer"] == self._life.customer
        }

    def _charged_method(self) -> str | None:
        """What the newest subscription that goes on names, else the customer: as long as it is attached."""
        customer = self._life.play.engine.world.load("customer", self._life.customer)
        ended = {"canceled", "incomplete_expired"}
        going_on = [one for one in self._subscriptions.values() if one["status"] not in ended]
        newest_first = sorted(going_on, key=lambda one: (one["created"], one["id"]), reverse=True)
        named = [one["default_payment_method"] for one in newest_first]
        named.append(customer["invoice_settings"]["default_payment_method"])
        methods = self._life.objects("payment_method")
        attached = {one["id"] for one in methods if one["customer"] == self._life.customer}
        return next((name for name in named if name in attached), None)

    def _blocked(self) -> dict[str, dict[str, object]]:
        """Whether anything but time closes what was paid for: it was given back, is in dispute, or has ended."""
        found: dict[str, dict[str, object]] = {}
        for order, session in self._orders.items():
            status = self._purchase(session)["status"]
            if status in {"completed", "partially_refunded", "refunded", "disputed"}:
                found[order] = {"resource": str(K8S.resource), "blocked": status in {"refunded", "disputed"}}
        for one in self._subscriptions.values():
            row = self._subscription(one)
            plan = next(plan for plan in self._life.catalog.plans if plan.id == row["plan_id"])
            closed = one["status"] not in {"trialing", "active", "past_due"} or self._latest_period_is_undone(one)
            found[self._our_subscription(one["id"]) or ""] = {"resource": str(plan.grants[0]), "blocked": closed}
        return found

    def _latest_period_is_undone(self, subscription: Obj) -> bool:
        """Whether the money of the invoices that paid furthest is held by a dispute, or was all given back.

        A period that a later credit gave back is paid for no more, but what was given for it went into the one that
        ends with it: an upgrade that is refunded leaves what was paid before it.
        """
        mine = [one for one in self._life.objects("invoice") if _subscription_of(one) == subscription["id"]]
        invoices = sorted((one for one in mine if one["status"] == "paid"), key=lambda one: (one["created"], one["id"]))
        paid = [one for one in invoices if not all(is_given_back(line, one, invoices) for line in lines_of([one]))]
        through = max((line["period"]["end"] for line in lines_of(paid)), default=0)
        latest = {one["id"] for one in invoices if any(line["period"]["end"] == through for line in lines_of([one]))}
        if not any(one["amount_paid"] for one in invoices if one["id"] in latest):
            latest |= lenders(invoices, latest)
        intents = [self._intents[i] for i, invoice in self._invoice_of.items() if invoice in latest]
        captured = [one for one in intents if one["status"] == "succeeded"]
        if any(self._is_held(one) for one in captured):
            return True
        return bool(captured) and all(self._given_back(one) >= one["amount_received"] for one in captured)


def _moment(seconds: int | None) -> datetime | None:
    return moment(seconds) if seconds is not None else None


def _subscription_of(invoice: Obj) -> str | None:
    found: str | None = ((invoice["parent"] or {}).get("subscription_details") or {}).get("subscription")
    return found
