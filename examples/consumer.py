"""A consumer of billing events that misses nothing, across restarts, outages and a stream that was cut short.

    export BILLING_TOKEN="$(billing token consumer --role service)"
    python examples/consumer.py seen.db

REDIS_URL and BILLING_URL say where to read. All three come from the environment, as everybody on a machine can read
the arguments of its programs.

It reads the stream as one of a group, so Redis remembers what is not acknowledged. What it has handled is
remembered in its own database, in the transaction that holds the effect: an event that comes twice is
dropped by its version, and one that was skipped is fetched from the API before the next is handled.
"""

import json
import os
import sqlite3
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import redis

STREAM, GROUP = "billing:events", "example"

Event = dict[str, Any]
Handle = Callable[[sqlite3.Connection, Event], None]
Fetch = Callable[[str, int], Iterator[Event]]


class Consumer:
    """One of a group of consumers."""

    #: Entries of a consumer that has been silent for so long are taken over.
    abandoned_after_ms = 60_000

    def __init__(  # noqa: PLR0917 - an example shows its parts
        self,
        client: redis.Redis,
        database: sqlite3.Connection,
        fetch: Fetch,
        handle: Handle,
        name: str = "consumer-1",
        stream: str = STREAM,
    ) -> None:
        self.client, self.database, self.fetch, self.handle = client, database, fetch, handle
        self.name, self.stream = name, stream
        self.database.execute("CREATE TABLE IF NOT EXISTS seen (user_id TEXT PRIMARY KEY, version INTEGER NOT NULL)")
        try:
            # From the very first entry on: a group that begins at "$" would miss what came before it.
            self.client.xgroup_create(stream, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def run(self) -> None:
        """Handle events for ever."""
        self.handle_unfinished()
        while True:
            self.handle_new(block_ms=5_000)
            self.take_over_abandoned()

    def handle_unfinished(self) -> None:
        """What was given to this consumer before it was restarted, and not acknowledged."""
        while entries := self._read("0"):
            self._take(entries)

    def handle_new(self, block_ms: int | None = None) -> None:
        """What nobody of the group was given yet."""
        while entries := self._read(">", block_ms):
            self._take(entries)

    def take_over_abandoned(self) -> None:
        """What was given to a consumer that died."""
        claimed: Any = self.client.xautoclaim(self.stream, GROUP, self.name, self.abandoned_after_ms, count=100)
        self._take(claimed[1])

    def _read(self, after: str, block_ms: int | None = None) -> list[Any]:
        answer: Any = self.client.xreadgroup(GROUP, self.name, {self.stream: after}, count=100, block=block_ms)
        streams = list(answer.values()) if isinstance(answer, dict) else [entries for _, entries in answer or ()]
        return [entry for entries in streams for entry in entries]

    def _take(self, entries: list[Any]) -> None:
        for entry_id, fields in entries:
            if fields:  # an entry that the stream has dropped since comes without any: the API fills the gap
                self.take(json.loads(fields[b"event"]))
            self.client.xack(self.stream, GROUP, entry_id)

    def take(self, event: Event) -> None:
        """Handle one event, unless it was handled before, and all that were skipped before it."""
        last = self._last_version(event["user_id"])
        if event["version"] > last + 1:
            for missed in self.fetch(event["user_id"], last):
                self._handle_once(missed)
        self._handle_once(event)

    def _handle_once(self, event: Event) -> None:
        with self.database:  # the effect and the version: both or none
            self.database.execute("BEGIN IMMEDIATE")
            if event["version"] > self._last_version(event["user_id"]):
                self.handle(self.database, event)
                self.database.execute(
                    "INSERT INTO seen VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE SET version = excluded.version",
                    (event["user_id"], event["version"]),
                )

    def _last_version(self, user_id: str) -> int:
        row = self.database.execute("SELECT version FROM seen WHERE user_id = ?", (user_id,)).fetchone()
        return row[0] if row else 0


def fetch_from(api_url: str, token: str) -> Fetch:
    """A function that asks the API for a user's events above a version, oldest first."""

    def fetch(user_id: str, after_version: int) -> Iterator[Event]:
        query = {"user_id": user_id, "after_version": str(after_version), "limit": "100"}
        while True:
            url = f"{api_url}/api/events?{urllib.parse.urlencode(query)}"
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - ours
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the API's own address
                page = json.load(answer)
            yield from page["events"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    return fetch


def show(_database: sqlite3.Connection, event: Event) -> None:
    """What this example does with an event; write to the database that you are given, and it happens once."""
    sys.stdout.write(f"{event['user_id']} v{event['version']}: {event['type']} {json.dumps(event['data'])}\n")


if __name__ == "__main__":
    needed = [os.environ.get(name, "") for name in ("REDIS_URL", "BILLING_URL", "BILLING_TOKEN")]
    if len(sys.argv) != 2 or not all(needed):  # noqa: PLR2004 - the program and what it is given
        sys.exit("Give it a file to remember in, and set REDIS_URL, BILLING_URL and BILLING_TOKEN, a service's.")
    redis_url, api_url, token = needed
    Consumer(
        redis.Redis.from_url(redis_url, socket_timeout=10),
        sqlite3.connect(sys.argv[1], isolation_level=None),
        fetch_from(api_url, token),
        show,
    ).run()
