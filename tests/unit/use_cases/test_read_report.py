"""What a report is about where nobody says: the last twelve months, of a business that is so old."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve

from billing_contracts.examples import entry
from billing_core.ports.journal import Revision
from billing_core.use_cases.read_report import ReadReport
from billing_memory import MemoryUnitsOfWork
from billing_memory.running import run
from tests.builders import utc

NOW = utc("2027-03-14 15:00")


async def with_entries(*moments: str) -> ReadReport:
    units = MemoryUnitsOfWork()
    added = [evolve(entry(), at=utc(moment), since=utc(moment)) for moment in moments]
    async with units() as uow:
        await uow.journal.write("cus_1", [Revision(known_at=NOW, added=added)])
        await uow.commit()
    return ReadReport(units=units)


@pytest.mark.parametrize(
    ("moments", "since"),
    [
        pytest.param((), utc("2026-04-01"), id="nothing-has-happened-yet"),
        pytest.param(("2027-01-20",), utc("2027-01-01"), id="from-the-month-in-which-it-began"),
        pytest.param(("2027-03-14",), utc("2027-03-01"), id="it-began-today"),
        pytest.param(("2024-05-03", "2027-01-20"), utc("2026-04-01"), id="a-year-of-an-older-one"),
        pytest.param(("2027-06-01",), utc("2026-04-01"), id="what-lies-ahead-is-no-beginning"),
    ],
)
def test_the_usual_time_begins(moments: tuple[str, ...], since: datetime) -> None:
    assert run(run(with_entries(*moments)).usual_beginning(NOW)) == since


def test_each_currency_has_a_beginning_of_its_own() -> None:
    read = run(with_entries("2027-01-20"))
    assert run(read.usual_beginning(NOW, currency="usd")) == utc("2027-01-01")
    assert run(read.usual_beginning(NOW, currency="eur")) == utc("2026-04-01")


def test_what_was_not_known_then_is_no_beginning() -> None:
    read = run(with_entries("2027-01-20"))
    assert run(read.usual_beginning(NOW, known_at=utc("2027-03-01"))) == utc("2026-04-01")
