"""Plans, how they compare, and the catalog with all its versions (domain rule 6, cli.md)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.change_rules import ANY_PLAN, ChangeRule, Charge, Effective, OwnAmounts, rule_for
from billing_core.domain.errors import CatalogInvalid, InvalidValue, NotFound
from billing_core.domain.facts import PriceSeen, ProductSeen
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog, Change, Item, Plan, change_between
from billing_core.domain.policies import AccessPolicy, DunningPolicy, LastStep, RefundPolicy
from billing_core.domain.resources import EVERYTHING
from tests.builders import BASIC, CATALOG, DEVOPS, K8S, PRO, START, TEAM, YEARLY, course, day, path, plan, usd


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
    plan(interval_count=1095)
    with pytest.raises(CatalogInvalid):
        plan(interval_count=count)


@pytest.mark.parametrize("days", [-1, 731])
def test_a_trial_is_at_most_two_years(days: int) -> None:
    plan(trial_days=730)
    with pytest.raises(CatalogInvalid):
        plan(trial_days=days)


def test_nothing_stands_in_a_catalog_twice() -> None:
    with pytest.raises(CatalogInvalid, match="pro-monthly v1") as plans:
        Catalog(plans=(PRO, PRO))
    with pytest.raises(CatalogInvalid, match="course:k8s-101") as items:
        Catalog(items=(K8S, K8S))
    assert (plans.value.field, items.value.field) == ("plans", "items")


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


def test_plans_come_by_rank_then_price_per_month_then_name() -> None:
    second_basic = plan("a-basic", price=usd(900))
    shown = Catalog(plans=(TEAM, YEARLY, PRO, BASIC, second_basic)).current()
    assert [one.id for one in shown] == ["a-basic", "basic-monthly", "pro-yearly", "pro-monthly", "team-monthly"]


def test_of_several_versions_the_newest_is_shown_wherever_it_stands() -> None:
    versions = [evolve(PRO, version=number) for number in (2, 3, 1)]
    assert [one.version for one in Catalog(plans=tuple(versions)).current()] == [3]
    assert Catalog(plans=tuple(versions)).plan_for(PRO.stripe_price_id, day(0)) == versions[1]


def test_an_item_is_found_also_when_it_is_not_sold_any_more() -> None:
    gone = evolve(K8S, active=False)
    assert Catalog(items=(DEVOPS, gone)).find_item(course()) == gone
    assert CATALOG.item(course()) == K8S
    assert CATALOG.find_item(course("gold")) is None


def test_a_version_that_is_not_in_force_yet_is_agreed_to_only_where_there_is_no_other() -> None:
    coming = evolve(PRO, version=2, effective_from=day(9))
    assert Catalog(plans=(PRO, coming)).plan_for(PRO.stripe_price_id, day(5)) == PRO
    assert Catalog(plans=(coming,)).plan_for(PRO.stripe_price_id, day(5)) == coming


@pytest.mark.parametrize(
    ("edited", "same"),
    [
        pytest.param(
            evolve(PRO, version=7, effective_from=day(9), active=False, withdrawn=True), True, id="its-course"
        ),
        pytest.param(evolve(PRO, name="Pro!"), False, id="its-name"),
        pytest.param(evolve(PRO, price=usd(3000)), False, id="its-price"),
        pytest.param(evolve(PRO, access=AccessPolicy(grace_days=1)), False, id="its-policies"),
        pytest.param(evolve(PRO, changes=(ChangeRule(),)), False, id="its-rules"),
    ],
)
def test_two_versions_sell_the_same_where_nothing_that_is_agreed_to_differs(edited: Plan, *, same: bool) -> None:
    assert PRO.same_terms(edited) is same


def test_what_a_catalog_file_changes_in_a_plan_and_what_it_leaves() -> None:
    first = Catalog().apply([PRO, TEAM], [K8S, DEVOPS], day(1))
    paused = first.apply([PRO, evolve(TEAM, active=False)], [K8S], day(2))

    assert [(one.id, one.version, one.active, one.withdrawn) for one in paused.plans] == [
        ("pro-monthly", 1, True, False),
        ("team-monthly", 1, False, False),
    ]
    assert {str(one.resource): one.active for one in paused.items} == {
        "course:k8s-101": True,
        "learning_path:devops": False,
    }
    dropped = paused.apply([PRO], [K8S], day(3))
    assert [(one.id, one.active, one.withdrawn) for one in dropped.plans] == [
        ("pro-monthly", True, False),
        ("team-monthly", False, True),
    ]


def test_an_old_version_is_not_touched_when_a_newer_one_is_withdrawn() -> None:
    dearer = evolve(PRO, price=usd(3900), stripe_price_id="price_dearer")
    catalog = Catalog().apply([PRO], [], day(1)).apply([dearer], [], day(2)).apply([], [], day(3))
    assert [(one.version, one.withdrawn) for one in catalog.plans] == [(1, False), (2, True)]


# ---------------------------------------------------------------------------------------- what the provider owns
PRICE = PriceSeen(id="price_pro-monthly", created=START, product_id="prod_1", currency="usd", amount=2900)
PRODUCT = ProductSeen(id="prod_1", created=START, name="Pro, as sold")


@pytest.mark.parametrize(
    ("prices", "products", "name", "active"),
    [
        pytest.param([PRICE], [PRODUCT], "Pro, as sold", True, id="sold"),
        pytest.param([evolve(PRICE, active=False)], [PRODUCT], "Pro, as sold", False, id="price-not-sold"),
        pytest.param([evolve(PRICE, deleted=True)], [PRODUCT], "Pro, as sold", False, id="price-deleted"),
        pytest.param([PRICE], [evolve(PRODUCT, active=False)], "Pro, as sold", False, id="product-not-sold"),
        pytest.param([PRICE], [evolve(PRODUCT, deleted=True)], "Pro, as sold", False, id="product-deleted"),
        pytest.param([PRICE], [], "Pro-Monthly", True, id="product-not-known"),
        pytest.param([evolve(PRICE, active=False)], [], "Pro-Monthly", False, id="price-alone-not-sold"),
        pytest.param([], [PRODUCT], "Pro-Monthly", True, id="price-not-known"),
        pytest.param([evolve(PRICE, id="price_other")], [PRODUCT], "Pro-Monthly", True, id="another-price"),
    ],
)
def test_a_plan_has_the_name_and_activity_that_the_provider_says(
    prices: list[PriceSeen], products: list[ProductSeen], name: str, *, active: bool
) -> None:
    (followed,) = Catalog(plans=(PRO,)).follow(prices, products).plans
    assert (followed.name, followed.active) == (name, active)


def test_what_the_provider_sells_again_is_on_sale_again() -> None:
    stopped = Catalog(plans=(PRO,)).follow([evolve(PRICE, active=False)], [PRODUCT])
    assert stopped.on_sale() == ()
    assert [one.id for one in stopped.follow([PRICE], [PRODUCT]).on_sale()] == [PRO.id]


def test_each_price_that_a_plan_has_is_asked_for_once() -> None:
    catalog = Catalog(plans=(PRO, evolve(PRO, version=2), evolve(TEAM, stripe_price_id=None), BASIC))
    assert sorted(map(str, catalog.price_refs())) == ["price:price_basic-monthly", "price:price_pro-monthly"]


# -------------------------------------------------------------------------------------- what policies of a plan name
FREE = plan("free", price=usd(0))
FALLS = evolve(PRO, dunning=DunningPolicy(last_step=LastStep.DOWNGRADE, downgrade_to="free"))


@pytest.mark.parametrize(
    ("plans", "field"),
    [
        pytest.param((FALLS, FREE), None, id="falls-to-a-free-plan"),
        pytest.param((FALLS,), "dunning", id="falls-to-a-plan-that-is-not-there"),
        pytest.param((FALLS, evolve(FREE, price=usd(1))), "dunning", id="falls-to-a-plan-that-costs"),
        pytest.param((FALLS, evolve(FREE, price=Money(0, "eur"))), "dunning", id="falls-to-another-currency"),
        pytest.param((evolve(PRO, changes=(ChangeRule(to="team-monthly"),)), TEAM), None, id="changes-to-a-plan"),
        pytest.param((evolve(PRO, changes=(ChangeRule(to="gold"),)),), "changes", id="changes-to-none"),
        pytest.param((evolve(PRO, changes=(ChangeRule(to=ANY_PLAN),)),), None, id="changes-to-any"),
        pytest.param((PRO, evolve(FALLS, id="second")), "dunning", id="the-second-falls"),
    ],
)
def test_the_policies_of_a_plan_name_plans_that_are_there(plans: tuple[Plan, ...], field: str | None) -> None:
    catalog = Catalog(plans=plans)
    if field is None:
        catalog.require_known_plans()
    else:
        with pytest.raises(CatalogInvalid) as refused:
            catalog.require_known_plans()
        assert refused.value.field == field


def test_two_rules_to_one_plan_are_refused() -> None:
    with pytest.raises(CatalogInvalid, match="a rule to 'team-monthly' stands in the catalog twice") as refused:
        evolve(PRO, changes=(ChangeRule(to="team-monthly"), ChangeRule(to="team-monthly", keeps_cancel=True)))
    assert refused.value.field == "changes"


# --------------------------------------------------------------------------------------- which rule is whose, and when
def test_a_rule_that_names_the_plan_comes_before_the_one_for_every_plan_and_that_before_the_house() -> None:
    named, every = ChangeRule(to="team-monthly", keeps_cancel=True), ChangeRule(keeps_trial=False)
    assert rule_for([every, named], "team-monthly") == named
    assert rule_for([every, named], "basic-monthly") == every
    assert rule_for([named], "basic-monthly") == ChangeRule()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(
            lambda: ChangeRule(effective=Effective.PERIOD_END, charge=Charge.ALWAYS_INVOICE), "charge", id="at-the-end"
        ),
        pytest.param(lambda: ChangeRule(own=OwnAmounts(unit="day")), "own", id="amounts-of-our-own-charged-by-nobody"),
        pytest.param(lambda: RefundPolicy(window_days=-1), "window_days", id="a-negative-window"),
        pytest.param(lambda: DunningPolicy(retry_days=(3, 3)), "retry_days", id="two-tries-on-a-day"),
        pytest.param(lambda: DunningPolicy(retry_days=(5, 3)), "retry_days", id="days-that-descend"),
        pytest.param(lambda: DunningPolicy(reminder_days=(-1, 3)), "reminder_days", id="a-day-before-the-failure"),
        pytest.param(lambda: DunningPolicy(last_day=6), "last_day", id="an-end-before-the-last-try"),
        pytest.param(lambda: DunningPolicy(last_step=LastStep.DOWNGRADE), "downgrade_to", id="falls-to-nothing"),
        pytest.param(lambda: DunningPolicy(downgrade_to="free"), "downgrade_to", id="falls-without-falling"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused_by_its_field(make: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        make()
    assert refused.value.field == field


def test_what_a_policy_may_say() -> None:
    ChangeRule(effective=Effective.PERIOD_END, charge=Charge.NONE)
    ChangeRule(charge=Charge.OWN, own=OwnAmounts(unit="day"))
    DunningPolicy(retry_days=(0, 1), reminder_days=())
    assert (DunningPolicy().ends_on_day, DunningPolicy(last_day=7).ends_on_day) == (7, 7)
    assert (DunningPolicy(last_day=9).ends_on_day, DunningPolicy(retry_days=()).ends_on_day) == (9, 0)
    assert DunningPolicy(retry_days=(), last_day=0).ends_on_day == 0
