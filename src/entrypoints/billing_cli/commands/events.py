"""`billing events`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from billing_bootstrap.application import Application
from billing_bootstrap.cursors import text_of
from billing_bootstrap.settings import OFFLINE
from billing_cli.asking import ask_first
from billing_cli.desk import opened
from billing_cli.failures import CommandFailed, WrongUsage
from billing_cli.options import CHANGING, LOOKING, Changing, Looking
from billing_cli.paging import LISTING, Listing
from billing_cli.printing import show_fields, show_json, show_rows
from billing_cli.progress import Bar
from billing_cli.reading import moment_of, need_moment
from billing_core.domain.received import Received, ReceivedState

__all__ = ["app"]

app = App(name="events", help="Received events: what became of them, and another try.")

_COLUMNS = ("event_id", "type", "state", "attempts", "created", "received_at", "error")


class EventRow(msgspec.Struct, frozen=True):
    """A received event and what became of it."""

    event_id: str
    type: str
    state: str
    attempts: int
    created: datetime
    received_at: datetime
    next_attempt_at: datetime | None
    waits_for: tuple[str, ...]
    error: str | None


class EventPage(msgspec.Struct, frozen=True):
    """A page of received events, newest first."""

    events: tuple[EventRow, ...]
    next_cursor: str | None


@app.command(name="list")
async def list_(*, state: ReceivedState | None = None, options: Listing = LISTING) -> None:
    """Received events, newest first.

    For example:

        billing events list
        billing events list --state parked

    Args:
        state: Only those in this state.
        options: How it is asked and shown.
    """
    async with opened(OFFLINE) as application:
        await _page(application, state, options)


@app.command
async def dead(*, options: Listing = LISTING) -> None:
    """Dead letters: events that failed too often. `billing events replay` tries one again.

    For example:

        billing events dead --json
    """
    async with opened(OFFLINE) as application:
        await _page(application, ReceivedState.DEAD, options)


async def _page(application: Application, state: ReceivedState | None, options: Listing) -> None:
    async with application.units() as uow:
        page = await uow.inbox.page(state, options.limit, options.after)
    found = EventPage(tuple(map(_row, page.rows)), text_of(page.next))
    if options.json:
        show_json(found)
    else:
        show_rows(found.events, _COLUMNS, none="There are none.")


@app.command
async def show(event_id: str, /, *, options: Looking = LOOKING) -> None:
    """One event: its state, attempts, error and payload.

    For example:

        billing events show evt_1NG8Du2eZvKYlo2CUI79vXWy --json
    """
    async with opened(OFFLINE) as application, application.units() as uow:
        received = await uow.inbox.get(event_id)
    if received is None:
        raise CommandFailed(f"No event {event_id!r} was received. `billing events list` shows the latest.")
    if options.json:
        payload = msgspec.Raw(received.payload) if received.payload else None
        show_json({**msgspec.structs.asdict(_row(received)), "payload": payload})
        return
    show_fields(_row(received))


@app.command
async def retry(*, options: Changing = CHANGING) -> None:
    """Apply now whatever is due: what was stored but not applied, and what failed and may be tried again.

    For example:

        billing events retry
    """
    ask_first("Apply all events that are due?", yes=options.yes)
    tried = 0
    async with opened() as application:
        while done := await application.retry_events(f"cli:{options.caller.user_id}"):
            tried += len(done)
    if options.json:
        show_json({"tried": tried})
    else:
        show_fields({"tried": tried})


@app.command
async def replay(
    event_id: str | None = None,
    /,
    *,
    state: ReceivedState | None = None,
    event_type: Annotated[str | None, Parameter(name="--type")] = None,
    since: str | None = None,
    options: Changing = CHANGING,
) -> int:
    """Apply one event now, whatever its state, or all that a query finds: dead letters after a repair.

    It ends with 1 where any of them failed again.

    For example:

        billing events replay evt_1NG8Du2eZvKYlo2CUI79vXWy
        billing events replay --state dead --type invoice.paid --since 2026-11-17

    Args:
        event_id: One event.
        state: All in this state; dead unless given.
        event_type: Only those of this type.
        since: Only those received since then.
        options: How it is asked and shown.
    """
    query, moment = (state, event_type, since), moment_of(since)
    if event_id is None and query == (None, None, None):
        raise WrongUsage("Which events? Give an id, or a query such as --state dead.")
    if event_id is not None and query != (None, None, None):
        raise WrongUsage("Give an id or a query, not both.")
    ask_first(f"Apply {event_id or 'all that the query finds'} again?", yes=options.yes)
    async with opened() as application:
        if event_id is not None:
            received = await application.replay_events(event_id)
            (show_json if options.json else show_fields)(_row(received))
            return _status_of([received])
        replayed = await application.replay_events.all(state or ReceivedState.DEAD, event_type=event_type, since=moment)
    rows = tuple(map(_row, replayed))
    if options.json:
        show_json({"events": rows})
    else:
        show_rows(rows, _COLUMNS, none="There are none.")
    return _status_of(replayed)


@app.command
async def republish(*, since: str, options: Changing = CHANGING) -> None:
    """Send again what was published since then: for a Redis that was lost. Consumers drop what they have seen.

    For example:

        billing events republish --since 2026-11-22T20:00:00Z

    Args:
        since: From this moment on; at most 30 days back, for so long it is kept.
        options: How it is asked and shown.
    """
    moment = need_moment(since)
    ask_first(f"Send everything published since {moment:%Y-%m-%d %H:%M:%S} UTC again?", yes=options.yes)
    async with opened(OFFLINE) as application:
        bar = Bar("events")
        marked = await application.publish_events.again(moment, lambda so_far: bar.show(0, 0, f"{so_far} events"))
        bar.clear()
    if options.json:
        show_json({"republished": marked})
    else:
        show_fields({"republished": marked})


def _row(received: Received) -> EventRow:
    return EventRow(
        event_id=received.event_id,
        type=received.type,
        state=received.state,
        attempts=received.attempts,
        created=received.created,
        received_at=received.received_at,
        next_attempt_at=received.next_attempt_at,
        waits_for=tuple(sorted(received.waits_for)),
        error=received.error,
    )


def _status_of(replayed: Iterable[Received]) -> int:
    return 1 if any(event.state in {ReceivedState.FAILED, ReceivedState.DEAD} for event in replayed) else 0
