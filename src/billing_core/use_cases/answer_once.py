"""Answer once: one answer and one effect under an idempotency key, whichever process is asked, and however often."""

from __future__ import annotations

from attrs import evolve, frozen

from billing_core.domain.errors import ConcurrentChange, IdempotencyKeyReused, LockTimeout, OperationInProgress
from billing_core.domain.idempotency import KeptAnswer, KeyClaim, RequestKey, require_key
from billing_core.ports.clock import Clock
from billing_core.ports.ids import IdSource
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.patience import WAITS, Wait

__all__ = ["AnswerOnce"]


@frozen(kw_only=True)
class AnswerOnce:
    """Begin to answer a request under its key, and keep the answer."""

    units: UnitsOfWork
    #: Real time.
    clock: Clock
    ids: IdSource
    wait: Wait
    #: How long a twin waits for the first answer, in seconds between two looks.
    waits: tuple[float, ...] = WAITS

    async def begin(self, caller_id: str, key: str, request_hash: bytes) -> tuple[RequestKey, KeptAnswer | None]:
        """The key to answer under, or to make the answer that is given again under, and that answer if there is one.

        Whoever gets no answer has to `keep` theirs or to `give_up`. Raises `InvalidValue` for a malformed key,
        `IdempotencyKeyReused` where it is another request's, and `OperationInProgress` where another attempt has
        been at it for ten seconds.
        """
        request = RequestKey(caller_id=caller_id, key=require_key(key), holder=self.ids.new())
        for seconds in self.waits:
            claim = await self._claim(request, request_hash)
            if claim is not None:
                request = evolve(request, effect_id=claim.effect_id)
                if claim.request_hash != request_hash:
                    raise IdempotencyKeyReused
                if claim.granted or claim.answer is not None:
                    return request, claim.answer
            await self.wait(seconds)
        raise OperationInProgress

    async def keep(self, request: RequestKey, answer: KeptAnswer) -> None:
        """Keep the first answer, before anybody sees it. Raises `OperationInProgress` where another one is first."""
        async with self.units() as uow:
            kept = await uow.idempotency_keys.keep(request, answer)
            await uow.commit()
        if not kept:
            raise OperationInProgress

    async def give_up(self, request: RequestKey) -> None:
        """There is no answer to keep: the next attempt begins at once, with what this one did."""
        async with self.units() as uow:
            await uow.idempotency_keys.free(request)
            await uow.commit()

    async def _claim(self, request: RequestKey, request_hash: bytes) -> KeyClaim | None:
        """What is known of the key; None while another attempt is just writing it."""
        try:
            async with self.units() as uow:
                claim = await uow.idempotency_keys.claim(request, request_hash, self.clock.now())
                await uow.commit()
        except (LockTimeout, ConcurrentChange):
            return None
        return claim
