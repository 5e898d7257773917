"""Histories as Stripe might send them and no sandbox does: objects that name nobody, old shapes, missing parts.

Each is delivered in many orders, with repetitions; what it adds up to is written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, permutations
from random import Random

import pytest
from hypothesis import settings

from billing_core.domain.account import Account
from billing_core.domain.changes import changes_between
from billing_core.domain.plans import Catalog
from billing_core.domain.received import ReceivedState
from tests.builders import DEVOPS, K8S, plan
from tests.lossy_receivers import losses_of, mended
from tests.receiving import Receiver
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import START, Obj
from tests.unit.use_cases.reconciling import told_by_objects

ADA = "ada"
CATALOG = Catalog(plans=(plan("pro-monthly", price_id="price_pro"),), items=(K8S, DEVOPS))
#: The user and what was bought, but no purchase of ours.
BOUGHT = {"user_id": ADA, "resource_type": "course", "resource_id": "k8s-101"}
#: As many as examples of a law, but for `make test-long`, where so many would take hours.
_ORDERS_MAX = min(settings().max_examples, 1000)
#: All is lost, and one event; each of them with `make test-long`.
_LOSSES_MAX = max(2, settings().max_examples // 50)


def told(event_type: str, body: Obj, after_seconds: int, previous: Obj | None = None) -> Obj:
    """An event, so many seconds after the beginning."""
    identity = f"evt_{body['id']}_{event_type}_{after_seconds}"
    return make.event(event_type, body, previous, id=identity, created=START + after_seconds)


def orders_of(history: Sequence[Obj]) -> Iterator[list[Obj]]:
    """Every order of a short history, a sample of those of a long one; each with some events twice."""
    dice = Random(len(history))  # noqa: S311 - the same orders on every run
    drawn: Iterator[Sequence[Obj]] = permutations(history)
    if len(history) > 4:
        drawn = (dice.sample(history, len(history)) for _ in range(_ORDERS_MAX))
    for arrived in islice(drawn, _ORDERS_MAX):
        yield [*arrived, *dice.sample(history, len(history) // 2)]


async def adds_up_to(history: Sequence[Obj]) -> Account:
    """The one account that a history gives in every order, with every event part of it."""
    accounts: list[Account] = []
    for arrived in [list(history), *orders_of(history)]:
        receiver = Receiver()
        await receiver.sells(CATALOG)
        for event in arrived:
            await receiver.receives(event)
        await receiver.works()
        assert set(await receiver.states()) <= {ReceivedState.APPLIED, ReceivedState.IGNORED}
        accounts.append(await receiver.account(ADA))
    assert all(found == accounts[0] for found in accounts)
    await _whatever_is_lost_one_reconciliation_tells_the_same(history)
    return accounts[0]


async def _whatever_is_lost_one_reconciliation_tells_the_same(history: Sequence[Obj]) -> None:
    whole = told_by_objects(await mended(history, history, CATALOG, ADA))
    for kept in losses_of(history, _LOSSES_MAX):
        lossy = told_by_objects(await mended(history, kept, CATALOG, ADA))
        assert changes_between(lossy, whole) == {}, [event["id"] for event in history if event not in kept]


# ------------------------------------------------------------------------------------------- objects that name nobody
PAID = told("payment_intent.succeeded", make.payment_intent(metadata={}), 5)
PAID_BY_NOBODY = told("payment_intent.succeeded", make.payment_intent(metadata={}, customer=None), 5)
CHECKED_OUT = told("checkout.session.completed", make.session(metadata=BOUGHT), 6)
CHECKED_OUT_AS_GUEST = told("checkout.session.completed", make.session(metadata=BOUGHT, customer=None), 6)
CHARGED_TO_NOBODY = told("charge.succeeded", make.charge(customer=None, metadata={}), 5)
REFUNDED = told("refund.created", make.refund(metadata={}, created=START + 100), 100)
REFUNDED_CHARGE = told("refund.created", make.refund(payment_intent=None, metadata={}, created=START + 100), 100)
DISPUTED_CHARGE = told("charge.dispute.created", make.dispute(payment_intent=None, created=START + 100), 100)
DISPUTED = told("charge.dispute.created", make.dispute(created=START + 100), 100)


@pytest.mark.parametrize(
    ("history", "status"),
    [
        pytest.param([CHECKED_OUT, PAID], "completed", id="a session with a customer whose user only it names"),
        pytest.param([CHECKED_OUT_AS_GUEST, PAID_BY_NOBODY], "completed", id="a guest's session and payment"),
        pytest.param([CHECKED_OUT_AS_GUEST], "completed", id="a guest's session alone"),
        pytest.param([CHECKED_OUT_AS_GUEST, PAID_BY_NOBODY, REFUNDED], "refunded", id="a guest is refunded"),
        pytest.param([CHECKED_OUT_AS_GUEST, PAID_BY_NOBODY, DISPUTED], "disputed", id="a guest disputes"),
        pytest.param(
            [CHECKED_OUT_AS_GUEST, CHARGED_TO_NOBODY, PAID_BY_NOBODY, REFUNDED_CHARGE],
            "refunded",
            id="a guest's charge is refunded",
        ),
        pytest.param([CHECKED_OUT, PAID, REFUNDED_CHARGE], "refunded", id="a refund that names a charge never seen"),
        pytest.param([CHECKED_OUT, PAID, DISPUTED_CHARGE], "disputed", id="a dispute that names a charge never seen"),
    ],
)
async def test_what_names_nobody_finds_its_owner_in_any_order(history: list[Obj], status: str) -> None:
    account = await adds_up_to(history)

    assert [one.status for one in account.purchases] == [status]
    assert [grant.blocked for grant in account.grants] == ([None] if status == "completed" else [status])


# ------------------------------------------------------------------------------------------------ money that goes back
async def test_a_refund_that_only_the_charge_tells_of_has_the_time_of_the_event_that_told_it() -> None:
    """Before 2024-10-28 no other event told of it."""
    back = make.charge(amount_refunded=14_900, refunded=True, metadata={})
    account = await adds_up_to([CHECKED_OUT, PAID, told("charge.refunded", back, 200, {"amount_refunded": 0})])

    (purchase,) = account.purchases
    assert (purchase.status, purchase.amount_refunded.amount) == ("refunded", 14_900)
    assert (purchase.refunded_at or purchase.created_at).timestamp() == START + 200
    assert account.grants[0].blocked_at == purchase.refunded_at


async def test_once_the_refund_itself_is_known_its_own_time_counts() -> None:
    back = make.charge(amount_refunded=14_900, refunded=True, metadata={})
    account = await adds_up_to(
        [CHECKED_OUT, PAID, told("charge.refunded", back, 200, {"amount_refunded": 0}), REFUNDED]
    )

    assert [(one.refunded_at or one.created_at).timestamp() for one in account.purchases] == [START + 100]


async def test_partial_refunds_that_reach_the_whole_close_and_one_that_fails_opens_again() -> None:
    parts = [
        told("refund.created", make.refund(id=f"re_{part}", amount=amount, metadata={}), 100 + part)
        for part, amount in enumerate((10_000, 4_900))
    ]
    whole = await adds_up_to([CHECKED_OUT, PAID, *parts])
    failed = make.refund(id="re_1", amount=4_900, status="failed", failure_reason="lost_or_stolen_card", metadata={})
    again = await adds_up_to([CHECKED_OUT, PAID, *parts, told("refund.failed", failed, 900)])

    assert [one.status for one in whole.purchases] == ["refunded"]
    assert [(one.status, one.amount_refunded.amount) for one in again.purchases] == [("partially_refunded", 10_000)]
    assert [grant.blocked for grant in again.grants] == [None]


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["needs_response"], "disputed"),
        (["needs_response", "under_review"], "disputed"),
        (["needs_response", "under_review", "won"], "completed"),
        (["needs_response", "lost"], "disputed"),
        (["needs_response", "lost", "appeal_under_review", "won"], "completed"),
        (["warning_needs_response"], "completed"),
        (["warning_needs_response", "warning_closed"], "completed"),
        (["prevented"], "refunded"),
    ],
)
async def test_a_dispute_does_what_its_last_status_says(statuses: list[str], status: str) -> None:
    """Each told without a pre-image; also where all fall into one second: then in the order of a dispute's life."""
    for apart in (100, 0):
        disputes = [
            told(f"charge.dispute.{'updated' if place else 'created'}", make.dispute(status=one), 100 + place * apart)
            | {"id": f"evt_du_{place}"}
            for place, one in enumerate(statuses)
        ]
        account = await adds_up_to([CHECKED_OUT, PAID, *disputes])
        assert [one.status for one in account.purchases] == [status]


# ------------------------------------------------------------------------------------------------------ delayed methods
ON_ITS_WAY = told("checkout.session.completed", make.session(payment_status="unpaid", metadata=BOUGHT), 6)
_LATER = 3 * 86_400


async def test_a_delayed_payment_counts_from_its_success() -> None:
    """Not from its charge, which was made when it was submitted; whether or not an event told of the processing."""
    arrived = [
        told("checkout.session.async_payment_succeeded", make.session(metadata=BOUGHT), _LATER),
        told("payment_intent.succeeded", make.payment_intent(metadata={}), _LATER),
    ]
    pending = told("charge.pending", make.charge(status="pending", paid=False, metadata={}), 5)
    processing = told("payment_intent.processing", make.payment_intent(status="processing", metadata={}), 5)
    charged = told("charge.succeeded", make.charge(metadata={}), _LATER)
    for history in ([], [processing, charged], [pending, charged], [processing]):
        account = await adds_up_to([ON_ITS_WAY, *history, *arrived])
        (purchase,) = account.purchases
        assert purchase.status == "completed"
        assert purchase.purchased_at is not None
        assert purchase.purchased_at.timestamp() == START + _LATER
        assert account.grants[0].granted_at == purchase.purchased_at


async def test_a_delayed_payment_that_fails_buys_nothing() -> None:
    failed = told(
        "checkout.session.async_payment_failed", make.session(payment_status="unpaid", metadata=BOUGHT), _LATER
    )
    account = await adds_up_to([ON_ITS_WAY, failed])

    assert (account.purchases, account.grants) == ((), ())


# -------------------------------------------------------------------------------------------------------- subscriptions
SUBSCRIBED = told("customer.subscription.created", make.subscription(metadata={"user_id": ADA}), 1)
INVOICED = told("invoice.paid", make.invoice(), 2)


@pytest.mark.parametrize(
    "history",
    [
        [SUBSCRIBED, INVOICED],
        [told("customer.subscription.created", make.older_subscription(SUBSCRIBED["data"]["object"]), 1), INVOICED],
        [SUBSCRIBED, told("invoice.payment_succeeded", make.older_invoice(make.invoice()), 2)],
        [SUBSCRIBED, INVOICED, told("invoice.payment_succeeded", make.older_invoice(make.invoice()), 2)],
    ],
)
async def test_the_invoice_may_come_before_its_subscription_and_in_either_shape(history: list[Obj]) -> None:
    account = await adds_up_to(history)

    (subscription,) = account.subscriptions
    (invoice,) = account.invoices
    assert (subscription.status, subscription.quantity) == ("active", 2)
    assert (subscription.current_period_end or subscription.created_at).timestamp() == make.END
    assert subscription.paid_through == subscription.current_period_end
    assert (invoice.status, invoice.amount_paid.amount, invoice.subscription_id) == ("paid", 5_800, subscription.id)


async def test_an_old_invoice_that_names_its_payment_links_it_to_the_subscription() -> None:
    old = make.older_invoice(make.invoice()) | {"payment_intent": "pi_1", "charge": "ch_1"}
    paid = make.payment_intent(amount=5_800, amount_received=5_800, metadata={}, invoice="in_1")
    account = await adds_up_to([SUBSCRIBED, told("invoice.paid", old, 2), told("payment_intent.succeeded", paid, 2)])

    (payment,) = account.payments
    assert payment.context is not None
    assert payment.context.subscription_id == account.subscriptions[0].id
    assert payment.stripe_invoice_id == "in_1"


async def test_there_is_one_payment_however_many_events_speak_of_it() -> None:
    paid = make.payment_intent(amount=5_800, amount_received=5_800, metadata={})
    charged = make.charge(amount=5_800, amount_captured=5_800, metadata={})
    account = await adds_up_to(
        [
            SUBSCRIBED,
            INVOICED,
            told("invoice.payment_succeeded", make.invoice(), 2),
            told("invoice_payment.paid", make.invoice_payment(), 2),
            told("payment_intent.succeeded", paid, 2),
            told("charge.succeeded", charged, 2),
        ]
    )

    assert [(one.amount.amount, one.status) for one in account.payments] == [(5_800, "succeeded")]


async def test_a_late_beginning_never_revives_what_has_ended() -> None:
    ended = make.subscription(status="canceled", ended_at=START + 500, canceled_at=START + 500, metadata={})
    account = await adds_up_to([SUBSCRIBED, INVOICED, told("customer.subscription.deleted", ended, 500)])

    assert [one.status for one in account.subscriptions] == ["canceled"]
    assert [grant.blocked for grant in account.grants] == ["subscription_ended"]


async def test_two_changes_of_one_second_are_put_in_order_by_what_was_before() -> None:
    """Failed, and paid at the second try, in one second: each names the state before it, and only one order fits."""
    base = make.subscription(metadata={"user_id": ADA})
    failed = told("customer.subscription.updated", base | {"status": "past_due"}, 900, {"status": "active"})
    paid = told("customer.subscription.updated", base, 900, {"status": "past_due"}) | {"id": "evt_a"}
    account = await adds_up_to([SUBSCRIBED, INVOICED, failed, paid])

    assert [(one.status, one.past_due_since) for one in account.subscriptions] == [("active", None)]


async def test_a_customer_that_is_deleted_has_no_payment_method_but_keeps_its_history() -> None:
    gone = told("customer.deleted", {"id": "cus_ada", "object": "customer", "deleted": True}, 900)
    known = told("customer.created", make.customer(), 0)
    card = told("payment_method.attached", make.payment_method(), 1)
    account = await adds_up_to([known, card, SUBSCRIBED, gone])

    assert account.payment_methods == ()
    assert len(account.subscriptions) == 1


# -------------------------------------------------------------------------------------------------- parked and taken up
async def test_what_nobody_takes_up_is_looked_at_again_by_itself() -> None:
    """The customer's user became known in a way that released nothing: the sweep finds out."""
    receiver = Receiver()
    await receiver.sells(CATALOG)
    receipt = await receiver.receives(told("invoice.paid", make.invoice(), 2))
    assert receipt.state is ReceivedState.PARKED
    async with receiver.units() as uow:
        await uow.customers.link(ADA, "cus_ada", source="by hand", now=receiver.clock.now())
        await uow.commit()

    await receiver.works()

    assert await receiver.states() == {ReceivedState.APPLIED: 1}
    assert [one.status for one in (await receiver.account(ADA)).invoices] == ["paid"]


async def test_what_stays_unknown_stays_parked_however_often_it_is_looked_at() -> None:
    receiver = Receiver()
    await receiver.receives(told("invoice.paid", make.invoice(), 2))
    for _ in range(20):
        receiver.clock.move_to(receiver.clock.now().replace(year=receiver.clock.now().year + 1))
        await receiver.works()

    assert await receiver.states() == {ReceivedState.PARKED: 1}


async def test_a_plan_that_is_made_later_takes_up_the_subscription_that_waited_for_it() -> None:
    """By the sweep too, for whoever changes the catalog otherwise than by `billing catalog apply`."""
    receiver = Receiver()
    assert (await receiver.receives(SUBSCRIBED)).state is ReceivedState.PARKED
    await receiver.sells(CATALOG)

    await receiver.works()

    assert [one.plan_id for one in (await receiver.account(ADA)).subscriptions] == ["pro-monthly"]
