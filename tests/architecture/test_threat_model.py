"""Every threat of the threat model names a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    line for line in (ROOT / "docs/explanation/threat-model.md").read_text().splitlines() if line.startswith("| **")
]


def test_every_letter_of_stride_has_threats() -> None:
    assert {row[4] for row in ROWS} == set("STRIDE")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[2].strip()[:40])
def test_each_threat_names_a_test_that_there_is(row: str) -> None:
    (named,) = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
    file, name = named

    assert re.search(rf"^(async def|def|class) {name}\b", (ROOT / file).read_text(), re.MULTILINE)
