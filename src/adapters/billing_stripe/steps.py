"""The steps of one operation: each a request under a key of its own, each answer a fact."""

from __future__ import annotations

import stripe

from billing_core.domain.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable
from billing_core.domain.facts import ANSWER, Fact, ObjectKind, ObjectRef
from billing_core.domain.operations import Answer, Operation
from billing_stripe.api import Call, Reply, StripeApi
from billing_stripe.permissions import Permission
from billing_stripe.retrievals import fact_of, retrieve

__all__ = ["MAIN", "Steps"]

#: The step that an operation is about: its key is the operation's own, the others' are derived from it.
MAIN = ""


class Steps:
    """Carries out the steps of ``operation`` and collects what Stripe answered."""

    def __init__(self, api: StripeApi, operation: Operation) -> None:
        self.api = api
        self.operation = operation
        self._facts: dict[ObjectRef, Fact] = {}
        self._changed = False

    async def change(self, step: str, call: Call, kind: ObjectKind | None, needs: Permission) -> Reply:
        """Make the request of one step and note what it tells about an object of ``kind``; None is of no kind of ours.

        The reply is Stripe's first answer to the step's key, also when it is repeated, so that what a later
        step derives from it is the same each time. Raises `ProviderRefused`, `ProviderUnavailable` while
        nothing was changed yet, and `OutcomeUnknown`.
        """
        key = self.operation.idempotency_key
        try:
            reply = await self.api.change(call, key=f"{key}:{step}" if step else key, needs=needs)
            self._changed = True
            if kind is not None:
                await self._note_answer(step, kind, reply)
        except ProviderUnavailable as error:
            if self._changed:
                raise OutcomeUnknown(error.message) from error
            raise
        return reply

    async def change_silently(self, step: str, call: Call, needs: Permission) -> None:
        """Like `change`, for what is no object of ours: a later step shows what it did."""
        try:
            await self.api.change(call, key=f"{self.operation.idempotency_key}:{step}", needs=needs)
            self._changed = True
        except ProviderUnavailable as error:
            if self._changed:
                raise OutcomeUnknown(error.message) from error
            raise

    async def note(self, step: str, ref: ObjectRef) -> Reply | None:
        """Look an object up and note it, where a step found it to be as wanted already; None where there is none."""
        try:
            reply = await retrieve(self.api, ref)
            if reply is not None:
                await self._note(step, ref.kind, reply)
        except ProviderUnavailable as error:
            if self._changed:
                raise OutcomeUnknown(error.message) from error
            raise
        return reply

    async def change_unless(
        self, step: str, call: Call, ref: ObjectRef, needs: Permission, *, statuses: frozenset[str]
    ) -> Reply:
        """Like `change`, but a refusal counts as done where the object is in one of ``statuses`` already."""
        try:
            return await self.change(step, call, ref.kind, needs)
        except ProviderRefused as refusal:
            if not isinstance(refusal.__cause__, stripe.InvalidRequestError):
                raise  # it was not the object's state that was in the way
            found = await self.note(step, ref)
            if found is None or found.json.text("status") not in statuses:
                raise
            return found

    def answer(self, result_id: str, *, secret: str | None = None) -> Answer:
        """Everything that was answered, once all steps are done; ``secret`` is for the owner alone."""
        return Answer(facts=tuple(self._facts.values()), result_id=result_id, secret=secret)

    async def _note_answer(self, step: str, kind: ObjectKind, reply: Reply) -> None:
        """A repeated answer shows the object as it was the first time: what it is now has to be asked."""
        if reply.replayed:
            ref = ObjectRef(kind, reply.json.need_identity())
            if await self.note(step, ref) is not None:
                return
        await self._note(step, kind, reply)

    async def _note(self, step: str, kind: ObjectKind, reply: Reply) -> None:
        ref = ObjectRef(kind, reply.json.need_identity())
        identity = f"answer:{self.operation.id}:{step or self.operation.name}:{ref.id}"
        self._facts[ref] = await fact_of(self.api, kind, reply, identity=identity, fact_type=ANSWER)
