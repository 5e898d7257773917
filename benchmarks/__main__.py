"""Everything that docs/explanation/performance.md shows, in one run.

    python -m benchmarks [--rounds 3] [--users 400]

Rates are ratios to a yardstick of the same round, medians over the rounds, contestants in turns. The tables and the
plot are written into docs/explanation/. On a machine with other work to do the figures mean nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import access, core, starting, webhooks
from benchmarks.figures import Panel, plot, table

_DOCS = Path(__file__).parent.parent / "docs" / "explanation"
_BEGIN, _END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


def _lines(panels: list[Panel], rates: dict[str, float], begun: dict[str, str], rounds: int) -> Iterator[str]:
    yield _BEGIN
    yield ""
    yield (
        f"Measured on {time.strftime('%d %B %Y', time.gmtime())}: {os.cpu_count()} cores, {platform.machine()}, CPython"
        f" {platform.python_version()}, {rounds} rounds in turns. Medians; in brackets the least and the greatest."
    )
    yield ""
    yield "![Rates as ratios to the yardstick of the same run](performance.svg)"
    for panel in panels:
        yield ""
        yield from table(panel)
    yield ""
    yield "| The core alone | per second | of the baseline |"
    yield "| --- | ---: | ---: |"
    baseline = next(iter(rates.values()))
    for name, rate in rates.items():
        yield f"| {name} | {rate:,.0f} | {rate / baseline:.3f} |"
    yield ""
    yield "| To begin | |"
    yield "| --- | --- |"
    for name, found in begun.items():
        yield f"| {name} | {found} |"
    yield ""
    yield _END


def _write(text: str, svg: str) -> None:
    page = _DOCS / "performance.md"
    before, _, rest = page.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(f"{before}{text}{after}")
    (_DOCS / "performance.svg").write_text(svg)


def main() -> None:
    """Measure all, print it, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=400, help="of whom webhooks tell, in each round")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement of reading")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/billing-benchmark"), help="for data and peers")  # noqa: S108 - to be read by PostgreSQL's own user
    given = parser.parse_args()
    given.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    cores = os.sched_getaffinity(0)
    rates = core.measure(given.rounds)
    begun = dict(starting.measure(given.rounds))
    reading = access.run(given.rounds, given.seconds, given.folder)
    os.sched_setaffinity(0, cores)
    told = webhooks.run(given.users, given.rounds, 2, given.folder)
    panels = [reading.panel(), told.panel()]
    text = "\n".join(_lines(panels, rates, begun, given.rounds))
    print(text)
    print(reading.changes())
    _write(text, plot(panels))


if __name__ == "__main__":
    main()
