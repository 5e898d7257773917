"""Plans, how they compare, and the catalog with all its versions (domain rule 6, cli.md)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.errors import CatalogInvalid, InvalidValue, NotFound
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog, Change, Item, Plan, change_between
from billing_core.domain.resources import EVERYTHING
from tests.builders import BASIC, CATALOG, DEVOPS, K8S, PRO, TEAM, YEARLY, course, day, path, plan, usd


# ---------------------------------------------------------------------------------------------- how plans compare
@pytest.mark.parametrize(
    ("price", "interval", "count", "per_month"),
    [
        pytest.param(2900, Interval.MONTH, 1, Fraction(2900), id="a-month"),
        pytest.param(29000, Interval.YEAR, 1, Fraction(29000, 12), id="a-year"),  # 2416.67
        pytest.param(9000, Interval.MONTH, 3, Fraction(3000), id="a-quarter"),
        pytest.param(700, Interval.WEEK, 1, Fraction(700 * 146097, 7 * 4800), id="a-week"),  # 30.436875 / 7 weeks
        pytest.param(100, Interval.DAY, 1, Fraction(100 * 146097, 4800), id="a-day"),  # 30.436875 days
    ],
)
def test_a_price_is_compared_by_what_it_costs_an_average_month(
    price: int, interval: Interval, count: int, per_month: Fraction
) -> None:
    assert plan(price=usd(price), interval=interval, interval_count=count).amount_per_month == per_month


@pytest.mark.parametrize(
    ("old", "seats", "new", "new_seats", "expected"),
    [
        pytest.param(PRO, 1, TEAM, 1, Change.UPGRADE, id="dearer"),
        pytest.param(TEAM, 1, PRO, 1, Change.DOWNGRADE, id="cheaper"),
        pytest.param(PRO, 1, YEARLY, 1, Change.DOWNGRADE, id="a-year-at-a-discount-is-cheaper-by-the-month"),
        pytest.param(PRO, 1, PRO, 2, Change.UPGRADE, id="another-seat"),
        pytest.param(PRO, 3, PRO, 2, Change.DOWNGRADE, id="one-seat-less"),
        pytest.param(PRO, 4, TEAM, 1, Change.DOWNGRADE, id="four-seats-of-29-are-more-than-99"),
        pytest.param(PRO, 1, PRO, 1, Change.SAME, id="the-same"),
        pytest.param(PRO, 1, plan("other", rank=1), 1, Change.UPGRADE, id="equal-price-higher-rank"),
        pytest.param(plan("free", price=usd(0)), 1, plan("free", price=usd(0)), 2, Change.UPGRADE, id="free-seats"),
    ],
)
def test_a_change_is_compared_by_amount_then_rank_then_quantity(
    old: Plan, seats: int, new: Plan, new_seats: int, expected: Change
) -> None:
    assert change_between(old, seats, new, new_seats) is expected


def test_plans_in_two_currencies_cannot_be_compared() -> None:
    with pytest.raises(InvalidValue):
        change_between(PRO, 1, plan("euro", price=Money(2900, "eur")), 1)


@given(st.sampled_from(CATALOG.plans), st.integers(1, 9), st.sampled_from(CATALOG.plans), st.integers(1, 9))
def test_there_is_up_where_back_is_down(one: Plan, seats: int, other: Plan, other_seats: int) -> None:
    opposite = {Change.UPGRADE: Change.DOWNGRADE, Change.DOWNGRADE: Change.UPGRADE, Change.SAME: Change.SAME}
    assert change_between(other, other_seats, one, seats) is opposite[change_between(one, seats, other, other_seats)]


# ------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize("slug", ["", "Pro", "pro monthly", "-pro", "pro-", "a" * 64])
def test_a_plan_is_named_by_a_slug(slug: str) -> None:
    with pytest.raises(CatalogInvalid):
        evolve(PRO, id=slug)


@pytest.mark.parametrize("count", [0, 1096])
def test_a_period_has_1_to_1095_intervals(count: int) -> None:
    with pytest.raises(CatalogInvalid):
        plan(interval_count=count)


@pytest.mark.parametrize("days", [-1, 731])
def test_a_trial_is_at_most_two_years(days: int) -> None:
    with pytest.raises(CatalogInvalid):
        plan(trial_days=days)


def test_nothing_stands_in_a_catalog_twice() -> None:
    with pytest.raises(CatalogInvalid, match="pro-monthly v1"):
        Catalog(plans=(PRO, PRO))
    with pytest.raises(CatalogInvalid, match="course:k8s-101"):
        Catalog(items=(K8S, K8S))


def test_the_whole_platform_is_no_item() -> None:
    with pytest.raises(CatalogInvalid):
        Catalog(items=(Item(resource=EVERYTHING, name="All", price=usd(1)),))


def test_items_that_contain_each_other_are_refused() -> None:
    with pytest.raises(CatalogInvalid):
        Catalog(items=(evolve(K8S, contains=(path(),)), DEVOPS))


# --------------------------------------------------------------------------------------------- finding one's way
def test_a_plan_is_found_by_its_slug_in_its_newest_version() -> None:
    newer = evolve(PRO, version=2, name="Pro, renewed")
    assert Catalog(plans=(newer, PRO)).plan(PRO.id) == newer


def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        CATALOG.plan("gold")
    with pytest.raises(NotFound):
        CATALOG.item(course("gold"))
    with pytest.raises(NotFound):
        Catalog(items=(evolve(K8S, active=False),)).item(course())


def test_a_plan_is_on_sale_while_it_is_active_and_has_a_price() -> None:
    withdrawn, priceless = evolve(TEAM, active=False), evolve(BASIC, stripe_price_id=None)
    assert Catalog(plans=(PRO, withdrawn, priceless)).on_sale() == (PRO,)


# ----------------------------------------------------------------------------------------------------- new versions
def test_a_catalog_applied_twice_is_applied_once() -> None:
    once = Catalog().apply([PRO, TEAM], [K8S], day(1))
    assert once.apply([PRO, TEAM], [K8S], day(2)) == once


def test_an_edited_plan_gets_a_new_version_from_now_on_and_keeps_the_old_one() -> None:
    catalog = Catalog().apply([PRO], [], day(1)).apply([evolve(PRO, grants=(course(),))], [], day(9))
    assert [(one.version, one.effective_from) for one in catalog.plans] == [(1, day(1)), (2, day(9))]
    price = PRO.stripe_price_id
    found = [catalog.plan_for(price, agreed) for agreed in (day(0), day(1), day(9, seconds=-1), day(9))]
    assert [one.version if one else None for one in found] == [1, 1, 1, 2]


def test_a_new_price_at_the_provider_leaves_the_old_one_to_those_who_have_it() -> None:
    dearer = evolve(PRO, price=usd(3900), stripe_price_id="price_dearer")
    catalog = Catalog().apply([PRO], [], day(1)).apply([dearer], [], day(9))
    kept = catalog.plan_for(PRO.stripe_price_id, day(20))
    assert kept is not None
    assert (kept.version, kept.price) == (1, usd(2900))


def test_what_a_catalog_no_longer_names_is_withdrawn_not_forgotten() -> None:
    catalog = Catalog().apply([PRO, TEAM], [K8S], day(1)).apply([PRO], [], day(9))
    assert [one.id for one in catalog.on_sale()] == [PRO.id]
    assert catalog.plan_for(TEAM.stripe_price_id, day(20)) is not None
    assert catalog.find_item(course()) is not None


def test_what_was_withdrawn_can_come_back_as_it_was() -> None:
    catalog = Catalog().apply([PRO, TEAM], [K8S], day(1))
    assert catalog.apply([PRO], [], day(9)).apply([PRO, TEAM], [K8S], day(12)) == catalog


@pytest.mark.parametrize("price", [None, "price_unheard"])
def test_a_price_that_no_plan_maps_to_is_nobodys(price: str | None) -> None:
    assert CATALOG.plan_for(price, day(0)) is None
