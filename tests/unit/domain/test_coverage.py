"""How far is a subscription paid, and by which invoices: ``paid_through`` of domain rule 1."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.facts import InvoiceLineSeen, InvoiceSeen
from billing_core.domain.invoices import coverage_of, invoice_row
from tests.builders import ANN, TEAM, YEARLY, day
from tests.provider_objects import invoice, line

TEAM_PRICE, YEARLY_PRICE = TEAM.stripe_price_id or "", YEARLY.stripe_price_id or ""
MONTH = line(2900, day(0), day(31))
FIRST = invoice(MONTH, identity="in_1")


def paid(*invoices: InvoiceSeen) -> tuple[datetime, list[str]]:
    coverage = coverage_of(invoices)
    assert coverage is not None
    return coverage.paid_through, sorted(one.id for one in coverage.invoices)


def later(number: int, *lines: InvoiceLineSeen) -> InvoiceSeen:
    return invoice(*lines, identity=f"in_{number}", created=day(number))


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
    "from a year to a month: the year is given back": (
        [
            invoice(line(29000, day(0), day(365), price=YEARLY_PRICE)),
            later(
                10, line(-28205, day(10), day(365), price=YEARLY_PRICE, proration=True), line(2900, day(10), day(41))
            ),
        ],
        day(41),
        ["in_10"],
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
