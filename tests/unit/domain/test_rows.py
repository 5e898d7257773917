"""What each row shows, field by field: where mutation testing found that nobody looked."""

from __future__ import annotations

from attrs import evolve

from billing_core.domain.access import Blocked, SourceKind
from tests.builders import START, account, day, order, our_id, seen, usd
from tests.provider_objects import customer, dispute, invoice, item, line, payment, refund, session, subscription


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
