"""May this user open this, and why."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.access import (
    Blocked,
    Decision,
    Grant,
    Opened,
    SourceKind,
    decide,
    decide_alike,
    decide_all,
    in_force,
    manual_grant_rows,
)
from billing_core.domain.errors import CatalogInvalid, InvalidValue
from billing_core.domain.resources import EVERY, EVERYTHING, Containment, Pair, Resource, ResourceType
from tests.builders import by_hand, course, day, grant, path
from tests.strategies import LIVES, grants, instants, resources

LAB = Resource(ResourceType.LAB, "cluster")
EVERY_LAB, EVERY_COURSE, EVERY_PATH = (Resource(kind, EVERY) for kind in ("lab", "course", "learning_path"))
#: The path holds a course, which holds a lab; another path holds every course.
DIRECTLY = {path(): [course()], course(): [LAB], path("all-of-it"): [EVERY_COURSE]}
CONTAINS = Containment.of(DIRECTLY)


def pairs(*resources: Resource) -> set[Pair]:
    return {(one.type, one.id) for one in resources}


def may_open(resource: Resource, *held: Grant, at: datetime | None = None) -> bool:
    return decide(held, resource, at or day(1), CONTAINS).allowed


# ----------------------------------------------------------------------------------------------- what opens what
@pytest.mark.parametrize("held", [course(), EVERY_COURSE, path(), path("all-of-it"), EVERYTHING], ids=str)
def test_a_course_is_opened_by_itself_and_by_all_that_contains_it(held: Resource) -> None:
    assert may_open(course(), grant(held))


@pytest.mark.parametrize("held", [course(), EVERY_COURSE, path(), path("all-of-it"), EVERYTHING], ids=str)
def test_what_a_course_contains_is_opened_with_it(held: Resource) -> None:
    assert may_open(LAB, grant(held))


@pytest.mark.parametrize("held", [course("other"), LAB, path("other"), Resource("lab", EVERY)], ids=str)
def test_nothing_else_opens_a_course(held: Resource) -> None:
    assert not may_open(course(), grant(held))


@pytest.mark.parametrize("held", [EVERY_COURSE, path("all-of-it"), EVERYTHING], ids=str)
def test_a_course_that_no_catalog_names_is_one_of_every_course(held: Resource) -> None:
    assert may_open(course("brand-new"), grant(held))
    assert not may_open(course("brand-new"), grant(path()))


def test_every_course_is_not_opened_by_one_of_them() -> None:
    assert not may_open(EVERY_COURSE, grant(course()))


def test_a_circle_of_containment_is_refused() -> None:
    with pytest.raises(CatalogInvalid, match="course:k8s-101, learning_path:devops"):
        Containment.of({path(): [course()], course(): [path()]})


@pytest.mark.parametrize(
    ("resource", "opened_by"),
    [
        pytest.param(LAB, {LAB, course(), path(), path("all-of-it"), EVERY_LAB, EVERY_COURSE, EVERY_PATH, EVERYTHING},
                     id="within-all"),
        pytest.param(course(), {course(), path(), path("all-of-it"), EVERY_COURSE, EVERY_PATH, EVERYTHING},
                     id="within-a-path"),
        pytest.param(path(), {path(), EVERY_PATH, EVERYTHING}, id="within-nothing"),
        pytest.param(EVERY_COURSE, {EVERY_COURSE, path("all-of-it"), EVERY_PATH, EVERYTHING}, id="every-course"),
    ],
)  # fmt: skip
def test_what_opens_a_resource_is_it_and_all_that_contains_it_one_by_one_or_as_every_one(
    resource: Resource, opened_by: set[Resource]
) -> None:
    contains = Containment.of(DIRECTLY)
    assert contains.opened_by(resource) == pairs(*opened_by)
    assert contains.holders_of(resource) | pairs(resource) == contains.opened_by(resource)


def test_what_contains_what_is_known_however_deep_and_however_far_out() -> None:
    contains = Containment.of(DIRECTLY)
    assert contains.inner[path()] == {course(), LAB}
    assert contains.outer[LAB] == {path(), course()}


@pytest.mark.parametrize("identity", ["", "a/b", "a" * 256, "a\n", "a\0"])
def test_an_id_is_1_to_255_printable_characters_without_a_slash(identity: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Resource(ResourceType.COURSE, identity)
    assert refused.value.field == "resource_id"


# ------------------------------------------------------------------------------------------- from when until when
def test_a_grant_opens_from_its_start_up_to_but_not_including_its_end() -> None:
    held = grant(end=day(10))
    assert [may_open(course(), held, at=day(0, seconds=second)) for second in (-1, 0)] == [False, True]
    assert [may_open(course(), held, at=day(10, seconds=second)) for second in (-1, 0)] == [True, False]


def test_a_grant_that_begins_later_says_nothing_yet() -> None:
    assert decide([grant(start=day(5))], course(), day(1), CONTAINS).reason is Blocked.NO_GRANT
    assert may_open(course(), grant(start=day(5)), grant(source="s2"))


def test_of_several_open_sources_the_one_that_lasts_longest_is_named() -> None:
    short, long = grant(end=day(10), source="short"), grant(end=day(20), source="long")
    decision = decide([long, short], course(), day(1), CONTAINS)
    assert (decision.source, decision.expires_at) == (long.source, day(20))


def test_a_source_without_an_end_lasts_longest() -> None:
    bought = grant(course(), source="bought", kind=SourceKind.PURCHASE, opens=Opened.PURCHASED)
    decision = decide([grant(end=day(9999)), bought], course(), day(1), CONTAINS)
    assert (decision.reason, decision.expires_at) == (Opened.PURCHASED, None)


def test_of_several_closed_sources_the_one_that_ended_last_is_named() -> None:
    first = grant(end=day(5), source="first")
    last = evolve(grant(source="last"), blocked=Blocked.REFUNDED, blocked_at=day(7))
    decision = decide([first, last], course(), day(10), CONTAINS)
    assert (decision.source, decision.reason) == (last.source, Blocked.REFUNDED)


@pytest.mark.parametrize(
    ("held", "since", "reason"),
    [
        pytest.param(grant(end=day(5)), day(5), Blocked.EXPIRED, id="over"),
        pytest.param(grant(end=day(10)), day(10), Blocked.EXPIRED, id="over-at-this-very-moment"),
        pytest.param(
            evolve(grant(end=day(20)), blocked=Blocked.PAUSED, blocked_at=day(7)), day(7), Blocked.PAUSED, id="closed"
        ),
        pytest.param(
            evolve(grant(end=day(5)), blocked=Blocked.PAUSED, blocked_at=day(7)),
            day(5),
            Blocked.PAUSED,
            id="over-before",
        ),
        pytest.param(
            evolve(grant(end=day(9)), blocked=Blocked.PAUSED, blocked_at=day(7)),
            day(7),
            Blocked.PAUSED,
            id="over-since",
        ),
        pytest.param(evolve(grant(), blocked=Blocked.PAUSED), day(0), Blocked.PAUSED, id="closed-nobody-knows-when"),
        pytest.param(evolve(grant(end=day(20)), blocked=Blocked.PAUSED), day(0), Blocked.PAUSED, id="nor-over-yet"),
        pytest.param(grant(start=day(99)), day(99), Blocked.NO_GRANT, id="not-begun"),
    ],
)
def test_a_grant_is_closed_since_the_first_thing_that_closed_it(held: Grant, since: datetime, reason: Blocked) -> None:
    assert (held.closed_since(day(10)), held.reason_closed(day(10))) == (since, reason)


def test_what_closes_a_grant_by_precedence_matters_only_once_it_does() -> None:
    """Overdue ranks before ended; but the grace is not over yet."""
    held = evolve(grant(end=day(20)), blocked=Blocked.SUBSCRIPTION_ENDED, lapses=Blocked.PAYMENT_OVERDUE)
    assert held.reason_closed(day(10)) is Blocked.SUBSCRIPTION_ENDED
    assert held.reason_closed(day(20)) is Blocked.PAYMENT_OVERDUE


def test_a_decision_repeats_what_was_asked_and_names_source_and_end() -> None:
    open_one, over = grant(end=day(9)), grant(course(), end=day(1), source="s2")
    assert decide([open_one], course(), day(2), CONTAINS) == Decision(
        resource=course(),
        allowed=True,
        reason=Opened.SUBSCRIPTION_ACTIVE,
        source=open_one.source,
        expires_at=day(9),
    )
    assert decide([over], course(), day(2), CONTAINS) == Decision(
        resource=course(), allowed=False, reason=Blocked.EXPIRED, source=over.source, expires_at=day(1)
    )
    assert decide([], course(), day(2), CONTAINS).resource == course()


def test_many_decisions_at_once_are_those_that_each_would_be() -> None:
    held = [grant(path(), end=day(9)), grant(path(), source="s2"), grant(course(), end=day(3)), grant(LAB, source="s3")]
    asked = [course(), path(), LAB, course("other"), EVERY_COURSE, EVERYTHING]
    assert list(decide_all(held, asked, day(5), CONTAINS)) == [decide(held, one, day(5), CONTAINS) for one in asked]


@pytest.mark.parametrize("asked", list(permutations([course("bought"), course("one"), course("another")])))
def test_what_is_contained_alike_is_decided_alike_but_for_what_is_granted_by_itself(
    asked: tuple[Resource, ...],
) -> None:
    every = grant(EVERY_COURSE, end=day(9), source="every")
    bought = grant(course("bought"), source="bought", kind=SourceKind.PURCHASE, opens=Opened.PURCHASED)
    of_every = {"reason": Opened.SUBSCRIPTION_ACTIVE, "source": every.source, "expires_at": day(9)}
    itself = {"reason": Opened.PURCHASED, "source": bought.source, "expires_at": None}
    assert list(decide_all([every, bought], asked, day(5), CONTAINS)) == [
        Decision(resource=one, allowed=True, **(itself if one == bought.resource else of_every))  # type: ignore[arg-type]
        for one in asked
    ]


def test_what_is_decided_alike_is_about_one_of_what_was_asked() -> None:
    found = list(decide_alike([], [course("one"), course("another")], day(5), CONTAINS))
    assert [(asked, decided.resource) for asked, decided in found] == [
        (course("one"), course("one")), (course("another"), course("one")),
    ]  # fmt: skip


def test_the_grants_in_force_come_by_resource_and_then_by_source() -> None:
    first, second, third = (
        grant(course("a"), source="s2"),
        grant(course("b"), source="s1"),
        grant(course("b"), source="s3"),
    )
    over, to_come = grant(course("a"), end=day(5)), grant(course("a"), start=day(6))
    assert in_force([third, over, second, to_come, first], day(5)) == (first, second, third)


def test_nobody_without_a_grant_gets_in() -> None:
    decision = decide([], course(), day(1), CONTAINS)
    assert (decision.allowed, decision.reason, decision.source) == (False, Blocked.NO_GRANT, None)


#: http-api.md, in this order.
PRECEDENCE = [
    "revoked", "disputed", "refunded", "incomplete", "paused", "payment_overdue", "subscription_ended", "expired",
    "no_grant",
]  # fmt: skip


def test_reasons_come_in_the_order_that_clients_were_promised() -> None:
    assert list(Blocked) == PRECEDENCE


@pytest.mark.parametrize("reason", [one for one in Blocked if one not in {Blocked.EXPIRED, Blocked.NO_GRANT}])
def test_what_closed_a_source_is_given_before_that_its_time_is_over(reason: Blocked) -> None:
    held = evolve(grant(end=day(5)), blocked=reason, blocked_at=day(6))
    assert decide([held], course(), day(10), CONTAINS).reason is reason


def test_grace_that_is_over_is_a_payment_overdue() -> None:
    held = evolve(grant(end=day(5), opens=Opened.WITHIN_GRACE), lapses=Blocked.PAYMENT_OVERDUE)
    assert decide([held], course(), day(10), CONTAINS).reason is Blocked.PAYMENT_OVERDUE


# ------------------------------------------------------------------------------------------------ grants by hand
def test_a_grant_by_hand_opens_until_its_end() -> None:
    (row,) = manual_grant_rows([by_hand(course(), end=day(3))])
    assert row == grant(
        course(), source=by_hand().id, kind=SourceKind.MANUAL, end=day(3), opens=Opened.GRANTED_MANUALLY
    )
    assert row.is_open(day(2))
    assert not row.is_open(day(3))


def test_a_revoked_grant_by_hand_opens_nothing_and_says_so() -> None:
    (row,) = manual_grant_rows([by_hand(course(), end=day(3), revoked_at=day(1))])
    assert (row.reason_closed(day(5)), row.blocked_at) == (Blocked.REVOKED, day(1))
    assert not row.is_open(day(0))


# ---------------------------------------------------------------------------------------------------------- laws
@LIVES
@given(st.lists(grants(), max_size=5), grants(), resources(), instants())
def test_adding_a_source_never_takes_access_away(
    held: list[Grant], more: Grant, wanted: Resource, now: datetime
) -> None:
    if may_open(wanted, *held, at=now):
        assert may_open(wanted, *held, more, at=now)


@LIVES
@given(st.lists(grants(), max_size=5), resources(), instants())
def test_a_decision_says_what_the_grants_in_force_say(held: list[Grant], wanted: Resource, now: datetime) -> None:
    openers = CONTAINS.opened_by(wanted)
    assert may_open(wanted, *held, at=now) == any(pairs(one.resource) <= openers for one in in_force(held, now))


@LIVES
@given(grants(), instants(), instants())
def test_expiry_is_monotone(held: Grant, one: datetime, other: datetime) -> None:
    """What was open and is closed by time alone stays closed."""
    earlier, later = sorted([one, other])
    if held.granted_at <= earlier and not held.is_open(earlier):
        assert not held.is_open(later)


@LIVES
@given(st.data(), st.lists(grants(), max_size=5), resources(), instants())
def test_a_decision_does_not_depend_on_the_order_of_grants(
    data: st.DataObject, held: list[Grant], wanted: Resource, now: datetime
) -> None:
    """But for two grants of one source with equal ends and different words, which no account has."""
    one = decide(held, wanted, now, CONTAINS)
    other = decide(data.draw(st.permutations(held)), wanted, now, CONTAINS)
    assert other.allowed == one.allowed
    if one.allowed:
        assert (other.source, other.expires_at) == (one.source, one.expires_at)


@LIVES
@given(st.lists(grants(), min_size=1, max_size=5), resources(), instants())
def test_a_refusal_names_a_source_that_could_have_opened_it(held: list[Grant], wanted: Resource, now: datetime) -> None:
    decision = decide(held, wanted, now, CONTAINS)
    if decision.source is None:
        assert not any(pairs(one.resource) <= CONTAINS.opened_by(wanted) and one.granted_at <= now for one in held)
    else:
        assert decision.source in {one.source for one in held if pairs(one.resource) <= CONTAINS.opened_by(wanted)}


@LIVES
@given(resources())
def test_everything_opens_whatever_is_asked_for(wanted: Resource) -> None:
    assert pairs(EVERYTHING, wanted) <= CONTAINS.opened_by(wanted)
