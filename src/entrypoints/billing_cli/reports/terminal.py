"""A report in a terminal: tables, with a small chart where there is a person to look at it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from billing_cli.reports.tables import Cell, Table, heading, plain, readable
from billing_core.domain.money import Money

__all__ = ["show_csv", "show_tables", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"
_BAR_CELLS = 24
#: What is drawn above the rows of a report: the column that a reader looks for first.
_TREND = ("mrr", "end", "net_retention_basis_points", "conversion_basis_points", "recovery_basis_points", "net")
#: The columns of which one row may have many.
_WIDE = frozenset({"customers_basis_points", "mrr_basis_points"})


def show_csv(tables: Iterable[Table]) -> None:
    """Comma-separated values: one table after the other, an empty line between; whole numbers of minor units."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for number, table in enumerate(tables):
        if number:
            sys.stdout.write("\n")
        writer.writerow(["currency", *table.columns])
        writer.writerows([table.currency, *(plain(cell, table.by) for cell in row)] for row in table.rows)


def show_tables(name: str, tables: Sequence[Table]) -> None:
    """For a person on a terminal; elsewhere plain lines, a tab between cells, without any chart."""
    if not sys.stdout.isatty():
        for table in tables:
            lines = [["currency", *table.columns]]
            lines += [
                [table.currency, *(readable(c, column, table.by) for c, column in zip(row, table.columns, strict=True))]
                for row in table.rows
            ]
            sys.stdout.writelines("\t".join(line) + "\n" for line in lines)
        return
    console = Console()
    for table in tables:
        title = " ".join(word for word in (name, table.title, table.currency.upper()) if word)
        console.print(Text(f"\n{title}", style="bold"))
        _show_trend(console, table)
        console.print(_cohorts(table) if _WIDE & set(table.columns) else _rows(table))


def sparkline(values: Sequence[int]) -> str:
    """A line of small bars, the lowest and the highest of which span the values."""
    low, high = min(values), max(values)
    if low == high:
        return _BARS[0] * len(values)
    return "".join(_BARS[(value - low) * (len(_BARS) - 1) // (high - low)] for value in values)


def _show_trend(console: Console, table: Table) -> None:
    column = next((name for name in _TREND if name in table.columns), None)
    if column is None or table.title:
        return
    values = [number for cell in table.column(column) if (number := _number(cell)) is not None]
    if len(values) > 1:
        console.print(Text.assemble((f"{heading(column)} ", "dim"), (sparkline(values), "cyan")))


def _rows(table: Table) -> RichTable:
    shown = RichTable(box=None, header_style="bold", pad_edge=False)
    for place, column in enumerate(table.columns):
        shown.add_column(heading(column), justify="left" if place == 0 else "right")
    parts = [number or 0 for number in map(_number, table.column(table.columns[-1]))] if table.title else []
    if parts:
        shown.add_column("")
    for place, row in enumerate(table.rows):
        cells = [Text(readable(c, name, table.by)) for c, name in zip(row, table.columns, strict=True)]
        if parts:
            cells.append(Text("█" * (max(parts[place], 0) * _BAR_CELLS // max(*parts, 1)), style="cyan"))
        shown.add_row(*cells)
    return shown


def _cohorts(table: Table) -> RichTable:
    """A triangle: a row for each cohort, a column for each month since."""
    kept = table.columns.index("customers_basis_points")
    months = max(len(_many(row[kept])) for row in table.rows)
    shown = RichTable(box=None, header_style="bold", pad_edge=False)
    for name in ("month", "customers", *map(str, range(months))):
        shown.add_column(name, justify="left" if name == "month" else "right")
    for row in table.rows:
        rates = [Text(f" {round(rate / 100):>3} ", style=_shade(rate)) for rate in _many(row[kept])]
        shown.add_row(plain(row[0], table.by), readable(row[1], "customers", table.by), *rates)
    return shown


def _shade(rate: int) -> str:
    """From dark to bright blue; the text is white on all of them."""
    return f"white on rgb(20,{30 + min(rate, 10_000) * 70 // 10_000},{60 + min(rate, 10_000) * 130 // 10_000})"


def _many(cell: Cell) -> tuple[int, ...]:
    return cell if isinstance(cell, tuple) else ()


def _number(cell: Cell) -> int | None:
    if isinstance(cell, Money):
        return cell.amount
    return cell if isinstance(cell, int) else None
