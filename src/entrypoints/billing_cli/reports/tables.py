"""Tables: what a report says, as headings and cells, for whatever shows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import attrs
from attrs import frozen

from billing_core.domain.analytics.journal import Bucket
from billing_core.domain.analytics.reports.asked import Report
from billing_core.domain.money import Money, decimals

__all__ = ["Cell", "Table", "heading", "money", "percent", "plain", "readable", "tables_of"]

#: What a cell may hold: a period, money, a count or rate, a name, a row of rates; nothing.
Cell = datetime | Money | int | str | tuple[int, ...] | None

_RATE = "_basis_points"
_TENTHS = "_tenths_of_months"
_SPELLED = {"mrr": "MRR", "arr": "ARR", "arpu": "ARPU"}


@frozen(kw_only=True)
class Table:
    """One table of a report."""

    title: str
    currency: str
    #: The fields of its rows.
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    #: By what its periods are counted.
    by: Bucket

    def column(self, name: str) -> tuple[Cell, ...]:
        """The cells of one column."""
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)


def tables_of(report: Report, by: Bucket) -> Iterator[Table]:
    """The tables of a report: its rows, and what it says by plan."""
    for part, title in (("rows", ""), ("plans", "by plan")):
        rows = getattr(report, part, ())
        if rows:
            columns = tuple(field.name for field in attrs.fields(type(rows[0])))
            cells = tuple(tuple(getattr(row, column) for column in columns) for row in rows)
            yield Table(title=title, currency=report.currency, columns=columns, rows=cells, by=by)


def heading(column: str) -> str:
    """A column in words."""
    words = column.removesuffix(_RATE).removesuffix(_TENTHS).split("_")
    return " ".join(_SPELLED.get(word, word) for word in words)


def plain(cell: Cell, by: Bucket) -> str:
    """A cell for a program: a date, or a whole number of minor units or hundredths of a percent."""
    match cell:
        case None:
            return ""
        case datetime():
            return f"{cell:%Y-%m}" if by is Bucket.MONTH else f"{cell:%Y-%m-%d}"
        case Money():
            return str(cell.amount)
        case tuple():
            return " ".join(map(str, cell))
        case _:
            return str(cell)


def readable(cell: Cell, column: str, by: Bucket) -> str:
    """A cell for a person."""
    match cell:
        case None:
            return "-"
        case Money():
            return money(cell)
        case tuple():
            return "  ".join(percent(rate) for rate in cell)
        case int():
            return _number(cell, column)
        case _:
            return plain(cell, by)


def _number(cell: int, column: str) -> str:
    if column.endswith(_RATE):
        return percent(cell)
    return f"{cell // 10}.{cell % 10} months" if column.endswith(_TENTHS) else f"{cell:,}"


def money(amount: Money) -> str:
    """An amount with its thousands apart, without its currency."""
    places = decimals(amount.currency)
    whole, part = divmod(abs(amount.amount), 10**places)
    sign = "-" if amount.amount < 0 else ""
    return f"{sign}{whole:,}.{part:0{places}}" if places else f"{sign}{whole:,}"


def percent(rate: int) -> str:
    """Hundredths of a percent, with one decimal."""
    tenths = round(rate / 10)
    return f"{tenths // 10}.{tenths % 10}%" if tenths >= 0 else f"-{-tenths // 10}.{-tenths % 10}%"
