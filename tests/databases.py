"""Databases for tests: made under names of their own on whatever server is given, cloned cheaply, and dropped."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import redis
from psycopg import sql

#: Marks a Redis database as taken by a run of the tests; it lives on only where a run was killed.
REDIS_MARK = "billing-tests"

#: How many numbered databases a Redis has unless told otherwise.
REDIS_DATABASES = 16


def at_database(url: str, name: str) -> str:
    """The same server's URL for another database."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/{name}{query}"


@contextmanager
def fresh_database(server_url: str, *, template: str = "template1") -> Iterator[str]:
    """Makes a database as a copy of the template, gives its URL, and drops it afterwards, whoever is connected."""
    name = f"billing_test_{uuid4().hex[:12]}"
    # File by file: nobody writes to a template, and through the log it would take twice the processor.
    _run(server_url, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
    try:
        yield at_database(server_url, name)
    finally:
        _run(server_url, "DROP DATABASE {} WITH (FORCE)", name)


def _run(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def empty_redis_database(server_url: str) -> Iterator[str]:
    """Takes a numbered database that holds nothing, gives its URL, and empties it afterwards.

    Channels of pub/sub are shared by all databases of a server: tests name theirs uniquely.

    Raises:
        LookupError: every database of the server holds keys.
    """
    for number in reversed(range(REDIS_DATABASES)):
        url = at_database(server_url, str(number))
        with redis.Redis.from_url(url) as client:
            if client.dbsize() == 0 and client.set(REDIS_MARK, "taken", nx=True):
                try:
                    yield url
                finally:
                    client.flushdb()
                return
    raise LookupError(f"all {REDIS_DATABASES} databases of TEST_REDIS_URL hold keys: empty one, or give another server")
