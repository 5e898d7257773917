"""A bill of more lines than an event shows: a worker asks for the rest, and what was paid for is open."""

from __future__ import annotations

from tests.component.http.test_histories import HISTORIES, a_told_house, told_to
from tests.event_histories import MONTHS, told
from tests.lossy_histories import put_at_provider
from tests.moved_histories import many_seats
from tests.told_over_http import at


async def test_what_a_bill_was_for_is_asked_where_its_event_does_not_show_it() -> None:
    """Of October's 13 lines the event shows ten, of changes of seats; the month itself is the last of them."""
    house, paid_at = await a_told_house(), MONTHS[2] + 3_605
    events = HISTORIES["more lines than an event shows"].events
    put_at_provider(house, [*events, told("invoice.updated", many_seats(13), paid_at + 1)], "ada")

    said = await told_to(house, events, "ada")
    assert at(said, "platform.expires_at") == "2026-10-04T12:00:00Z"  # as far as it shows: September, and the slack

    assert await house.application.settle_doubts() == 1
    assert at(await told_to(house, [], "ada"), "platform.expires_at") == "2026-11-04T12:00:00Z"
    assert await house.application.settle_doubts() == 0

    later = int(house.clock.now().timestamp()) + 1
    again = told("invoice.updated", many_seats(10) | {"number": "B-1"}, later, {"number": "A-0003"})
    said = await told_to(house, [again], "ada")
    assert at(said, "platform.expires_at") == "2026-11-04T12:00:00Z"
    assert await house.application.settle_doubts() == 0
