"""Calls of the command line to a server: what somebody types is no part of the protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from attrs import frozen

from billing_cli.calls import Server


@frozen
class Heard:
    """A server that remembers what it was asked for."""

    url: str
    paths: list[str]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """One on loopback."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is said."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Heard(f"http://127.0.0.1:{server.server_address[1]}", paths)
        server.shutdown()


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("/disputes/du_…/close", "/disputes/du_%E2%80%A6/close"),
        ("/disputes/du 1\r\nX: y/close", "/disputes/du%201%0D%0AX:%20y/close"),
        ("/list?limit=1&cursor=a%2Fb", "/list?limit=1&cursor=a%2Fb"),
    ],
)
def test_whatever_is_typed_is_asked_for(heard: Heard, typed: str, asked: str) -> None:
    """The ids that help shows end in "…": who types them reads that there is no such thing, and no traceback."""
    assert Server(heard.url, "It").get(typed).status == 404
    assert heard.paths == [asked]
