"""Calls over HTTP, as a client without any library would make them: for the sandbox's controls and for the demo."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from attrs import field, frozen

from billing_cli.failures import CommandFailed

__all__ = ["Answer", "Server"]

#: Advancing time by years takes a while.
_SECONDS_MAX = 300.0


@frozen
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON may hold
        """The body as JSON; None where it has none."""
        return json.loads(self.text) if self.text else None


@frozen
class Server:
    """A server that is asked without following redirects. Raises `CommandFailed` where it cannot be reached."""

    url: str
    #: What it is, for a person who has to start it.
    name: str
    headers: Mapping[str, str] = field(factory=dict)

    def get(self, path: str) -> Answer:
        """Ask for something."""
        return self._send("GET", path, b"", {})

    def send(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send JSON."""
        kind = {"Content-Type": "application/json"}
        return self._send(method, path, json.dumps({} if body is None else body).encode(), {**kind, **(headers or {})})

    def fill_in(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form, as a browser does."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, urlencode(fields).encode(), kind)

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=_SECONDS_MAX)
        try:
            # An id that somebody typed may hold anything; what is written in percent already stays so.
            target = quote(parts.path + path, safe="/?=&%:,+~")
            connection.request(method, target, body or None, {**self.headers, **headers})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise CommandFailed(f"{self.name} does not answer at {self.url} ({reason}). Is it running?") from error
        finally:
            connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
