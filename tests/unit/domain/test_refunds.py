"""May this be refunded, and how much of it? (domain rule 3)."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve

from billing_core.domain.errors import (
    AlreadyRefunded,
    BillingError,
    InvalidTransition,
    InvalidValue,
    RefundWindowClosed,
)
from billing_core.domain.money import Money
from billing_core.domain.policies import RefundPolicy
from billing_core.domain.refunds import (
    RefundQuestion,
    refund_amount,
    refund_window,
    refundability,
    refunded_of,
    released_by,
)
from tests.builders import day, seen, usd, utc
from tests.provider_objects import charge, payment, refund

PAID = day(0, hours=10)
QUESTION = RefundQuestion(
    paid_at=PAID,
    policy=RefundPolicy(),
    captured=usd(4900),
    refunded=usd(0),
    disputed=usd(0),
    asked_at=day(1),
)


def refusal(question: RefundQuestion) -> type[BillingError] | None:
    found = refundability(question).refusal
    return type(found) if found else None


# --------------------------------------------------------------------------------------------------- the window
def test_a_refund_may_be_asked_for_from_the_payment_on() -> None:
    assert refundability(evolve(QUESTION, asked_at=PAID)).eligible


def test_the_window_is_open_in_its_last_second_and_closed_from_exactly_its_end_on() -> None:
    assert refusal(evolve(QUESTION, asked_at=day(30, hours=10, seconds=-1))) is None
    assert refusal(evolve(QUESTION, asked_at=day(30, hours=10))) is RefundWindowClosed


@pytest.mark.parametrize(
    ("paid", "zone", "days", "closes"),
    [
        pytest.param("2026-01-31 12:00", "UTC", 30, "2026-03-02 12:00", id="thirty-days-of-24-hours-in-utc"),
        pytest.param("2026-03-20 12:00", "Europe/Berlin", 30, "2026-04-19 11:00", id="an-hour-lost-to-summer-time"),
        pytest.param("2026-10-20 12:00", "Europe/Berlin", 30, "2026-11-19 13:00", id="an-hour-won-from-winter-time"),
        pytest.param("2026-02-27 01:30", "Europe/Berlin", 30, "2026-03-29 01:30", id="the-local-time-that-is-skipped"),
        pytest.param("2026-09-25 00:30", "Europe/Berlin", 30, "2026-10-25 00:30", id="of-the-hour-twice-the-first"),
        pytest.param("2028-02-28 12:00", "UTC", 1, "2028-02-29 12:00", id="a-leap-day-counts"),
        pytest.param("2011-12-29 10:00", "Pacific/Apia", 1, "2011-12-30 10:00", id="a-day-that-was-skipped-moves-on"),
    ],
)  # fmt: skip
def test_days_are_counted_on_the_calendar_of_the_policys_zone(paid: str, zone: str, days: int, closes: str) -> None:
    window = refund_window(utc(paid), RefundPolicy(window_days=days, zone=zone))
    assert window is not None
    assert (window.start, window.end) == (utc(paid), utc(closes))


def test_a_window_of_no_days_is_none() -> None:
    answer = refundability(evolve(QUESTION, policy=RefundPolicy(window_days=0)))
    assert (type(answer.refusal), answer.until) == (RefundWindowClosed, None)


def test_an_administrator_may_override_the_window_and_nothing_else() -> None:
    late = evolve(QUESTION, asked_at=day(99), override_window=True)
    assert refusal(late) is None
    assert refusal(evolve(late, dispute_open=True)) is InvalidTransition
    assert refusal(evolve(late, refunded=usd(4900))) is AlreadyRefunded


def test_the_end_of_the_window_is_told_also_when_it_is_over() -> None:
    answer = refundability(evolve(QUESTION, asked_at=day(99)))
    assert answer.until == day(30, hours=10)
    assert isinstance(answer.refusal, RefundWindowClosed)
    assert answer.refusal.closed_at == day(30, hours=10)


def test_a_window_cannot_be_negative() -> None:
    with pytest.raises(InvalidValue):
        RefundPolicy(window_days=-1)


def test_the_zone_of_a_policy_must_exist() -> None:
    with pytest.raises(InvalidValue):
        RefundPolicy(zone="Europe/Atlantis")


# ------------------------------------------------------------------------------------------------ what is refused
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        pytest.param(evolve(QUESTION, paid_at=None), InvalidTransition, id="never-paid"),
        pytest.param(evolve(QUESTION, captured=usd(0)), InvalidTransition, id="paid-nothing"),
        pytest.param(evolve(QUESTION, dispute_open=True, disputed=usd(4900)), InvalidTransition, id="in-dispute"),
        pytest.param(evolve(QUESTION, refunded=usd(4900)), AlreadyRefunded, id="nothing-left"),
        pytest.param(evolve(QUESTION, refunded=usd(900), disputed=usd(4000)), AlreadyRefunded, id="rest-lost"),
        pytest.param(evolve(QUESTION, refunded=usd(4900), asked_at=day(99)), AlreadyRefunded, id="and-late"),
    ],
)
def test_a_refund_is_refused_for_the_first_reason_that_holds(
    question: RefundQuestion, expected: type[BillingError]
) -> None:
    assert refusal(question) is expected
    assert refundability(question).refundable == usd(0)
    with pytest.raises(expected):
        refund_amount(question, None)


# ------------------------------------------------------------------------------------------------ how much: prices
@pytest.mark.parametrize(
    ("refunded", "disputed", "left"),
    [
        pytest.param(0, 0, 4900, id="all-of-it"),
        pytest.param(1000, 0, 3900, id="what-is-left"),  # 4900 - 1000
        pytest.param(1000, 400, 3500, id="less-what-is-lost"),  # 4900 - 1000 - 400
        pytest.param(4899, 0, 1, id="the-last-cent"),
    ],
)
def test_what_can_be_refunded_is_what_was_captured_less_what_is_gone(refunded: int, disputed: int, left: int) -> None:
    question = evolve(QUESTION, refunded=usd(refunded), disputed=usd(disputed))
    assert refundability(question).refundable == usd(left)
    assert refund_amount(question, None) == usd(left)
    assert refund_amount(question, usd(left)) == usd(left)
    assert refund_amount(question, usd(1)) == usd(1)


def test_what_is_left_is_never_below_nothing() -> None:
    """More was given back and disputed than was captured: 40.00 and 20.00 of 49.00."""
    question = evolve(QUESTION, refunded=usd(4000), disputed=usd(2000))
    assert (question.left, refusal(question)) == (usd(0), AlreadyRefunded)


@pytest.mark.parametrize("wanted", [0, -1, 4901])
def test_an_amount_is_above_nothing_and_at_most_what_is_left(wanted: int) -> None:
    with pytest.raises(InvalidValue):
        refund_amount(QUESTION, usd(wanted))


def test_an_amount_is_in_the_currency_that_was_paid() -> None:
    with pytest.raises(InvalidValue, match="It was paid in usd, and is refunded in it") as refused:
        refund_amount(QUESTION, Money(1000, "eur"))

    assert refused.value.field == "amount"


def test_asking_again_after_each_refund_ends_at_nothing_left() -> None:
    question, given = QUESTION, usd(0)
    for wanted in (1000, 2000, 1900):
        given += refund_amount(question, usd(wanted))
        question = evolve(question, refunded=given)
    assert given == question.captured
    assert refusal(question) is AlreadyRefunded


def test_time_alone_never_reopens_a_window() -> None:
    def eligible(at: datetime) -> bool:
        return refundability(evolve(QUESTION, asked_at=at)).eligible

    answers = [eligible(day(number, hours=10)) for number in range(60)]
    assert answers == sorted(answers, reverse=True)


@pytest.mark.parametrize(
    ("currency", "captured", "wanted", "granted"),
    [
        pytest.param("kwd", 12_340, 5_000, True, id="dinars-ending-in-0"),
        pytest.param("kwd", 12_340, 1_234, False, id="single-fils"),
        pytest.param("kwd", 12_340, 12_340, True, id="all-of-the-dinars"),
        pytest.param("isk", 490_000, 100, True, id="whole-kronur"),
        pytest.param("isk", 490_000, 150, False, id="half-a-krona"),
        pytest.param("jpy", 4_900, 1, True, id="one-yen"),
    ],
)
def test_a_part_is_an_amount_that_can_be_moved_in_its_currency(
    currency: str, captured: int, wanted: int, *, granted: bool
) -> None:
    nothing = Money(0, currency)
    question = evolve(QUESTION, captured=Money(captured, currency), refunded=nothing, disputed=nothing)
    if granted:
        assert refund_amount(question, Money(wanted, currency)) == Money(wanted, currency)
    else:
        with pytest.raises(InvalidValue):
            refund_amount(question, Money(wanted, currency))


# -------------------------------------------------------------------------------------------------- partial captures
@pytest.mark.parametrize(
    ("captured", "told", "let_go", "refunded"),
    [
        # 149.00 asked for; what was not captured is let go and told as refunded
        pytest.param(10000, 4900, 4900, 0, id="the-rest-is-let-go"),
        pytest.param(10000, 5900, 4900, 1000, id="and-ten-dollars-given-back"),
        pytest.param(10000, 0, 0, 0, id="not-let-go-yet"),
        pytest.param(10000, 4899, 0, 4899, id="less-than-the-rest-is-a-refund"),
        pytest.param(14900, 1000, 0, 1000, id="all-was-captured"),
        pytest.param(14899, 1, 1, 0, id="a-single-cent-is-let-go"),
        pytest.param(0, 14900, 0, 14900, id="nothing-was-captured"),
    ],
)
def test_what_was_never_captured_is_let_go_and_no_refund(captured: int, told: int, let_go: int, refunded: int) -> None:
    one = evolve(charge(amount=14900, refunded=told), amount_captured=captured)
    assert (released_by(one), refunded_of(one)) == (let_go, refunded)


def test_the_refund_that_only_lets_go_is_no_refund_of_the_payment() -> None:
    part = evolve(charge(amount=14900, refunded=5900), amount_captured=10000)
    given_back, let_go = refund(1000, identity="re_1"), refund(4900, identity="re_2", created=day(1))
    paid = evolve(payment(amount=14900), amount_received=10000)
    known = seen(paid, part, let_go, given_back)

    assert known.refunds_of(paid) == [given_back]
    assert seen(paid, part, given_back).refunds_of(paid) == [given_back]
