"""Connections: how much a client may send, how slowly, and how long it may leave our answers lying about.

Uvicorn's protocol bounds none of this. A request that comes whole, as nearly all do, costs a few comparisons here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar

import msgspec
import structlog
from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from billing_http.envelope import CSP, SECURITY_HEADERS, new_request_id
from billing_http.problems import Code, ProblemShape
from billing_http.room import connections_max, make_room
from billing_http.writing import JoinedWrites

__all__ = ["HEAD_BYTES_MAX", "BoundedConnection"]

#: Of the request line and all headers: a token of 8 KiB, the longest path and query, and as much again.
HEAD_BYTES_MAX = 32 * 1024
HEADERS_MAX = 100
#: Of a whole request as it is written, in chunks of whatever size: several times the largest body that anybody takes.
_REQUEST_BYTES_MAX = 8 * 1024 * 1024
_VERSIONS = frozenset({"1.0", "1.1"})
_MALFORMED, _TIMEOUT, _TOO_LARGE, _HEAD_TOO_LARGE = 400, 408, 413, 431
#: What is answered where no route was reached. Of what has no code of its own the request did not fit, and the status
#: is more exact: who does not know 408 or 431 takes it for 400, which goes with that code (RFC 9110, 15).
_CODES = {_TOO_LARGE: Code.PAYLOAD_TOO_LARGE}
_TITLES = {
    _MALFORMED: "This is no HTTP request",
    _TIMEOUT: "The request did not arrive in time",
    _TOO_LARGE: "The request is too large",
    _HEAD_TOO_LARGE: "The request line and its headers are too large",
}
#: What uvicorn says of a client's bytes: no warning of ours, for anybody may send what they like. It is told below.
_LOGGER = logging.getLogger("uvicorn.error.connections")
_LOGGER.setLevel(logging.ERROR)


class BoundedConnection(HttpToolsProtocol):
    """One connection: whoever sends too much or too slowly, or takes no answer, is told so if possible, and cut off."""

    #: Until a request line and its headers have to be there, from when the connection was opened or they began.
    head_seconds: ClassVar[float] = 10
    #: Until the body has to be there, from when it was first found to be incomplete.
    body_seconds: ClassVar[float] = 30
    #: Until a client has to take some of what is ready for it.
    taking_seconds: ClassVar[float] = 30
    #: How long what still comes in after a refusal is thrown away: closed at once, the refusal could get lost.
    lingering_seconds: ClassVar[float] = 2
    #: How many are open; beyond that those are closed whose client has been waited for longest.
    connections_max = staticmethod(connections_max)

    _latest = 0
    _received = 0
    _in_head = False
    _in_body = False
    _refusal = _MALFORMED
    _lingers = False
    _since = 0.0
    _timer: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin; its first request has to come soon."""
        self.logger = _LOGGER
        super().connection_made(JoinedWrites(transport, self.loop))
        self._timer = self.loop.call_later(self.head_seconds, self._too_slow)
        self._since = self.loop.time()
        make_room(self.connections, self.connections_max())  # type: ignore[arg-type]  # all are of this class

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_timer()
        self._stop_taking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is too much."""
        if self._lingers:
            return
        self._latest = len(data)
        self._received += self._latest
        super().data_received(data)
        if self.transport.is_closing() or self._lingers:
            return
        if self._in_head and self._received > HEAD_BYTES_MAX:
            self._refuse(_HEAD_TOO_LARGE)
        elif self._in_body and (self._received > _REQUEST_BYTES_MAX or len(self.headers) > HEADERS_MAX):
            self._refuse(_TOO_LARGE)
        elif self._timer is None and (self._in_head or self._in_body or self._is_idle()):
            self._begin_timer()

    def on_message_begin(self) -> None:
        """A request begins."""
        if self.cycle is not None:  # a later one has its own time, not what is left of the long one for asking nothing
            self._stop_timer()
        self._in_head, self._received = True, self._latest
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        # What came at once may be the body, too: only if it is much is each header measured.
        if self._received > HEAD_BYTES_MAX or len(self.headers) > HEADERS_MAX:
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > HEAD_BYTES_MAX or len(self.headers) > HEADERS_MAX:
                self._refusal = _HEAD_TOO_LARGE
                raise HttpParserError("The head is too large.")
        # RFC 9112, 3.2: a proxy and we might each believe another one of two.
        version, hosts = self.parser.get_http_version(), [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            raise HttpParserError("A request names one host.")
        if version not in _VERSIONS:
            raise HttpParserError("A request is of HTTP/1.1 or 1.0.")
        super().on_headers_complete()
        self._in_head, self._in_body = False, True
        self._stop_timer()  # the body has its own time
        self.headers = []  # what is said after a body is no header of it

    def on_message_complete(self) -> None:
        """It is there."""
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered, and reading goes on: what was not read meanwhile has its whole time from now on."""
        was_paused = self.flow.read_paused
        super().on_response_complete()
        if was_paused and self._timer is not None:
            self._begin_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words
        """Refuse what is no request, or was found to be too large."""
        self._refuse(self._refusal)

    def pause_writing(self) -> None:
        """What is ready was not taken yet."""
        super().pause_writing()
        self._taking = self.loop.call_later(self.taking_seconds, self._takes_nothing)

    def resume_writing(self) -> None:
        """It was."""
        self._stop_taking()
        super().resume_writing()

    def waits_since(self) -> float | None:
        """Since when the client is waited for; None while it is answered, or the connection is being closed."""
        if self.transport.is_closing() or self._lingers:
            return None
        if self.timeout_keep_alive_task is not None:
            return self.timeout_keep_alive_task.when() - self.timeout_keep_alive
        is_waited_for = self._is_idle() or (self._in_body and not self.flow.read_paused)
        return self._since if is_waited_for else None

    def give_way(self) -> None:
        """Close for another connection, as if this one's time was up."""
        self.connections.discard(self)
        if self._in_head or self._in_body:
            self._refuse(_TIMEOUT)
        else:
            self.transport.close()

    def _is_idle(self) -> bool:
        """Whether nothing is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _patience_seconds(self) -> float:
        """For what comes next: after an answer, whatever of its request came behind it, as long as after any other."""
        if self._in_body:
            return self.body_seconds
        return self.head_seconds if self._in_head else self.timeout_keep_alive

    def _begin_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self._patience_seconds(), self._too_slow)
        self._since = self.loop.time()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _takes_nothing(self) -> None:
        structlog.get_logger().info("connection_cut", reason="The client does not take its answers.")
        self.transport.abort()

    def _too_slow(self) -> None:
        self._timer = None
        if self.flow.read_paused:  # it is we who take our time
            self._begin_timer()
        elif self._in_head or self._in_body:
            self._refuse(_TIMEOUT)
        else:  # nothing was asked
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Close, and say why where no answer to something else is under way."""
        structlog.get_logger().info("connection_cut", status=status, reason=_TITLES[status])
        waits_for_body = self._in_body and not self.pipeline and not self.cycle.response_started
        if waits_for_body or (not self._in_body and self._is_idle()):
            self.transport.write(_answer(status))
        if waits_for_body:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if status == _TOO_LARGE and (waits_for_body or self._is_idle()):  # else somebody still writes an answer
            self._linger()
        else:
            self.transport.close()

    def _linger(self) -> None:
        """Say that nothing more is said, and close once the client has read that, or after a while."""
        if self.transport.is_closing() or self.transport.get_write_buffer_size() > 0:  # who takes nothing reads nothing
            self.transport.close()
            return
        self._stop_timer()
        self._lingers = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(self.lingering_seconds, self.transport.close)


def _answer(status: int) -> bytes:
    code = _CODES.get(status, Code.VALIDATION_FAILED)
    title = _TITLES[status]
    problem = ProblemShape(f"urn:billing:problem:{code}", title, status, f"{title}.", "", code)
    body = msgspec.json.encode(problem)
    headers = (
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", new_request_id()),
        *SECURITY_HEADERS,
        CSP,
    )
    return STATUS_LINE[status] + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n" + body
