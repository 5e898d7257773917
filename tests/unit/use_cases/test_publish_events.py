"""Publishing: what the outbox holds is sent once, and again where it is asked for."""

from tests.builders import ANN, day
from tests.component.http.house import House


async def test_what_was_published_is_sent_again_from_the_moment_that_is_named(house: House) -> None:
    """Two events at first; a consumer that has seen them drops them by their version."""
    await house.subscribes(ANN)
    publish = house.application.publish_events
    sent = await publish("worker")
    first = list(house.publisher.published)

    assert await publish("worker") == 0
    assert await publish.again(house.clock.now()) == sent
    assert await publish("worker") == sent
    assert house.publisher.published == [*first, *first]


async def test_what_was_published_before_that_moment_is_not_sent_again(house: House) -> None:
    await house.subscribes(ANN)
    await house.application.publish_events("worker")

    assert await house.application.publish_events.again(day(1)) == 0
