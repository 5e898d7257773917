"""A business that is played through the sandbox, and its books: compared with what the sandbox says of itself.

Not with facts of ours: invoices, balance transactions and subscriptions are asked for through the API, and added
up here by other code than the books'.
"""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from billing_core.domain.analytics.entries import MICROS, MOVEMENTS, Entry, EntryKind
from billing_core.domain.analytics.reports.asked import ReportName
from billing_core.domain.analytics.reports.frames import Question
from billing_core.domain.analytics.reports.refunds import RevenueReport
from billing_core.domain.facts import InvoiceSeen
from billing_sandbox.engine.objects import Obj
from tests.businesses import Business
from tests.ledgers import books_of, kept_of, report_of
from tests.unit.sandbox.play import START

#: A nightly run plays whole years.
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
BUSINESSES = [(seed, 40, 12) for seed in (1, 2, 3, 4, 5, 77)] if LONG else [(1, 9, 5)]
GRACE_SECONDS = 7 * 86400


class Played:
    """A business after its time, its books, and the sandbox's own word."""

    def __init__(self, seed: int, signups: int, months: int) -> None:
        self.business = Business(seed, signups).live(months)
        self.book: frozenset[Entry] = books_of(self.business.facts)

    def all(self, path: str, **params: object) -> list[Obj]:
        """Every object of a list of the API."""
        found: list[Obj] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self.business.play.get(f"/v1/{path}", limit=100, **params, **after)
            found += page["data"]
            if not page["has_more"]:
                return found


@pytest.fixture(scope="module", params=BUSINESSES, ids=lambda lot: f"seed-{lot[0]}")
def played(request: pytest.FixtureRequest) -> Played:
    """One business for all tests of this file."""
    return Played(*request.param)


def month_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m")


def test_much_has_happened(played: Played) -> None:
    kinds = {entry.kind for entry in played.book}
    rare = {EntryKind.REFUND_FAILED, EntryKind.DISPUTED, EntryKind.DISPUTE_WON, EntryKind.CONTRACTION}
    assert kinds | rare == set(EntryKind)
    assert len({entry.currency for entry in played.book}) == 4


def test_kept_fact_by_fact_the_books_are_the_same(played: Played) -> None:
    """What a fact touches is all that it changes."""
    assert kept_of(played.business.facts) == played.book
    assert kept_of(reversed(played.business.facts)) == played.book


def test_every_month_and_currency_is_what_the_balance_says(played: Played) -> None:
    """Charges, refunds and disputes as the balance has them, fees apart."""
    told: dict[tuple[str, str], int] = defaultdict(int)
    for line in played.all("balance_transactions"):
        told[month_of(line["created"]), line["currency"]] += line["amount"]
    until = played.business.now
    question = Question(since=datetime.fromtimestamp(START, UTC), until=until)
    reports = report_of(ReportName.REFUNDS, [entry for entry in played.book if entry.at <= until], question)
    booked = {
        (row.period.strftime("%Y-%m"), currency): row.net.amount
        for currency, report in reports.items()
        if isinstance(report, RevenueReport)
        for row in report.rows
    }
    assert {key: amount for key, amount in booked.items() if amount} == {k: v for k, v in told.items() if v}


def test_what_came_in_is_what_invoices_say_was_paid(played: Played) -> None:
    told: dict[str, int] = defaultdict(int)
    for invoice in played.all("invoices"):
        told[invoice["currency"]] += invoice["amount_paid"]
    booked: dict[str, int] = defaultdict(int)
    for entry in played.book:
        if entry.kind is EntryKind.PAID:
            booked[entry.currency] += entry.amount
    assert booked == {currency: amount for currency, amount in told.items() if amount}


def test_what_was_recovered_is_what_invoices_say_took_more_than_one_attempt(played: Played) -> None:
    told = {
        invoice["id"]: invoice["amount_paid"]
        for invoice in played.all("invoices", status="paid")
        if invoice["attempt_count"] > 1
        and invoice["billing_reason"] != "subscription_create"
        and invoice["amount_paid"]
    }
    booked = {entry.subject_id: entry.amount for entry in played.book if entry.kind is EntryKind.RENEWAL_RECOVERED}
    assert booked == told


def test_trials_are_converted_where_an_invoice_was_paid(played: Played) -> None:
    payers = {
        invoice["parent"]["subscription_details"]["subscription"]
        for invoice in played.all("invoices", status="paid")
        if invoice["amount_paid"] and invoice["parent"]
    }
    tried = {one["id"] for one in played.all("subscriptions", status="all") if one["trial_start"]}
    by_kind = {
        kind: {entry.subject_id for entry in played.book if entry.kind is kind}
        for kind in (EntryKind.TRIAL_STARTED, EntryKind.TRIAL_CONVERTED)
    }
    assert by_kind == {EntryKind.TRIAL_STARTED: tried, EntryKind.TRIAL_CONVERTED: tried & payers}


def test_mrr_at_the_end_is_what_the_subscriptions_come_to(played: Played) -> None:
    """Each subscription as the API shows it: its price, its quantity, the discounts that still run."""
    now = played.business.play.now
    undone = _undone(played)
    told: dict[str, Fraction] = defaultdict(Fraction)
    in_grace = [
        one
        for one in played.all("subscriptions", status="past_due")
        if now < _past_due_since(one, played) + GRACE_SECONDS
    ]
    for one in played.all("subscriptions", status="active") + in_grace:
        if one["id"] not in undone and not _is_voided(one, now, played):
            told[one["currency"]] += _per_month(one, now, played)
    booked: dict[str, int] = defaultdict(int)
    for entry in played.book:
        if entry.kind in MOVEMENTS and entry.at.timestamp() <= now:
            booked[entry.currency] += entry.amount
    count = len(played.business.members)
    assert set(booked) == set(told)
    for currency, amount in told.items():
        assert abs(amount * MICROS - booked[currency]) <= count, currency


def _per_month(subscription: Obj, now: int, played: Played) -> Fraction:
    (item,) = subscription["items"]["data"]
    months = {"month": 1, "year": 12}[item["price"]["recurring"]["interval"]]
    amount = Fraction(item["price"]["unit_amount"] * item["quantity"], months)
    for discount_id in subscription["discounts"]:
        discount = played.business.play.engine.world.load("discount", discount_id)
        coupon = played.business.play.get(f"/v1/coupons/{discount['source']['coupon']}")
        if discount["end"] is None or discount["end"] > now:
            amount *= Fraction(100 - int(coupon["percent_off"]), 100)
    return amount


def _past_due_since(subscription: Obj, played: Played) -> int:
    """When the invoice that is still open was tried for the first time."""
    open_ones = played.all("invoices", subscription=subscription["id"], status="open")
    failed = [
        fact.occurred_at
        for fact in played.business.facts
        if fact.type == "invoice.payment_failed" and fact.after.id in {one["id"] for one in open_ones}
    ]
    return int(min(failed).timestamp())


def _is_voided(subscription: Obj, now: int, played: Played) -> bool:
    """Whether a period has begun since its collection was paused: its invoice was voided."""
    pause = subscription["pause_collection"]
    if pause is None:
        return False
    periods = [one for one in played.all("invoices", subscription=subscription["id"]) if _bills_a_period(one)]
    latest = max(periods, key=lambda one: one["created"])
    return bool(latest["status"] == "void" and now >= latest["created"])


def _bills_a_period(invoice: Obj) -> bool:
    """Whether it is for a period as a whole: a change within one does not begin it anew."""
    parents = [line["parent"]["subscription_item_details"] for line in invoice["lines"]["data"]]
    return any(parent is not None and not parent["proration"] for parent in parents)


def _undone(played: Played) -> set[str]:
    """Subscriptions whose latest paid invoices were all given back, or lost in a dispute."""
    lost = {one["payment_intent"] for one in played.all("disputes") if one["status"] == "lost"}
    found = set()
    for subscription in played.all("subscriptions", status="all"):
        paid = [
            one
            for one in played.all("invoices", subscription=subscription["id"], status="paid")
            if one["billing_reason"] in {"subscription_create", "subscription_cycle", "subscription_update"}
        ]
        latest = max(paid, key=lambda one: one["status_transitions"]["paid_at"], default=None)
        if latest is not None and latest["total"] > 0 and not latest["amount_paid"]:  # out of a credit: whose it was
            moneyed = [one for one in paid if one["amount_paid"]]
            latest = max(moneyed, key=lambda one: one["status_transitions"]["paid_at"], default=None)
        if latest is None or not latest["amount_paid"]:
            continue
        period = max(line["period"]["end"] for line in latest["lines"]["data"])
        covering = [one for one in paid if max(line["period"]["end"] for line in one["lines"]["data"]) == period]
        intents = [intent for one in covering for intent in _intents(one, played)]
        charges = [played.business.play.get(f"/v1/charges/{intent['latest_charge']}") for intent in intents]
        if charges and (
            all(one["refunded"] for one in charges) or any(one["payment_intent"] in lost for one in charges)
        ):
            found.add(subscription["id"])
    return found


def _intents(invoice: Obj, played: Played) -> list[Obj]:
    payments = played.business.play.get("/v1/invoice_payments", invoice=invoice["id"])["data"]
    ids = [one["payment"]["payment_intent"] for one in payments if one["status"] == "paid"]
    return [played.business.play.get(f"/v1/payment_intents/{one}") for one in ids]


def test_the_same_seed_lives_the_same_life() -> None:
    first, second = (Business(3, 8).live(1) for _ in range(2))
    assert first.facts == second.facts
    assert any(isinstance(fact.after, InvoiceSeen) for fact in first.facts)
