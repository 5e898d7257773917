"""The check of our requests against Stripe's description bites; without the description it says nothing."""

import pytest

from billing_stripe import Permission
from tests.contract.stripe.permissions import documented, taken_by
from tests.contract.stripe.requests import Request, faults_of, nested
from tests.contract.stripe_description import description


def test_a_form_is_read_as_what_it_stands_for() -> None:
    assert nested("items[0][id]=si_1&items[0][quantity]=2&cancel_at=&expand[0]=customer") == {
        "items": {"0": {"id": "si_1", "quantity": "2"}},
        "cancel_at": "",
        "expand": {"0": "customer"},
    }


@pytest.mark.parametrize(
    ("method", "path", "form", "fault"),
    [
        ("post", "/v1/refunds", "payment_intent=pi_1&amount=5&reason=duplicate&metadata[operation_id]=op1", None),
        ("get", "/v1/prices", "lookup_keys[0]=pro&limit=100", None),
        ("post", "/v1/refunds", "payment=pi_1", "[payment] is unknown"),
        ("post", "/v1/refunds", "amount=5.5", "[amount] should be of type integer, not '5.5'"),
        ("post", "/v1/refunds", "reason=regret", "[reason] is 'regret', which is not one of"),
        ("post", "/v1/refunds", "metadata=op1", "[metadata] is 'op1', which is not one of ['']"),
        ("post", "/v1/prices", "unit_amount=5", "[currency] is missing"),
        ("post", "/v1/subscriptions/sub_1", "items=si_1", "[items] should be a list, not 'si_1'"),
        ("post", "/v1/subscriptions/sub_1", "items[0][qty]=1", "[items][0][qty] is unknown"),
        ("get", "/v1/prices", "lookup=pro", "[lookup] is unknown"),
        ("post", "/v1/refunds/re_1/undo", "", "no such operation"),
        ("delete", "/v1/refunds/re_1", "", "no such operation"),
    ],
)
def test_what_stripe_would_not_take_is_a_fault(method: str, path: str, form: str, fault: str | None) -> None:
    faults = faults_of(Request(method, path, nested(form), {}))
    expected = [f"{method} {path}: {fault}"] if fault and description() else []

    assert len(faults) == len(expected)
    assert all(found.startswith(wanted) for found, wanted in zip(faults, expected, strict=True))


@pytest.mark.parametrize(
    ("method", "path", "form", "takes"),
    [
        ("get", "/v1/customers/cus_1", "", ["Customers: read"]),
        ("get", "/v1/customers/cus_1/payment_methods", "", ["PaymentMethods: read"]),
        ("post", "/v1/payment_methods/pm_1/attach", "customer=cus_1", ["PaymentMethods: write"]),
        ("post", "/v1/invoices/create_preview", "customer=cus_1", ["Invoices: read"]),
        ("delete", "/v1/subscriptions/sub_1", "", ["Subscriptions: write"]),
        ("get", "/v1/charges", "expand[0]=data.refunds", ["Charges and Refunds: read", "Charges and Refunds: read"]),
        ("get", "/v1/prices", "expand[0]=data.product", ["Prices: read", "Products: read"]),
    ],
)
def test_each_request_takes_the_permission_of_its_object(method: str, path: str, form: str, takes: list[str]) -> None:
    assert list(taken_by(Request(method, path, nested(form), {}))) == takes


def test_the_reference_lists_exactly_the_permissions_that_the_code_names() -> None:
    """No more than are needed, either."""
    assert documented() == {str(one) for one in Permission}
