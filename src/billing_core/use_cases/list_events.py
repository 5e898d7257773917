"""List events: what was told, for a consumer that saw a gap."""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.callers import Caller
from billing_core.domain.errors import Forbidden, InvalidValue, NotFound
from billing_core.domain.events import Event
from billing_core.domain.ids import require_uuid
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["EventsPage", "ListEvents"]


@frozen
class EventsPage:
    """Some events, oldest first, and the id of the last where there are more."""

    events: tuple[Event, ...]
    next_id: str | None


@frozen(kw_only=True)
class ListEvents:
    """Read what was published in the last 30 days, and what is about to be."""

    units: UnitsOfWork

    async def __call__(
        self, caller: Caller, *, user_id: str | None, after_version: int, limit: int, after_id: str | None
    ) -> EventsPage:
        """A page of a user's events above ``after_version``, or of everybody's, from beyond ``after_id``.

        Raises `Forbidden` for anyone but services and support staff, and `InvalidValue` for an ``after_id`` that
        no page ended with.
        """
        if not caller.roles:
            raise Forbidden("Only services and support staff may read events.")
        async with self.units() as uow:
            found = await uow.outbox.of_user(user_id, after_version, limit + 1, _id(after_id))
        events = found[:limit]
        return EventsPage(events, events[-1].id if len(found) > limit else None)


def _id(cursor: str | None) -> str:
    if cursor is None:
        return ""
    try:
        return require_uuid(cursor)
    except NotFound:
        raise InvalidValue(
            "This cursor was never given out. Leave it out to begin at the oldest.", field="cursor"
        ) from None
