"""Movements of MRR, told as stories: Ann's subscription to Pro (29.00) and Team (99.00)."""

from attrs import evolve

from billing_core.domain.facts import CouponSeen, DiscountSeen, PriceTerms, SubscriptionSeen
from billing_core.domain.periods import Interval
from tests.builders import CUSTOMER, START, TEAM, day
from tests.ledgers import customers_at, entries, moved, mrr_at
from tests.lives import Life


def running(life: Life) -> SubscriptionSeen:
    return life.all(SubscriptionSeen)[-1]


def test_a_trial_is_no_revenue_before_it_is_over() -> None:
    life = Life()
    life.subscribe(trial_days=14)
    life.wait(days=14).renew()

    book = entries(life.facts)

    assert mrr_at(book, day(13)) == 0
    assert moved(book) == [("new", day(14), 2900)]


def test_who_pays_is_new_once_and_renewals_move_nothing() -> None:
    life = Life()
    life.subscribe()
    for _ in range(3):
        life.wait(days=30).renew()
    assert moved(entries(life.facts)) == [("new", START, 2900)]


def test_an_upgrade_expands_and_a_downgrade_contracts() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).change_plan()
    life.wait(days=10).change_plan()
    assert moved(entries(life.facts)) == [
        ("new", START, 2900),
        ("expansion", day(10), 7000),
        ("contraction", day(20), -7000),
    ]


def test_more_seats_expand() -> None:
    life = Life()
    bought = life.subscribe()
    (seat,) = bought.items
    life.wait(days=3).tell("customer.subscription.updated", evolve(running(life), items=(evolve(seat, quantity=4),)))
    assert moved(entries(life.facts))[-1] == ("expansion", day(3), 3 * 2900)


def test_a_cancellation_churns_on_its_day_and_is_no_longer_committed_before() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).cancel_at_period_end()
    life.wait(days=20).cancel_now()

    book = entries(life.facts)

    assert (mrr_at(book, day(15)), mrr_at(book, day(15), committed=True)) == (2900, 0)
    assert moved(book)[-1] == ("churn", day(30), -2900)


def test_taking_a_cancellation_back_commits_again() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).cancel_at_period_end()
    life.wait(days=1).undo_cancel()
    book = entries(life.facts)
    assert (mrr_at(book, day(12)), mrr_at(book, day(12), committed=True)) == (2900, 2900)
    assert len(moved(book)) == 1


def test_a_late_renewal_counts_until_its_grace_ends_and_comes_back_when_it_is_paid() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=30).fail_to_renew()
    life.wait(days=2).retry_in_vain()
    life.wait(days=8).retry()
    # grace: 7 days from the failure on day 30, whatever the retries did
    assert moved(entries(life.facts)) == [
        ("new", START, 2900),
        ("churn", day(37), -2900),
        ("reactivation", day(40), 2900),
    ]


def test_a_renewal_that_is_paid_within_its_grace_moves_nothing() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=30).fail_to_renew()
    life.wait(days=3).retry()
    assert moved(entries(life.facts)) == [("new", START, 2900)]


def test_who_comes_back_with_a_new_subscription_is_reactivated() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).cancel_now()
    life.wait(days=50).subscribe(TEAM)
    book = entries(life.facts)
    assert moved(book)[1:] == [("churn", day(10), -2900), ("reactivation", day(60), 9900)]
    assert [customers_at(book, day(n)) for n in (0, 10, 60)] == [1, 0, 1]


def test_an_end_and_a_beginning_in_one_second_are_one_change() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).cancel_now()
    life.subscribe(TEAM)
    assert moved(entries(life.facts))[-1] == ("expansion", day(10), 7000)


def test_a_full_refund_of_the_latest_period_leaves_on_that_day_and_the_next_payment_brings_it_back() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=12).refund()
    life.wait(days=18).renew()
    assert moved(entries(life.facts))[1:] == [("churn", day(12), -2900), ("reactivation", day(30), 2900)]


def test_a_refund_of_a_part_or_of_an_older_period_moves_nothing() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=12).refund(500)
    assert len(moved(entries(life.facts))) == 1


def test_a_refund_that_fails_brings_it_back() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=12).refund()
    life.wait(days=4).fail_refund()
    assert moved(entries(life.facts))[-1] == ("reactivation", day(16), 2900)


def test_a_dispute_leaves_on_the_day_on_which_it_is_lost() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=5).dispute()
    life.wait(days=15).close_dispute("lost")
    assert moved(entries(life.facts)) == [("new", START, 2900), ("churn", day(20), -2900)]


def test_a_dispute_that_is_won_moves_nothing() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=5).dispute()
    life.wait(days=15).close_dispute("won")
    assert len(moved(entries(life.facts))) == 1


def test_a_paused_subscription_comes_to_nothing() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).pause()
    life.wait(days=30).resume()
    assert moved(entries(life.facts))[1:] == [("churn", day(10), -2900), ("reactivation", day(40), 2900)]


def test_collection_paused_with_void_counts_until_the_period_is_over() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).tell("customer.subscription.updated", evolve(running(life), pause_behavior="void"))
    assert moved(entries(life.facts))[1:] == [("churn", day(30), -2900)]


def test_a_period_that_a_change_of_plan_shortened_is_over_earlier() -> None:
    life = Life()
    life.subscribe()
    paused = life.wait(days=10).tell("customer.subscription.updated", evolve(running(life), pause_behavior="void"))
    (old,) = paused.items
    shorter = evolve(paused, items=(evolve(old, period_end=day(20)),))
    life.wait(days=2).tell("customer.subscription.updated", shorter)
    later = evolve(shorter, items=(evolve(old, period_start=day(20), period_end=day(50)),))
    life.wait(days=8).tell("customer.subscription.updated", later)
    assert moved(entries(life.facts))[1:] == [("churn", day(20), -2900)]


HALF = CouponSeen(id="HALF", created=START, percent_off_basis_points=5000, duration="repeating", duration_months=3)


def with_discount(coupon: CouponSeen, *, ends: float | None = None, gone: float | None = None) -> Life:
    """Ann's Pro, with a coupon from its first day."""
    life = Life()
    bought = life.subscribe()
    one = DiscountSeen(
        id="di_1",
        created=START,
        customer_id=CUSTOMER,
        subscription_id=bought.id,
        coupon_id=coupon.id,
        end=day(ends) if ends else None,
    )
    life.tell("customer.discount.created", one)
    life.tell("customer.subscription.updated", evolve(running(life), discount_ids=("di_1",)))
    if gone:
        life.wait(days=gone).tell("customer.discount.deleted", evolve(one, deleted=True))
    return life


def test_a_discount_lowers_mrr_for_as_long_as_it_runs() -> None:
    # 1 January + 3 months = 1 April, day 90
    book = entries(with_discount(HALF).facts, coupons=[HALF])
    assert moved(book) == [("new", START, 1450), ("expansion", day(90), 1450)]


def test_the_end_that_the_provider_names_wins() -> None:
    book = entries(with_discount(HALF, ends=59).facts, coupons=[HALF])
    assert moved(book)[-1] == ("expansion", day(59), 1450)


def test_a_discount_that_is_taken_away_ends_there() -> None:
    book = entries(with_discount(HALF, gone=20).facts, coupons=[HALF])
    assert moved(book)[-1] == ("expansion", day(20), 1450)


def test_a_discount_for_one_invoice_is_no_part_of_what_recurs() -> None:
    once = evolve(HALF, duration="once", duration_months=None)
    assert moved(entries(with_discount(once).facts, coupons=[once])) == [("new", START, 2900)]


def test_two_currencies_are_two_books() -> None:
    life = Life()
    life.subscribe()
    life.wait(days=10).cancel_now()
    euros = evolve(running(life), id="sub_eur", status="active", created=day(20), ended_at=None, canceled_at=None)
    (old,) = euros.items
    terms = PriceTerms(amount=2700, currency="eur", interval=Interval.MONTH)
    life.wait(days=10).tell(
        "customer.subscription.created", evolve(euros, items=(evolve(old, price_id="price_eur", terms=terms),))
    )
    book = entries(life.facts)
    assert mrr_at(book, day(20), "usd") == 0
    assert mrr_at(book, day(20), "eur") == 2700
    assert moved(book)[-1] == ("new", day(20), 2700)
