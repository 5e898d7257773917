"""Intent, call, settle: whatever becomes of a call, its effect happens at most once and is known in the end."""

from collections.abc import Hashable
from datetime import timedelta

import pytest
from attrs import evolve

from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import (
    AlreadyOwned,
    MappingConflict,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    StorageUnavailable,
)
from billing_core.domain.facts import CustomerSeen, RefundSeen, SessionSeen
from billing_core.domain.operations import KEY_LIFETIME, Answer, Operation, OperationState
from billing_core.domain.purchases import Purchase
from billing_core.domain.refunds import Refund
from billing_core.use_cases.taking_turns import SomeFailed
from billing_memory import FakeProvider, Trouble
from billing_memory.locks import Locks
from tests.builders import ANN, course, usd
from tests.component.http.house import URLS, House

CALLER = Caller(ANN)
SUPPORT = Caller("sue", frozenset({Role.ADMIN}))
LOST = [Trouble.ANSWER_LOST, Trouble.REQUEST_LOST]
FAILED = [Trouble.FAILED_AFTER, Trouble.FAILED_BEFORE]


async def refunds(house: House, purchase_id: str) -> Refund:
    """Ann asks for all of her money back."""
    return await house.application.request_refund(CALLER, purchase_id)


async def buys(house: House) -> Purchase:
    """Ann asks for the checkout page of the Kubernetes course."""
    return await house.application.create_purchase(CALLER, course(), **URLS)


async def worker_goes_on(house: House) -> None:
    """A worker comes by once the tries are due, as often as it takes."""
    for _ in range(3):
        house.clock.advance(timedelta(hours=1))
        await house.application.carry_out.due("worker")


@pytest.mark.parametrize("trouble", [*LOST, *FAILED, Trouble.UNAVAILABLE])
async def test_a_refund_whose_outcome_is_unclear_is_made_once_by_the_worker(house: House, trouble: Trouble) -> None:
    purchase_id = await house.buys(ANN)
    house.provider.trouble.append(trouble)
    with pytest.raises(OutcomeUnknown if trouble is not Trouble.UNAVAILABLE else ProviderUnavailable):
        await refunds(house, purchase_id)

    await worker_goes_on(house)

    made = house.provider.world.all(RefundSeen)
    assert [refund.amount for refund in made] == [4900]
    purchase, _ = await house.application.look_up.purchase(CALLER, purchase_id)
    assert purchase.status == "refunded"


@pytest.mark.parametrize("trouble", LOST)
async def test_one_whose_key_the_provider_has_forgotten_is_looked_up_before_it_is_made_again(
    house: House, trouble: Trouble
) -> None:
    """Under the forgotten key a second refund of 10.00 would be made."""
    purchase_id = await house.buys(ANN)
    house.provider.trouble.append(trouble)
    with pytest.raises(OutcomeUnknown):
        await house.application.request_refund(SUPPORT, purchase_id, amount=usd(1000))

    house.clock.advance(KEY_LIFETIME + timedelta(hours=2))
    await house.application.carry_out.due("worker")

    assert len(house.provider.world.all(RefundSeen)) == 1


async def test_money_whose_refund_is_unclear_is_not_there_to_be_refunded_again(house: House) -> None:
    """Else two refunds of 49.00 would be on their way for one payment of 49.00."""
    purchase_id = await house.buys(ANN)
    house.provider.trouble.append(Trouble.REQUEST_LOST)
    with pytest.raises(OutcomeUnknown):
        await refunds(house, purchase_id)

    with pytest.raises(Exception, match="left to refund"):
        await refunds(house, purchase_id)

    assert house.provider.world.all(RefundSeen) == []


async def test_what_the_provider_refused_is_not_tried_again(house: House) -> None:
    purchase_id = await house.buys(ANN)
    house.provider.trouble.append(ProviderRefused("The charge is disputed.", code="charge_disputed"))
    with pytest.raises(ProviderRefused):
        await refunds(house, purchase_id)

    await worker_goes_on(house)

    assert house.provider.world.all(RefundSeen) == []
    assert (await refunds(house, purchase_id)).amount.amount == 4900


async def test_a_checkout_that_the_provider_refused_frees_the_place(house: House) -> None:
    house.provider.trouble.append(ProviderRefused("Not in this country.", code="amount_too_small"))
    with pytest.raises(ProviderRefused):
        await buys(house)

    assert (await buys(house)).checkout_url


@pytest.mark.parametrize("trouble", LOST)
async def test_a_customer_whose_making_is_unclear_is_made_once(house: House, trouble: Trouble) -> None:
    house.provider.trouble.append(trouble)
    with pytest.raises(OutcomeUnknown):
        await buys(house)
    await worker_goes_on(house)

    await buys(house)

    assert len(house.provider.world.all(CustomerSeen)) == 1


async def test_two_checkouts_at_first_make_one_customer(house: House) -> None:
    await buys(house)
    await house.application.open_subscription_checkout(
        CALLER, "pro-monthly", success_url=URLS["success_url"], cancel_url=URLS["cancel_url"]
    )

    assert len(house.provider.world.all(CustomerSeen)) == 1


@pytest.mark.parametrize("trouble", [*LOST, *FAILED])
async def test_a_checkout_whose_answer_was_lost_is_one_session_when_it_is_asked_for_again(
    house: House, trouble: Trouble
) -> None:
    await house.application.carry_out.customer_of(ANN, ANN)
    house.provider.trouble.append(trouble)
    with pytest.raises(OutcomeUnknown):
        await buys(house)
    await worker_goes_on(house)

    purchase = await buys(house)

    assert len(house.provider.world.all(SessionSeen)) == 1
    assert purchase.stripe_session_id == house.provider.world.all(SessionSeen)[0].id


async def test_what_was_paid_while_its_checkout_was_unclear_is_owned(house: House) -> None:
    """The session was made and paid; our answer to it was lost."""
    await house.application.carry_out.customer_of(ANN, ANN)
    house.provider.trouble.append(Trouble.ANSWER_LOST)
    with pytest.raises(OutcomeUnknown):
        await buys(house)
    house.provider.buyers.pay(house.provider.world.all(SessionSeen)[0].id)
    await house.deliver()

    with pytest.raises(AlreadyOwned):
        await buys(house)


class Jammed(Locks):
    """What came of Ann's operations can never be written down: it comes to an error instead."""

    def __init__(self, error: Exception) -> None:
        super().__init__(0.01)
        self.error = error

    async def take(self, holder: object, key: Hashable) -> None:
        """Hold ``key``."""
        if key == ("user", ANN):
            raise self.error
        await super().take(holder, key)


@pytest.mark.parametrize("error", [RuntimeError("a mistake of ours"), MappingConflict(), StorageUnavailable()])
async def test_an_operation_that_always_fails_keeps_no_other_waiting_and_is_tried_less_and_less(
    house: House, error: Exception
) -> None:
    asked = {user: await house.buys(user) for user in (ANN, "bob")}
    for user, purchase_id in asked.items():
        house.provider.trouble.append(Trouble.REQUEST_LOST)
        with pytest.raises(OutcomeUnknown):
            await house.application.request_refund(Caller(user), purchase_id)
    house.clock.advance(timedelta(hours=1))
    house.units.store.locks = Jammed(error)
    tried = 0
    for _ in range(60):
        try:
            tried += await house.application.carry_out.due("worker")
        except SomeFailed as failed:
            tried += len(failed.failures) + failed.done
        house.clock.advance(timedelta(minutes=1))

    assert [(await _refund_of(house, user)).state for user in asked] == [OperationState.PENDING, OperationState.DONE]
    assert tried < 15


async def test_an_effect_that_may_not_be_looked_up_is_not_taken_for_none(house: House) -> None:
    """The key may not read refunds: this one was made, though the answer was a failure."""
    purchase_id = await house.buys(ANN)
    house.provider.trouble.append(Trouble.FAILED_AFTER)
    with pytest.raises(OutcomeUnknown):
        await refunds(house, purchase_id)

    house.clock.advance(timedelta(hours=1))
    await evolve(house.application.carry_out, lookup=Secretive(house.clock)).due("worker")
    assert (await _refund_of(house, ANN)).state is OperationState.PENDING

    await worker_goes_on(house)
    assert (await _refund_of(house, ANN)).state is OperationState.DONE
    assert len(house.provider.world.all(RefundSeen)) == 1


async def test_whoever_was_held_up_for_longer_than_their_lease_does_not_open_again_what_another_finished(
    house: House,
) -> None:
    purchase_id = await house.buys(ANN)
    house.provider.trouble.append(Trouble.REQUEST_LOST)
    with pytest.raises(OutcomeUnknown):
        await refunds(house, purchase_id)

    house.clock.advance(timedelta(hours=1))
    assert await evolve(house.application.carry_out, provider=HeldUp(house)).due("worker-1") == 1

    refund = await _refund_of(house, ANN)
    assert (refund.state, refund.attempts) == (OperationState.DONE, 2)


class HeldUp(FakeProvider):
    """A provider that does not answer before another worker took over."""

    def __init__(self, house: House) -> None:
        super().__init__(house.clock)
        self.house = house

    async def execute(self, operation: Operation) -> Answer:
        """Too late."""
        self.house.clock.advance(timedelta(minutes=2))
        await self.house.application.carry_out.due("worker-2")
        raise OutcomeUnknown(f"No answer about {operation.name}.")


class Secretive(FakeProvider):
    """A provider that does not let us see what was done."""

    async def effect_of(self, operation: Operation) -> Answer | None:
        """What an operation did."""
        raise ProviderRefused(f"The API key may not read {operation.name}.", code="permission_error")


async def _refund_of(house: House, user: str) -> Operation:
    async with house.units() as uow:
        (found,) = await uow.operations.of_user(user, "refund_payment")
    return found
