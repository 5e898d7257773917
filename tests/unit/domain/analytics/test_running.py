"""The MRR of one subscription, moment by moment: Ann's Pro at 29.00 a month, with what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve

from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.rates import Discounts
from billing_core.domain.analytics.running import Running, Step, Workings
from billing_core.domain.analytics.settling import settling_of
from billing_core.domain.facts import (
    CouponSeen,
    DiscountSeen,
    Fact,
    InvoicePaymentSeen,
    InvoiceSeen,
    ItemSeen,
    PaymentSeen,
    PriceTerms,
    Snapshot,
    SubscriptionSeen,
)
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog, Plan
from billing_core.domain.policies import AccessPolicy
from tests.builders import CATALOG, CUSTOMER, day, looked_up, plan, told
from tests.provider_objects import charge, dispute, invoice, item, line, payment, refund, subscription

ACTIVE = subscription()
BEGUN = told("customer.subscription.created", ACTIVE, day(0), identity="begun")


def steps(*facts: Fact, catalog: Catalog = CATALOG, workings: Workings | None = None) -> list[Step]:
    history = History([BEGUN, *facts], catalog=catalog)
    (seen,) = history.known.all(SubscriptionSeen)
    settlings = [settling_of(one, history) for one in history.known.all(PaymentSeen)]
    return list(Running(seen, history, Discounts(history), settlings, workings).steps())


def course(found: Iterable[Step]) -> list[tuple[object, int]]:
    """From when on it comes to how many cents a month."""
    return [(step.at, sum(rate.micros for rate in step.rates) // 1_000_000) for step in found]


def became(after: SubscriptionSeen, at: float, *, identity: str | None = None) -> Fact:
    return told("customer.subscription.updated", after, day(at), before=ACTIVE, identity=identity)


def paid(month: int, at: float, start: float, end: float) -> list[Fact]:
    """A month that was paid: its invoice, the payment and what links them."""
    bill = invoice(line(2900, day(start), day(end)), identity=f"in_{month}", created=day(at))
    link = InvoicePaymentSeen(
        id=f"inpay_{month}", created=day(at), invoice_id=bill.id, payment_id=f"pi_{month}", status="paid",
        currency="usd",
    )  # fmt: skip
    objects: list[Snapshot] = [
        bill,
        payment(identity=f"pi_{month}", amount=2900, created=day(at)),
        charge(identity=f"ch_{month}", payment_id=f"pi_{month}", amount=2900, created=day(at)),
        link,
    ]
    return [told("seen", one, day(at), identity=f"{one.id} told") for one in objects]


def back(month: int, at: float, status: str = "succeeded", *, now: float | None = None) -> Fact:
    seen = refund(2900, status, identity=f"re_{month}", payment_id=f"pi_{month}", created=day(at))
    return told(
        "refund.updated", seen, day(at if now is None else now), identity=f"refund {month} {status}",
        before=evolve(seen, status="succeeded") if status != "succeeded" else None,
    )  # fmt: skip


def disputed(month: int, at: float, status: str, *, now: float | None = None) -> Fact:
    seen = dispute(status, 2900, identity=f"dp_{month}", payment_id=f"pi_{month}", created=day(at))
    return told("charge.dispute.updated", seen, day(at if now is None else now))


# ------------------------------------------------------------------------------------------------------- commitments
@pytest.mark.parametrize("ending", [{"cancel_at": day(90)}, {"cancel_at_period_end": True}])
def test_what_is_to_end_is_no_longer_committed_however_its_end_is_set(ending: dict[str, object]) -> None:
    found = steps(became(evolve(ACTIVE, **ending), 9))  # type: ignore[arg-type] # parametrized
    assert [(step.at, step.committed) for step in found] == [(day(0), True), (day(9), False)]


def test_what_never_counted_has_no_steps() -> None:
    waiting = subscription("incomplete")
    history = History([told("customer.subscription.created", waiting, day(0))], catalog=CATALOG)
    assert list(Running(waiting, history, Discounts(history), []).steps()) == []


# ------------------------------------------------------------------------------------------------------------- grace
PRICED = evolve(item(), terms=PriceTerms(amount=2900, currency="usd", interval=Interval.MONTH))
THREE_DAYS = plan(access=AccessPolicy(grace_days=3))
TWENTY_SINCE = plan(access=AccessPolicy(grace_days=20), version=2, effective_from=day(9))


@pytest.mark.parametrize(
    ("plans", "items", "until"),
    [
        pytest.param([THREE_DAYS], [PRICED], 34, id="that-of-its-plan"),
        pytest.param([], [PRICED], 38, id="seven-days-where-no-plan-is-known"),
        pytest.param([THREE_DAYS], [evolve(PRICED, price_id="price_x"), PRICED], 34, id="that-of-the-first-that-is"),
        pytest.param([THREE_DAYS, TWENTY_SINCE], [PRICED], 34, id="as-it-was-agreed-to"),
    ],
)
def test_what_is_past_due_counts_until_its_grace_is_over(
    plans: list[Plan], items: list[ItemSeen], until: float
) -> None:
    late = evolve(ACTIVE, status="past_due", items=tuple(items))
    assert course(steps(became(late, 31), catalog=Catalog(plans=tuple(plans))))[-1] == (day(until), 0)


def owed(number: int, made: float, status: str = "open", **changes: Any) -> InvoiceSeen:  # noqa: ANN401 - of an invoice
    bill = invoice(line(2900, day(made), day(made + 28)), identity=f"in_{number}", created=day(made), status=status)
    return evolve(bill, finalized_at=day(made), **changes)


LATE = evolve(ACTIVE, status="past_due")


@pytest.mark.parametrize("seen_on", [32, 36])
def test_where_the_failure_was_lost_the_grace_counts_from_it_all_the_same(seen_on: int) -> None:
    facts = [looked_up(LATE, day(seen_on)), looked_up(owed(2, 31), day(seen_on))]
    assert course(steps(*facts)) == [(day(0), 2900), (day(38), 0)]


def test_first_seen_after_its_grace_it_counts_no_longer() -> None:
    assert course(steps(looked_up(LATE, day(50)), looked_up(owed(2, 31), day(50)))) == [(day(0), 2900), (day(50), 0)]


def test_whoever_pays_the_older_of_two_bills_has_the_rest_of_the_grace_of_the_newer() -> None:
    """Owed since day 31, with a grace until day 38. The next bill fails on day 59: the rest of its 7 days counts."""
    facts = [
        became(LATE, 31),
        told("invoice.payment_failed", owed(2, 31), day(31)),
        told("invoice.payment_failed", owed(3, 59), day(59)),
        told("invoice.paid", owed(2, 31, "paid", paid_at=day(62)), day(62)),
    ]
    assert course(steps(*facts)) == [(day(0), 2900), (day(38), 0), (day(62), 2900), (day(66), 0)]


# ---------------------------------------------------------------------------------------------------- ends told late
def test_an_end_that_is_told_late_was_when_the_subscription_says() -> None:
    ended = evolve(ACTIVE, status="canceled", ended_at=day(30))
    assert course(steps(became(ended, 33))) == [(day(0), 2900), (day(30), 0)]


def test_but_not_before_what_was_told_of_it_since() -> None:
    two = evolve(ACTIVE, items=(item(quantity=2),))
    ended = evolve(two, status="canceled", ended_at=day(30))
    over = told("customer.subscription.deleted", ended, day(33))
    assert course(steps(became(two, 32), over)) == [(day(0), 2900), (day(32), 0)]


def test_nor_before_any_of_several_changes() -> None:
    sizes = [(2, 5), (3, 10), (4, 32)]
    grown = [became(evolve(ACTIVE, items=(item(quantity=number),)), at) for number, at in sizes]
    ended = evolve(ACTIVE, items=(item(quantity=4),), status="canceled", ended_at=day(30))
    found = course(steps(*grown, told("customer.subscription.deleted", ended, day(36))))
    assert found == [(day(0), 2900), (day(5), 5800), (day(10), 8700), (day(32), 0)]


# -------------------------------------------------------------------------------------- collection paused with void
def test_collection_that_was_paused_from_the_first_day() -> None:
    held = evolve(ACTIVE, pause_behavior="void")
    history = History([told("customer.subscription.created", held, day(0))], catalog=CATALOG)
    assert course(Running(held, history, Discounts(history), []).steps()) == [(day(0), 2900), (day(31), 0)]


@pytest.mark.parametrize(
    ("facts", "moves"),
    [
        pytest.param([(evolve(ACTIVE, pause_behavior="void"), 10)], [(31, 0)], id="until-its-period-is-over"),
        pytest.param([(evolve(ACTIVE, pause_behavior="keep_as_draft"), 10)], [], id="kept-as-draft-goes-on"),
        pytest.param(
            [(evolve(ACTIVE, pause_behavior="void"), 10), (ACTIVE, 40)], [(31, 0), (40, 2900)], id="taken-up-again"
        ),
        pytest.param([(evolve(ACTIVE, pause_behavior="void"), 10), (ACTIVE, 20)], [], id="taken-up-before"),
        pytest.param([(evolve(ACTIVE, pause_behavior="void", items=()), 10)], [(10, 0)], id="of-nothing-ends-at-once"),
        pytest.param(
            [(evolve(ACTIVE, pause_behavior="void"), 10),
             (evolve(ACTIVE, pause_behavior="void", items=(item(start=day(31), end=day(59)),)), 31)],
            [(31, 0)], id="a-period-that-began-at-its-end-is-not-paid",
        ),
        pytest.param(
            [(evolve(ACTIVE, pause_behavior="void"), 10),
             (evolve(ACTIVE, pause_behavior="void", items=(item(end=day(20)),)), 12)],
            [(20, 0)], id="a-period-that-was-shortened",
        ),
        pytest.param(
            [(evolve(ACTIVE, pause_behavior="void"), 10),
             (evolve(ACTIVE, pause_behavior="void", items=(item(end=day(50)),)), 12)],
            [(31, 0)], id="one-that-was-lengthened-is-not-paid-for-longer",
        ),
    ],
)  # fmt: skip
def test_collection_paused_with_void(
    facts: list[tuple[SubscriptionSeen, float]], moves: list[tuple[float, int]]
) -> None:
    found = course(steps(*(became(seen, at) for seen, at in facts)))
    assert found == [(day(0), 2900), *((day(at), cents) for at, cents in moves)]


# -------------------------------------------------------------------------------------- periods that were given back
FIRST, SECOND = paid(1, 0, 0, 31), paid(2, 31, 31, 59)


@pytest.mark.parametrize(
    ("facts", "moves"),
    [
        pytest.param([*FIRST, back(1, 12)], [(12, 0)], id="refunded"),
        pytest.param([*FIRST, back(1, 12), *SECOND], [(12, 0), (31, 2900)], id="and-the-next-one-paid"),
        pytest.param([*FIRST, *SECOND, back(1, 40)], [], id="an-older-one-refunded"),
        pytest.param([*FIRST, *SECOND, back(1, 31)], [], id="an-older-one-at-the-moment-of-the-next-payment"),
        pytest.param([*FIRST, *SECOND, back(2, 40)], [(40, 0)], id="the-latest-refunded"),
        pytest.param([*FIRST, *SECOND, back(2, 31)], [(31, 0)], id="the-latest-in-the-second-of-its-payment"),
        pytest.param([*FIRST, *SECOND, back(1, 12), back(2, 40)], [(12, 0), (31, 2900), (40, 0)], id="both"),
        pytest.param([*FIRST, back(1, 12), back(1, 12, "failed", now=16)], [(12, 0), (16, 2900)], id="refund-failed"),
        pytest.param(
            [*FIRST, back(1, 12), back(1, 12, "failed", now=40), *SECOND], [(12, 0), (31, 2900)],
            id="refund-failed-after-the-next-payment",
        ),
        pytest.param([*FIRST, disputed(1, 5, "needs_response")], [], id="disputed-and-open"),
        pytest.param(
            [*FIRST, disputed(1, 5, "needs_response"), disputed(1, 5, "lost", now=20)], [(20, 0)], id="lost"
        ),
        pytest.param(
            [*FIRST, disputed(1, 5, "needs_response"), disputed(1, 5, "lost", now=20), disputed(1, 5, "won", now=25)],
            [(20, 0), (25, 2900)], id="lost-and-won-after-all",
        ),
        pytest.param([*FIRST, disputed(1, 5, "prevented")], [(5, 0)], id="prevented"),
    ],
)  # fmt: skip
def test_a_period_that_was(facts: list[Fact], moves: list[tuple[float, int]]) -> None:
    expected = [(day(0), 2900), *((day(at), cents) for at, cents in moves)]
    assert course(steps(*facts)) == expected
    workings = Workings()
    for known in range(len(facts) + 1):  # what was worked out when less was known is no hindrance
        assert course(steps(*facts[:known], workings=workings)) == course(steps(*facts[:known]))


def test_an_invoice_counts_from_when_it_was_paid_not_made() -> None:
    """Made on day 31, paid on day 35: refunded on day 33 the first month was still the latest."""
    bill, *others = SECOND
    assert isinstance(bill.after, InvoiceSeen)
    second = [evolve(bill, after=evolve(bill.after, paid_at=day(35))), *others]
    assert course(steps(*FIRST, *second, back(1, 33))) == [(day(0), 2900), (day(33), 0), (day(35), 2900)]


def test_of_two_bills_the_one_that_was_paid_later_counts_from_then_though_it_was_made_first() -> None:
    """A year is made on day 10 and paid on day 50; a month is made on 31, paid on 35 and given back on 40."""
    (year, *of_year), (month, *of_month) = paid(1, 10, 10, 400), paid(2, 31, 31, 59)
    assert isinstance(year.after, InvoiceSeen)
    assert isinstance(month.after, InvoiceSeen)
    late = evolve(year, after=evolve(year.after, paid_at=day(50)))
    soon = evolve(month, after=evolve(month.after, paid_at=day(35)))
    found = course(steps(late, *of_year, soon, *of_month, back(2, 40)))
    assert found == [(day(0), 2900), (day(40), 0), (day(50), 2900)]


def test_what_gave_back_a_bill_that_is_unpaid_changes_nothing() -> None:
    bill, *others = FIRST
    assert isinstance(bill.after, InvoiceSeen)
    unpaid = evolve(bill, after=evolve(bill.after, status="open", paid_at=None))
    assert course(steps(unpaid, *others, back(1, 12))) == [(day(0), 2900)]


def test_a_paid_bill_of_no_lines_pays_for_no_period() -> None:
    bill, *others = FIRST
    assert isinstance(bill.after, InvoiceSeen)
    empty = evolve(bill, after=evolve(bill.after, lines=()))
    assert course(steps(empty, *others, back(1, 12))) == [(day(0), 2900)]


def test_bills_that_are_told_anew_are_worked_out_anew() -> None:
    """The second bill shows a line of January alone; once it shows February, January's loss is of an older period."""
    lost = disputed(1, 40, "lost")
    bill, *others = SECOND
    assert isinstance(bill.after, InvoiceSeen)
    shown = evolve(bill, after=evolve(bill.after, lines=(line(100, day(20), day(31)),)))
    workings = Workings()
    assert course(steps(*FIRST, shown, *others, lost, workings=workings))[-1] == (day(40), 0)
    again = [told("invoice.updated", evolve(one, number="A-1"), day(41)) for one in (FIRST[0].after, bill.after)
             if isinstance(one, InvoiceSeen)]  # fmt: skip
    assert course(steps(*FIRST, shown, *others, lost, *again, workings=workings)) == [(day(0), 2900)]


def test_without_any_payment_nothing_was_given_back() -> None:
    free = told("seen", invoice(identity="in_0"), day(0))
    assert course(steps(free)) == [(day(0), 2900)]


def test_a_discount_of_the_time_before_it_hides_nothing() -> None:
    over = DiscountSeen(
        id="di_0", created=day(-20), customer_id=CUSTOMER, coupon_id="c", end=day(-10),
        coupon=CouponSeen(id="c", created=day(-20), percent_off_basis_points=5000, duration="forever"),
    )  # fmt: skip
    assert course(steps(told("customer.discount.created", over, day(-20)))) == [(day(0), 2900)]


# ------------------------------------------------------------------------------------------------ what is named with it
def test_a_step_names_the_facts_of_its_moment_else_those_that_led_to_it() -> None:
    two = evolve(ACTIVE, items=(item(quantity=2),))
    half = DiscountSeen(
        id="di_1", created=day(9), customer_id=CUSTOMER, coupon_id="c", end=day(20),
        coupon=CouponSeen(id="c", created=day(0), percent_off_basis_points=5000, duration="forever"),
    )  # fmt: skip
    found = steps(
        *FIRST,
        became(two, 5, identity="grown"),
        told("customer.discount.created", half, day(9), identity="half"),
        back(1, 25),
        back(1, 25, "failed", now=28),
    )
    assert [(step.at, step.facts) for step in found] == [
        (day(0), ("begun", "pi_1 told")),  # paid in that very second
        (day(5), ("grown",)),
        (day(9), ("grown", "half")),
        (day(20), ("grown",)),  # the discount ran out: nothing is told at that moment
        (day(25), ("refund 1 succeeded",)),
        (day(28), ("refund 1 failed",)),
    ]
