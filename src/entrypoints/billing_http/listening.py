"""Listening: each worker process has a socket of its own, among which the system deals out connections.

From one socket that all share, whoever wakes first takes all that has come: of 32 connections that were opened at once,
often one process of two had every one.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any

import structlog
from attrs import frozen
from uvicorn import Config

__all__ = ["OwnSocket"]


@frozen
class OwnSocket:
    """Stands for a socket of each worker: handed over to a process, it is there a new one, bound to the same address.

    A worker that is not ready does not listen yet, and gets no connections; of one that is gone the socket is too.
    """

    _family: int
    #: An address is what the family says.
    _at: Any

    @classmethod
    def of(cls, config: Config) -> OwnSocket:
        """For workers at the configured address. Ends the process with 1, as one worker does, where others have it."""
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        with socket.socket(family) as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                bound.bind((config.host, config.port))
            except OSError as error:
                structlog.get_logger().error("cannot listen", host=config.host, port=config.port, error=error.strerror)
                sys.exit(1)
            return cls(family, bound.getsockname())

    def __reduce__(self) -> tuple[Callable[..., socket.socket], tuple[Any, ...]]:
        """How a worker gets it."""
        return _bound, (self._family, self._at)


def _bound(family: int, at: Any) -> socket.socket:  # noqa: ANN401 - as above
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(at)
    return made
