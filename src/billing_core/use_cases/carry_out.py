"""Carry out an operation: intent, call, settle (decision 4).

The intent was committed by the use case that wanted it. Here it is leased, the provider is called outside
any transaction, and the answer is committed. Whoever wants the operation's outcome and whichever worker
finds it unfinished run the same code; the idempotency key makes the effect happen at most once.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from attrs import evolve, frozen

from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller
from billing_core.domain.errors import (
    InvalidTransition,
    LockTimeout,
    NotFound,
    OperationInProgress,
    OutcomeUnknown,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from billing_core.domain.operations import (
    KEY_LIFETIME,
    Answer,
    Command,
    CreateCustomer,
    OfCustomer,
    OpenPurchaseCheckout,
    OpenSubscriptionCheckout,
    Operation,
    OperationState,
    PayInvoice,
)
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.retries import next_attempt
from billing_core.ports.clock import Clock
from billing_core.ports.ids import IdSource
from billing_core.ports.provider import Provider, ProviderLookup
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.patience import WAITS, Patience, Wait
from billing_core.use_cases.taking_turns import Failure, SomeFailed
from billing_core.use_cases.turns import is_overtaken

__all__ = ["CarryOut", "is_out_of_the_way"]

_LEASE = timedelta(seconds=60)
_FAILED_THERE = "answered_with_failure"
#: What the provider says of what it does not have.
_MISSING = "resource_missing"
_OVERTAKEN = "overtaken"


@frozen(kw_only=True)
class CarryOut:
    """Carry out operations."""

    units: UnitsOfWork
    books: Bookkeeper
    provider: Provider
    lookup: ProviderLookup
    clock: Clock
    ids: IdSource
    retries: RetryPolicy
    wait: Wait
    #: How long a twin waits for the first to finish, in seconds between two looks.
    waits: tuple[float, ...] = WAITS

    @property
    def patiently(self) -> Patience:
        """How whoever decides on a user waits for others that are at work on them."""
        return Patience(self.wait)

    async def __call__(self, operation_id: str) -> tuple[Operation, Answer | None]:
        """The operation once it is finished, with the provider's answer where it was given just now.

        Raises `ProviderRefused` where the provider refused it, now or before, `InvalidTransition` where a
        cancellation overtook it, `ProviderUnavailable` or
        `OutcomeUnknown` where a worker will go on with it, and `OperationInProgress` where somebody else has
        been at it for ten seconds.
        """
        # A name of its own: twins would else share one lease, and both call the provider under one key.
        worker = f"request {self.ids.new()}"
        for seconds in self.waits:
            leased, found = await self._lease(operation_id, worker)
            if leased is not None:
                return await self._carry_out(leased)
            if found.state is not OperationState.PENDING:
                return _finished(found), None
            await self.wait(seconds)
        raise OperationInProgress

    async def go_on_with(self, operation_id: str) -> bool:
        """Carry out what somebody wrote down and nobody is at; False where it is finished, or they are at it.

        A refusal is the outcome, and no error here. Raises `ProviderUnavailable` and `OutcomeUnknown` as calling does.
        """
        leased, _ = await self._lease(operation_id, f"request {self.ids.new()}")
        if leased is not None:
            with suppress(ProviderRefused, InvalidTransition):
                await self._carry_out(leased)
        return leased is not None

    async def repeat(self, user_id: str, operation_id: str) -> Answer:
        """The provider's answer to an operation of this user's once more, with the secret that is never stored.

        It is asked under the operation's own key, so that nothing is done twice; where the provider has forgotten
        the key, what was made is looked up, and made anew where it is gone. Raises `NotFound`, and what calling
        the operation raises.
        """
        async with self.units() as uow:
            operation = await uow.operations.get(operation_id)
        if operation is None or operation.user_id != user_id:
            raise NotFound
        answer, _ = await self._ask(await self._with_customer(_finished(operation)))
        return answer

    async def due(self, worker: str, limit: int = 10) -> int:
        """Go on with operations that somebody left unfinished; how many were tried.

        Where that fails by a mistake, it is put off like any other, and `SomeFailed` is raised once all were tried. So
        it is where the provider refused what nobody waits for any more.
        """
        async with self.units() as uow:
            operations = await uow.operations.claim_due(worker, self.clock.now(), _LEASE, limit)
            await uow.commit()
        failures: list[Failure] = []
        # Customers first: else a checkout would wait for its customer's operation, which this very worker has leased.
        for operation in sorted(operations, key=lambda one: not isinstance(one.command, CreateCustomer)):
            try:
                await self._carry_out(operation)
            except ProviderRefused as refusal:
                if is_out_of_the_way(operation, refusal):
                    failures.append(Failure(f"operation {operation.id}", refusal))
            except (InvalidTransition, LockTimeout, OperationInProgress, ProviderError):
                continue  # written down in the operation; the next run goes on with it where it is still pending
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on; it is raised in the end
                await self._postpone(operation, type(error).__name__)
                failures.append(Failure(f"operation {operation.id}", error))
        if failures:
            raise SomeFailed(failures, len(operations) - len(failures))
        return len(operations)

    async def customer_of(self, user_id: str, actor: str) -> str:
        """The user's one customer at the provider, made where there is none yet."""
        async with self.units() as uow:
            customer_id = await uow.customers.customer_of(user_id)
        if customer_id is not None:
            return customer_id
        operation = await self.patiently(lambda: self._customers_operation(user_id, actor))
        done, _ = await self(operation.id)
        return done.result_id or ""

    async def _customers_operation(self, user_id: str, actor: str) -> Operation:
        async with self.units() as uow:
            await self.books.lock(uow, user_id)
            begun = await uow.operations.of_user(user_id, "create_customer")
            operation = next((one for one in begun if one.state is not OperationState.REFUSED), None)
            if operation is None:
                operation = self.new(CreateCustomer(user_id=user_id), user_id, actor)
                await uow.operations.add(operation)
            await uow.commit()
        return operation

    def new(self, command: Command, user_id: str, actor: str, reason: str | None = None) -> Operation:
        """A new operation, not yet written down."""
        now = self.clock.now()
        return Operation(
            id=self.ids.new(),
            user_id=user_id,
            command=command,
            actor=actor,
            reason=reason,
            created_at=now,
            # Whoever asked carries it out at once; a worker takes over where that did not happen.
            next_attempt_at=now + _LEASE,
        )

    async def write_down(self, uow: UnitOfWork, caller: Caller, operation: Operation) -> None:
        """Keep a new intent, tied to the idempotency key of ``caller``. Whoever wants it commits. Raises as `tie`."""
        await uow.operations.add(operation)
        await self.tie(uow, caller, operation)

    async def tie(self, uow: UnitOfWork, caller: Caller, operation: Operation) -> None:
        """Tie an operation to the idempotency key of ``caller``, where they gave one.

        Raises `OperationInProgress` where another attempt under the key took over.
        """
        if caller.request is not None:
            await uow.idempotency_keys.tie(caller.request, operation.id)

    async def begun(self, caller: Caller) -> Operation | None:
        """What an earlier attempt under the idempotency key of ``caller`` began; None where it came to nothing.

        Whoever finds one decides nothing anew: its intent was committed, and the provider may have acted on it.
        """
        if caller.request is None or caller.request.effect_id is None:
            return None
        async with self.units() as uow:
            operation = await uow.operations.get(caller.request.effect_id)
        return operation if operation and operation.state is not OperationState.REFUSED else None

    async def _lease(self, operation_id: str, worker: str) -> tuple[Operation | None, Operation]:
        async with self.units() as uow:
            leased = await uow.operations.lease(operation_id, worker, self.clock.now(), _LEASE)
            found = leased or await uow.operations.get(operation_id)
            await uow.commit()
        if found is None:
            raise NotFound
        return leased, found

    async def _carry_out(self, operation: Operation) -> tuple[Operation, Answer | None]:
        try:
            operation = await self._with_customer(operation)
            answer, operation = await self._ask(operation)
        except ProviderRefused as refusal:
            refused = operation.refused(refusal.code, refusal.message, refusal.decline_code, self.clock.now())
            await self._settle(refused, None)
            raise
        except InvalidTransition as overtaken:
            await self._settle(operation.refused(_OVERTAKEN, overtaken.message, None, self.clock.now()), None)
            raise
        except (ProviderUnavailable, OutcomeUnknown, OperationInProgress, LockTimeout) as error:
            answered = isinstance(error, OutcomeUnknown) and error.answered
            await self._postpone(operation, _FAILED_THERE if answered else type(error).__name__)
            raise
        done = operation.done(answer, self.clock.now())
        await self._settle(done, answer)
        return done, answer

    async def _with_customer(self, operation: Operation) -> Operation:
        command = operation.command
        if isinstance(command, OfCustomer) and command.customer_id is None:
            customer_id = await self.customer_of(operation.user_id, operation.actor)
            return evolve(operation, command=evolve(command, customer_id=customer_id))
        return operation

    async def _ask(self, operation: Operation) -> tuple[Answer, Operation]:
        """The provider's answer. A key that is spent or forgotten is never used again: the effect is looked up.

        So it is of what a cancellation has overtaken, which is not asked for any more: raises `InvalidTransition`.
        """
        async with self.units() as uow:
            overtaken = await is_overtaken(uow, operation)
        forgotten = self.clock.now() - operation.created_at >= KEY_LIFETIME
        if overtaken or forgotten or operation.error_code == _FAILED_THERE:
            found = await self._effect_of(operation)
            if found is not None:
                return found, operation
            if overtaken:
                raise InvalidTransition("The subscription was canceled before this could be done. Nothing was changed.")
            operation = operation.with_new_key()
            async with self.units() as uow:
                await uow.operations.save(operation)
                await uow.commit()
        return await self.provider.execute(operation), operation

    async def _effect_of(self, operation: Operation) -> Answer | None:
        try:
            return await self.lookup.effect_of(operation)
        except ProviderRefused as refusal:
            if refusal.code == _MISSING:
                raise
            raise ProviderUnavailable(refusal.message) from refusal  # what may not be seen may have been done

    async def _postpone(self, operation: Operation, error: str) -> None:
        now = self.clock.now()
        at = next_attempt(self.retries, operation.id, attempts=min(operation.attempts + 1, 10), now=now)
        async with self.units() as uow:
            found = await uow.operations.get(operation.id)
            if found is None or found.state is not OperationState.PENDING:
                return  # whoever is held up for longer than their lease finds that another one has finished it
            await uow.operations.save(found.unclear(at or now + KEY_LIFETIME, error))
            await uow.commit()

    async def _settle(self, operation: Operation, answer: Answer | None) -> None:
        """Commit the outcome: the answer's facts are taken in like any other, and an order may be given up."""
        cause = Cause(kind="operation", id=operation.id, actor=operation.actor, reason=operation.reason)
        for attempt, seconds in enumerate(self.waits, start=1):
            try:
                async with self.units() as uow:
                    await self._settle_in(uow, operation, answer, cause)
            except LockTimeout:
                if attempt == len(self.waits):
                    raise  # the operation stays pending, and a worker settles it under the same key
                await self.wait(seconds)
            else:
                return

    async def _settle_in(self, uow: UnitOfWork, operation: Operation, answer: Answer | None, cause: Cause) -> None:
        now = self.clock.now()
        facts = answer.facts if answer else ()
        if isinstance(operation.command, CreateCustomer) and operation.result_id:
            await uow.customers.lock_customer(operation.result_id)
            await uow.customers.link(operation.user_id, operation.result_id, source=operation.id, now=now)
        taken = [await self.books.take_in(uow, facts, cause)] if facts else []
        for one in taken:
            await self.books.release_parked(uow, one)
        if operation.state is OperationState.REFUSED and isinstance(operation.command, OpenPurchaseCheckout):
            await self.books.lock(uow, operation.user_id)
            order = await uow.orders.get(operation.command.order_id)
            if order is not None:
                await uow.orders.save(evolve(order, given_up_at=now))
                taken.append(await self.books.derive_again(uow, operation.user_id, cause, now))
        if operation.state is OperationState.REFUSED and isinstance(operation.command, OpenSubscriptionCheckout):
            await uow.trials.give_back(operation.id)
        await uow.operations.save(operation)
        await self.books.commit(uow, *taken)


def is_out_of_the_way(operation: Operation, refusal: ProviderRefused) -> bool:
    """Whether a person has to look at a refusal: a card that is declined, or one more try in vain, is foreseen."""
    return refusal.decline_code is None and not isinstance(operation.command, PayInvoice)


def _finished(operation: Operation) -> Operation:
    if operation.state is OperationState.REFUSED and operation.error_code == _OVERTAKEN:
        raise InvalidTransition(operation.error_message)
    if operation.state is OperationState.REFUSED:
        raise ProviderRefused(
            operation.error_message, code=operation.error_code or "", decline_code=operation.decline_code
        )
    return operation
