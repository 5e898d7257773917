"""The example consumer misses nothing and does nothing twice, whatever goes wrong."""

import importlib.util
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import redis
from attrs import define, field

from billing_contracts.examples import event
from billing_core.domain.events import Event
from billing_redis import RedisEventPublisher, RedisLink, open_redis
from billing_redis.publisher import event_json

PAGE = 2


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The example as a module, though it is none."""
    path = Path(__file__).parents[2] / "examples" / "consumer.py"
    spec = importlib.util.spec_from_file_location("consumer_example", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@define
class Api:
    """``GET /api/events`` of a service that has told these events; remembers what it was asked."""

    events: list[Event] = field(factory=list)
    asked: list[str] = field(factory=list)

    def page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """A page of the events above a version."""
        (user_id,), (after,) = query["user_id"], query["after_version"]
        self.asked.append(f"{user_id} after {after}")
        begin = int(query.get("cursor", ["0"])[0])
        found = [one for one in self.events if one.user_id == user_id and one.version > int(after)]
        more = begin + PAGE < len(found)
        shown = [json.loads(event_json(one)) for one in found[begin : begin + PAGE]]
        return {"events": shown, "next_cursor": str(begin + PAGE) if more else None}


@contextmanager
def _serving(api: Api) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(api.page(parse_qs(urlsplit(self.path).query))).encode()
            self.send_response(200 if self.headers["Authorization"] == "Bearer token" else 401)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@define
class Scene:
    """A consumer with its surroundings, which outlive it."""

    example: ModuleType
    link: RedisLink
    prefix: str
    client: redis.Redis
    database: sqlite3.Connection
    api: Api
    api_url: str
    #: Whether the next handling fails after its effect, as a crash would.
    crash: bool = False

    async def publish(self, *events: Event, stream_length_max: int = 1000) -> None:
        """The service tells these events."""
        self.api.events += [one for one in events if one not in self.api.events]
        await RedisEventPublisher(self.link, prefix=self.prefix, stream_length_max=stream_length_max).publish(events)

    def consumer(self, name: str = "consumer-1") -> Any:  # noqa: ANN401 - the example's own class
        """A consumer that begins, or begins again."""

        def handle(database: sqlite3.Connection, told: dict[str, Any]) -> None:
            database.execute("INSERT INTO effects VALUES (?)", (f"{told['user_id']} v{told['version']}",))
            if self.crash:
                self.crash = False
                raise SystemExit

        fetch = self.example.fetch_from(self.api_url, "token")
        return self.example.Consumer(self.client, self.database, fetch, handle, name, f"{self.prefix}:events")

    def effects(self) -> list[str]:
        """What was done, in order."""
        return [row[0] for row in self.database.execute("SELECT what FROM effects ORDER BY rowid")]


@pytest.fixture
async def scene(example: ModuleType, redis_url: str) -> AsyncIterator[Scene]:
    """A stream with nothing in it."""
    link, api = open_redis(redis_url, timeout_seconds=5), Api()
    with (
        _serving(api) as api_url,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as database,
        redis.Redis.from_url(redis_url) as client,
    ):
        database.execute("CREATE TABLE effects (what TEXT)")
        yield Scene(example, link, f"billing-{uuid4()}", client, database, api, api_url)
    await link.close()


async def test_events_are_handled_in_order(scene: Scene) -> None:
    """Also those that were published before the first consumer began."""
    await scene.publish(event(1), event(1, user_id="user-2"), event(2))
    scene.consumer().handle_new()
    assert scene.effects() == ["user-1 v1", "user-2 v1", "user-1 v2"]
    assert scene.api.asked == []


async def test_an_event_that_comes_twice_is_handled_once(scene: Scene) -> None:
    """Publishing is at least once."""
    await scene.publish(event(1), event(2))
    await scene.publish(event(1), event(2), event(3))
    scene.consumer().handle_new()
    assert scene.effects() == ["user-1 v1", "user-1 v2", "user-1 v3"]


async def test_a_restart_goes_on_where_it_was(scene: Scene) -> None:
    """What came meanwhile is waiting."""
    await scene.publish(event(1))
    scene.consumer().handle_new()
    await scene.publish(event(2))
    again = scene.consumer()
    again.handle_unfinished()
    again.handle_new()
    assert scene.effects() == ["user-1 v1", "user-1 v2"]


async def test_a_crash_in_the_middle_does_nothing_twice(scene: Scene) -> None:
    """The effect is undone with the version, and done again by the one that begins anew."""
    await scene.publish(event(1), event(2))
    scene.crash = True
    with pytest.raises(SystemExit):
        scene.consumer().handle_new()
    assert scene.effects() == []
    scene.consumer().handle_unfinished()
    assert scene.effects() == ["user-1 v1", "user-1 v2"]


async def test_the_work_of_a_consumer_that_died_is_taken_over(scene: Scene) -> None:
    """By another one of the group, once it has been silent for long enough."""
    await scene.publish(event(1))
    scene.crash = True
    with pytest.raises(SystemExit):
        scene.consumer("consumer-1").handle_new()
    other = scene.consumer("consumer-2")
    other.abandoned_after_ms = 0
    other.take_over_abandoned()
    assert scene.effects() == ["user-1 v1"]


async def test_a_gap_is_filled_from_the_api(scene: Scene) -> None:
    """Such as when Redis lost its memory; page by page, before what comes next."""
    scene.api.events = [event(version) for version in range(1, 6)]
    await scene.publish(event(6))
    scene.consumer().handle_new()
    assert scene.effects() == [f"user-1 v{version}" for version in range(1, 7)]
    assert scene.api.asked[0] == "user-1 after 0"


async def test_a_stream_that_was_cut_short_loses_nothing(scene: Scene) -> None:
    """What was dropped while nobody read is asked of the API."""
    begun = scene.consumer()
    await scene.publish(event(1))
    begun.handle_new()
    await scene.publish(*(event(version) for version in range(2, 300)))
    scene.client.xtrim(f"{scene.prefix}:events", maxlen=1, approximate=False)
    begun.handle_new()
    assert scene.effects() == [f"user-1 v{version}" for version in range(1, 300)]


async def test_what_was_given_and_then_dropped_is_not_lost(scene: Scene) -> None:
    """A consumer that begins anew finds an empty entry, and the next one shows the gap."""
    await scene.publish(event(1), event(2))
    scene.crash = True
    with pytest.raises(SystemExit):
        scene.consumer().handle_new()
    scene.client.xtrim(f"{scene.prefix}:events", maxlen=0, approximate=False)
    await scene.publish(event(3))
    again = scene.consumer()
    again.handle_unfinished()
    again.handle_new()
    assert scene.effects() == ["user-1 v1", "user-1 v2", "user-1 v3"]
