"""The page: every chart of every currency on one sheet of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape

from billing_cli.reports import charts
from billing_cli.reports.style import STYLE
from billing_cli.reports.tables import Table, heading, money, percent, readable, tables_of
from billing_core.domain.analytics.reports.asked import Report, ReportName
from billing_core.domain.analytics.reports.frames import Question
from billing_core.domain.money import Money

__all__ = ["page_of"]

Tables = Mapping[ReportName, Sequence[Table]]
Key = Sequence[tuple[str, str]]


def page_of(reports: Mapping[ReportName, Sequence[Report]], question: Question, made_at: datetime) -> str:
    """The page of all reports for one stretch of time; the currency with the most customers first."""
    currencies = sorted({one.currency for found in reports.values() for one in found if one.currency})
    books = {
        currency: {
            name: [t for one in found if one.currency == currency for t in tables_of(one, question.by)]
            for name, found in reports.items()
        }
        for currency in currencies
    }
    ordered = sorted(currencies, key=lambda currency: (-_customers(books[currency]), currency))
    span = f"{question.since:%d %B %Y} to {question.until:%d %B %Y}"
    known = f", as it was known on {question.known_at:%d %B %Y %H:%M} UTC" if question.known_at else ""
    sections = "".join(_section(currency, books[currency]) for currency in ordered)
    nothing = "" if ordered else "<p>Nothing has happened in that time.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Subscription revenue</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>"
        f"<header><h1>Subscription revenue</h1><p>{span}{known}</p></header>"
        f"{sections}{nothing}<footer>Made on {made_at:%d %B %Y %H:%M} UTC from stored facts. "
        "Currencies are never added. Days and months are those of UTC; the last period may still run."
        "</footer></main></body></html>\n"
    )


def _customers(book: Tables) -> int:
    rows = _first(book, ReportName.MRR)
    last = rows.column("customers")[-1] if rows else 0
    return last if isinstance(last, int) else 0


def _first(book: Tables, name: ReportName, title: str = "") -> Table | None:
    return next((table for table in book.get(name, ()) if table.title == title), None)


def _section(currency: str, book: Tables) -> str:
    drawn = "".join(_figures(book))
    return (
        f'<section><h2>{escape(currency.upper())}</h2>{_key_figures(book)}<div class="charts">{drawn}</div></section>'
    )


def _key_figures(book: Tables) -> str:
    """What a reader wants to know first, each with what it was when the time began."""
    mrr, churn, ltv = (_first(book, name) for name in (ReportName.MRR, ReportName.CHURN, ReportName.LTV))
    cards: list[tuple[str, str, str]] = []
    if mrr is not None:
        for column in ("mrr", "arr", "customers", "arpu"):
            cells = mrr.column(column)
            cards.append(
                (heading(column), readable(cells[-1], column, mrr.by), f"{readable(cells[0], column, mrr.by)} at first")
            )
    if churn is not None:
        column = "net_retention_basis_points"
        rates = [rate for rate in churn.column(column) if isinstance(rate, int)]
        if rates:
            cards.append(("net retention", percent(rates[-1]), "in the last period"))
    if ltv is not None:
        worth, months = ltv.column("lifetime_value")[0], ltv.column("lifetime_tenths_of_months")[0]
        if isinstance(worth, Money):
            cards.append(("lifetime value", money(worth), readable(months, "x_tenths_of_months", ltv.by)))
    rows = (
        f'<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd><dd class="note">{escape(w)}</dd></div>' for n, v, w in cards
    )
    return f'<dl class="figures">{"".join(rows)}</dl>' if cards else ""


#: What each chart shows of its table: a column, and the kind of its colour.
_MOVES: Key = (
    ("new", "base"),
    ("expansion", "up"),
    ("reactivation", "other"),
    ("contraction", "quiet"),
    ("churn", "down"),
)
_CHURN: Key = (("customer_churn_basis_points", "base"), ("gross_churn_basis_points", "down"))
_CASES: Key = (("recovered", "up"), ("open", "quiet"), ("lost", "down"))
_FLOWS: Key = (("paid", "base"), ("won_back", "up"), ("refunded", "other"), ("disputed", "down"))
_FATES: Key = (("converted", "up"), ("running", "quiet"), ("lost", "down"))


def _figures(book: Tables) -> Iterable[str]:
    mrr, moved, churn = (_first(book, n) for n in (ReportName.MRR, ReportName.MOVEMENTS, ReportName.CHURN))
    if mrr is not None:
        key = (("base", "MRR"), ("dashed", "committed: without those whose end is set"))
        yield _figure("MRR over time", "At the end of each period.", charts.mrr_over_time(mrr), mrr, key)
    if moved is not None:
        lead = "How the MRR of the beginning became that of the end."
        yield _figure("MRR waterfall", lead, charts.waterfall(moved), moved)
        drawn = charts.stacked(moved, "MRR movements", _MOVES)
        yield _figure("MRR movements", "What came above the line, what went below it.", drawn, moved, _key(_MOVES))
    if churn is not None:
        lead = "Of the customers, and of the MRR, of the beginning of each period."
        yield _figure("Churn", lead, charts.lines(churn, "Churn", _CHURN), churn, _key(_CHURN))
    yield from _cases(book)


def _cases(book: Tables) -> Iterable[str]:
    cohorts, dunning = _first(book, ReportName.COHORTS), _first(book, ReportName.DUNNING)
    flows, trials = _first(book, ReportName.REFUNDS), _first(book, ReportName.TRIALS)
    if cohorts is not None:
        lead = "Of the customers who began in a month, how many of a hundred are left so many months later."
        yield _figure("Retention by cohort", lead, charts.heat_map(cohorts), cohorts, wide=True)
    if dunning is not None:
        drawn = charts.stacked(dunning, "Failed renewals", _CASES)
        yield _figure("Failed renewals recovered", "By the month of the first failure.", drawn, dunning, _key(_CASES))
    if flows is not None:
        drawn = charts.stacked(flows, "Money in and out", _FLOWS)
        lead = "On the day on which money moved."
        yield _figure("Payments, refunds and disputes", lead, drawn, flows, _key(_FLOWS))
    if trials is not None:
        drawn = charts.stacked(trials, "Trials", _FATES)
        yield _figure("Trials", "By the month in which they began.", drawn, trials, _key(_FATES))
    plans = _first(book, ReportName.REFUNDS, "by plan")
    if plans is not None:
        lead = "Over the whole time."
        yield f"<figure><figcaption><h3>Net revenue by plan</h3><p>{lead}</p></figcaption>{_table(plans)}</figure>"


def _key(columns: Key) -> Key:
    return [(kind, heading(column)) for column, kind in columns]


def _figure(title: str, lead: str, drawn: str, table: Table, key: Key = (), *, wide: bool = False) -> str:
    kinds = "".join(f'<li><i class="{kind}"></i>{escape(name)}</li>' for kind, name in key)
    legend = f'<ul class="key">{kinds}</ul>' if kinds else ""
    return (
        f"<figure{' class=wide' if wide else ''}><figcaption><h3>{title}</h3><p>{lead}</p></figcaption>{legend}{drawn}"
        f"<details><summary>{title} as a table</summary>{_table(table)}</details></figure>"
    )


def _table(table: Table) -> str:
    """The figures themselves; of a cohort a column for each month since."""
    head = "".join(f'<th scope="col">{escape(heading(column))}</th>' for column in table.columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{escape(readable(c, n, table.by))}</td>" for c, n in zip(row, table.columns, strict=True))
        + "</tr>"
        for row in table.rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
