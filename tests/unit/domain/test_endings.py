"""Access that ends by the clock: told once, dated when it was, and never where nobody heard of its beginning."""

from __future__ import annotations

from datetime import datetime

import pytest
from attrs import evolve

from billing_core.domain.access import Blocked, Ending, Grant
from billing_core.domain.account import Account
from billing_core.domain.endings import ended_before, with_endings
from tests.builders import ANN, course, day, grant, path


def having(*grants: Grant, endings: frozenset[Ending] = frozenset()) -> Account:
    return Account(user_id=ANN, grants=grants, endings=endings)


def ending(of: Grant, at: datetime) -> Ending:
    return Ending(of.source, of.resource, at)


MONTH = grant(course(), end=day(31))


@pytest.mark.parametrize(
    ("one", "told"),
    [
        pytest.param(MONTH, 1, id="ended"),
        pytest.param(evolve(MONTH, expires_at=day(40)), 0, id="ends-at-that-very-moment"),
        pytest.param(evolve(MONTH, expires_at=None), 0, id="for-ever"),
        pytest.param(evolve(MONTH, blocked=Blocked.REVOKED), 0, id="revoked-which-was-told"),
    ],
)
def test_what_ended_before_a_moment_is_told(one: Grant, told: int) -> None:
    assert len(ended_before(having(one), day(40))[0]) == told


def test_an_ending_is_told_with_its_own_time_and_reason() -> None:
    lapsed = evolve(MONTH, lapses=Blocked.PAYMENT_OVERDUE)
    (event,), _ = ended_before(having(lapsed), day(40))

    assert (event.type, event.occurred_at) == ("access.revoked", day(31))
    assert (event.data["reason"], event.data["resource_id"]) == ("payment_overdue", "k8s-101")


def test_endings_are_told_in_the_order_in_which_they_were() -> None:
    grants = [evolve(MONTH, resource=path()), evolve(MONTH, resource=course("ci")), grant(course("basics"), end=day(9))]
    events, _ = ended_before(having(*grants), day(40))

    assert [event.data["resource_id"] for event in events] == ["basics", "ci", "devops"]


def test_an_ending_is_told_once() -> None:
    events, after = ended_before(having(MONTH), day(40))

    assert (len(events), after.endings) == (1, frozenset({ending(MONTH, day(31))}))
    assert ended_before(after, day(40)) == ((), after)


def test_what_ended_earlier_stays_told_when_more_ends() -> None:
    other = evolve(MONTH, resource=path(), expires_at=day(35))
    _, first = ended_before(having(MONTH, other), day(33))
    _, second = ended_before(first, day(40))

    assert second.endings == {ending(MONTH, day(31)), ending(other, day(35))}


@pytest.mark.parametrize(
    ("told_until", "now_ends", "happened", "silent"),
    [
        pytest.param(None, day(31), day(31), True, id="over-when-it-happened"),
        pytest.param(None, day(31), day(30), False, id="still-open-when-it-happened"),
        pytest.param(day(31), day(31), day(5), True, id="told-already"),
        pytest.param(day(31), day(62), day(31), False, id="extended-beyond-what-was-told"),
        pytest.param(day(31), day(62), day(70), True, id="extended-but-over-again"),
        pytest.param(None, None, day(99), False, id="for-ever"),
    ],
)
def test_what_need_not_be_told_any_more(
    told_until: datetime | None, now_ends: datetime | None, happened: datetime, *, silent: bool
) -> None:
    before = having(MONTH, endings=frozenset({ending(MONTH, told_until)} if told_until else ()))
    extended = evolve(MONTH, expires_at=now_ends)
    after = with_endings(before, having(extended), happened)

    assert after.endings == (frozenset({ending(MONTH, now_ends)}) if silent and now_ends else frozenset())
    assert after.grants == (extended,)


def test_an_ending_of_one_thing_silences_no_other() -> None:
    before = having(endings=frozenset({ending(MONTH, day(31))}))
    others = (evolve(MONTH, resource=path()), grant(course(), source="s2", end=day(31)))

    assert with_endings(before, having(*others), day(5)).endings == frozenset()
