"""Open a subscription checkout: a session to subscribe in, at most one open per user."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.account import Book
from billing_core.domain.callers import Caller
from billing_core.domain.errors import AlreadySubscribed, NotFound, OperationInProgress, UnknownPlan
from billing_core.domain.facts import ObjectKind, ObjectRef, SessionSeen, SubscriptionSeen
from billing_core.domain.operations import ExpireCheckout, OpenSubscriptionCheckout, Operation, OperationState
from billing_core.domain.plans import Plan
from billing_core.domain.promotions import Promotion, require_unspent
from billing_core.domain.proration import require_quantity
from billing_core.domain.subscriptions import TERMINAL
from billing_core.domain.trials import LOOK_AFTER, TrialClaim, had_trial, marks_of
from billing_core.ports.clock import Clock
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.change_discount import redeemable

__all__ = ["OpenSubscriptionCheckoutSession", "OpenedCheckout"]


@frozen(kw_only=True)
class OpenedCheckout:
    """An open checkout session."""

    session: SessionSeen
    #: What it offers: 0 for a plan without a trial, and for a person who had theirs.
    trial_days: int


@frozen(kw_only=True)
class OpenSubscriptionCheckoutSession:
    """Begin to subscribe to a plan."""

    units: UnitsOfWork
    books: Bookkeeper
    carry_out: CarryOut
    clock: Clock
    #: Under which e-mail addresses are hashed, to know a person again; None where they are not looked at.
    email_key: bytes | None = None

    async def __call__(
        self,
        caller: Caller,
        plan_id: str,
        *,
        success_url: str,
        cancel_url: str,
        quantity: int = 1,
        promotion_code: str | None = None,
    ) -> OpenedCheckout:
        """The open session, for the caller themselves, and the days of trial that it offers.

        Whoever had a trial before, by whatever mark they are known again, is offered none. An identical request
        while its session is open answers with that session; any other one closes the open session first. Raises
        `UnknownPlan`, `AlreadySubscribed` where the caller has a subscription that has not
        ended, `InvalidValue` for a promotion code that they redeemed before, and `ProviderRefused`,
        `ProviderUnavailable` or `OutcomeUnknown`.
        """
        require_quantity(quantity)
        wanted = OpenSubscriptionCheckout(
            user_id=caller.user_id,
            plan_id=plan_id,
            price_id="",
            quantity=quantity,
            trial_days=0,
            success_url=success_url,
            cancel_url=cancel_url,
            promotion_code=promotion_code,
        )
        promotion = await redeemable(self.carry_out.lookup, promotion_code) if promotion_code else None
        operation, outdated = await self.carry_out.patiently(lambda: self._plan_ahead(caller, wanted, promotion))
        if outdated is not None:
            await self.carry_out(outdated.id)
        done, _ = await self.carry_out(operation.id)
        async with self.units() as uow:
            session = await _session(uow, done.result_id)
        if session is None or not isinstance(done.command, OpenSubscriptionCheckout):
            raise NotFound
        return OpenedCheckout(session=session, trial_days=done.command.trial_days)

    async def _plan_ahead(
        self, caller: Caller, wanted: OpenSubscriptionCheckout, promotion: Promotion | None
    ) -> tuple[Operation, Operation | None]:
        """The operation that opens the session, and one that closes an outdated session before it."""
        begun = await self.carry_out.begun(caller)
        if begun is not None:
            return begun, None
        async with self.units() as uow:
            await self.books.lock(uow, caller.user_id)
            now = self.clock.now()
            book = await self.books.book(uow, caller.user_id)
            plan = book.catalog.plan(wanted.plan_id)
            if plan not in book.catalog.on_sale():
                raise UnknownPlan(f"The plan {plan.id!r} is not sold at present.")
            _require_none_counts(book)
            if promotion is not None:
                require_unspent(promotion, book.known)
            operation = self.carry_out.new(wanted, caller.user_id, caller.user_id)
            wanted = evolve(
                wanted,
                price_id=plan.stripe_price_id or "",
                trial_days=await self._trial_days(uow, caller, book, plan, operation),
                payment_method_required=plan.trial.payment_method_required,
                without_payment_method=plan.trial.without_payment_method.value,
            )
            outdated: Operation | None = None
            for earlier in await uow.operations.of_user(caller.user_id, "open_subscription_checkout"):
                identical = _same_request(earlier, wanted)
                session = await _session(uow, earlier.result_id)
                if earlier.state is OperationState.PENDING and not identical:
                    raise OperationInProgress("Another checkout is just being opened. Try again in a moment.")
                if earlier.state is OperationState.PENDING or (identical and _is_open(session, now)):
                    await self.carry_out.tie(uow, caller, earlier)
                    await uow.commit()
                    return earlier, None
                if session is not None and _is_open(session, now):
                    outdated = self.carry_out.new(ExpireCheckout(session_id=session.id), caller.user_id, caller.user_id)
                    await uow.operations.add(outdated)
                    break
            operation = evolve(operation, command=wanted)
            await self.carry_out.write_down(uow, caller, operation)
            await uow.commit()
        return operation, outdated

    async def _trial_days(self, uow: UnitOfWork, caller: Caller, book: Book, plan: Plan, operation: Operation) -> int:
        """A person has one trial, ever: claimed here, before the provider is asked for anything."""
        if not plan.trial_days or had_trial(book.known.all(SubscriptionSeen)):
            return 0
        now = self.clock.now()
        claim = TrialClaim(
            id=operation.id,
            user_id=caller.user_id,
            marks=marks_of(caller.user_id, caller.email, self.email_key),
            claimed_at=now,
            look_at=now + LOOK_AFTER,
        )
        return plan.trial_days if await uow.trials.claim(claim) else 0


def _require_none_counts(book: Book) -> None:
    """One subscription per user that has not ended; past_due and incomplete count too (polar#5869)."""
    if any(seen.status not in TERMINAL for seen in book.known.all(SubscriptionSeen)):
        raise AlreadySubscribed


def _same_request(earlier: Operation, wanted: OpenSubscriptionCheckout) -> bool:
    command = earlier.command
    if not isinstance(command, OpenSubscriptionCheckout):
        return False
    return evolve(command, customer_id=None) == wanted


def _is_open(session: SessionSeen | None, now: datetime) -> bool:
    if session is None or session.status != "open":
        return False
    return session.expires_at is None or now < session.expires_at


async def _session(uow: UnitOfWork, session_id: str | None) -> SessionSeen | None:
    if session_id is None:
        return None
    for state in await uow.objects.get([ObjectRef(ObjectKind.SESSION, session_id)]):
        if isinstance(state.snapshot, SessionSeen):
            return state.snapshot
    return None
