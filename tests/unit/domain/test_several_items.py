"""Subscriptions of several items, or of items that no plan is about."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.facts import InvoiceLineSeen
from billing_core.domain.plans import Catalog, Plan
from billing_core.domain.resources import Resource
from tests.builders import BASIC, PRO, account, course, day, plan, seen, usd
from tests.provider_objects import invoice, item, line, subscription


def test_every_price_of_no_plan_is_named_of_whichever_subscription() -> None:
    both = [subscription(identity=f"sub_{name}", items=(item(f"price_{name}"),)) for name in ("a", "b")]
    assert account(seen(*both)).unknown_prices == {"price_a", "price_b"}


@pytest.mark.parametrize("first", [PRO, BASIC])
def test_of_several_items_that_are_plans_the_dearest_is_the_plan_whatever_their_ids(first: Plan) -> None:
    second = BASIC if first is PRO else PRO
    items = (item(first.stripe_price_id or ""), evolve(item(second.stripe_price_id or "", quantity=3), id="si_2"))
    assert [row.plan_id for row in account(seen(subscription(items=items))).subscriptions] == [PRO.id]


def test_what_each_of_several_plans_opens_is_open() -> None:
    courses = plan("courses", price_id="price_courses", price=usd(900), grants=(course("k8s-101"),))
    labs = plan("labs", price_id="price_labs", price=usd(1900), grants=(Resource("lab", "ci"),))
    items = (item("price_courses"), evolve(item("price_labs"), id="si_2"))
    found = account(seen(subscription(items=items)), catalog=Catalog(plans=(courses, labs)))
    assert {(grant.resource.type, grant.resource.id) for grant in found.grants} == {
        ("course", "k8s-101"),
        ("lab", "ci"),
    }
    assert found.subscriptions[0].plan_id == "labs"


def test_of_plans_that_cost_and_rank_the_same_their_own_ids_decide() -> None:
    one, other = (plan(f"plan-{name}", price_id=f"price_{name}", grants=(course("k8s-101"),)) for name in "ab")
    items = (evolve(item("price_b"), id="si_1"), evolve(item("price_a"), id="si_2"))
    found = account(seen(subscription(items=items)), catalog=Catalog(plans=(one, other)))
    assert [row.plan_id for row in found.subscriptions] == ["plan-b"]


# ---------------------------------------------------------------------------- moved to a price that no plan is about
BASIC_PRICE = BASIC.stripe_price_id or ""
NEWER_PRO = evolve(PRO, version=2, effective_from=day(20))


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        pytest.param([line(2900, day(0), day(31)), line(900, day(0), day(62), price=BASIC_PRICE)], BASIC, id="longest"),
        pytest.param([line(900, day(0), day(31), price=BASIC_PRICE), line(2900, day(0), day(31))], PRO, id="dearest"),
        pytest.param([line(0, day(0), day(31))], PRO, id="free"),
        pytest.param(
            [line(2900, day(0), day(31)), line(-900, day(0), day(62), price=BASIC_PRICE)], PRO, id="no-credit"
        ),
    ],
)
def test_it_keeps_the_plan_that_was_paid_for_last(lines: list[InvoiceLineSeen], kept: Plan) -> None:
    moved = subscription(items=(item("price_unheard"),))
    catalog = Catalog(plans=(BASIC, PRO, NEWER_PRO))
    (row,) = account(seen(moved, invoice(*lines)), catalog=catalog).subscriptions
    assert (row.plan_id, row.plan_version) == (kept.id, kept.version)
