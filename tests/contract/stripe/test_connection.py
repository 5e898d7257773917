"""The connection itself: what the real HTTP client makes of a server that is away, slow or rude."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.errors import OutcomeUnknown, ProviderError, ProviderUnavailable
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import CreateCustomer, Operation
from billing_sandbox.server import Options, running
from billing_stripe import StripeApi, StripeLookup, StripeProvider

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPERATION = Operation(
    id="op1",
    user_id="ada",
    command=CreateCustomer(user_id="ada"),
    actor="ada",
    created_at=NOW,
    next_attempt_at=NOW + timedelta(minutes=1),
)
#: Half of an answer that promises more.
HALF = b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Length: 999\r\n\r\n{"


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read the request, and say nothing."""
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin to answer, and break off."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HALF)
    await writer.drain()
    writer.close()


async def keep_waiting(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Read the request, and never answer."""
    await reader.read()


async def fall_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin to answer, and never end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HALF)
    await writer.drain()
    await reader.read()


@contextlib.asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A server on loopback that talks like that; gives its address."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def connected(url: str, timeout_seconds: float = 20.0) -> AsyncIterator[StripeApi]:
    api = StripeApi("sk_test_x", base_url=url, timeout_seconds=timeout_seconds)
    try:
        yield api
    finally:
        await api.close()


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


async def test_where_nobody_listens_nothing_was_done(nobody: str) -> None:
    async with connected(nobody) as api:
        with pytest.raises(ProviderUnavailable):
            await StripeProvider(api).execute(OPERATION)


async def test_an_address_that_does_not_exist_is_unavailable() -> None:
    async with connected("http://stripe.invalid") as api:
        with pytest.raises(ProviderUnavailable):
            await StripeProvider(api).execute(OPERATION)


@pytest.mark.parametrize(
    ("talk", "timeout_seconds"),
    [
        pytest.param(hang_up, 20.0, id="hangs-up"),
        pytest.param(break_off, 20.0, id="breaks-off"),
        pytest.param(keep_waiting, 0.2, id="keeps-waiting"),
        pytest.param(fall_silent, 0.2, id="falls-silent"),
    ],
)
async def test_once_the_request_is_out_its_outcome_is_unknown(talk: Talk, timeout_seconds: float) -> None:
    async with server(talk) as url, connected(url, timeout_seconds) as api:
        with pytest.raises(OutcomeUnknown) as unknown:
            await StripeProvider(api).execute(OPERATION)

    assert not unknown.value.answered


@pytest.mark.parametrize("talk", [break_off, fall_silent])
async def test_a_question_without_a_whole_answer_is_asked_three_times(talk: Talk) -> None:
    asked: list[Talk] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(talk)
        await talk(reader, writer)

    async with server(count) as url, connected(url, 0.2) as api:
        with pytest.raises(ProviderUnavailable):
            await StripeLookup(api).fetch(ObjectRef(ObjectKind.CUSTOMER, "cus_1"))

    assert len(asked) == 3


async def test_a_wrong_key_is_refused_and_not_shown() -> None:
    async with running(Options(port=0)) as (_, url):
        api = StripeApi("sk_test_wrong_and_secret", base_url=url)
        with pytest.raises(ProviderError, match="STRIPE_SECRET_KEY") as refused:
            await StripeProvider(api).execute(OPERATION)
        await api.close()

    assert "secret" not in refused.value.message
