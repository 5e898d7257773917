"""Subscriptions of several items, or of items that no plan is about."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.plans import Catalog, Plan
from billing_core.domain.resources import Resource
from tests.builders import BASIC, PRO, account, course, plan, seen, usd
from tests.provider_objects import item, subscription


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
