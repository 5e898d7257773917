"""The contract of the port of operations: intents outlive crashes and are carried out by one at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from billing_contracts.examples import COURSE, NOW, after, operation, ours
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    Answer,
    ApplyPromotion,
    AttachPaymentMethod,
    CancelSubscription,
    ChangePlan,
    ChangeTrialEnd,
    Command,
    CreateCustomer,
    CreateSetupIntent,
    DetachPaymentMethod,
    EndDiscounts,
    ExpireCheckout,
    GiveUpCollecting,
    HoldCollection,
    OpenPortal,
    OpenPurchaseCheckout,
    OpenSubscriptionCheckout,
    Operation,
    PauseSubscription,
    PayInvoice,
    RefundPayment,
    ReleaseHold,
    ResumeSubscription,
    SetDefaultPaymentMethod,
    UndoCancel,
)
from billing_core.domain.own_proration import OwnLine
from billing_core.ports.operations import ALL_OF_USER
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["OperationsContract"]

_LEASE = timedelta(seconds=60)

_CHECKOUT = OpenPurchaseCheckout(
    user_id="user-1",
    order_id=ours(1),
    resource=COURSE,
    name="Python",
    price=Money(4900, "usd"),
    success_url="https://shop.example/thanks",
    cancel_url="https://shop.example/back",
)
#: A command of each kind, with every field filled in.
_COMMANDS: list[Command] = [
    CreateCustomer(user_id="user-1"),
    _CHECKOUT,
    OpenSubscriptionCheckout(
        user_id="user-1",
        plan_id="pro-monthly",
        price_id="price_1",
        quantity=2,
        trial_days=7,
        success_url="https://shop.example/thanks",
        cancel_url="https://shop.example/back",
        promotion_code="SPRING",
    ),
    ExpireCheckout(session_id="cs_1"),
    RefundPayment(payment_intent_id="pi_1", amount=Money(1200, "jpy"), reason="duplicate", purchase_id=ours(1)),
    CancelSubscription(
        subscription_id="sub_1",
        at_period_end=False,
        schedule_id="sub_sched_1",
        void_invoice_id="in_1",
        release_hold=True,
    ),
    UndoCancel(subscription_id="sub_1", schedule_id="sub_sched_1"),
    ChangePlan(
        subscription_id="sub_1",
        item_id="si_1",
        price_id="price_2",
        quantity=3,
        at_period_end=True,
        proration="create_prorations",
        proration_date=NOW,
        only_when_paid=True,
        schedule_id="sub_sched_1",
        clear_cancel=True,
        end_trial=True,
        own_lines=(OwnLine(amount=Money(-300, "usd"), description="Unused time", start=NOW, end=after(5)),),
        customer_id="cus_1",
        current_price_id="price_1",
        current_quantity=2,
        release_hold=True,
    ),
    AttachPaymentMethod(
        user_id="user-1",
        customer_id="cus_1",
        payment_method_id="pm_1",
        make_default=True,
        subscription_ids=("sub_1", "sub_2"),
    ),
    SetDefaultPaymentMethod(customer_id="cus_1", payment_method_id="pm_1", subscription_ids=("sub_1",)),
    DetachPaymentMethod(
        customer_id="cus_1",
        payment_method_id="pm_1",
        successor_id="pm_2",
        passes_default=True,
        subscription_ids=("sub_1",),
    ),
    CreateSetupIntent(user_id="user-1", customer_id="cus_1"),
    OpenPortal(user_id="user-1", customer_id="cus_1", return_url="https://shop.example/account"),
    HoldCollection(subscription_id="sub_1"),
    ReleaseHold(subscription_id="sub_1"),
    PauseSubscription(subscription_id="sub_1"),
    ResumeSubscription(subscription_id="sub_1"),
    ChangeTrialEnd(subscription_id="sub_1", trial_end=NOW),
    PayInvoice(invoice_id="in_1", subscription_id="sub_1", payment_method_id="pm_1"),
    GiveUpCollecting(
        subscription_id="sub_1",
        invoice_id="in_1",
        item_id="si_1",
        free_price_id="price_free",
        schedule_id="sub_sched_1",
    ),
    ApplyPromotion(subscription_id="sub_1", promotion_id="promo_1"),
    EndDiscounts(subscription_id="sub_1"),
]


async def _add(units: UnitsOfWork, *operations: Operation) -> None:
    async with units() as uow:
        for one in operations:
            await uow.operations.add(one)
        await uow.commit()


async def _save(units: UnitsOfWork, one: Operation) -> None:
    async with units() as uow:
        await uow.operations.save(one)
        await uow.commit()


async def _leased(units: UnitsOfWork, worker: str, minute: int = 0) -> Operation | None:
    async with units() as uow:
        leased = await uow.operations.lease(ours(701), worker, after(minute), _LEASE)
        await uow.commit()
    return leased


async def _claimed(units: UnitsOfWork, worker: str, minute: int, limit: int = 10) -> list[str]:
    async with units() as uow:
        claimed = await uow.operations.claim_due(worker, after(minute), _LEASE, limit)
        await uow.commit()
    return [one.id for one in claimed]


class OperationsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    @pytest.mark.parametrize("command", _COMMANDS, ids=lambda command: type(command).__name__)
    async def test_an_operation_comes_back_as_it_was(self, units: UnitsOfWork, command: Command) -> None:
        """With its command, whichever it is."""
        await _add(units, operation(command=command))
        async with units() as uow:
            assert await uow.operations.get(ours(701)) == operation(command=command)

    async def test_an_unknown_operation_is_none(self, units: UnitsOfWork) -> None:
        """Neither found nor leased."""
        async with units() as uow:
            assert await uow.operations.get(ours(701)) is None
            assert await uow.operations.lease(ours(701), "worker-1", NOW, _LEASE) is None

    @pytest.mark.parametrize(
        "outcome",
        [
            operation().done(Answer(facts=(), result_id="sub_1"), after(2)),
            operation().refused("card_declined", "Your card was declined.", "insufficient_funds", after(2)),
            operation().unclear(after(3), "OutcomeUnknown"),
            operation().unclear(after(3), "answered_with_failure").with_new_key(),
        ],
        ids=["done", "refused", "unclear", "new key"],
    )
    async def test_the_outcome_of_a_try_is_saved(self, units: UnitsOfWork, outcome: Operation) -> None:
        """State, attempts, result, errors, and the key's generation."""
        await _add(units, operation())
        await _save(units, outcome)
        async with units() as uow:
            assert await uow.operations.get(ours(701)) == outcome

    async def test_what_was_filled_into_a_command_is_saved(self, units: UnitsOfWork) -> None:
        """A checkout that began without a customer goes on with the one that was made for it."""
        filled = operation(command=evolve(_CHECKOUT, customer_id="cus_2"))
        await _add(units, operation(command=_CHECKOUT))
        await _save(units, filled)
        async with units() as uow:
            assert await uow.operations.get(ours(701)) == filled

    async def test_a_leased_operation_is_nobody_elses(self, units: UnitsOfWork) -> None:
        """As long as the lease lasts; then it passes to the next."""
        await _add(units, operation())
        assert await _leased(units, "worker-1") == operation()
        assert await _leased(units, "worker-2") is None
        assert await _leased(units, "worker-2", minute=2) == operation()

    async def test_saving_frees_the_lease(self, units: UnitsOfWork) -> None:
        """The next one may try at once."""
        await _add(units, operation())
        await _leased(units, "worker-1")
        await _save(units, operation().unclear(after(3), "ProviderUnavailable"))
        assert await _leased(units, "worker-2") == operation().unclear(after(3), "ProviderUnavailable")

    async def test_a_finished_operation_is_not_leased(self, units: UnitsOfWork) -> None:
        """There is nothing left to do."""
        await _add(units, operation())
        await _save(units, operation().done(Answer(facts=(), result_id="sub_1"), NOW))
        assert await _leased(units, "worker-1") is None
        assert await _claimed(units, "worker-1", minute=9) == []

    async def test_a_lease_that_was_undone_never_was(self, units: UnitsOfWork) -> None:
        """Leases are part of the transaction."""
        await _add(units, operation())
        async with units() as uow:
            await uow.operations.lease(ours(701), "worker-1", NOW, _LEASE)
        assert await _leased(units, "worker-2") == operation()

    async def test_due_operations_are_claimed(self, units: UnitsOfWork) -> None:
        """From exactly their next attempt on, and no earlier."""
        await _add(units, operation(1), evolve(operation(2), next_attempt_at=after(5)))
        assert await _claimed(units, "worker-1", minute=0) == []
        assert await _claimed(units, "worker-1", minute=1) == [ours(701)]
        assert await _claimed(units, "worker-1", minute=5) == [ours(701), ours(702)]

    async def test_what_somebody_holds_is_not_claimed(self, units: UnitsOfWork) -> None:
        """Whoever asked for it may be at it still."""
        await _add(units, operation())
        await _leased(units, "request", minute=1)
        assert await _claimed(units, "worker-1", minute=1) == []

    async def test_a_claim_that_is_under_way_is_passed_over(self, units: UnitsOfWork) -> None:
        """Two workers at once share what is due, and neither waits for the other."""
        await _add(units, operation(1), operation(2))
        async with units() as first, units() as second:
            mine = await first.operations.claim_due("worker-1", after(1), _LEASE, 1)
            theirs = await second.operations.claim_due("worker-2", after(1), _LEASE, 2)
            assert len(mine) == len(theirs) == 1
            assert {one.id for one in (*mine, *theirs)} == {ours(701), ours(702)}

    async def test_a_users_operations_are_listed_by_name(self, units: UnitsOfWork) -> None:
        """The newest first, of one kind, and that user's alone."""
        undo = UndoCancel(subscription_id="sub_1")
        await _add(units, operation(1), operation(3), operation(2), operation(4, command=undo))
        await _add(units, operation(5, user_id="user-2"))
        async with units() as uow:
            found = await uow.operations.of_user("user-1", "cancel_subscription")
        assert [one.id for one in found] == [ours(703), ours(702), ours(701)]

    async def test_what_is_not_finished_is_listed_by_user(self, units: UnitsOfWork) -> None:
        """The oldest first, of every kind, and that user's alone, whether or not anybody is at it."""
        await _add(units, operation(3), operation(1), operation(2, command=EndDiscounts(subscription_id="sub_1")))
        await _add(units, operation(4), operation(5), operation(6, user_id="user-2"))
        await _leased(units, "worker-1")
        await _save(units, operation(3).unclear(after(9), "OutcomeUnknown"))
        await _save(units, operation(4).done(Answer(facts=(), result_id="sub_1"), after(5)))
        await _save(units, operation(5).refused("card_declined", "Your card was declined.", None, after(5)))
        async with units() as uow:
            assert [one.id for one in await uow.operations.pending_of("user-1")] == [ours(701), ours(702), ours(703)]
            assert await uow.operations.pending_of("user-3") == ()

    async def test_no_more_than_twenty_are_listed_unless_more_are_asked_for(self, units: UnitsOfWork) -> None:
        """The newest ones."""
        await _add(units, *(operation(number) for number in range(1, 23)))
        async with units() as uow:
            found = await uow.operations.of_user("user-1", "cancel_subscription")
            every = await uow.operations.of_user("user-1", "cancel_subscription", ALL_OF_USER)
        assert len(every) == 22
        assert [one.id for one in found] == [ours(700 + number) for number in range(22, 2, -1)]
