"""Each worker listens on a socket of its own, and all get their share of the connections."""

import pickle
import socket

import pytest
from uvicorn import Config

from billing_bootstrap.settings import Settings
from billing_http.listening import OwnSocket
from billing_http.server import config_of


async def _nothing(*_: object) -> None:
    """An application that is never called."""


def test_connections_that_come_at_once_are_dealt_out_among_all_who_listen() -> None:
    handed_over = OwnSocket.of(Config(_nothing, port=0, log_config=None))
    first, second = (pickle.loads(pickle.dumps(handed_over)) for _ in range(2))  # noqa: S301 - of this test
    with first, second:
        first.listen(64)
        second.listen(64)
        clients = [socket.create_connection(first.getsockname()) for _ in range(64)]
        shares = [_accepted(first), _accepted(second)]
        for client in clients:
            client.close()
    assert sum(shares) == 64
    assert min(shares) > 0


def test_an_address_that_is_taken_ends_several_workers_with_1_as_it_does_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        OwnSocket.of(Config(_nothing, port=taken.getsockname()[1], log_config=None))

    assert ended.value.code == 1


def test_a_worker_process_that_begins_slowly_is_not_killed_for_it() -> None:
    """On a busy machine one takes longer than the 5 s that uvicorn waits, and so does the next one, and the next."""
    config = config_of(Settings(), host="127.0.0.1", port=0, workers=2)

    assert config.timeout_worker_healthcheck >= 30


def _accepted(listening: socket.socket) -> int:
    """How many connections wait here to be accepted."""
    listening.settimeout(0)
    count = 0
    try:
        while True:
            listening.accept()[0].close()
            count += 1
    except BlockingIOError:
        return count
