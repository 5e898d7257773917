"""The contract of the port of the journal."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing_contracts.examples import NOW, after, customer_fact, entry, folded, payment_fact, refund_fact
from billing_core.domain.analytics.entries import MICROS, MOVEMENTS, Entry, EntryKind
from billing_core.domain.analytics.journal import Bucket, JournalQuery, Total, totals_of
from billing_core.domain.facts import CouponSeen, DiscountSeen, Fact
from billing_core.ports.journal import Due, RecordedFact, Revision
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork

__all__ = ["JournalContract"]

_ALL = frozenset(EntryKind)


async def _write(units: UnitsOfWork, *added: Entry, customer_id: str = "cus_1", at: datetime = NOW) -> None:
    async with units() as uow:
        await uow.journal.write(customer_id, [Revision(struck=(), added=added, known_at=at)])
        await uow.commit()


async def _take_in(uow: UnitOfWork, fact: Fact, *, customer_id: str | None = None) -> None:
    await uow.facts.add(fact, NOW)
    await uow.objects.save([folded(fact, customer_id=customer_id)])


def _query(*kinds: EntryKind, known_at: datetime | None = None) -> JournalQuery:
    return JournalQuery(kinds=frozenset(kinds) or _ALL, until=after(10_000_000), known_at=known_at)


class JournalContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_who_has_new_facts_is_due_once(self, units: UnitsOfWork) -> None:
        """A fact about any object of a customer makes them due, until that was committed."""
        async with units() as uow:
            await _take_in(uow, customer_fact())
            await _take_in(uow, payment_fact())
            await _take_in(uow, refund_fact(), customer_id="cus_1")
            await uow.commit()
        async with units() as uow:
            assert list((await uow.journal.due(100)).customer_ids) == ["cus_1"]
            await uow.commit()
        async with units() as uow:
            assert list((await uow.journal.due(100)).customer_ids) == []

    async def test_all_facts_about_who_is_due_are_taken_out_together(self, units: UnitsOfWork) -> None:
        """However many they are: they are all written about at once. Others wait for their turn."""
        async with units() as uow:
            await _take_in(uow, customer_fact())
            await _take_in(uow, customer_fact("evt_2", customer_id="cus_2"))
            await _take_in(uow, payment_fact())
            await _take_in(uow, refund_fact(), customer_id="cus_1")
            assert await uow.journal.due(1) == Due(3, ("cus_1",))
            assert await uow.journal.due(1) == Due(1, ("cus_2",))
            assert await uow.journal.due(1) == Due(0, ())

    async def test_who_was_due_in_vain_is_due_again(self, units: UnitsOfWork) -> None:
        """What was not committed was not done."""
        async with units() as uow:
            await _take_in(uow, customer_fact())
            await uow.commit()
        async with units() as uow:
            await uow.journal.due(100)
        async with units() as uow:
            assert list((await uow.journal.due(100)).customer_ids) == ["cus_1"]

    async def test_two_that_ask_at_once_are_given_different_customers(self, units: UnitsOfWork) -> None:
        """Nobody waits for the other, and nobody does the other's work."""
        async with units() as uow:
            await _take_in(uow, customer_fact())
            await _take_in(uow, customer_fact("evt_2", customer_id="cus_2"))
            await uow.commit()
        async with units() as one, units() as other:
            assert list((await one.journal.due(1)).customer_ids) == ["cus_1"]
            assert list((await other.journal.due(1)).customer_ids) == ["cus_2"]

    async def test_a_fact_that_is_too_new_waits_unless_its_customer_is_due(self, units: UnitsOfWork) -> None:
        """What comes meanwhile is written about with what made them due."""
        async with units() as uow:
            await uow.objects.save([folded(customer_fact()), folded(customer_fact("evt_2", customer_id="cus_2"))])
            await uow.facts.add(customer_fact(), NOW)
            await uow.facts.add(customer_fact("evt_2", customer_id="cus_2"), after(1))
            assert await uow.journal.due(100, after(-1)) == Due(0, ())
            await uow.facts.add(customer_fact("evt_3"), after(2))
            assert await uow.journal.due(100, NOW) == Due(2, ("cus_1",))
            assert await uow.journal.due(100, after(1)) == Due(1, ("cus_2",))

    async def test_whoever_is_left_out_stays_in_the_queue(self, units: UnitsOfWork) -> None:
        """Those who came later are due meanwhile; what concerns several waits for the one who is left out."""
        coupon = CouponSeen(id="SPRING", created=NOW, duration="forever", percent_off_basis_points=2500)
        discounts = [
            DiscountSeen(id=f"di_{whose}", created=NOW, customer_id=whose, coupon_id="SPRING")
            for whose in ("cus_1", "cus_2")
        ]
        async with units() as uow:
            await _take_in(
                uow, Fact(id="evt_d1", type="customer.discount.created", occurred_at=NOW, after=discounts[0])
            )
            await _take_in(uow, payment_fact())
            await _take_in(uow, refund_fact(), customer_id="cus_1")
            await _take_in(uow, Fact(id="evt_c", type="coupon.created", occurred_at=NOW, after=coupon))
            await _take_in(
                uow, Fact(id="evt_d2", type="customer.discount.created", occurred_at=NOW, after=discounts[1])
            )
            assert await uow.journal.due(1, without=["cus_1"]) == Due(1, ("cus_2",))
            assert await uow.journal.due(1, without={"cus_1", "cus_3"}) == Due(0, ())
            assert await uow.journal.due(1, without=["cus_2"]) == Due(3, ("cus_1",))
            assert await uow.journal.due(1) == Due(1, ("cus_1", "cus_2"))

    async def test_a_fact_that_is_known_makes_nobody_due(self, units: UnitsOfWork) -> None:
        """It says nothing new."""
        async with units() as uow:
            await _take_in(uow, customer_fact())
            await uow.journal.due(100)
            await uow.facts.add(customer_fact(), after(5))
            assert list((await uow.journal.due(100)).customer_ids) == []

    async def test_an_object_of_nobody_makes_nobody_due(self, units: UnitsOfWork) -> None:
        """Whose it is, a later fact tells, and that one makes them due."""
        async with units() as uow:
            await _take_in(uow, refund_fact())
            assert await uow.journal.due(100) == Due(1, ())

    async def test_a_coupon_concerns_those_whose_discount_names_it(self, units: UnitsOfWork) -> None:
        """It may come after the discount that is made of it."""
        coupon = CouponSeen(id="SPRING", created=NOW, duration="forever", percent_off_basis_points=2500)
        discount = DiscountSeen(id="di_1", created=NOW, customer_id="cus_7", coupon_id="SPRING")
        async with units() as uow:
            await _take_in(uow, Fact(id="evt_d", type="customer.discount.created", occurred_at=NOW, after=discount))
            await uow.journal.due(100)
            await _take_in(uow, Fact(id="evt_c", type="coupon.created", occurred_at=NOW, after=coupon))
            assert list((await uow.journal.due(100)).customer_ids) == ["cus_7"]

    async def test_all_that_was_told_about_a_customer(self, units: UnitsOfWork) -> None:
        """Also about objects that do not name them; each with when it became known."""
        async with units() as uow:
            await _take_in(uow, payment_fact())
            await _take_in(uow, refund_fact(), customer_id="cus_1")
            await _take_in(uow, customer_fact("evt_2", customer_id="cus_2"))
            assert set(await uow.journal.told("cus_1")) == {
                RecordedFact(payment_fact(), NOW),
                RecordedFact(refund_fact(), NOW),
            }

    async def test_what_was_written_stands(self, units: UnitsOfWork) -> None:
        """Entries come back as they were written, of one customer alone."""
        mine = {entry(), entry(EntryKind.PAID, amount=2900, price_id="price_1", subject_id="pi_1")}
        await _write(units, *mine)
        await _write(units, entry(subject_id="cus_2"), customer_id="cus_2")
        async with units() as uow:
            await uow.journal.lock("cus_1")
            kept = await uow.journal.entries_of("cus_1")
            assert (set(kept.entries), kept.known_at) == (mine, NOW)
            assert (await uow.journal.entries_of("cus_3")).known_at is None

    async def test_the_journal_can_be_read_as_it_stood(self, units: UnitsOfWork) -> None:
        """What was struck out still stands where it is asked for as of before."""
        first, second = entry(), entry(amount=9900 * MICROS)
        await _write(units, first, at=after(1))
        async with units() as uow:
            await uow.journal.write("cus_1", [Revision(struck=[first], added=[second], known_at=after(5))])
            await uow.commit()
        async with units() as uow:
            kept = await uow.journal.entries_of("cus_1")
            assert (set(kept.entries), kept.known_at) == ({second}, after(5))
            stood = [await uow.journal.listed(_query(known_at=after(minute)), 10) for minute in (0, 1, 4, 5, 6)]
        assert [[one for _, one in lines] for lines in stood] == [[], [first], [first], [second], [second]]

    async def test_many_moments_of_knowledge_are_written_together(self, units: UnitsOfWork) -> None:
        """As if each had been written by itself: also what came and went among them, and what came again."""
        first, second = entry(), entry(amount=9900 * MICROS)
        await _write(units, first, at=after(1))
        async with units() as uow:
            revisions = [
                Revision(known_at=after(2), struck=[first], added=[second]),
                Revision(known_at=after(3), struck=[second], added=[first]),
                Revision(known_at=after(4), struck=[first], added=[second]),
            ]
            await uow.journal.write("cus_1", revisions)
            await uow.commit()
        async with units() as uow:
            kept = await uow.journal.entries_of("cus_1")
            stood = [await uow.journal.listed(_query(known_at=after(minute)), 10) for minute in range(6)]
            sums = await uow.journal.totals(_query())
        assert (set(kept.entries), kept.known_at) == ({second}, after(4))
        assert [[one for _, one in lines] for lines in stood] == [[], [first], [second], [first], [second], [second]]
        assert _sorted(sums) == _sorted(totals_of([second], _query()))

    async def test_what_was_struck_out_at_once_never_stood(self, units: UnitsOfWork) -> None:
        """Two changes at one moment of knowledge: the second counts."""
        await _write(units, entry(), at=after(1))
        async with units() as uow:
            await uow.journal.write("cus_1", [Revision(struck=[entry()], added=[], known_at=after(1))])
            assert await uow.journal.listed(_query(known_at=after(1)), 10) == ()

    async def test_an_entry_without_a_price_can_be_struck_out(self, units: UnitsOfWork) -> None:
        """Nothing is equal to nothing here."""
        await _write(units, entry(price_id=None), entry(EntryKind.PLAN, price_id="price_1"))
        async with units() as uow:
            await uow.journal.write("cus_1", [Revision(struck=[entry(price_id=None)], added=[], known_at=after(1))])
            assert len((await uow.journal.entries_of("cus_1")).entries) == 1

    async def test_sums_are_those_of_the_entries(self, units: UnitsOfWork) -> None:
        """However they are asked for; what a sum means is said by the domain."""
        month = 31 * 24 * 60
        book = [
            entry(),
            entry(EntryKind.EXPANSION, amount=7, minute=month),
            entry(EntryKind.EXPANSION, amount=5, minute=month + 1, currency="eur"),
            entry(EntryKind.CHURN, amount=-11, minute=2 * month),
            entry(EntryKind.PAID, amount=2900, minute=3, price_id="price_1", subject_id="pi_1"),
            entry(EntryKind.PAID, amount=100, minute=3, price_id="price_2", subject_id="pi_1"),
            entry(EntryKind.PAID, amount=4900, minute=4, subject_id="pi_2"),
        ]
        await _write(units, *book)
        edge = after(month)
        queries = [
            JournalQuery(kinds=kinds, since=since, until=until, currency=currency, by=by, by_cohort=c, by_price=p)
            for kinds in (_ALL, frozenset(MOVEMENTS), frozenset({EntryKind.PAID}))
            for since, until in ((None, after(9 * month)), (edge, after(9 * month)), (None, edge), (edge, edge))
            for currency, by in ((None, None), ("eur", Bucket.DAY), (None, Bucket.MONTH), ("usd", Bucket.MONTH))
            for c, p in ((False, False), (True, False), (False, True))
        ]
        async with units() as uow:
            for query in queries:
                assert _sorted(await uow.journal.totals(query)) == _sorted(totals_of(book, query))

    async def test_sums_as_they_stood_are_those_of_the_entries_that_stood(self, units: UnitsOfWork) -> None:
        """Of what was told in time, late, long ahead or only for a while; asked for at any moment, of any stretch."""
        day = 24 * 60
        for number in range(0, 60, 3):
            for told, struck in ((0, None), (12, None), (0, 9), (-12, None), (-12, 20), (1, 2)):
                line = entry(minute=number * day + 600, amount=number + 1, subject_id=f"{number} {told} {struck}")
                await _write(units, line, at=after((number + told) * day + 700))
                if struck is not None:
                    async with units() as uow:
                        gone_at = after((number + told + struck) * day + 800)
                        await uow.journal.write("cus_1", [Revision(struck=[line], added=(), known_at=gone_at)])
                        await uow.commit()
        moments = [after(number * day + minutes) for number in (0, 5, 20, 21, 47, 90) for minutes in (0, 705, 850)]
        stretches = [(None, 100 * day), (after(10 * day), 40 * day), (after(15 * day + 3), 50 * day + 7), (None, 700)]
        async with units() as uow:
            for known_at in moments:
                for since, until in stretches:
                    query = JournalQuery(
                        kinds=_ALL, since=since, until=after(until), known_at=known_at, by=Bucket.MONTH, by_cohort=True
                    )
                    stood = [one for _, one in await uow.journal.listed(query, 1000)]
                    assert _sorted(await uow.journal.totals(query)) == _sorted(totals_of(stood, query)), query

    async def test_days_and_months_are_those_of_utc(self, units: UnitsOfWork) -> None:
        """The last second of a month belongs to it, wherever the database is."""
        last = NOW.replace(month=3, day=31, hour=23, minute=59, second=59, microsecond=0)
        minutes = int((last - NOW) / timedelta(minutes=1))
        await _write(units, entry(minute=minutes))
        async with units() as uow:
            (total,) = await uow.journal.totals(
                JournalQuery(kinds=_ALL, until=last + timedelta(days=1), by=Bucket.MONTH)
            )
        assert total.period == last.replace(day=1, hour=0, minute=0, second=0)

    async def test_the_newest_lines_come_first(self, units: UnitsOfWork) -> None:
        """And no more than asked for, each with its customer."""
        await _write(units, entry(minute=1), entry(EntryKind.EXPANSION, minute=2))
        await _write(units, entry(minute=3, subject_id="cus_2"), customer_id="cus_2")
        async with units() as uow:
            lines = await uow.journal.listed(_query(), 2)
        assert [(customer_id, one.at) for customer_id, one in lines] == [("cus_2", after(3)), ("cus_1", after(2))]


def _sorted(totals: tuple[Total, ...]) -> list[Total]:
    return sorted(totals, key=repr)
