"""A sandbox that dies while its clock is being advanced goes on where it was: nothing is billed twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe
from attrs import define, field

from tests.contract.sandbox_server import KEY, customer_with_card, monthly

MONTHS = 3


@define
class Hook:
    """Hears of everything, and ends the sandbox when it hears of this many paid invoices."""

    url: str = ""
    events: list[Any] = field(factory=list)
    ends: signal.Signals | None = None
    after: int = 0
    process: subprocess.Popen[str] | None = None

    def paid(self) -> list[Any]:
        """Each invoice that was told to be paid, once."""
        invoices = (one["data"]["object"] for one in self.events if one["type"] == "invoice.paid")
        return list({invoice["id"]: invoice for invoice in invoices}.values())

    def take(self, body: bytes) -> None:
        """An event."""
        self.events.append(json.loads(body))
        if self.ends is not None and self.process is not None and len(self.paid()) == self.after:
            os.kill(self.process.pid, self.ends)
            self.ends = None


@pytest.fixture
def hook() -> Iterator[Hook]:
    heard = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.take(self.rfile.read(int(self.headers["Content-Length"])))
            with suppress(OSError):  # whoever told is no more
                self.send_response(200)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is said."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        heard.url = f"http://127.0.0.1:{server.server_address[1]}/"
        yield heard
        server.shutdown()


@contextmanager
def sandbox(folder: Path, hook: Hook) -> Iterator[str]:
    """A sandbox as a process of its own, with its memory in ``folder``; its URL."""
    command = [sys.executable, "-m", "billing_sandbox", "--port", "0", "--data", str(folder), "--api-key", KEY]
    with subprocess.Popen(
        [*command, "--webhook-url", hook.url, "--webhook-secret", "whsec_1"], stdout=subprocess.PIPE, text=True
    ) as process:
        hook.process = process
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


def control(url: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """What the sandbox's control answers."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{url}/_sandbox/{path}", data) as answer:  # noqa: S310 - loopback
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_advance_that_is_broken_off_is_gone_on_with(hook: Hook, tmp_path: Path, number: signal.Signals) -> None:
    """Three months were asked for; it ends as the second invoice is told of. What was told then is not made anew."""
    with sandbox(tmp_path, hook) as url:
        v1: Any = stripe.StripeClient(KEY, base_addresses={"api": url}).v1
        customer = customer_with_card(v1)
        v1.subscriptions.create({"customer": customer.id, "items": [{"price": monthly(v1).id}]})
        begun = control(url, "clock")["now"]
        hook.ends, hook.after = number, 2
        with suppress(HTTPException, urllib.error.URLError, OSError):
            control(url, "advance", {"by": f"{MONTHS}mo"})
        assert hook.process is not None
        hook.process.wait(60)
    told = hook.paid()

    with sandbox(tmp_path, hook) as url:
        reached = control(url, "clock")["now"]
        control(url, "advance", {"to": max(begun + (MONTHS * 31) * 86400, reached)})
        control(url, "settle", {})
        invoices = stripe.StripeClient(KEY, base_addresses={"api": url}).v1.invoices.list().data

    assert reached >= max(invoice["created"] for invoice in told)
    starts = [invoice["lines"]["data"][0]["period"]["start"] for invoice in hook.paid()]
    assert len(starts) == len(set(starts)) == MONTHS + 1
    assert {invoice["id"] for invoice in told} <= {invoice.id for invoice in invoices}
