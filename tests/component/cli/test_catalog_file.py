"""The catalog file: what it says reaches the core, and what is wrong with it is named by entry and field."""

from importlib import resources
from pathlib import Path

import pytest

from billing_cli.catalog_file import CatalogFile, parse_catalog, read_catalog
from billing_core.domain.change_rules import ChangeRule, Charge, OwnAmounts, TimeUnit
from billing_core.domain.errors import CatalogInvalid
from billing_core.domain.money import Money
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import (
    AccessPolicy,
    Collector,
    DunningPolicy,
    LastStep,
    Policies,
    TrialEnd,
    TrialPolicy,
)
from billing_core.domain.resources import Resource, ResourceType


def catalog_of(text: str) -> CatalogFile:
    return parse_catalog(text, Policies())


PLAN = """
[[plans]]
id = "pro"
name = "Pro"
price = { amount = 2900, currency = "usd" }
interval = "month"
"""
COURSE = """
[[items]]
resource_type = "course"
resource_id = "k8s"
name = "Kubernetes"
price = { amount = 4900, currency = "usd" }
"""


def test_the_demo_catalog_sells_what_the_story_needs() -> None:
    catalog = catalog_of(resources.files("billing_cli").joinpath("demo_catalog.toml").read_text(encoding="utf-8"))
    prices = {plan.id: plan.price for plan in catalog.plans}
    assert prices["pro-monthly"] == Money(2900, "usd")
    assert prices["basic-monthly"] == Money(900, "usd")
    course = Resource(ResourceType.COURSE, "k8s-101")
    path = Resource(ResourceType.LEARNING_PATH, "devops")
    assert (path.type, path.id) in Catalog(items=catalog.items).containment.opened_by(course)


def test_what_a_plan_leaves_out_has_its_default() -> None:
    (plan,) = catalog_of(PLAN).plans
    assert (plan.interval_count, plan.trial_days, plan.rank, plan.stripe_price_id) == (1, 0, 0, None)


POLICIES = """
access = { grace_days = 10 }
trial = { payment_method_required = true, without_payment_method = "pause", reminder_days = 5 }
dunning = { collector = "own", retry_days = [1, 4], last_step = "leave", last_day = 9 }

[[plans.changes]]
to = "pro"
charge = "own"
own = { unit = "day" }
"""


def test_a_plan_may_differ_from_the_policies_of_the_house() -> None:
    (plan,) = catalog_of(PLAN + POLICIES).plans
    assert plan.access == AccessPolicy(grace_days=10)
    assert plan.trial == TrialPolicy(
        payment_method_required=True, without_payment_method=TrialEnd.PAUSE, reminder_days=5
    )
    assert plan.dunning == DunningPolicy(
        collector=Collector.OWN, retry_days=(1, 4), last_step=LastStep.LEAVE, last_day=9
    )
    assert plan.changes == (ChangeRule(to="pro", charge=Charge.OWN, own=OwnAmounts(unit=TimeUnit.DAY)),)


def test_a_policy_of_the_house_holds_where_a_plan_says_nothing_of_it() -> None:
    house = Policies(dunning=DunningPolicy(collector=Collector.OWN, retry_days=(2,)))
    (plan,) = parse_catalog(PLAN + 'dunning = { last_step = "leave" }', house).plans
    assert plan.dunning == DunningPolicy(collector=Collector.OWN, retry_days=(2,), last_step=LastStep.LEAVE)


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ("trial = { length = 5 }", "trial.length"),
        ('trial = { reminder_days = "three" }', "trial.reminder_days"),
        ("trial = { reminder_days = -1 }", "trial.reminder_days"),
        ("access = { grace_days = 1_000_001 }", "access.grace_days"),
        ("dunning = { retry_days = [5, 1_000_001] }", "dunning.retry_days"),
        ("dunning = { retry_days = [5], last_day = 1_000_001 }", "dunning.last_day"),
        ('access = { closed_while_held = ["void", "frozen"] }', "access.closed_while_held"),
        ('trial = { without_payment_method = "beg" }', "trial.without_payment_method"),
        ("dunning = { retry_days = [5, 3] }", "dunning.retry_days"),
        ("dunning = { retry_days = [5], last_day = 4 }", "dunning.last_day"),
        ('dunning = { last_step = "downgrade" }', "dunning.downgrade_to"),
        ('dunning = { last_step = "downgrade", downgrade_to = "pro" }', "dunning"),
        ('[[plans.changes]]\nto = "nowhere"', "changes"),
        ('[[plans.changes]]\nto = "*"\n[[plans.changes]]\nto = "*"', "changes"),
        ('[[plans.changes]]\nto = "*"\neffective = "period_end"\ncharge = "own"', "changes.charge"),
        ('[[plans.changes]]\nto = "*"\nown = { unit = "day" }', "changes.own"),
        ('[[plans.changes]]\nto = "*"\ncharge = "own"\nown = { unit = "week" }', "changes.own.unit"),
    ],
)
def test_a_policy_that_does_not_fit_is_named(policy: str, field: str) -> None:
    with pytest.raises(CatalogInvalid) as caught:
        catalog_of(PLAN + policy)
    assert caught.value.field == field


def test_an_item_may_have_a_refund_window_of_its_own() -> None:
    (item,) = catalog_of(COURSE + "refund_window_days = 3").items
    assert item.refund.window_days == 3


@pytest.mark.parametrize(
    ("text", "named", "field"),
    [
        (PLAN.replace('"month"', '"fortnight"'), "plan pro", "interval"),
        (PLAN.replace("2900", "29.0"), "plan pro", "price.amount"),
        (PLAN.replace("2900", "true"), "plan pro", "price.amount"),
        (PLAN.replace("2900", "-1"), "plan pro", "amount"),
        (PLAN.replace('name = "Pro"', ""), "plan pro", "name"),
        (PLAN.replace('id = "pro"', ""), "plan number 1", "id"),
        (PLAN + "colour = 3", "plan pro", "colour"),
        (PLAN + "features = [1]", "plan pro", "features[0]"),
        (PLAN + 'grants = [{ resource_type = "film", resource_id = "*" }]', "plan pro", "resource_type"),
        (COURSE.replace('"k8s"', '"a/b"'), "item course:a/b", "resource_id"),
        (COURSE + "refund_window_days = -1", "item course:k8s", "refund_window_days"),
        (COURSE + "refund_window_days = 1_000_001", "item course:k8s", "refund_window_days"),
        (COURSE + 'contains = [{ resource_type = "course", resource_id = "k8s" }]', "course:k8s", "contains"),
        (PLAN + PLAN, "pro", "plans"),
        ("plans = 3", "[[plans]]", "plans"),
        ("[[plans]", "TOML", ""),
        ("plans = " + "[" * 10_000, "TOML", ""),
    ],
)
def test_a_fault_is_named_by_its_entry_and_field(text: str, named: str, field: str) -> None:
    with pytest.raises(CatalogInvalid) as refused:
        catalog_of(text)
    assert refused.value.field == field
    assert named in refused.value.message


def test_a_fault_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match=r"nowhere\.toml"):
        read_catalog(tmp_path / "nowhere.toml", Policies())


def test_the_example_that_explains_every_field_is_a_catalog() -> None:
    example = Path(__file__).parents[3] / "examples" / "catalog.toml"

    catalog = read_catalog(example, Policies())

    assert [plan.id for plan in catalog.plans] == ["team-monthly", "labs-yearly"]
    assert [item.refund.window_days for item in catalog.items] == [30, 14]
