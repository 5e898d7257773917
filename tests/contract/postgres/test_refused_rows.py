"""A row that the database refuses: its event fails alone, and is made good once the refusal is mended."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from billing_core.domain.plans import Catalog
from billing_core.domain.received import ReceivedState
from billing_postgres import PostgresUnitsOfWork
from tests.builders import plan
from tests.receiving import Receiver
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

APPLIED, FAILED = ReceivedState.APPLIED, ReceivedState.FAILED
#: What the rule below refuses: 13.13 dollars.
UNLUCKY = 1313


def told(event_type: str, body: Obj, day: int, previous: Obj | None = None) -> Obj:
    when = make.START + day * 86_400
    return make.event(event_type, body, previous, id=f"evt_{body['id']}_{event_type}_{day}", created=when)


def paid(identity: str, amount: int) -> Obj:
    return make.payment_intent(id=identity, amount=amount, amount_received=amount, latest_charge=None, metadata={})


BEFORE = (
    told("customer.created", make.customer(), 0),
    told("customer.subscription.created", make.subscription(), 0),
    told("payment_intent.succeeded", paid("pi_1", 2900), 1),
)
REFUSED = told("payment_intent.succeeded", paid("pi_2", UNLUCKY), 2)
AFTER = (
    told("invoice.paid", make.invoice(), 3),
    told("payment_intent.succeeded", paid("pi_3", 900), 4),
    told("customer.subscription.updated", make.subscription(cancel_at_period_end=True), 5),
    told("charge.refunded", make.charge(amount=2900, amount_captured=2900, amount_refunded=2900, metadata={}), 6),
)


@pytest.fixture
def rule(database_url: str) -> Iterator[psycopg.Connection]:
    """A constraint that was made after the rows before it, as a migration makes one."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


async def test_its_event_fails_alone_and_what_comes_later_is_applied(
    units: PostgresUnitsOfWork, rule: psycopg.Connection
) -> None:
    receiver = Receiver(units)
    await receiver.sells(Catalog(plans=(plan("pro-monthly", price_id="price_pro"),)))
    for event in BEFORE:
        assert (await receiver.receives(event)).state is APPLIED
    rule.execute(f"ALTER TABLE payments ADD CONSTRAINT lucky CHECK (amount <> {UNLUCKY}) NOT VALID")

    states = [(await receiver.receives(event)).state for event in (REFUSED, *AFTER)]

    assert states == [FAILED, APPLIED, APPLIED, APPLIED, APPLIED]
    async with units() as uow:
        kept = await uow.inbox.get(REFUSED["id"])
    assert kept is not None
    # Without the row, which PostgreSQL would quote whole.
    assert kept.error == 'CheckViolation: new row for relation "payments" violates check constraint "lucky"'
    hindered = await receiver.account("ada")
    assert sorted(payment.amount.amount for payment in hindered.payments) == [900, 2900]
    assert [one.cancel_at_period_end for one in hindered.subscriptions] == [True]

    rule.execute("ALTER TABLE payments DROP CONSTRAINT lucky")
    await receiver.works()

    other = Receiver()
    await other.sells(Catalog(plans=(plan("pro-monthly", price_id="price_pro"),)))
    for event in (*BEFORE, REFUSED, *AFTER):
        await other.receives(event)
    assert await receiver.account("ada") == await other.account("ada")
    assert await receiver.states() == {APPLIED: len(BEFORE) + 1 + len(AFTER)}


async def test_a_row_that_no_longer_fits_hinders_only_what_changes_it(
    units: PostgresUnitsOfWork, rule: psycopg.Connection
) -> None:
    """A rule that came after the row: what is told of that payment waits, what is told of anything else does not."""
    receiver = Receiver(units)
    await receiver.sells(Catalog(plans=(plan("pro-monthly", price_id="price_pro"),)))
    for event in (*BEFORE, REFUSED):
        await receiver.receives(event)
    rule.execute(f"ALTER TABLE payments ADD CONSTRAINT lucky CHECK (amount <> {UNLUCKY}) NOT VALID")
    back = make.refund(id="re_2", payment_intent="pi_2", charge=None, amount=UNLUCKY, metadata={})

    states = [(await receiver.receives(event)).state for event in (told("refund.created", back, 3), *AFTER)]

    assert states == [FAILED, APPLIED, APPLIED, APPLIED, APPLIED]
    rule.execute("ALTER TABLE payments DROP CONSTRAINT lucky")
    await receiver.works()
    payments = (await receiver.account("ada")).payments
    refunded = {one.stripe_payment_intent_id for one in payments if one.status == "refunded"}
    assert refunded == {"pi_1", "pi_2"}
