"""A bill of more lines than an event shows: a worker asks for the rest, and what was paid for is open."""

from __future__ import annotations

from billing_core.domain.facts import ObjectKind
from tests.component.http.test_histories import HISTORIES, a_told_house, told_to
from tests.event_histories import MONTHS, told
from tests.lossy_histories import put_at_provider, reconciled
from tests.moved_histories import many_seats
from tests.told_over_http import at
from tests.unit.stripe.stripe_json import Obj


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


async def test_a_bill_that_was_stored_in_part_before_that_was_noticed_is_found_by_reconciling() -> None:
    """Nothing stored says that lines lack: what Stripe has is another bill."""
    house = await a_told_house()
    events = HISTORIES["more lines than an event shows"].events
    put_at_provider(house, [*events, told("invoice.updated", many_seats(13), MONTHS[2] + 3_606)], "ada")
    said = await told_to(house, [*map(without_a_word_of_more, events)], "ada")
    assert at(said, "platform.expires_at") == "2026-10-04T12:00:00Z"
    assert await house.application.settle_doubts() == 0

    found = await reconciled(house)

    assert ObjectKind.INVOICE in {one.ref.kind for one in found}
    assert at(await told_to(house, [], "ada"), "platform.expires_at") == "2026-11-04T12:00:00Z"
    assert await reconciled(house) == []


def without_a_word_of_more(event: Obj) -> Obj:
    """The event as it was read before: a bill that shows its first lines has no others."""
    shown = event["data"]["object"]
    if not shown.get("lines", {}).get("has_more"):
        return event
    return event | {"data": event["data"] | {"object": shown | {"lines": shown["lines"] | {"has_more": False}}}}
