"""`billing demo` against an API that is not as it should be: it says which step, and ends with 1."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.component.cli.conftest import Billing

FREE = {"id": "basic-monthly", "price": {"amount": 0, "currency": "usd"}}


class WrongApi(BaseHTTPRequestHandler):
    """Sells Basic for nothing."""

    def do_GET(self) -> None:
        body = json.dumps({"plans": [FREE]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the class above
        """Nothing is said of each request."""


@pytest.fixture
def wrong_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Its port, and an environment that points there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), WrongApi) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        monkeypatch.setenv("BILLING_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("JWT_SECRET", "a-secret-of-more-than-thirty-two-bytes")
        yield port
        server.shutdown()


def test_a_step_that_is_not_as_it_should_be_ends_the_story(billing: Billing, wrong_api: int) -> None:
    ended = billing("demo", "--port", str(wrong_api))

    assert ended.status == 1
    assert ended.out.startswith(" 1. learner-")
    assert ended.err.startswith("billing: step 1 (learner-")
    assert "the price of Basic should be {'amount': 900, 'currency': 'usd'}, but is {'amount': 0" in ended.err


def test_a_live_key_is_refused(billing: Billing, wrong_api: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_0123456789abcdef")

    ended = billing("demo", "--port", str(wrong_api))

    assert (ended.status, ended.out) == (1, "")
    assert "STRIPE_SECRET_KEY is a live key" in ended.err


def test_a_port_where_nothing_listens_is_named(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BILLING_URL", raising=False)

    ended = billing("demo", "--port", "1")

    assert ended.err == (
        "billing: No `billing dev` of yours listens on port 1: start it, or name another port with --port.\n"
    )
