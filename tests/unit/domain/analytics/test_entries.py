"""Entries in full: what became of a renewal, of a trial and of a payment, with the facts that tell it."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.recovery import recovery_of
from billing_core.domain.analytics.revenue import revenue_of
from billing_core.domain.analytics.settling import settling_of
from billing_core.domain.analytics.trials import trials_of
from billing_core.domain.facts import Fact, InvoicePaymentSeen, InvoiceSeen, PriceTerms, SubscriptionSeen
from billing_core.domain.periods import Interval
from tests.builders import PRO, TEAM, day, told
from tests.provider_objects import charge, invoice, item, line, payment, refund, subscription

PRICE, TEAM_PRICE = PRO.stripe_price_id, TEAM.stripe_price_id

# ------------------------------------------------------------------------------------------------------------ recovery
RENEWAL = invoice(line(2900, day(31), day(59)), identity="in_2", status="open", created=day(31), attempts=0)
UNPAID = evolve(RENEWAL, attempt_count=1)
FAILED = told("invoice.payment_failed", UNPAID, day(31), identity="failed")
AGAIN = told("invoice.payment_failed", evolve(UNPAID, attempt_count=2), day(33), identity="again")
PAID = evolve(UNPAID, status="paid", amount_paid=2900, amount_remaining=0, paid_at=day(35))
ENDED = subscription("canceled", ended_at=day(38))


def recovered(*facts: Fact) -> list[Entry]:
    history = History(facts)
    (seen,) = history.known.all(InvoiceSeen)
    return list(recovery_of(seen, history))


def renewal(kind: EntryKind, at: float, fact: str) -> Entry:
    return Entry(
        kind=kind, at=day(at), currency="usd", amount=2900, price_id=PRICE, subject_id="in_2", since=day(31),
        facts=(fact,),
    )  # fmt: skip


OUTCOMES: dict[str, tuple[list[Fact], Entry | None]] = {
    "it is still open": ([FAILED, AGAIN], None),
    "it was paid": (
        [FAILED, AGAIN, told("invoice.paid", PAID, day(36), identity="paid")],
        renewal(EntryKind.RENEWAL_RECOVERED, 35, "paid"),
    ),
    "it was paid nobody says when": (
        [FAILED, AGAIN, told("invoice.paid", evolve(PAID, paid_at=None), day(36), identity="paid")],
        renewal(EntryKind.RENEWAL_RECOVERED, 36, "paid"),
    ),
    "it was voided": (
        [FAILED, AGAIN, told("invoice.voided", evolve(UNPAID, status="void"), day(37), identity="void")],
        renewal(EntryKind.RENEWAL_LOST, 37, "void"),
    ),
    "it was written off": (
        [FAILED, told("invoice.marked_uncollectible", evolve(UNPAID, status="uncollectible"), day(37), identity="off")],
        renewal(EntryKind.RENEWAL_LOST, 37, "off"),
    ),
    "the subscription ended before": (
        [FAILED, told("customer.subscription.deleted", ENDED, day(39), identity="ended")],
        renewal(EntryKind.RENEWAL_LOST, 38, "ended"),
    ),
    "the subscription goes on": ([FAILED, told("seen", subscription("past_due"), day(31))], None),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "outcome"), OUTCOMES.values(), ids=OUTCOMES)
def test_a_renewal_failed_and(facts: list[Fact], outcome: Entry | None) -> None:
    began = renewal(EntryKind.RENEWAL_FAILED, 31, "failed")
    assert recovered(*facts) == [began, *([outcome] if outcome else [])]


def test_what_is_voided_after_the_subscription_ended_was_lost_with_it() -> None:
    ended = told("customer.subscription.deleted", ENDED, day(39))
    void = told("invoice.voided", evolve(UNPAID, status="void"), day(60))
    assert recovered(FAILED, ended, void)[-1].at == day(38)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param([told("invoice.finalized", RENEWAL, day(31))], id="nobody-tried"),
        pytest.param([told("invoice.finalized", RENEWAL, day(31)), told("invoice.paid", PAID, day(35))], id="was-paid"),
        pytest.param([told("seen", evolve(UNPAID, amount_remaining=0), day(31))], id="owes-nothing"),
        pytest.param([told("seen", evolve(UNPAID, subscription_id=None), day(31))], id="is-of-no-subscription"),
    ],
)
def test_an_invoice_is_no_case_that(facts: list[Fact]) -> None:
    assert recovered(*facts) == []


def test_a_renewal_of_no_price_is_a_case_too() -> None:
    bare = evolve(UNPAID, lines=(line(2900, day(31), day(59), price=""),))
    (began,) = recovered(told("invoice.payment_failed", bare, day(31)))
    assert began.price_id is None


# -------------------------------------------------------------------------------------------------------------- trials
EURO_ITEM = evolve(item(), terms=PriceTerms(amount=2700, currency="eur", interval=Interval.MONTH))
ON_TRIAL = subscription("trialing", trial_end=day(14), items=(EURO_ITEM,))
BEGUN = told("customer.subscription.created", ON_TRIAL, day(0), identity="begun")


def tried(*facts: Fact) -> list[Entry]:
    history = History(facts)
    (seen,) = history.known.all(SubscriptionSeen)
    return list(trials_of(seen, history))


def trial(kind: EntryKind, at: float, fact: str) -> Entry:
    return Entry(kind=kind, at=day(at), currency="eur", price_id=PRICE, subject_id="sub_1", since=day(0), facts=(fact,))


def a_bill(at: float, paid: int, *, told_at: float | None = None, identity: str = "in_1") -> Fact:
    seen = evolve(invoice(line(2700, day(at), day(at + 30)), identity=identity, created=day(at)), amount_paid=paid)
    return told("invoice.paid", seen, day(told_at or at), identity=f"paid {identity}")


FATES: dict[str, tuple[list[Fact], Entry | None]] = {
    "goes on": ([a_bill(0, 0)], None),
    "was paid for": (
        [a_bill(0, 0, identity="in_0"), a_bill(14, 2700)], trial(EntryKind.TRIAL_CONVERTED, 14, "paid in_1"),
    ),
    "was paid for by a cent": ([a_bill(14, 1)], trial(EntryKind.TRIAL_CONVERTED, 14, "paid in_1")),
    "was paid for twice": (
        [a_bill(44, 2700, identity="in_0"), a_bill(14, 2700)], trial(EntryKind.TRIAL_CONVERTED, 14, "paid in_1"),
    ),
    "ended, told late": (
        [told("customer.subscription.deleted", evolve(ON_TRIAL, status="canceled", ended_at=day(9)), day(11),
              identity="gone")],
        trial(EntryKind.TRIAL_LOST, 9, "gone"),
    ),
    "was paused": (
        [told("customer.subscription.paused", evolve(ON_TRIAL, status="paused"), day(14), identity="paused")],
        trial(EntryKind.TRIAL_LOST, 14, "paused"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "fate"), FATES.values(), ids=FATES)
def test_a_trial_that(facts: list[Fact], fate: Entry | None) -> None:
    assert tried(BEGUN, *facts) == [trial(EntryKind.TRIAL_STARTED, 0, "begun"), *([fate] if fate else [])]


def test_a_payment_counts_on_the_day_on_which_it_was_made_not_billed() -> None:
    late = evolve(invoice(created=day(14)), paid_at=day(16))
    unsaid = evolve(invoice(created=day(14)), paid_at=None)
    for bill, at in ((late, day(16)), (unsaid, day(14))):
        assert tried(BEGUN, told("invoice.paid", bill, day(20)))[-1].at == at


def test_who_never_had_a_trial_has_no_entry_of_one() -> None:
    for seen in (subscription(), evolve(subscription(), trial_end=day(0)), evolve(subscription(), trial_start=day(0))):
        assert tried(told("seen", seen, day(0))) == []


def test_a_trial_of_nothing_has_no_price_and_one_without_terms_no_currency() -> None:
    bare = evolve(ON_TRIAL, items=())
    old = evolve(ON_TRIAL, items=(item(),))
    assert [(one.price_id, one.currency) for one in tried(told("seen", bare, day(0)))] == [(None, "")]
    assert [(one.price_id, one.currency) for one in tried(told("seen", old, day(0)))] == [(PRICE, "")]


# ------------------------------------------------------------------------------------------------------------- revenue
def earned(amount: int, *lines: tuple[int, str | None], back: int = 0) -> list[Entry]:
    """What a payment for an invoice of these lines, all or part of it refunded on day 5, is told as."""
    bill = invoice(*(evolve(line(cents, day(0), day(31)), price_id=price) for cents, price in lines))
    link = InvoicePaymentSeen(
        id="inpay_1", created=day(0), invoice_id="in_1", payment_id="pi_1", status="paid", currency="usd"
    )
    facts = [
        told("payment_intent.succeeded", payment(amount=amount), day(0), identity="paid"),
        told("charge.succeeded", charge(amount=amount), day(0)),
        *([told("invoice.paid", bill, day(0)), told("invoice_payment.paid", link, day(0))] if lines else []),
        *([told("refund.created", refund(back, created=day(5)), day(5), identity="back")] if back else []),
    ]
    history = History(facts)
    return list(revenue_of(settling_of(payment(amount=amount), history), history))


def test_money_is_told_when_it_moved_with_what_moved_it() -> None:
    paid = Entry(
        kind=EntryKind.PAID, at=day(0), currency="usd", amount=4900, subject_id="pi_1", since=day(0), facts=("paid",)
    )
    back = evolve(paid, kind=EntryKind.REFUNDED, at=day(5), amount=-900, subject_id="re_1", facts=("back",))
    assert earned(4900, back=900) == [paid, back]


@pytest.mark.parametrize(
    ("amount", "lines", "shares"),
    [
        # two lines of one price are one share: 10.00 + 10.00 beside 20.00
        pytest.param(4000, [(1000, PRICE), (2000, TEAM_PRICE), (1000, PRICE)], {PRICE: 2000, TEAM_PRICE: 2000},
                     id="two-lines"),
        # 30.00 less a credit of 10.00, beside 20.00: halves of 40.00
        pytest.param(4000, [(3000, PRICE), (-1000, PRICE), (2000, TEAM_PRICE)], {PRICE: 2000, TEAM_PRICE: 2000},
                     id="a-credit"),
        # a credit that is more than its price asked for: all is of the other one
        pytest.param(1000, [(2000, PRICE), (-3000, TEAM_PRICE)], {PRICE: 1000}, id="more-credit-than-price"),
        # 3 cents in halves: the odd one goes to the first by name, wherever it stands
        pytest.param(3, [(1, TEAM_PRICE), (1, PRICE)], {PRICE: 2, TEAM_PRICE: 1}, id="an-odd-cent"),
        pytest.param(3, [(1, PRICE), (1, None)], {None: 2, PRICE: 1}, id="a-line-without-a-price"),
        pytest.param(5, [(0, PRICE)], {PRICE: 5}, id="lines-of-nothing"),
    ],
)  # fmt: skip
def test_an_invoice_is_shared_out_between_its_prices(
    amount: int, lines: list[tuple[int, str | None]], shares: dict[str | None, int]
) -> None:
    assert {one.price_id: one.amount for one in earned(amount, *lines)} == shares
