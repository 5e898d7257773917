"""The charts that finance asks for, each drawn from the table behind it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from billing_cli.reports.svg import WHOLE, Box, Canvas, Scale, ticks
from billing_cli.reports.tables import Cell, Table, heading, money, percent, plain
from billing_core.domain.analytics.journal import Bucket
from billing_core.domain.money import Money, decimals

__all__ = ["heat_map", "lines", "mrr_over_time", "periods", "stacked", "waterfall"]

_HEIGHT = 230
_LEVELS = 6
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def mrr_over_time(table: Table) -> str:
    """MRR at the end of each period, as an area, with the line of what is committed."""
    names, marks = periods(table), ticks(0, max(amounts(table, "mrr"), default=0))
    first, last = table.column("mrr")[0], table.column("mrr")[-1]
    canvas = Canvas("MRR over time", f"From {_said(first)} in {names[0]} to {_said(last)} in {names[-1]}.")
    scale = Scale(marks, _HEIGHT)
    canvas.axes(scale, names, places=decimals(table.currency))
    points = [(canvas.x(n, len(names)), scale.y(value)) for n, value in enumerate(amounts(table, "mrr"))]
    canvas.area(points, scale.y(0), "area")
    canvas.line(points, "line base")
    sure = amounts(table, "committed_mrr")
    canvas.line([(canvas.x(n, len(names)), scale.y(value)) for n, value in enumerate(sure)], "line dashed")
    for (x, y), name, cell in zip(points, names, table.column("mrr"), strict=True):
        canvas.dot(x, y, "base", f"{name}: {_said(cell)}")
    return canvas.drawn()


def waterfall(table: Table) -> str:
    """From the MRR of the beginning to that of the end, by the movements between."""
    kinds = table.columns[2:-1]
    start, end = amounts(table, "start")[0], amounts(table, "end")[-1]
    steps = [(heading(kind), sum(amounts(table, kind))) for kind in kinds]
    levels = [start]
    for _, amount in steps:
        levels.append(levels[-1] + amount)
    said = ", ".join(f"{name} {_money(amount, table)}" for name, amount in steps)
    canvas = Canvas("MRR waterfall", f"From {_money(start, table)} by {said} to {_money(end, table)}.")
    scale = Scale(ticks(min(0, *levels), max(levels)), _HEIGHT)
    names = ("start", *(name for name, _ in steps), "end")
    canvas.axes(scale, names, places=decimals(table.currency))
    bars = [(0, start, "base"), *((a, b, "up" if b >= a else "down") for a, b in pairwise(levels))]
    bars.append((0, end, "base"))
    width = canvas.step(len(names)) * 0.62
    for place, (low, high, kind) in enumerate(bars):
        x = canvas.x(place, len(names))
        amount = high - low
        canvas.bar(
            Box(x - width / 2, width, scale.y(high), scale.y(low)), kind, f"{names[place]}: {_money(amount, table)}"
        )
        sign = "+" if 0 < place < len(bars) - 1 and amount > 0 else ""
        canvas.text(x, max(scale.y(max(low, high)) - 5, 10), sign + _whole(amount, table), kind="value")
        if place:
            canvas.put(_level(canvas.x(place - 1, len(names)) + width / 2, x - width / 2, scale.y(levels[place - 1])))
    return canvas.drawn()


def stacked(table: Table, title: str, columns: Sequence[tuple[str, str]]) -> str:
    """Bars of each period: what is above nothing upwards, what is below downwards, one on the other."""
    names = periods(table)
    values = [[amount for column, _ in columns for amount in [amounts(table, column)[n]]] for n in range(len(names))]
    high = max((sum(v for v in row if v > 0) for row in values), default=0)
    low = min((sum(v for v in row if v < 0) for row in values), default=0)
    is_money = isinstance(table.column(columns[0][0])[0], Money)
    sums = [(heading(column), sum(amounts(table, column))) for column, _ in columns]
    said = ", ".join(f"{name} {_money(amount, table) if is_money else amount}" for name, amount in sums)
    canvas = Canvas(title, f"In all, {names[0]} to {names[-1]}: {said}.")
    scale = Scale(ticks(low, high), _HEIGHT)
    canvas.axes(scale, names, places=decimals(table.currency) if is_money else 0)
    width = min(canvas.step(len(names)) * 0.66, 44)
    for place, row in enumerate(values):
        above = below = 0
        for (column, kind), value in zip(columns, row, strict=True):
            base = above if value > 0 else below
            said = _money(value, table) if is_money else f"{value:,}"
            if value:
                x = canvas.x(place, len(names)) - width / 2
                tip = f"{names[place]}, {heading(column)}: {said}"
                canvas.bar(Box(x, width, scale.y(base + value), scale.y(base)), kind, tip)
            above, below = (base + value, below) if value > 0 else (above, base + value)
    return canvas.drawn()


def lines(table: Table, title: str, columns: Sequence[tuple[str, str]]) -> str:
    """Rates through time."""
    names = periods(table)
    rates = {
        column: [rate if isinstance(rate, int) else None for rate in table.column(column)] for column, _ in columns
    }
    known = [rate for row in rates.values() for rate in row if rate is not None]
    last = ", ".join(
        f"{heading(column)} {percent(next((r for r in reversed(row) if r is not None), 0))}"
        for column, row in rates.items()
    )
    canvas = Canvas(title, f"At last: {last}.")
    scale = Scale(ticks(min([0, *known]), max([100, *known])), _HEIGHT)
    canvas.axes(scale, names, places=2, suffix="%")
    for column, kind in columns:
        told = [(n, rate) for n, rate in enumerate(rates[column]) if rate is not None]
        points = [(canvas.x(n, len(names)), scale.y(rate)) for n, rate in told]
        canvas.line(points, f"line {kind}")
        for (x, y), (n, rate) in zip(points, told, strict=True):
            canvas.dot(x, y, kind, f"{names[n]}, {heading(column)}: {percent(rate)}")
    return canvas.drawn()


def heat_map(table: Table) -> str:
    """Retention of customers: a row for each cohort, a column for each month since."""
    kept = [cell if isinstance(cell, tuple) else () for cell in table.column("customers_basis_points")]
    sizes = table.column("customers")
    months = max(map(len, kept))
    left, top, tall = 116, 24, 27
    wide = (WHOLE - left - 4) / months
    seen = [row[1] for row in kept if len(row) > 1]
    said = (
        f"A month after: {percent(round(sum(seen) / len(seen)))} on average." if seen else "No cohort is a month old."
    )
    canvas = Canvas("Retention by cohort", said, height=top + tall * len(kept) + 4, width=WHOLE)
    for month in range(0, months, -(-months // 18)):
        canvas.text(round(left + (month + 0.5) * wide, 1), 14, str(month))
    for place, (name, size, row) in enumerate(zip(periods(table, years=True), sizes, kept, strict=True)):
        y = top + place * tall
        canvas.text(66, y + 17, name, "end")
        canvas.text(106, y + 17, str(size), "end", "value")
        for month, rate in enumerate(row):
            level = min(_LEVELS - 1, max(rate, 0) * _LEVELS // 10_001)
            x = round(left + month * wide, 1)
            tip = f"{name}, month {month}: {percent(rate)}"
            canvas.bar(Box(x + 1, wide - 2, y, y + tall - 2), f"h{level}", tip)
            if wide >= 26:  # noqa: PLR2004 - the width of three digits, in pixels
                canvas.text(round(x + wide / 2, 1), y + 17, str(round(rate / 100)), kind=f"on{level}")
    return canvas.drawn()


def periods(table: Table, *, years: bool = False) -> list[str]:
    """What stands below the bars: a month, with its year where that changes."""
    names, before = [], None
    for cell in table.column(table.columns[0]):
        if table.by is Bucket.DAY or not hasattr(cell, "month"):
            names.append(plain(cell, table.by)[5:])
            continue
        year, month = plain(cell, table.by).split("-")
        names.append(
            _MONTH_NAMES[int(month) - 1] + (f" {year}" if years else f" '{year[2:]}" if year != before else "")
        )
        before = year
    return names


def amounts(table: Table, column: str) -> list[int]:
    """A column as whole numbers; nothing counts as none."""
    return [_number(cell) for cell in table.column(column)]


def _number(cell: Cell) -> int:
    if isinstance(cell, Money):
        return cell.amount
    return cell if isinstance(cell, int) else 0


def _said(cell: Cell) -> str:
    return money(cell) if isinstance(cell, Money) else str(cell)


def _money(amount: int, table: Table) -> str:
    return money(Money(amount, table.currency))


def _whole(amount: int, table: Table) -> str:
    """Without what comes after the point: what stands over a bar."""
    return f"{round(amount / 10 ** decimals(table.currency)):,}"


def _level(x1: float, x2: float, y: float) -> str:
    return f'<line class="level" x1="{round(x1, 1)}" x2="{round(x2, 1)}" y1="{y}" y2="{y}"/>'
