"""`billing report`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from billing_bootstrap.application import Application
from billing_cli.desk import opened
from billing_cli.failures import CommandFailed
from billing_cli.options import LOOKING, Looking
from billing_cli.printing import show_json, show_rows
from billing_cli.reading import moment_of
from billing_cli.reports.page import page_of
from billing_cli.reports.tables import tables_of
from billing_cli.reports.terminal import show_csv, show_tables
from billing_core.domain.analytics.entries import MICROS, MOVEMENTS, EntryKind
from billing_core.domain.analytics.journal import Bucket
from billing_core.domain.analytics.reports.asked import Report, ReportName
from billing_core.domain.analytics.reports.frames import Question

__all__ = ["report"]

Name = Literal["mrr", "movements", "churn", "ltv", "trials", "dunning", "refunds", "cohorts"]
_MONTHLY = frozenset({*MOVEMENTS, EntryKind.COMMITMENT, EntryKind.PLAN})


async def report(
    name: Name,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    as_of: str | None = None,
    known_at: str | None = None,
    by: Literal["day", "month"] = "month",
    currency: str | None = None,
    csv: Annotated[bool, Parameter(negative=())] = False,
    html: Path | None = None,
    explain: Annotated[bool, Parameter(negative=())] = False,
    limit: int = 50,
    options: Looking = LOOKING,
) -> None:
    """What finance asks for, from stored facts: for any time, as known now or then.

    Every currency stands by itself. Figures are as of the end of a period, or of now where it still runs.

    For example:

        billing report mrr
        billing report movements --from 2026-01-01 --to 2026-07-01
        billing report mrr --as-of 2026-03-31 --known-at 2026-04-02
        billing report churn --html books.html
        billing report refunds --by day --from 2026-11-01 --explain

    Args:
        name: Which report.
        from_: The beginning (UTC), in it; a year before the end unless given, or the first month of a younger business.
        to: The end (UTC), not in it; now unless given.
        as_of: Another way to say --to: up to and with this moment.
        known_at: As it was known at this moment (UTC); as it is known now unless given.
        by: By day or by month.
        currency: One currency alone, such as usd.
        csv: Comma-separated values: minor units, hundredths of a percent.
        html: Write a page with the charts of all reports to this file.
        explain: The entries behind the figures, with the facts behind each.
        limit: How many entries are shown.
        options: How it is asked and shown.
    """
    async with opened() as application:
        await application.keep_journal.catch_up()
        end = moment_of(to) or _just_after(moment_of(as_of)) or application.clock.now()
        known, alone = moment_of(known_at), currency.lower() if currency else None
        since = moment_of(from_)
        if since is None:
            since = await application.read_report.usual_beginning(end, known_at=known, currency=alone)
        question = Question(since=since, until=end, by=Bucket(by), known_at=known, currency=alone)
        if html is not None:
            await _write_page(application, question, html)
        elif explain:
            await _explain(application, ReportName(name), question, limit, options)
        else:
            _show(name, await application.read_report(ReportName(name), question), question, options, csv=csv)


def _just_after(moment: datetime | None) -> datetime | None:
    """The end of what happened up to and with a moment: facts have whole seconds."""
    return moment + timedelta(seconds=1) if moment else None


def _show(name: str, reports: Sequence[Report], question: Question, options: Looking, *, csv: bool) -> None:
    if options.json:
        show_json({"report": name, "from": question.since, "to": question.until, "currencies": reports})
        return
    tables = [table for one in reports for table in tables_of(one, question.by)]
    if csv:
        show_csv(tables)
    elif tables:
        show_tables(name, tables)
    else:
        sys.stderr.write("Nothing of the kind has happened in that time.\n")


async def _write_page(application: Application, question: Question, file: Path) -> None:
    reports = {name: await application.read_report(name, question) for name in ReportName}
    text = page_of(reports, question, made_at=application.clock.now())
    try:
        file.write_text(text, encoding="utf-8")  # noqa: ASYNC240 - nothing else is waiting
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {os.strerror(error.errno or 0)}.") from error
    sys.stdout.write(f"{file}\n")


async def _explain(
    application: Application, name: ReportName, question: Question, limit: int, options: Looking
) -> None:
    lines = await application.read_report.behind(name, question, limit)
    rows = [
        {
            "at": entry.at,
            "kind": entry.kind,
            "customer": customer_id,
            "about": entry.subject_id,
            "amount_minor": _minor(entry.amount) if entry.kind in _MONTHLY else str(entry.amount),
            "currency": entry.currency,
            "facts": entry.facts,
        }
        for customer_id, entry in lines
    ]
    if options.json:
        show_json({"report": name, "entries": rows})
    else:
        show_rows(rows, ("at", "kind", "customer", "about", "amount_minor", "currency", "facts"), none="No entries.")


def _minor(micros: int) -> str:
    """Millionths of a minor unit as a decimal number of minor units, exactly."""
    whole, part = divmod(abs(micros), MICROS)
    return f"{'-' if micros < 0 else ''}{whole}" + (f".{part:06}".rstrip("0") if part else "")
