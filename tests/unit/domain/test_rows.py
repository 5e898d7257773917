"""What each row shows, field by field: where mutation testing found that nobody looked."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.access import Blocked, Ending, Source, SourceKind
from billing_core.domain.account import Account, in_order, with_rows_of
from billing_core.domain.facts import Labels
from billing_core.domain.invoices import Invoice
from billing_core.domain.money import Money
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment, PaymentContext
from billing_core.domain.policies import RefundPolicy
from billing_core.domain.purchases import Purchase
from billing_core.domain.refunds import Refund
from billing_core.domain.subscriptions import Subscription
from tests.builders import ANN, START, account, by_hand, course, day, order, our_id, path, seen, usd
from tests.provider_objects import (
    charge,
    customer,
    dispute,
    invoice,
    item,
    line,
    method,
    payment,
    refund,
    session,
    subscription,
)


def test_a_payment_shows_what_was_received_and_before_that_what_was_asked_for() -> None:
    """A partial capture: 49.00 asked for, 30.00 received."""
    part = evolve(payment(), amount_received=3000)
    (made,) = account(seen(part)).payments
    (failed,) = account(seen(evolve(payment("requires_payment_method", failure_code="card_declined")))).payments
    held = evolve(payment("requires_capture"), amount_received=0)
    (waiting,) = account(seen(held)).payments

    assert (made.amount, failed.amount, waiting.amount) == (usd(3000), usd(4900), usd(4900))
    assert (waiting.amount_refunded, waiting.amount_disputed) == (usd(0), usd(0))


def test_a_payment_shows_whose_it_is_and_where_its_money_is() -> None:
    """49.00 paid, 9.00 given back, 40.00 in dispute: nothing is kept."""
    (row,) = account(seen(customer(), payment(), refund(900), dispute(amount=4900))).payments

    assert (row.id, row.user_id, row.stripe_payment_intent_id) == (our_id(payment()), "user-ann", "pi_1")
    assert (row.amount_refunded, row.amount_disputed, row.created_at) == (usd(900), usd(4000), START)


def test_only_a_payment_that_failed_says_why() -> None:
    message = "Your card was declined."
    declined = evolve(payment("requires_payment_method", failure_code="card_declined"), failure_message=message)
    made = evolve(payment(), failure_code="card_declined", failure_message=message)

    assert [row.failure_message for row in account(seen(declined)).payments] == [message]
    assert [(row.failure_code, row.failure_message) for row in account(seen(made)).payments] == [(None, None)]


def test_a_grant_says_from_which_source_and_since_when_it_is() -> None:
    bought = subscription(created=day(2))
    (grant,) = account(seen(customer(), bought)).grants

    assert (grant.source.kind, grant.source.id, grant.granted_at) == (SourceKind.SUBSCRIPTION, our_id(bought), day(2))
    assert (grant.blocked, grant.blocked_at) == (None, None)


def test_what_was_never_paid_has_been_closed_from_the_beginning() -> None:
    for status in ("incomplete", "incomplete_expired", "on_hold"):
        (grant,) = account(seen(customer(), subscription(status, created=day(2)))).grants
        assert (grant.blocked, grant.blocked_at) == (Blocked.INCOMPLETE, day(2))


def test_a_cancellation_after_the_trial_ends_with_the_period_not_with_the_trial() -> None:
    """The trial ended on day 14; the period that is paid ends on day 44."""
    running = subscription(
        items=(item(start=day(14), end=day(44)),), trial_end=day(14), cancel_at_period_end=True, canceled_at=day(20)
    )
    paid = invoice(line(2900, day(14), day(44)), created=day(14))
    (grant,) = account(seen(customer(), running, paid)).grants

    assert grant.expires_at == day(44)


def test_a_cent_that_was_captured_counts_as_paid_and_nothing_does_not() -> None:
    """A fully refunded payment of one cent closes; a paid invoice without money cannot be refunded."""
    bill = invoice(line(1, day(0), day(30)), payment_id="pi_1")
    cent = payment(amount=1)
    refunded = account(seen(customer(), subscription(), bill, cent, refund(1)))
    free = account(seen(customer(), subscription(), invoice(line(0, day(0), day(30)))))

    assert [grant.blocked for grant in refunded.grants] == [Blocked.REFUNDED]
    assert [grant.blocked for grant in free.grants] == [None]


def test_a_purchase_that_is_not_paid_opens_nothing_and_has_no_money() -> None:
    waiting = session(status="open", payment_status="unpaid", payment_id=None)
    found = account(seen(customer(), waiting), orders=[order()])

    assert found.grants == ()
    assert [(row.captured, row.amount_refunded, row.purchased_at) for row in found.purchases] == [
        (usd(0), usd(0), None)
    ]


EVERYTHING_THERE_IS = (
    customer(),
    subscription(),
    invoice(payment_id="pi_2"),
    payment(amount=2900, identity="pi_2"),
    session(),
    payment(),
    refund(900),
    method(),
)


def test_every_row_is_the_users() -> None:
    found = account(seen(*EVERYTHING_THERE_IS), orders=[order()])
    rows: tuple[Subscription | Purchase | Payment | Refund | Invoice | PaymentMethod, ...] = (
        *found.subscriptions, *found.purchases, *found.payments, *found.refunds, *found.invoices,
        *found.payment_methods,
    )  # fmt: skip
    assert found.user_id == ANN
    assert {(type(row).__name__, row.user_id) for row in rows} == {
        (name, ANN) for name in ("Subscription", "Purchase", "Payment", "Refund", "Invoice", "PaymentMethod")
    }


def test_an_invoice_names_its_subscription_by_our_id_also_while_no_plan_has_its_price() -> None:
    parked = subscription(items=(item("price_nobody_knows"),))
    found = account(seen(customer(), parked, invoice(), invoice(identity="in_2", subscription_id=None)))

    assert found.unknown_prices == {"price_nobody_knows"}
    assert [row.subscription_id for row in found.invoices] == [our_id(parked), None]


def test_a_subscription_that_waits_for_its_plan_hides_no_other() -> None:
    parked = subscription(identity="sub_0", items=(item("price_nobody_knows"),))
    found = account(seen(customer(), parked, subscription(created=day(1))))

    assert [row.stripe_subscription_id for row in found.subscriptions] == ["sub_1"]


def test_a_payment_is_for_a_purchase_or_for_a_subscription_once_the_link_is_known() -> None:
    found = account(seen(*EVERYTHING_THERE_IS, payment(identity="pi_3", created=day(9))), orders=[order()])
    contexts = {row.stripe_payment_intent_id: (row.context, row.description) for row in found.payments}

    assert contexts == {
        "pi_1": (
            PaymentContext(purchase_id=order().id, resource_type="course", resource_id="k8s-101"),
            "Kubernetes 101",
        ),
        "pi_2": (PaymentContext(subscription_id=our_id(subscription()), plan_id="pro-monthly"), None),
        "pi_3": (None, None),
    }


def test_a_refund_says_of_what_it_is_and_how_it_stands() -> None:
    bounced = evolve(
        refund(900, "failed", created=day(3)),
        reason="requested_by_customer",
        failure_reason="expired_or_canceled_card",
        labels=Labels(operation_id="op_1"),
    )
    of_a_renewal = refund(500, identity="re_2", payment_id="pi_2", created=day(4))
    of_a_charge = refund(700, identity="re_4", payment_id=None, charge_id="ch_1", created=day(5))
    of_nothing_known = refund(1, identity="re_3", payment_id="pi_9")
    objects = [*(one for one in EVERYTHING_THERE_IS if one.id != "re_1"), charge()]
    found = account(seen(*objects, of_nothing_known, bounced, of_a_renewal, of_a_charge), orders=[order()])
    first, second, third = found.refunds

    assert first == Refund(
        id=our_id(bounced), user_id=ANN, payment_id=our_id(payment()), purchase_id=order().id, subscription_id=None,
        amount=usd(900), status="failed", reason="requested_by_customer", failure_reason="expired_or_canceled_card",
        stripe_refund_id="re_1", operation_id="op_1", created_at=day(3),
    )  # fmt: skip
    assert (second.purchase_id, second.subscription_id, second.operation_id) == (None, our_id(subscription()), None)
    assert (third.payment_id, third.purchase_id) == (our_id(payment()), order().id)


def test_two_accounts_that_differ_in_the_order_of_their_rows_are_the_same_in_order() -> None:
    twice = [evolve(one, id=f"{one.id}_2") for one in EVERYTHING_THERE_IS if one.id not in {"cus_ann", "sub_1"}]
    other = order("01944b2c-0000-7000-8000-000000000002", resource=path(), created=day(1))
    found = account(seen(*EVERYTHING_THERE_IS, *twice), orders=[order(), other], grants=[by_hand(), by_hand(course())])
    turned = evolve(
        found,
        **{name: getattr(found, name)[::-1] for name in (
            "purchases", "payments", "refunds", "invoices", "payment_methods", "grants",
        )},
    )  # fmt: skip

    assert turned != found
    assert in_order(turned) == in_order(found)
    for name in ("purchases", "payments", "refunds", "invoices", "payment_methods"):
        rows = getattr(in_order(found), name)
        assert [row.id for row in rows] == sorted(row.id for row in getattr(found, name))
    assert [one.place for one in in_order(found).grants] == sorted(one.place for one in found.grants)


ROWS = ("subscriptions", "purchases", "payments", "refunds", "invoices", "payment_methods", "grants")
#: Two of everything, in an account that another reading would make anew, row by row.
TWICE = [evolve(one, id=f"{one.id}_2", created=day(1)) for one in EVERYTHING_THERE_IS if one.id != "cus_ann"]


def _two_of_everything() -> Account:
    other = order("01944b2c-0000-7000-8000-000000000002", resource=path(), created=day(1))
    return evolve(
        account(seen(*EVERYTHING_THERE_IS, *TWICE), orders=[order(), other], grants=[by_hand(), by_hand(course())]),
        endings=frozenset({Ending(Source(SourceKind.MANUAL, "x"), course(), day(1))}),
        unknown_prices=frozenset({"price_x"}),
    )


def test_an_account_that_is_read_again_is_the_one_that_was_read_before() -> None:
    """Also where its rows come in another order."""
    before, again = _two_of_everything(), _two_of_everything()
    assert with_rows_of(before, again) is before
    turned = evolve(again, **{name: getattr(again, name)[::-1] for name in ROWS})
    assert turned != before
    assert with_rows_of(before, turned) is before


@pytest.mark.parametrize("name", ROWS)
def test_of_rows_that_changed_the_others_are_those_from_before(name: str) -> None:
    """One changed, one gone, one added: told by the row alone, whatever else the account holds."""
    before, again = _two_of_everything(), _two_of_everything()
    first, *others = getattr(again, name)
    changed = evolve(first, source=Source(SourceKind.MANUAL, "y")) if name == "grants" else evolve(first, user_id="bob")
    for rows in ([changed, *others], others, [first, *others, evolve(first, **_named_anew(name))]):
        after = evolve(again, **{name: tuple(rows)})  # type: ignore[arg-type] # parametrized
        found = with_rows_of(before, after)
        assert found == after
        for row in getattr(found, name):
            assert row not in getattr(before, name) or any(row is old for old in getattr(before, name))
        assert all(getattr(found, other) is getattr(before, other) for other in ROWS if other != name)


def _named_anew(name: str) -> dict[str, object]:
    return {"source": Source(SourceKind.MANUAL, "z")} if name == "grants" else {"id": "another"}


def test_what_an_account_keeps_beside_its_rows_is_what_it_has_now() -> None:
    before, again = _two_of_everything(), _two_of_everything()
    for after in (evolve(again, endings=frozenset()), evolve(again, unknown_prices=frozenset())):
        found = with_rows_of(before, after)
        assert found == after
        assert found.payments is before.payments


def test_subscriptions_are_put_in_order_of_their_ids() -> None:
    both = account(seen(customer(), subscription("canceled"), subscription(identity="sub_2", created=day(9))))
    turned = evolve(both, subscriptions=both.subscriptions[::-1])

    assert in_order(turned) == in_order(both)
    assert [row.stripe_subscription_id for row in in_order(turned).subscriptions] == ["sub_1", "sub_2"]


def test_an_invoice_shows_what_it_is_for_and_where_it_is_paid() -> None:
    """The time is that of its charges, not of what a proration gave back; money in the invoice's own currency."""
    lines = (line(-1000, day(10), day(31)), line(3000, day(10), day(41)), line(0, day(9), day(40)))
    bill = evolve(
        invoice(*lines, currency="eur", status="open", attempts=2, number="A-7"),
        amount_paid=500,
        hosted_url="https://pay.example/1",
        pdf_url="https://pay.example/1.pdf",
        next_attempt_at=day(12),
    )
    (row,) = account(seen(customer(), bill)).invoices

    assert (row.id, row.stripe_invoice_id, row.number, row.status) == (our_id(bill), "in_1", "A-7", "open")
    assert (row.amount_due, row.amount_paid) == (Money(2000, "eur"), Money(500, "eur"))
    assert (row.period_start, row.period_end) == (day(9), day(41))
    assert (row.hosted_invoice_url, row.invoice_pdf_url) == ("https://pay.example/1", "https://pay.example/1.pdf")
    assert (row.attempt_count, row.next_attempt_at, row.paid_at, row.created_at) == (2, day(12), None, START)


def test_an_invoice_of_credits_alone_is_for_their_time_and_one_without_lines_for_none() -> None:
    credit, empty = invoice(line(-1000, day(10), day(31))), evolve(invoice(identity="in_2"), lines=())
    rows = account(seen(customer(), credit, empty)).invoices

    assert [(row.period_start, row.period_end) for row in rows] == [(day(10), day(31)), (None, None)]


def test_a_subscription_shows_what_the_provider_says_of_it() -> None:
    told_of = subscription(
        "canceled", canceled_at=day(3), ended_at=day(5), cancel_at=day(5), reason="cancellation_requested",
        pause="keep_as_draft", trial_end=day(2), schedule_id="sub_sched_9", items=(item(start=day(2), quantity=3),),
    )  # fmt: skip
    (row,) = account(seen(customer(), told_of)).subscriptions

    assert (row.id, row.stripe_subscription_id, row.stripe_item_id) == (our_id(told_of), "sub_1", "si_1")
    assert (row.status, row.quantity, row.plan_id, row.plan_version) == ("canceled", 3, "pro-monthly", 1)
    assert (row.current_period_start, row.current_period_end) == (day(2), day(33))
    assert (row.canceled_at, row.ended_at, row.cancel_at, row.trial_end) == (day(3), day(5), day(5), day(2))
    assert (row.cancellation_reason, row.pause_behavior) == ("cancellation_requested", "keep_as_draft")
    assert (row.stripe_schedule_id, row.created_at, row.updated_at) == ("sub_sched_9", START, START)
    assert row.cancel_at_period_end is False


def test_a_purchase_shows_what_was_agreed_and_where_it_is_paid() -> None:
    agreed = evolve(order(refund=RefundPolicy(window_days=3), created=day(-1)), name="Kubernetes, 2nd edition")
    paid = account(seen(customer(), session(), payment(), refund(900, created=day(2))), orders=[agreed])
    waiting = account(
        seen(customer(), session(status="open", payment_status="unpaid", payment_id=None)), orders=[agreed]
    )
    (row,), (unpaid,) = paid.purchases, waiting.purchases

    assert (row.id, row.name, row.price, row.refund, row.resource) == (
        agreed.id, agreed.name, usd(4900), agreed.refund, course(),
    )  # fmt: skip
    assert (row.captured, row.amount_refunded, row.amount_disputed) == (usd(4900), usd(900), usd(0))
    assert (row.purchased_at, row.refunded_at, row.disputed_at, row.created_at) == (START, day(2), None, day(-1))
    assert (row.stripe_session_id, row.stripe_payment_intent_id) == ("cs_1", "pi_1")
    assert (unpaid.stripe_session_id, unpaid.stripe_payment_intent_id) == ("cs_1", None)
    assert (unpaid.checkout_url, unpaid.checkout_expires_at) == ("https://checkout.example/cs_1", day(1))
