"""One object in all the shapes that Stripe gave it: in older API versions, and expanded."""

import pytest
from attrs import evolve

from billing_core.domain.facts import (
    ChargeSeen,
    InvoiceSeen,
    PaymentSeen,
)
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.readings import read, read_as


@pytest.mark.parametrize(
    ("today", "older"),
    [
        pytest.param(make.subscription(), make.older_subscription(make.subscription()), id="subscription"),
        pytest.param(
            make.subscription(make.item(id="si_b"), make.item(id="si_a")),
            make.older_subscription(make.subscription(make.item(id="si_a"), make.item(id="si_b"))),
            id="items-in-another-order",
        ),
        pytest.param(
            make.subscription(discounts=["di_1"]),
            make.older_subscription(make.subscription(discount=make.discount())),
            id="subscription-with-a-discount",
        ),
        pytest.param(
            make.subscription(discounts=["di_1"]),
            make.subscription(discounts=[make.discount()]),
            id="discounts-expanded",
        ),
        pytest.param(
            make.discount(source={"type": "coupon", "coupon": make.coupon()}),
            {name: v for name, v in make.discount().items() if name != "source"} | {"coupon": make.coupon()},
            id="discount-with-its-coupon",
        ),
        pytest.param(
            make.subscription(),
            make.older_subscription(make.subscription())
            | {
                "items": make.listed(
                    {
                        "id": "si_1",
                        "object": "subscription_item",
                        "quantity": 2,
                        "plan": {
                            "id": "price_pro",
                            "object": "plan",
                            "amount": 2900,
                            "currency": "usd",
                            "interval": "month",
                            "interval_count": 1,
                        },
                    }
                )
            },
            id="item-with-a-plan",
        ),
        pytest.param(
            make.invoice(make.line(), make.credit()),
            make.older_invoice(make.invoice(make.line(), make.credit())),
            id="invoice",
        ),
        pytest.param(
            make.invoice(parent=None), make.older_invoice(make.invoice(parent=None)), id="invoice-without-subscription"
        ),
        pytest.param(
            make.invoice(status="paid"),
            {name: v for name, v in make.older_invoice(make.invoice()).items() if name != "status"} | {"paid": True},
            id="paid-as-a-boolean",
        ),
        pytest.param(
            make.charge(),
            {name: v for name, v in make.charge().items() if name not in {"status", "amount_captured"}},
            id="charge-of-booleans",
        ),
        pytest.param(
            make.charge(disputed=True),
            {name: v for name, v in make.charge().items() if name != "disputed"} | {"dispute": "dp_1"},
            id="charge-with-its-dispute",
        ),
        pytest.param(
            make.charge(),
            {name: v for name, v in make.charge().items() if name != "payment_method_details"}
            | {"source": {"object": "card", "id": "card_1", "fingerprint": "Xt5EWLLDS7FJjR1c"}},
            id="card-as-a-source",
        ),
        pytest.param(
            make.payment_intent(),
            {name: v for name, v in make.payment_intent().items() if name != "latest_charge"}
            | {"charges": make.listed(make.charge(), make.charge(id="ch_0"))},
            id="payment-with-its-charges",
        ),
        pytest.param(
            make.payment_intent(status="requires_payment_method"),
            make.payment_intent(status="requires_source"),
            id="payment-status-of-2018",
        ),
        pytest.param(
            make.session(), make.session(amount_total=13_900, currency="eur")
            | {"currency_conversion": {"amount_total": 14_900, "source_currency": "usd", "fx_rate": "0.93"}},
            id="session-in-the-currency-shown",
        ),
        pytest.param(
            make.session(mode="subscription", subscription="sub_1"),
            {k: v for k, v in make.session(subscription="sub_1").items() if k not in {"mode", "status"}},
            id="session-without-mode-and-status",
        ),
        pytest.param(
            make.schedule(phases=[make.phase()]),
            make.schedule(phases=[
                {"start_date": make.START, "end_date": make.END, "plans": [{"plan": "price_pro", "quantity": 1}]}
            ]),
            id="schedule-of-plans",
        ),
    ],
)  # fmt: skip
def test_an_object_is_the_same_in_every_api_version(today: make.Obj, older: make.Obj) -> None:
    assert read(older) == read(today)


def test_before_2025_an_invoice_and_a_payment_named_each_other() -> None:
    invoice = make.older_invoice(make.invoice()) | {"payment_intent": "pi_1", "charge": "ch_1"}

    assert read(invoice) == evolve(read_as(InvoiceSeen, make.invoice()), payment_id="pi_1", charge_id="ch_1")
    assert read(make.payment_intent(invoice="in_1")) == evolve(
        read_as(PaymentSeen, make.payment_intent()), invoice_id="in_1"
    )
    assert read(make.charge(invoice="in_1")) == evolve(read_as(ChargeSeen, make.charge()), invoice_id="in_1")


@pytest.mark.parametrize(
    ("body", "field", "expanded"),
    [
        (make.subscription(), "customer", make.customer()),
        (make.subscription(), "latest_invoice", make.invoice()),
        (make.subscription(), "default_payment_method", make.payment_method()),
        (make.subscription(schedule="sub_sched_1"), "schedule", make.schedule()),
        (make.invoice(), "customer", make.customer()),
        (make.payment_intent(), "latest_charge", make.charge()),
        (make.charge(), "payment_intent", make.payment_intent()),
        (make.refund(), "charge", make.charge()),
        (make.session(), "payment_intent", make.payment_intent()),
        (make.price(), "product", make.product()),
        (make.schedule(), "subscription", make.subscription()),
        (make.setup_intent(), "payment_method", make.payment_method()),
        (make.invoice_payment(), "invoice", make.invoice()),
    ],
)
def test_what_was_expanded_is_read_as_the_id_that_it_stands_for(body: make.Obj, field: str, expanded: make.Obj) -> None:
    assert read(body | {field: expanded}) == read(body)
