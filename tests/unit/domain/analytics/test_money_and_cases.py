"""Revenue by plan, trials and recovery, told as stories."""

from attrs import evolve

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.facts import ChargeSeen, InvoiceSeen
from tests.builders import PRO, START, TEAM, day
from tests.ledgers import entries, net_revenue
from tests.lives import Life
from tests.provider_objects import line, refund


def told(life: Life, *kinds: EntryKind) -> list[tuple[EntryKind, object, int]]:
    book = sorted((one for one in entries(life.facts) if one.kind in kinds), key=lambda one: (one.at, one.amount))
    return [(one.kind, one.at, one.amount) for one in book]


def by_price(book: frozenset[Entry], kind: EntryKind) -> dict[str | None, int]:
    return {one.price_id: one.amount for one in book if one.kind is kind}


class TestRevenue:
    def test_money_counts_on_the_day_on_which_it_moved(self) -> None:
        life = Life()
        life.subscribe()
        life.wait(days=40).refund(500)
        book = entries(life.facts)
        assert (net_revenue(book, day(39)), net_revenue(book, day(40))) == (2900, 2400)

    def test_a_refund_that_fails_comes_back_when_it_fails(self) -> None:
        life = Life()
        life.subscribe()
        life.wait(days=5).refund()
        life.wait(days=3).fail_refund()
        assert told(life, EntryKind.REFUNDED, EntryKind.REFUND_FAILED) == [
            (EntryKind.REFUNDED, day(5), -2900),
            (EntryKind.REFUND_FAILED, day(8), 2900),
        ]

    def test_a_dispute_takes_when_it_is_opened_and_gives_back_when_it_is_won(self) -> None:
        life = Life()
        life.subscribe()
        life.wait(days=5).dispute()
        life.wait(days=20).close_dispute("won")
        assert told(life, EntryKind.DISPUTED, EntryKind.DISPUTE_WON) == [
            (EntryKind.DISPUTED, day(5), -2900),
            (EntryKind.DISPUTE_WON, day(25), 2900),
        ]

    def test_a_partly_refunded_payment_is_disputed_for_no_more_than_is_left(self) -> None:
        life = Life()
        life.subscribe()
        life.wait(days=5).refund(900)
        life.wait(days=5).dispute()
        life.wait(days=5).close_dispute("lost")
        assert net_revenue(entries(life.facts)) == 0

    def test_a_refund_that_fails_in_the_second_in_which_it_was_made_moved_nothing(self) -> None:
        life = Life()
        life.subscribe()
        life.wait(days=5).refund()
        life.fail_refund()
        assert net_revenue(entries(life.facts)) == 2900

    def test_what_a_dispute_held_a_refund_takes_once_the_dispute_is_won(self) -> None:
        life = Life()
        life.subscribe()
        life.wait(days=5).dispute()
        (of,) = life.all(ChargeSeen)
        made = refund(2900, "succeeded", payment_id=of.payment_id, created=day(6))
        life.wait(days=1).tell("refund.created", made)
        life.wait(days=4).close_dispute("won")
        book = entries(life.facts)
        assert [net_revenue(book, day(n)) for n in (4, 5, 6, 10)] == [2900, 0, 0, 0]

    def test_what_is_bought_singly_belongs_to_no_plan(self) -> None:
        life = Life()
        life.buy()
        assert by_price(entries(life.facts), EntryKind.PAID) == {None: 4900}

    def test_an_invoice_of_two_prices_is_shared_out_by_its_lines(self) -> None:
        life = Life()
        bought = life.subscribe()
        end = day(60)
        lines = (line(1000, START, end), line(3000, START, end, price=TEAM.stripe_price_id or ""))
        life.wait(days=30)._pay(life._bill(bought, 0, *lines))  # noqa: SLF001 - an invoice that no step of a life makes
        renewal = {
            one.price_id: one.amount for one in entries(life.facts) if one.kind is EntryKind.PAID and one.at == day(30)
        }
        assert renewal == {PRO.stripe_price_id: 1000, TEAM.stripe_price_id: 3000}


class TestTrials:
    KINDS = (EntryKind.TRIAL_STARTED, EntryKind.TRIAL_CONVERTED, EntryKind.TRIAL_LOST)

    def test_the_first_payment_converts(self) -> None:
        life = Life()
        life.subscribe(trial_days=14)
        life.wait(days=14).renew()
        life.wait(days=30).renew()
        assert told(life, *self.KINDS) == [
            (EntryKind.TRIAL_STARTED, START, 0),
            (EntryKind.TRIAL_CONVERTED, day(14), 0),
        ]

    def test_a_trial_that_ends_unpaid_is_lost(self) -> None:
        life = Life()
        life.subscribe(trial_days=14)
        life.wait(days=9).cancel_now()
        assert told(life, *self.KINDS)[-1] == (EntryKind.TRIAL_LOST, day(9), 0)

    def test_a_trial_that_goes_on_is_neither(self) -> None:
        life = Life()
        life.subscribe(trial_days=14)
        assert [kind for kind, _, _ in told(life, *self.KINDS)] == [EntryKind.TRIAL_STARTED]

    def test_who_pays_from_the_first_day_has_no_trial(self) -> None:
        life = Life()
        life.subscribe()
        assert told(life, *self.KINDS) == []


class TestRecovery:
    KINDS = (EntryKind.RENEWAL_FAILED, EntryKind.RENEWAL_RECOVERED, EntryKind.RENEWAL_LOST)

    def failed(self) -> Life:
        life = Life()
        life.subscribe()
        life.wait(days=30).fail_to_renew()
        return life

    def test_a_retry_that_is_paid_recovers(self) -> None:
        life = self.failed()
        life.wait(days=3).retry_in_vain()
        life.wait(days=2).retry()
        assert told(life, *self.KINDS) == [
            (EntryKind.RENEWAL_FAILED, day(30), 2900),
            (EntryKind.RENEWAL_RECOVERED, day(35), 2900),
        ]

    def test_giving_up_loses(self) -> None:
        life = self.failed()
        life.wait(days=7).give_up()
        assert told(life, *self.KINDS)[-1] == (EntryKind.RENEWAL_LOST, day(37), 2900)

    def test_an_end_before_it_was_paid_loses_too(self) -> None:
        life = self.failed()
        life.wait(days=1).cancel_now()
        assert told(life, *self.KINDS)[-1] == (EntryKind.RENEWAL_LOST, day(31), 2900)

    def test_a_first_payment_that_fails_is_no_case(self) -> None:
        life = self.failed()
        bill = evolve(life.all(InvoiceSeen)[-1], billing_reason="subscription_create")
        life.tell("invoice.updated", bill)
        assert told(life, *self.KINDS) == []
