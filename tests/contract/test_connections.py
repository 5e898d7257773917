"""What a connection bounds: requests that are too large or too slow, answers that nobody takes. On real sockets."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator

import pytest
from attrs import field, frozen
from litestar.types import Receive, Scope, Send

from billing_bootstrap.settings import Settings
from billing_http.connections import HEAD_BYTES_MAX, BoundedConnection
from billing_http.server import config_of
from tests.contract.peers import HEALTH, LAST, POST, WEBHOOK, Patient, Peer, answers, served_by

HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"


class Impatient(BoundedConnection):
    """A connection that waits for nobody."""

    head_seconds = 0.05
    body_seconds = 0.05
    taking_seconds = 0.05


@frozen
class Holding:
    """An application that begins no answer at ``/held`` until it is let go."""

    let_go: asyncio.Event = field(factory=asyncio.Event)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/held":
            await self.let_go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.fixture(scope="module")
async def peer() -> AsyncIterator[Peer]:
    """Somebody to speak to who has time."""
    async for one in served_by(Patient):
        yield one


@pytest.fixture(scope="module")
async def impatient() -> AsyncIterator[Peer]:
    """Somebody to speak to who has none."""
    async for one in served_by(Impatient):
        yield one


@pytest.fixture(scope="module")
async def keeping() -> AsyncIterator[Peer]:
    """Somebody who has no time, but keeps a connection that was of use."""
    async for one in served_by(Impatient, kept_seconds=60):
        yield one


@pytest.fixture
def holding() -> Holding:
    """An application that takes its time."""
    return Holding()


@pytest.fixture
async def before(holding: Holding) -> AsyncIterator[Peer]:
    """Somebody in front of it who has none."""
    async for one in served_by(Impatient, app=holding):
        yield one
        holding.let_go.set()  # or the server would not end where a test failed


def refusal(told: bytes) -> tuple[int, str]:
    """Status and code of the only answer, which is a problem with all that an answer carries."""
    ((status, headers, problem),) = answers(told)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers["x-request-id"]) == 32
    assert headers["connection"] == "close"
    assert problem["status"] == status
    return status, problem["code"]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(HEALTH + b"X-Long: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n", id="a-long-header"),
        pytest.param(HEALTH + b"X-Long: " + b"a" * HEAD_BYTES_MAX, id="a-long-header-without-an-end"),
        pytest.param(b"GET /" + b"a" * HEAD_BYTES_MAX + b" HTTP/1.1\r\n\r\n", id="a-long-path"),
        pytest.param(HEALTH + b"".join(b"X-%d: 1\r\n" % place for place in range(101)) + b"\r\n", id="many-headers"),
        pytest.param(HEALTH + b"X: 1\r\n" * 20_000, id="headers-without-end"),
    ],
)
async def test_a_head_that_is_too_large_is_refused(peer: Peer, head: bytes) -> None:
    """As a request that does not fit. Its body is not too large: whoever made that smaller would mend nothing."""
    assert refusal(await peer.say(head)) == (431, "validation_failed")


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no-http"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="tls"),
        pytest.param(b"GET /api/health/live\r\n\r\n", id="http-0.9"),
        pytest.param(b"GET /api/health/live HTTP/1.2\r\nHost: x\r\n\r\n", id="http-1.2"),
        pytest.param(b"GET /api/health/live HTTP/2.0\r\nHost: x\r\n\r\n", id="http-2-without-its-preface"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="http-2"),
        pytest.param(b"GET /api/health/live HTTP/1.1\r\nX\x00: 1\r\n\r\n", id="a-nul-in-a-name"),
        pytest.param(b"GET /api/health/live HTTP/1.1\r\nX: 1\r\n Y: 2\r\n\r\n", id="a-folded-header"),
        pytest.param(HEALTH + b"Host: y\r\n\r\n", id="two-hosts"),
        pytest.param(b"GET /api/health/live HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(HEALTH + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", id="two-lengths"),
        pytest.param(HEALTH + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", id="two-ways-to-end"),
        pytest.param(HEALTH + b"Content-Length: -1\r\n\r\n", id="less-than-nothing"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="a-chunk-of-no-size"),
        pytest.param("GET /api/é HTTP/1.1\r\n\r\n".encode(), id="a-path-that-is-not-ascii"),
        pytest.param(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", id="a-tunnel"),
    ],
)
async def test_what_is_no_request_of_ours_is_told_so(
    peer: Peer, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """And nobody is warned in the log: anybody may send what they like."""
    status, code = refusal(await peer.say(request_))
    assert (status, code) == (400, "validation_failed")
    assert not caplog.records


async def test_whoever_trickles_a_head_is_cut_off(impatient: Peer) -> None:
    assert refusal(await impatient.say(HEALTH)) == (408, "validation_failed")


@pytest.mark.parametrize("length", [b"Content-Length: 99\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n9\r\n"])
async def test_whoever_trickles_a_body_is_cut_off(impatient: Peer, length: bytes) -> None:
    """Also where the answer does not wait for it: without a token nothing of it is read."""
    ((status, _, _),) = answers(await impatient.say(POST + length, b"{"))
    assert status == 401


async def test_whoever_trickles_a_webhook_is_told_why(impatient: Peer) -> None:
    assert refusal(await impatient.say(WEBHOOK + b"Content-Length: 99\r\n\r\n", b"{")) == (408, "validation_failed")


@pytest.mark.parametrize("said", [b"", b"\r\n"])
async def test_whoever_asks_nothing_is_cut_off(impatient: Peer, said: bytes) -> None:
    assert await impatient.say(said) == b""


@pytest.mark.parametrize("behind", [b"{}", b"{}\r\n"])
async def test_an_answered_connection_is_kept_though_what_was_asked_came_after_the_answer(
    keeping: Peer, behind: bytes
) -> None:
    """As where too much is going on: it is refused before its body is read, and tried again on the same connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", keeping.port)
    writer.write(POST + b"Content-Length: 2\r\n\r\n")
    assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 401")
    writer.write(behind)
    assert await keeping.say(b"") == b""  # whoever came later and asked nothing has been cut off meanwhile

    writer.write(LAST)

    ((status, _, _),) = answers(await reader.read())
    assert status == 200
    writer.close()


@pytest.mark.parametrize("before", [b"", b"\r\n"])
async def test_whoever_trickles_a_later_head_is_cut_off_as_soon(keeping: Peer, before: bytes) -> None:
    """Also behind an empty line, after which whoever asks nothing is kept for as long as after an answer."""
    async with keeping.line() as (reader, writer):
        writer.write(HEALTH + b"\r\n")
        await reader.readuntil(b"}")
        writer.write(before)
        await keeping.say(LAST)  # who came later has been answered: what was said before has been read

        writer.write(HEALTH)

        assert refusal(await reader.read()) == (408, "validation_failed")


def test_a_balancer_in_front_gives_an_idle_connection_up_before_we_do() -> None:
    """Who asks at the moment when the other one closes gets no answer. Google's keeps them longest: ten minutes."""
    assert config_of(Settings(), host="127.0.0.1", port=8000, workers=1).timeout_keep_alive > 600


async def test_chunks_without_end_are_cut_off(peer: Peer) -> None:
    """However small each is: what is counted is what was sent."""
    chunks = b"1\r\n \r\n" * 1_500_000
    parts = [chunks[at : at + 65536] for at in range(0, len(chunks), 65536)]

    ((status, _, _),) = answers(await peer.say(WEBHOOK + b"Transfer-Encoding: chunked\r\n\r\n", *parts))

    assert status == 413


async def test_whoever_sends_far_too_much_still_reads_why(peer: Peer) -> None:
    """Closed while more is on its way, the connection would be reset, and the answer lost with it."""
    told = await peer.say(WEBHOOK + b"Content-Length: 20000000\r\n\r\n", *[b"a" * 1_000_000] * 20)

    ((status, _, problem),) = answers(told)
    assert (status, problem["code"]) == (413, "payload_too_large")


async def test_what_follows_a_body_is_no_header(peer: Peer) -> None:
    """Or somebody behind a proxy that checks headers would get one past it."""
    trailer = b"0\r\nStripe-Signature: t=2,v1=11\r\n\r\n"
    told = await peer.say(WEBHOOK + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n" + trailer)
    ((status, _, _),) = answers(told)
    assert status == 400


async def test_several_requests_in_one_go_are_answered_in_order(peer: Peer) -> None:
    told = await peer.say(HEALTH + b"\r\n" + b"GET /api/nothing HTTP/1.1\r\nHost: x\r\n\r\n" + LAST)
    assert [status for status, _, _ in answers(told)] == [200, 404, 200]


@pytest.mark.parametrize("held_up_seconds", [0, 0.1])
async def test_the_time_in_which_we_do_not_read_is_not_taken_for_the_clients(
    holding: Holding, before: Peer, held_up_seconds: float
) -> None:
    """Behind what is being answered others are left lying. Once we read on, they have their time, and all of it."""
    begun, rest = LAST[:20], LAST[20:]
    async with before.line() as (reader, writer):
        writer.write(HELD + HEALTH + b"\r\n" + begun)
        assert await before.say(b"") == b""  # whoever came later and asked nothing has been cut off meanwhile

        writer.write(rest)
        holding.let_go.set()
        time.sleep(held_up_seconds)  # noqa: ASYNC251 - the whole process, so that the time is over as we read on

        assert [status for status, _, _ in answers(await reader.read())] == [200, 200, 200]


async def test_a_refusal_behind_what_is_being_answered_leaves_no_error_behind(
    holding: Holding, before: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """Only where nothing else is to be said is a connection kept open, so that the client reads why."""
    trailers = b"0\r\n" + b"".join(b"X-%d: 1\r\n" % place for place in range(150))
    assert await before.say(HELD + WEBHOOK + b"Transfer-Encoding: chunked\r\n\r\n" + trailers) == b""

    holding.let_go.set()
    await before.say(LAST)  # once this is answered, what was held has been

    assert not caplog.records


@pytest.mark.parametrize("path", [b"/api/health/live", b"/api/subscriptions/plans", b"/api/schema", b"/api/nothing"])
async def test_head_is_answered_without_a_body_and_the_connection_goes_on(peer: Peer, path: bytes) -> None:
    """A length is told that nothing of follows, by the fast lane too: the next answer stands right behind."""
    told = await peer.say(b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n" + LAST)
    head, _, rest = told.partition(b"\r\n\r\n")
    assert re.search(rb"content-length: [1-9]", head)
    assert [status for status, _, _ in answers(rest)] == [200]


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
async def test_another_protocol_is_not_taken_up(peer: Peer, upgrade: bytes, caplog: pytest.LogCaptureFixture) -> None:
    asked = HEALTH + b"Connection: Upgrade\r\nUpgrade: " + upgrade + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ((status, headers, _),) = answers(await peer.say(asked))
    assert status == 200
    assert "upgrade" not in headers
    assert not caplog.records


async def test_whoever_takes_no_answer_is_cut_off(impatient: Peer) -> None:
    """They ask for what is large again and again, and read nothing of it."""

    async def ask_for_ever() -> None:
        while True:
            writer.write(b"GET /api/schema/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
            await writer.drain()

    _unread, writer = await asyncio.open_connection("127.0.0.1", impatient.port, limit=1)
    with pytest.raises(ConnectionError):
        await ask_for_ever()
    writer.close()
