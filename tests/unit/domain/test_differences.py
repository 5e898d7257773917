"""What differs between an object as our facts tell it and as the provider has it, and when an answer counts."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.facts import Snapshot
from billing_core.domain.reconciliation import Difference, counts_for_sure, differences_of, is_expected_to_be_gone
from tests.builders import day, looked_up, states, told
from tests.provider_objects import charge, customer, invoice, method, payment, session, subscription


def test_what_is_the_same_does_not_differ() -> None:
    assert differences_of(invoice(), invoice()) == ()


def test_each_field_that_differs_is_named_with_both_values_in_the_order_of_the_class() -> None:
    ours = subscription(method_id="pm_1", cancel_at=day(30))
    theirs = subscription("canceled", ended_at=day(3, seconds=5))

    assert differences_of(ours, theirs) == (
        Difference("status", "active", "canceled"),
        Difference("cancel_at", "2026-01-31T00:00:00Z", None),
        Difference("ended_at", None, "2026-01-04T00:00:05Z"),
        Difference("default_payment_method_id", "pm_1", None),
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param(evolve(invoice(), hosted_url="a"), evolve(invoice(), hosted_url="b"), id="page-of-an-invoice"),
        pytest.param(evolve(invoice(), pdf_url="a"), evolve(invoice(), pdf_url="b"), id="file-of-an-invoice"),
        pytest.param(evolve(session(), url="a"), session(), id="page-of-a-checkout"),
    ],
)
def test_what_the_provider_renders_anew_each_time_is_no_difference(ours: Snapshot, theirs: Snapshot) -> None:
    assert differences_of(ours, theirs) == ()


@pytest.mark.parametrize(
    ("older", "today"),
    [
        pytest.param(invoice(payment_id="pi_1"), invoice(), id="payment-of-an-invoice"),
        pytest.param(evolve(invoice(), charge_id="ch_1"), invoice(), id="charge-of-an-invoice"),
        pytest.param(evolve(payment(), invoice_id="in_1"), payment(), id="invoice-of-a-payment"),
        pytest.param(evolve(charge(), invoice_id="in_1"), charge(), id="invoice-of-a-charge"),
    ],
)
def test_a_link_that_only_older_shapes_have_is_not_contradicted_by_its_absence(
    older: Snapshot, today: Snapshot
) -> None:
    assert differences_of(older, today) == ()
    assert len(differences_of(today, older)) == 1


def test_any_other_link_that_is_gone_differs() -> None:
    assert [one.field for one in differences_of(payment(charge_id="ch_1"), payment())] == ["charge_id"]


def test_of_a_deleted_object_only_that_is_compared() -> None:
    gone = customer(deleted=True)

    assert differences_of(customer(default_method="pm_1"), gone) == (Difference("deleted", "False", "True"),)
    assert differences_of(customer(default_method="pm_1", deleted=True), gone) == ()


@pytest.mark.parametrize(
    ("snapshot", "gone"),
    [
        pytest.param(invoice(status="void"), True, id="a-draft-that-was-deleted"),
        pytest.param(invoice(status="void", number="A-1"), False, id="an-invoice-that-was-voided"),
        pytest.param(invoice(), False, id="an-invoice-that-stands"),
        pytest.param(customer(deleted=True), True, id="a-deleted-customer"),
        pytest.param(customer(), False, id="a-customer"),
        pytest.param(method(), False, id="what-cannot-be-deleted"),
    ],
)
def test_what_was_deleted_is_expected_to_be_gone(snapshot: Snapshot, *, gone: bool) -> None:
    assert is_expected_to_be_gone(snapshot) is gone


@pytest.mark.parametrize(("second", "sure"), [(-1, False), (0, False), (1, False), (2, True)])
def test_an_answer_counts_for_sure_more_than_a_second_after_all_that_is_known(second: int, *, sure: bool) -> None:
    """An answer of the very next second may have been read before, and dated after, a change (ADR 0002)."""
    (state,) = states([told("seen", payment(), day(1))])
    answer = looked_up(payment(), day(1, seconds=second))

    assert counts_for_sure(state, answer) is sure
    assert counts_for_sure(None, answer)
