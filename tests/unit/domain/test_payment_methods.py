"""Which payment methods are attached, which one is charged, and whether a trial can go on with any."""

from __future__ import annotations

import pytest

from billing_core.domain.facts import Snapshot
from billing_core.domain.payment_methods import PaymentMethod, can_be_charged, default_method_id
from tests.builders import ANN, account, day, seen
from tests.provider_objects import customer, method, subscription

CARD, OTHER = method(), method("pm_2", created=day(1))


@pytest.mark.parametrize(
    ("objects", "default"),
    [
        pytest.param((CARD, customer()), None, id="none-is-named"),
        pytest.param((CARD, OTHER, customer(default_method="pm_1")), "pm_1", id="the-customers"),
        pytest.param(
            (CARD, OTHER, customer(default_method="pm_1"), subscription(method_id="pm_2")),
            "pm_2",
            id="the-subscriptions",
        ),
        pytest.param(
            (
                CARD,
                OTHER,
                subscription(method_id="pm_1"),
                subscription(identity="sub_2", method_id="pm_2", created=day(2)),
            ),
            "pm_2",
            id="the-newest-subscriptions",
        ),
        pytest.param(
            (CARD, OTHER, customer(default_method="pm_1"), subscription("canceled", method_id="pm_2")),
            "pm_1",
            id="not-that-of-a-subscription-that-ended",
        ),
        pytest.param(
            (CARD, method("pm_2", attached=False), customer(default_method="pm_1"), subscription(method_id="pm_2")),
            "pm_1",
            id="not-one-that-is-detached",
        ),
        pytest.param((CARD, customer(default_method="pm_1", deleted=True)), None, id="of-a-deleted-customer"),
        pytest.param((CARD, subscription(method_id="pm_1")), "pm_1", id="while-the-customer-is-not-known"),
    ],
)
def test_the_method_that_is_charged(objects: tuple[Snapshot, ...], default: str | None) -> None:
    assert default_method_id(seen(*objects)) == default


@pytest.mark.parametrize(
    ("objects", "named", "possible"),
    [
        pytest.param((customer(),), None, False, id="nothing-on-file"),
        pytest.param((CARD, customer()), None, True, id="a-card"),
        pytest.param((CARD, customer(deleted=True)), None, False, id="of-a-deleted-customer"),
        pytest.param((customer(deleted=True),), "pm_1", False, id="named-by-whom-a-deleted-customer-left"),
        pytest.param((customer(),), "pm_9", True, id="the-subscription-names-one-that-we-never-saw"),
        pytest.param((customer(default_method="pm_9"),), None, True, id="the-customer-names-one-that-we-never-saw"),
        pytest.param((), "pm_9", True, id="the-customer-is-not-known"),
        pytest.param((method(attached=False), customer()), "pm_1", False, id="the-one-named-is-detached"),
        pytest.param(
            (method(attached=False), customer(default_method="pm_1")), "pm_1", False, id="the-only-one-is-detached"
        ),
    ],
)
def test_whether_a_subscription_can_go_on_being_charged(
    objects: tuple[Snapshot, ...], named: str | None, *, possible: bool
) -> None:
    assert can_be_charged(seen(*objects), named) is possible


def test_the_attached_methods_are_shown_oldest_first_as_the_provider_tells_them() -> None:
    rows = account(seen(OTHER, CARD, method("pm_3", attached=False), customer(default_method="pm_2"))).payment_methods

    assert [row.id for row in rows] == ["pm_1", "pm_2"]
    assert rows[1] == PaymentMethod(
        id="pm_2", user_id=ANN, type="card", brand="visa", last4="4242", exp_month=12, exp_year=2030,
        fingerprint="fp_pm_2", is_default=True, created_at=day(1),
    )  # fmt: skip
    assert not rows[0].is_default
