"""Whether an hour was steady: what `benchmarks.soak` finds in what it saw."""

from __future__ import annotations

import pytest
from attrs import evolve

from benchmarks.soak import Sample, Window, verdict

SAMPLES = [
    Sample(
        minutes=minutes,
        server=110,
        worker=90,
        redis=2,
        server_cpu=minutes,
        worker_cpu=minutes,
        connections=12,
        forgotten=0,
        dead=0,
        waiting=3,
    )
    for minutes in range(12)
]
WINDOWS = [Window(minutes=5.0 * number, answers=12_000, p50=4, p99=20, cpu=2) for number in range(1, 13)]


def test_a_steady_run_is_fine() -> None:
    assert verdict(SAMPLES, WINDOWS) == []


def test_a_short_run_says_nothing_of_connections() -> None:
    """One more that was opened in the middle is kept for ten minutes, and is no leak."""
    more = [*SAMPLES[:9], *(evolve(one, connections=13) for one in SAMPLES[9:])]
    assert verdict(more, WINDOWS[:3]) == []


def test_a_pool_that_closes_a_connection_and_opens_it_again_leaks_none() -> None:
    fewer = [evolve(one, connections=7) for one in SAMPLES[2:6]]
    assert verdict([*SAMPLES[:2], *fewer, *SAMPLES[6:]], WINDOWS) == []


@pytest.mark.parametrize(
    ("name", "last", "said"),
    [
        ("server", 122, "server: from 110.00 to 122.00"),
        ("worker", 100, "worker: from 90.00 to 100.00"),
        ("connections", 13, "connections: from 12 to 13"),
        ("forgotten", 1, "forgotten: 1"),
        ("dead", 1, "dead: 1"),
        ("waiting", 101, "waiting: 101"),
    ],
)
def test_what_grew_of_the_processes_is_said(name: str, last: int, said: str) -> None:
    """In the last quarter of the run, beside the second one."""
    samples = [*SAMPLES[:9], *(evolve(one, **{name: last}) for one in SAMPLES[9:])]
    assert verdict(samples, WINDOWS) == [said]


@pytest.mark.parametrize(
    ("name", "last", "said"), [("p99", 26, "p99: from 20.00 to 26.00"), ("cpu", 3, "cpu: from 2.00 to 3.00")]
)
def test_what_grew_of_the_answers_is_said(name: str, last: int, said: str) -> None:
    """Of the five minutes of the last quarter; of a run of fewer than four windows nothing can be said."""
    windows = [*WINDOWS[:9], *(evolve(one, **{name: last}) for one in WINDOWS[9:])]
    assert verdict(SAMPLES, windows) == [said]
    assert verdict(SAMPLES, windows[-3:]) == []
