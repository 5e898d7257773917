"""Events, for services that must miss nothing."""

from __future__ import annotations

from litestar import Controller, get

from billing_http import examples
from billing_http.answering import Answer, answer
from billing_http.operations import Operation, caller_of, described
from billing_http.parameters import App
from billing_http.problems import Code
from billing_http.reading import AnyRequest, read_query
from billing_http.requests import EventsQuery
from billing_http.shapes import EventsShape, event

__all__ = ["Events"]


class Events(Controller):
    """``/api/events``."""

    path = "/events"

    @get(
        "/",
        opt=described(
            Operation(
                id="list_events",
                summary="What was published in the last 30 days, oldest first",
                description="For services and support staff: to fill a gap seen in `version`. Of one user, or of"
                " everybody.",
                query=EventsQuery,
                answer=EventsShape,
                example={"events": [examples.EVENT], "next_cursor": None},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def all(self, request: AnyRequest, application: App) -> Answer:
        """A page of events."""
        query = read_query(request, EventsQuery)
        found = await application.list_events(
            caller_of(request),
            user_id=query.user_id,
            after_version=query.after_version,
            limit=query.limit,
            after_id=query.cursor,
        )
        return answer(EventsShape(tuple(map(event, found.events)), found.next_id))
