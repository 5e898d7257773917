"""`billing reconcile` as a process that is broken off while Stripe is asked, and begun again: who is asked for then?"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from attrs import define, field

from billing_cli.main import main
from tests.contract.sandbox_server import KEY, Served
from tests.contract.serving import server_environ

#: A command needs none: what it changes is forgotten in a cache that is away as soon as its time is over.
NO_REDIS = "redis://127.0.0.1:1"
RECONCILE = ("reconcile", "--yes")
INTERRUPTED = "billing: Interrupted. What was done stays done, and a worker finishes what was begun at Stripe.\n"


@define
class Way:
    """A way to the sandbox that remembers which customer was asked for, and stops at one of them until told."""

    url: str = ""
    asked: list[str] = field(factory=list)
    stops_at: str = ""
    is_there: threading.Event = field(factory=threading.Event)
    goes_on: threading.Event = field(factory=threading.Event)

    def pass_by(self, path: str) -> None:
        """Somebody asks for this path."""
        parts = urlsplit(path)
        named = [parts.path.removeprefix("/v1/customers/"), *parse_qs(parts.query).get("customer", ())]
        for customer in (name.partition("/")[0] for name in named if name.startswith("cus_")):
            self.asked.append(customer)
            if customer == self.stops_at:
                self.is_there.set()
                self.goes_on.wait(60)


@contextmanager
def a_way_to(box: Served) -> Iterator[Way]:
    """A way to this sandbox."""
    way = Way()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            way.pass_by(self.path)
            request = urllib.request.Request(box.url + self.path, headers=dict(self.headers.items()))  # noqa: S310 - loopback
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
                body = answer.read()
            try:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # whoever asked is no more
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing is said."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        way.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield way
        way.goes_on.set()
        server.shutdown()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_reconciliation_that_is_broken_off_goes_on_where_it_was(
    stripe: Served,
    database_url: str,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody who is done is asked for again; after a kill somebody else may be at it, for as long as its lease."""
    customers = [stripe.v1.customers.create({"metadata": {"user_id": f"user-{number}"}}).id for _ in range(4)]
    with a_way_to(stripe) as way:
        environ = server_environ(database_url, NO_REDIS, STRIPE_SECRET_KEY=KEY, STRIPE_API_BASE=way.url)
        way.stops_at = customers[1]  # newest first: two of the four are done
        with subprocess.Popen(
            [sys.executable, "-m", "billing_cli", *RECONCILE],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as first:
            assert way.is_there.wait(60)
            first.send_signal(number)
            out, err = first.communicate(timeout=60)
        done, way.asked, way.stops_at = set(way.asked) - {customers[1]}, [], ""
        way.goes_on.set()

        def again() -> tuple[int, str, str]:
            """The status, and what is said; by this process, which is another one too."""
            status = main(RECONCILE)
            return (status, *capsys.readouterr())

        for name, value in environ.items():
            monkeypatch.setenv(name, value)

        if number is signal.SIGINT:
            assert (first.returncode, out, err) == (130, "", INTERRUPTED)
        else:
            assert (first.returncode, out, err) == (-9, "", "")
            status, out, err = again()
            assert (status, out, way.asked) == (1, "", [])
            assert "Another process is at the same reconciliation." in err
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("UPDATE reconciliations SET claimed_until = now() - interval '1 second'")
        status, out, err = again()

    assert (status, err) == (0, "")
    assert "It went on with the run that began at " in out
    assert set(customers[2:]) <= done
    assert set(way.asked) >= set(customers[:2])
    assert not done & set(way.asked)
