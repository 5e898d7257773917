"""What became of a purchase, by all that the provider told of its session, payment, refunds and disputes."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.access import Blocked
from billing_core.domain.account import Account
from billing_core.domain.facts import Labels, Snapshot
from billing_core.domain.money import Money
from billing_core.domain.policies import RefundPolicy
from billing_core.domain.purchases import Order, Purchase, PurchaseStatus, Slot, refund_question
from billing_core.domain.refunds import RefundQuestion, refundability
from tests.builders import ANN, CATALOG, account, course, day, order, our_id, path, seen, told, usd
from tests.provider_objects import charge, dispute, payment, refund, session

OTHER_ID = "01944b2c-0000-7000-8000-000000000002"


def bought(*objects: Snapshot, orders: tuple[Order, ...] = (order(),)) -> Account:
    return account(seen(*objects), orders=orders)


def purchase(*objects: Snapshot, of: Order | None = None) -> Purchase:
    (found,) = bought(*objects, orders=(of or order(),)).purchases
    return found


PAID = (session(), payment(), charge())

# ------------------------------------------------------------------------------------------------ status and slot
LIVES: dict[str, tuple[tuple[Snapshot, ...], PurchaseStatus, Slot]] = {
    "ordered": ((), PurchaseStatus.PENDING, Slot.RESERVED),
    "at the checkout": (
        (session(status="open", payment_status="unpaid", payment_id=None),),
        PurchaseStatus.PENDING,
        Slot.RESERVED,
    ),
    "declined, but the page is still open": (
        (
            session(status="open", payment_status="unpaid"),
            payment("requires_payment_method", failure_code="card_declined"),
        ),
        PurchaseStatus.PENDING,
        Slot.RESERVED,
    ),
    "left the page": ((session(status="expired", payment_status="unpaid"),), PurchaseStatus.EXPIRED, Slot.FREE),
    "money on its way for days": (
        (session(payment_status="unpaid"), payment("processing")),
        PurchaseStatus.PENDING,
        Slot.PROCESSING,
    ),
    "money on its way, as the session alone tells": (
        (session(payment_status="unpaid"),),
        PurchaseStatus.PENDING,
        Slot.PROCESSING,
    ),
    "money on its way, as the payment alone tells": (
        (payment("processing", purchase_id=order().id),),
        PurchaseStatus.PENDING,
        Slot.PROCESSING,
    ),
    "left the page while the money was on its way": (
        (session(status="expired", payment_status="unpaid"), payment("processing")),
        PurchaseStatus.PENDING,
        Slot.PROCESSING,
    ),
    "money on its way by a voucher, after a card was declined": (
        (session(payment_status="unpaid"), payment("requires_action", failure_code="card_declined")),
        PurchaseStatus.PENDING,
        Slot.PROCESSING,
    ),
    "money that did not come": ((session(payment_status="failed"),), PurchaseStatus.FAILED, Slot.FREE),
    "money that did not come, as the payment tells": (
        (session(payment_status="unpaid"), payment("requires_payment_method", failure_code="debit_refused")),
        PurchaseStatus.FAILED,
        Slot.FREE,
    ),
    "a payment that was called off": (
        (session(payment_status="unpaid"), payment("canceled")),
        PurchaseStatus.FAILED,
        Slot.FREE,
    ),
    "paid": (PAID, PurchaseStatus.COMPLETED, Slot.OWNED),
    "paid, as the session alone tells": ((session(),), PurchaseStatus.COMPLETED, Slot.OWNED),
    "paid, as the payment alone tells": ((payment(purchase_id=order().id),), PurchaseStatus.COMPLETED, Slot.OWNED),
    "given away by a coupon": (
        (session(payment_status="no_payment_required", payment_id=None, amount=0),),
        PurchaseStatus.COMPLETED,
        Slot.OWNED,
    ),
    "refunded in part": ((*PAID, refund(1000)), PurchaseStatus.PARTIALLY_REFUNDED, Slot.OWNED),
    "refunded": ((*PAID, refund()), PurchaseStatus.REFUNDED, Slot.FREE),
    "refunded, the money still on its way": ((*PAID, refund(status="pending")), PurchaseStatus.REFUNDED, Slot.FREE),
    "a refund that waits for the customer": (
        (*PAID, refund(status="requires_action")),
        PurchaseStatus.REFUNDED,
        Slot.FREE,
    ),
    "a refund that failed": ((*PAID, refund(status="failed")), PurchaseStatus.COMPLETED, Slot.OWNED),
    "a refund that was called off": ((*PAID, refund(status="canceled")), PurchaseStatus.COMPLETED, Slot.OWNED),
    "refunded in the dashboard, as the charge alone tells": (
        (session(), payment(), charge(refunded=4900)),
        PurchaseStatus.REFUNDED,
        Slot.FREE,
    ),
    "refunds that reach the whole": (
        (*PAID, refund(4000), refund(900, identity="re_2")),
        PurchaseStatus.REFUNDED,
        Slot.FREE,
    ),
    "an inquiry": ((*PAID, dispute("warning_needs_response")), PurchaseStatus.COMPLETED, Slot.OWNED),
    "a dispute": ((*PAID, dispute()), PurchaseStatus.DISPUTED, Slot.OWNED),
    "a dispute with a status that is not known": ((*PAID, dispute("mediation")), PurchaseStatus.DISPUTED, Slot.OWNED),
    "a dispute won": ((*PAID, dispute("won")), PurchaseStatus.COMPLETED, Slot.OWNED),
    "a dispute lost": ((*PAID, dispute("lost")), PurchaseStatus.DISPUTED, Slot.FREE),
    "an appeal": ((*PAID, dispute("appeal_under_review")), PurchaseStatus.DISPUTED, Slot.FREE),
    "a dispute that a refund prevented": ((*PAID, dispute("prevented")), PurchaseStatus.REFUNDED, Slot.FREE),
    "a dispute after a refund": ((*PAID, refund(), dispute()), PurchaseStatus.DISPUTED, Slot.OWNED),
    "a dispute won after a partial refund": (
        (*PAID, refund(1000), dispute("won")),
        PurchaseStatus.PARTIALLY_REFUNDED,
        Slot.OWNED,
    ),
}


@pytest.mark.parametrize(("objects", "status", "slot"), LIVES.values(), ids=LIVES)
def test_a_purchase_is_what_its_money_says(objects: tuple[Snapshot, ...], status: PurchaseStatus, slot: Slot) -> None:
    found = purchase(*objects)
    assert (found.status, found.slot) == (status, slot)


@pytest.mark.parametrize(("objects", "status"), [(objects, status) for objects, status, _ in LIVES.values()], ids=LIVES)
def test_a_purchase_opens_its_item_while_its_money_is_ours(
    objects: tuple[Snapshot, ...], status: PurchaseStatus
) -> None:
    open_statuses = {PurchaseStatus.COMPLETED, PurchaseStatus.PARTIALLY_REFUNDED}
    grants = bought(*objects).grants
    assert any(grant.is_open(day(0)) for grant in grants) == (status in open_statuses)
    assert all(grant.expires_at is None for grant in grants)


@pytest.mark.parametrize("objects", [objects for objects, _, _ in LIVES.values()], ids=LIVES)
def test_what_was_captured_is_kept_or_refunded_or_disputed(objects: tuple[Snapshot, ...]) -> None:
    found = purchase(*objects)
    left = refund_question(found, day(0)).left
    assert left + found.amount_refunded + found.amount_disputed == found.captured
    assert left.amount >= 0


def test_every_status_and_slot_is_among_these_lives() -> None:
    assert {status for _, status, _ in LIVES.values()} == set(PurchaseStatus)
    assert {slot for _, _, slot in LIVES.values()} == set(Slot) - {Slot.DUPLICATE}


def test_an_order_that_was_given_up_has_failed() -> None:
    found = purchase(of=order(given_up_at=day(0)))
    assert (found.status, found.slot) == (PurchaseStatus.FAILED, Slot.FREE)


def test_an_order_that_was_given_up_and_paid_all_the_same_is_paid() -> None:
    assert purchase(*PAID, of=order(given_up_at=day(0))).status is PurchaseStatus.COMPLETED


@pytest.mark.parametrize(
    ("undone", "reason", "since"),
    [
        pytest.param(refund(created=day(5)), Blocked.REFUNDED, day(5), id="refunded"),
        pytest.param(dispute(created=day(6)), Blocked.DISPUTED, day(6), id="disputed"),
        pytest.param(dispute("lost", created=day(6)), Blocked.DISPUTED, day(6), id="lost"),
        pytest.param(dispute("prevented", created=day(7)), Blocked.REFUNDED, day(7), id="prevented"),
    ],
)
def test_a_purchase_whose_money_is_gone_is_closed_since_then_and_says_why(
    undone: Snapshot, reason: Blocked, since: object
) -> None:
    (grant,) = bought(*PAID, undone).grants
    assert (grant.blocked, grant.blocked_at) == (reason, since)


def test_a_dispute_won_restores_exactly_what_was() -> None:
    assert bought(*PAID, dispute("won")).grants == bought(*PAID).grants


def test_partial_refunds_that_reach_the_whole_are_a_full_refund() -> None:
    in_parts = bought(*PAID, refund(4000), refund(900, identity="re_2"))
    at_once = bought(*PAID, refund())
    assert in_parts.purchases == at_once.purchases
    assert in_parts.grants == at_once.grants


# ------------------------------------------------------------------------------------------------ times and money
def test_a_card_is_paid_when_it_was_charged() -> None:
    assert purchase(session(), payment(created=day(1)), charge(created=day(2))).purchased_at == day(2)


def test_a_delayed_method_is_paid_when_the_money_came() -> None:
    """Not when its charge was made, days before: the refund window would be shorter for those who wait longer."""
    facts = [
        told("payment_intent.processing", payment("processing"), day(0)),
        told("charge.pending", charge(), day(0)),
        told("payment_intent.succeeded", payment(), day(4)),
        told("checkout.session.completed", session(), day(0)),
    ]
    (found,) = account(facts, orders=[order()]).purchases
    assert found.purchased_at == day(4)


def test_a_delayed_payment_that_the_session_alone_tells_is_paid_when_it_succeeded() -> None:
    facts = [
        told("checkout.session.completed", session(payment_status="unpaid"), day(0)),
        told("checkout.session.async_payment_succeeded", session(), day(4)),
    ]
    (found,) = account(facts, orders=[order()]).purchases
    assert found.purchased_at == day(4)


def test_the_window_and_the_price_are_those_of_the_order_not_of_todays_catalog() -> None:
    found = purchase(*PAID, of=order(refund=RefundPolicy(window_days=3), price=usd(4900)))
    assert refundability(refund_question(found, day(2))).eligible
    assert not refundability(refund_question(found, day(3))).eligible


def test_a_dispute_keeps_its_money_from_being_refunded() -> None:
    found = purchase(*PAID, dispute(amount=4900))
    assert refundability(refund_question(found, day(1), override=True)).refusal is not None


def test_a_dispute_and_a_refund_of_the_same_money_count_once() -> None:
    found = purchase(*PAID, refund(4000), dispute(amount=4900))
    assert (found.amount_refunded, found.amount_disputed) == (usd(4000), usd(900))


def test_a_charge_that_tells_of_more_than_the_refunds_we_know_is_believed() -> None:
    assert purchase(session(), payment(), charge(refunded=1500), refund(1000)).amount_refunded == usd(1500)


def test_an_old_charge_does_not_count_a_refund_that_has_failed_since() -> None:
    assert purchase(session(), payment(), charge(refunded=1000), refund(1000, "failed")).amount_refunded == usd(0)


def test_of_two_sessions_of_one_order_the_paid_one_counts() -> None:
    newer = session(identity="cs_2", status="open", payment_status="unpaid", payment_id=None, created=day(1))
    assert purchase(*PAID, newer).status is PurchaseStatus.COMPLETED


def test_the_checkout_is_shown_only_while_it_can_be_paid() -> None:
    at_checkout = purchase(session(status="open", payment_status="unpaid"))
    assert at_checkout.checkout_url == "https://checkout.example/cs_1"
    assert purchase(*PAID).checkout_url is None


# ------------------------------------------------------------------------------------------- one of each, and others
def test_of_two_paid_purchases_of_one_thing_the_second_is_a_duplicate() -> None:
    second = order(OTHER_ID, created=day(1))
    found = bought(
        *PAID,
        session(identity="cs_2", payment_id="pi_2", labels=Labels(purchase_id=OTHER_ID), created=day(1)),
        payment(identity="pi_2", created=day(1)),
        orders=(second, order()),
    )
    assert {one.id: one.slot for one in found.purchases} == {order().id: Slot.OWNED, OTHER_ID: Slot.DUPLICATE}


def test_a_paid_purchase_holds_the_place_of_one_that_was_ordered_before() -> None:
    second = order(OTHER_ID, created=day(1))
    found = bought(session(labels=Labels(purchase_id=OTHER_ID)), payment(), orders=(order(), second))
    assert {one.id: one.slot for one in found.purchases} == {order().id: Slot.DUPLICATE, OTHER_ID: Slot.OWNED}


def test_a_refunded_purchase_makes_place_for_the_next() -> None:
    found = bought(*PAID, refund(), orders=(order(), order(OTHER_ID, created=day(9))))
    assert {one.id: one.slot for one in found.purchases} == {order().id: Slot.FREE, OTHER_ID: Slot.RESERVED}


FOREIGN = Labels(user_id=ANN, resource_type="course", resource_id="k8s-101")


def test_a_paid_session_of_another_program_becomes_a_purchase_at_what_was_paid() -> None:
    stranger = session(labels=FOREIGN, amount=3900)
    (found,) = bought(stranger, payment(amount=3900), orders=()).purchases
    assert (found.id, found.resource, found.price) == (our_id(stranger), course(), usd(3900))
    assert (found.status, found.refund) == (PurchaseStatus.COMPLETED, RefundPolicy())


@pytest.mark.parametrize(
    ("currency", "price"),
    [("eur", Money(3900, "eur")), (None, usd(3900))],
    ids=["in its own currency", "in dollars where it does not say"],
)
def test_what_was_paid_to_another_program_is_in_the_currency_of_its_session(currency: str | None, price: Money) -> None:
    stranger = evolve(session(labels=FOREIGN, amount=3900), currency=currency)
    (found,) = bought(stranger, orders=()).purchases
    assert found.price == price


@pytest.mark.parametrize(
    "not_yet",
    [
        pytest.param(session(labels=FOREIGN, status="open", payment_status="unpaid"), id="open"),
        pytest.param(session(labels=FOREIGN, payment_status="unpaid"), id="unpaid"),
        pytest.param(session(labels=FOREIGN, mode="subscription"), id="for-a-subscription"),
        pytest.param(session(labels=evolve(FOREIGN, user_id="user-bob")), id="of-another-user"),
        pytest.param(session(labels=evolve(FOREIGN, user_id=None)), id="of-nobody"),
        pytest.param(session(labels=evolve(FOREIGN, resource_id=None)), id="of-nothing"),
        pytest.param(session(labels=evolve(FOREIGN, resource_type="yacht")), id="of-what-is-not-sold"),
    ],
)
def test_any_other_session_that_is_not_ours_becomes_nothing(not_yet: Snapshot) -> None:
    assert bought(not_yet, orders=()).purchases == ()


def test_a_purchase_id_that_we_did_not_make_is_never_adopted() -> None:
    (found,) = bought(session(labels=evolve(FOREIGN, purchase_id="forged")), payment(), orders=()).purchases
    assert found.id != "forged"


def test_the_payment_of_a_renewal_is_no_purchase() -> None:
    assert bought(payment(), orders=()).purchases == ()


def test_a_path_is_another_thing_than_the_course_in_it() -> None:
    found = bought(*PAID, orders=(order(), order(OTHER_ID, resource=path(), created=day(1))))
    assert [one.slot for one in found.purchases] == [Slot.OWNED, Slot.RESERVED]
    assert CATALOG.find_item(path()) is not None


# ----------------------------------------------------------------------------------------------- what was captured
@pytest.mark.parametrize(
    ("objects", "captured"),
    [
        pytest.param((session(), evolve(payment(), amount_received=4000)), usd(4000), id="what-the-payment-received"),
        pytest.param((session(amount=3900),), usd(3900), id="what-the-session-says-while-the-payment-is-not-known"),
        pytest.param((evolve(session(amount=3900), currency="eur"),), Money(3900, "eur"), id="in-its-own-currency"),
        pytest.param((evolve(session(), amount_total=None),), usd(0), id="nothing-where-it-does-not-say"),
        pytest.param((evolve(session(), currency=None),), usd(0), id="nothing-without-a-currency"),
        pytest.param((session(payment_status="no_payment_required", payment_id=None),), usd(0), id="a-gift"),
        pytest.param((session(payment_status="unpaid"),), usd(0), id="nothing-yet"),
    ],
)
def test_what_was_captured_is_what_the_payment_says_else_its_session(
    objects: tuple[Snapshot, ...], captured: Money
) -> None:
    found = purchase(*objects)
    assert (found.captured, found.amount_refunded.currency) == (captured, captured.currency)


def test_a_refund_is_asked_for_with_all_that_the_purchase_knows() -> None:
    found = purchase(*PAID, refund(900), dispute(amount=1000), of=order(refund=RefundPolicy(window_days=3)))
    assert refund_question(found, day(9), override=True) == RefundQuestion(
        paid_at=day(0),
        policy=RefundPolicy(window_days=3),
        captured=usd(4900),
        refunded=usd(900),
        disputed=usd(1000),
        dispute_open=True,
        asked_at=day(9),
        override_window=True,
    )
    assert not refund_question(found, day(9)).override_window


def test_a_purchase_shows_until_when_its_dispute_is_open_and_since_when() -> None:
    opened, lost = purchase(*PAID, dispute(created=day(3))), purchase(*PAID, dispute("lost", created=day(3)))
    assert (opened.dispute_open, opened.disputed_at) == (True, day(3))
    assert (lost.dispute_open, lost.disputed_at) == (False, day(3))
    assert not purchase(*PAID).dispute_open
