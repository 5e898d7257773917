"""The smallest set that decides, and what each piece of it is called."""

from __future__ import annotations

import pytest

from billing_core.domain.explaining import RULES, Deciding, deciding, smallest
from billing_core.domain.facts import ObjectKind
from tests.builders import by_hand, day, order, told
from tests.provider_objects import schedule, subscription


@pytest.mark.parametrize(
    ("count", "needed"),
    [
        pytest.param(0, set(), id="nothing-of-nothing"),
        pytest.param(1, set(), id="nothing-of-one"),
        pytest.param(1, {0}, id="the-only-one"),
        pytest.param(9, {8}, id="the-last"),
        pytest.param(9, {0, 4, 8}, id="some-far-apart"),
        pytest.param(7, {0, 1, 2, 3, 4, 5, 6}, id="all-of-them"),
    ],
)
def test_nothing_is_kept_that_can_be_left_out(count: int, needed: set[int]) -> None:
    assert smallest(range(count), lambda kept: needed <= set(kept)) == tuple(sorted(needed))


def test_of_two_pieces_that_do_the_same_the_later_is_kept() -> None:
    assert smallest([1, 2, 3], bool) == (3,)


def test_a_piece_that_only_the_absence_of_another_makes_superfluous_goes_too() -> None:
    """Without 2 one needs no 1; only a second look finds that."""
    assert smallest([1, 2], lambda kept: 2 not in kept or 1 in kept) == ()


def test_of_a_thousand_pieces_one_is_found_in_few_looks() -> None:
    looks = []

    def holds(kept: object) -> bool:
        assert isinstance(kept, list)
        looks.append(len(kept))
        return 777 in kept

    assert smallest(range(1000), holds) == (777,)
    assert len(looks) < 50


def test_each_piece_is_named_with_the_rule_by_which_it_matters() -> None:
    fact = told("customer.subscription.updated", subscription(), day(3), identity="evt_1")
    assert deciding(fact) == Deciding(
        id="evt_1",
        type="customer.subscription.updated",
        at=day(3),
        about="subscription:sub_1",
        rule=RULES[ObjectKind.SUBSCRIPTION],
    )
    assert deciding(told("subscription_schedule.created", schedule(), day(3))).rule.startswith("It ties")


def test_what_is_ours_is_named_by_our_ids() -> None:
    ordered, given = deciding(order(created=day(1))), deciding(by_hand())
    assert (ordered.id, ordered.type, ordered.at, ordered.about) == (order().id, "order", day(1), "course:k8s-101")
    assert (given.id, given.type, given.at, given.about) == (by_hand().id, "grant", day(0), str(by_hand().resource))
    assert ordered.rule.startswith("What was ordered")
    assert given.rule.startswith("A grant by hand")
