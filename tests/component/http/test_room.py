"""Room: whoever opens many connections keeps nobody out, and no process uses up its files for clients."""

from __future__ import annotations

import resource

import pytest
from attrs import define, field

from billing_http.room import CONNECTIONS_MAX, connections_max, make_room


@define(eq=False)
class Line:
    """A connection whose client has been waited for since then; None while it is answered."""

    since: float | None
    guests: list[Line] = field(repr=False)

    def __attrs_post_init__(self) -> None:
        self.guests.append(self)

    def waits_since(self) -> float | None:
        """Since then."""
        return self.since

    def give_way(self) -> None:
        """Be gone."""
        self.guests.remove(self)


def left(most: int, *lines: float | None) -> list[float | None]:
    """Which of these lines are left where so many may be."""
    guests: list[Line] = []
    for since in lines:
        Line(since, guests)
    make_room(guests, most)
    return [line.since for line in guests]


def test_while_there_is_room_nobody_gives_way() -> None:
    assert left(3, 5, 1, 2) == [5, 1, 2]


def test_whose_client_has_been_waited_for_longest_gives_way() -> None:
    assert left(3, 5, None, 2, 9) == [5, None, 9]


def test_who_is_being_answered_stays_though_there_are_too_many() -> None:
    assert left(2, None, None, None) == [None, None, None]


def test_some_give_way_at_once_so_that_not_each_who_comes_needs_a_look_at_all() -> None:
    assert left(640, *range(641)) == [*range(10, 641)]


@pytest.mark.parametrize(
    ("files", "connections"),
    [
        pytest.param(20_000, CONNECTIONS_MAX, id="plenty"),
        pytest.param(1024, 768, id="as-many-systems-allow"),
        pytest.param(256, 128, id="few"),
    ],
)
def test_of_the_files_that_a_process_may_open_some_are_kept_for_what_it_needs_itself(
    files: int, connections: int
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        assert connections_max() == connections
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
