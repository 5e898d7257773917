"""How far is a subscription paid, and by which invoices: ``paid_through`` of domain rule 1."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.account import Book, derive
from billing_core.domain.facts import InvoiceLineSeen, InvoiceSeen, Snapshot
from billing_core.domain.invoices import coverage_of, invoice_row
from billing_core.domain.known import Known
from tests.builders import ANN, CATALOG, TEAM, YEARLY, day, states, told
from tests.provider_objects import dispute, invoice, item, line, payment, refund, subscription

TEAM_PRICE, YEARLY_PRICE = TEAM.stripe_price_id or "", YEARLY.stripe_price_id or ""
MONTH = line(2900, day(0), day(31))
FIRST = invoice(MONTH, identity="in_1")


def paid(*invoices: InvoiceSeen) -> tuple[datetime, list[str]]:
    coverage = coverage_of(invoices)
    assert coverage is not None
    return coverage.paid_through, sorted(one.id for one in coverage.invoices)


def later(number: int, *lines: InvoiceLineSeen) -> InvoiceSeen:
    return invoice(*lines, identity=f"in_{number}", created=day(number))


def out_of_credit(number: int, *lines: InvoiceLineSeen) -> InvoiceSeen:
    """An invoice for which no money was taken: the customer's balance paid it."""
    return evolve(later(number, *lines), amount_due=0, amount_paid=0)


FROM_A_YEAR = (
    invoice(line(29000, day(0), day(365), price=YEARLY_PRICE)),
    out_of_credit(
        10, line(-28205, day(10), day(365), price=YEARLY_PRICE, proration=True), line(2900, day(10), day(41))
    ),
)
PAID = {
    "a month that is paid": ([FIRST], day(31), ["in_1"]),
    "a trial of nothing": ([invoice(line(0, day(0), day(14)))], day(14), ["in_1"]),
    "a renewal": ([FIRST, later(31, line(2900, day(31), day(59)))], day(59), ["in_31"]),
    "an upgrade in the middle": (
        [
            FIRST,
            later(10, line(-1965, day(10), day(31), proration=True), line(6706, day(10), day(31), price=TEAM_PRICE)),
        ],
        day(31),
        ["in_1", "in_10"],
    ),
    "one more seat in the middle": (
        # The charge for two seats bears the same price and period as the credit for one: it was not given back.
        [
            FIRST,
            later(
                10,
                line(-1965, day(10), day(31), proration=True, quantity=1),
                line(3929, day(10), day(31), proration=True, quantity=2),
            ),
        ],
        day(31),
        ["in_1", "in_10"],
    ),
    "one seat of five is given back, the other four were never billed anew": (
        [
            invoice(line(14500, day(0), day(31), quantity=5)),
            later(10, line(-1965, day(10), day(31), proration=True, quantity=1)),
        ],
        day(31),
        ["in_1"],
    ),
    "an upgrade and its undoing in one second": (
        [
            FIRST,
            later(
                10,
                line(-1965, day(10), day(31), proration=True),
                line(6706, day(10), day(31), price=TEAM_PRICE, proration=True),
            ),
            later(
                11,
                line(-6706, day(10), day(31), price=TEAM_PRICE, proration=True),
                line(1965, day(10), day(31), proration=True),
            ),
        ],
        day(31),
        ["in_1", "in_10", "in_11"],
    ),
    "from a month to a year": (
        [
            FIRST,
            later(
                10, line(-1965, day(10), day(31), proration=True), line(29000, day(10), day(375), price=YEARLY_PRICE)
            ),
        ],
        day(375),
        ["in_10"],
    ),
    # The year's money pays for the month: its dispute or refund undoes what is left of it.
    "from a year to a month: the year is given back": ([*FROM_A_YEAR], day(41), ["in_1", "in_10"]),
    "the month after, out of the year's credit too": (
        [*FROM_A_YEAR, out_of_credit(41, line(2900, day(41), day(71)))],
        day(71),
        ["in_1", "in_41"],
    ),
    # The year began anew and its credit paid for itself; that year's credit, 27,808, pays for the month.
    "a month out of the credit for a year that was paid out of another's": (
        [
            FROM_A_YEAR[0],
            out_of_credit(
                10,
                line(-29000, day(0), day(365), price=YEARLY_PRICE, proration=True),
                line(29000, day(10), day(375), price=YEARLY_PRICE),
            ),
            out_of_credit(
                25, line(-27808, day(25), day(375), price=YEARLY_PRICE, proration=True), line(2900, day(25), day(55))
            ),
        ],
        day(55),
        ["in_1", "in_10", "in_25"],
    ),
    # 28,205 given back; ten months at 2,900 would be 29,000: the tenth is 795 short, which the customer pays.
    "a month that the rest of the credit pays in part is paid by its own money": (
        [
            *FROM_A_YEAR,
            *(out_of_credit(day_, line(2900, day(day_), day(day_ + 30))) for day_ in range(41, 281, 30)),
            evolve(later(281, line(2900, day(281), day(311))), amount_due=795, amount_paid=795),
        ],
        day(311),
        ["in_281"],
    ),
    # The first year gave back 2,900 and the month used it up; what the second gave back pays for the month after.
    "of two credits the older one is used up first": (
        [
            evolve(later(0, line(3000, day(0), day(365), price=YEARLY_PRICE)), id="in_old"),
            out_of_credit(
                10, line(-2900, day(10), day(365), price=YEARLY_PRICE, proration=True), line(2900, day(10), day(41))
            ),
            evolve(later(41, line(9000, day(41), day(406), price=YEARLY_PRICE)), id="in_new"),
            out_of_credit(
                50, line(-8000, day(50), day(406), price=YEARLY_PRICE, proration=True), line(2900, day(50), day(80))
            ),
        ],
        day(80),
        ["in_50", "in_new"],
    ),
    "a month that was given away": ([out_of_credit(0, line(2900, day(0), day(31)))], day(31), ["in_0"]),
    "a month at a whole discount": (
        [*FROM_A_YEAR, out_of_credit(41, evolve(line(2900, day(41), day(71)), discount=2900))],
        day(71),
        ["in_41"],
    ),
    "to a year and back in one second, whichever invoice bears the lower id": (
        [
            FIRST,
            evolve(
                later(
                    10,
                    line(-1965, day(10), day(31), proration=True),
                    line(29000, day(10), day(375), price=YEARLY_PRICE, proration=True),
                ),
                id="in_b",
            ),
            evolve(
                later(
                    10,
                    line(-29000, day(10), day(375), price=YEARLY_PRICE, proration=True),
                    line(1965, day(10), day(31), proration=True),
                ),
                id="in_a",
            ),
        ],
        day(31),
        ["in_1", "in_a"],
    ),
    "a period that was given back and not replaced": (
        [FIRST, later(10, line(-1965, day(10), day(31), proration=True), line(5, day(10), day(10)))],
        day(10),
        ["in_1", "in_10"],
    ),
    "a renewal that is not paid yet": (
        [FIRST, invoice(line(2900, day(31), day(59)), identity="in_2", status="open")],
        day(31),
        ["in_1"],
    ),
    "a renewal that was written off": (
        [FIRST, invoice(line(2900, day(31), day(59)), identity="in_2", status="uncollectible")],
        day(31),
        ["in_1"],
    ),
}


@pytest.mark.parametrize(
    ("undone", "blocked"),
    [
        (None, None),
        (dispute("needs_response", 29000), "disputed"),
        (dispute("lost", 29000), "disputed"),
        (dispute("won", 29000), None),
        (refund(amount=29000), "refunded"),
        (refund(amount=2900), None),
    ],
)
def test_a_month_paid_out_of_a_years_credit_goes_the_way_of_the_years_money(
    undone: Snapshot | None, blocked: str | None
) -> None:
    """Whose charge paid for it is the year's: what undoes that suspends the month (domain rules 3 and 4)."""
    year, month = FROM_A_YEAR
    told_of = [
        told("customer.subscription.created", subscription(items=(item(start=day(10), end=day(41)),)), day(10)),
        told("invoice.paid", evolve(year, payment_id="pi_1"), day(0)),
        told("invoice.paid", month, day(10)),
        told("payment_intent.succeeded", payment(amount=29000), day(0)),
        *([] if undone is None else [told("charge.dispute.created", undone, day(20))]),
    ]
    account = derive(Book(user_id=ANN, known=Known(states(told_of)), catalog=CATALOG))
    assert {grant.blocked for grant in account.grants} == {blocked}


@pytest.mark.parametrize(("invoices", "through", "payers"), PAID.values(), ids=PAID)
def test_a_subscription_is_paid_to_the_latest_end_of_a_line_that_was_not_given_back(
    invoices: list[InvoiceSeen], through: datetime, payers: list[str]
) -> None:
    assert paid(*invoices) == (through, payers)
    assert paid(*reversed(invoices)) == (through, payers)


def test_nothing_is_paid_by_what_is_not_paid() -> None:
    assert coverage_of([invoice(status="open"), invoice(status="void"), invoice(status="draft")]) is None


def test_an_invoice_of_credits_alone_pays_for_nothing() -> None:
    assert coverage_of([invoice(line(-500, day(0), day(31), proration=True))]) is None


@given(st.data())
def test_how_far_it_is_paid_does_not_depend_on_the_order_of_invoices(data: st.DataObject) -> None:
    spans = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40)), min_size=1, max_size=6))
    invoices = [
        invoice(line(100, day(start), day(start + length)), identity=f"in_{number}", created=day(start))
        for number, (start, length) in enumerate(spans)
    ]
    assert paid(*data.draw(st.permutations(invoices))) == paid(*invoices)


def test_the_period_of_an_invoice_is_that_of_what_it_charges_for() -> None:
    """Not the provider's own period_start and period_end, and not that of a credit."""
    row = invoice_row(
        ANN, later(10, line(-28205, day(10), day(365), proration=True), line(2900, day(10), day(41))), None
    )
    assert (row.period_start, row.period_end) == (day(10), day(41))
