"""The server: opens the application, serves it, and stops so that nobody's request is cut off.

On SIGTERM readiness goes first, so that whoever spreads requests sends no more; after the drain the port is closed,
requests under way are finished, and the application is closed last.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from types import FrameType
from typing import Any, cast

import structlog
from attrs import define, field
from litestar.types import LifeSpanSend, Receive, Scope, Send
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from billing_bootstrap.container import open_application
from billing_bootstrap.logs import configure_logging
from billing_bootstrap.metrics import shared_between_processes
from billing_bootstrap.settings import SERVE, Settings, load_settings
from billing_bootstrap.starting import collect_rarely
from billing_bootstrap.tls_faults import tell_tls_faults
from billing_http.app import BillingHttp, build
from billing_http.connections import BoundedConnection
from billing_http.listening import OwnSocket

__all__ = ["Service", "config_of", "serve", "service_from_environment"]

#: How long requests under way may take once the port is closed.
_FINISH_SECONDS = 30
_BACKLOG = 2048
#: How long a connection is kept that asks nothing: longer than load balancers do (ALB and nginx 60 s, Google's 600 s),
#: so that it is they who close it. A request that is sent while we close is lost.
_KEEP_SECONDS = 620
#: How long a worker process may not answer its parent before it is killed and begun anew. It answers once
#: it has imported, which takes longer than uvicorn's 5 s on a busy machine: it was killed for it, again and again.
_BEGIN_SECONDS = 30


@define
class Service:
    """The ASGI application of one process: its lifespan is that of the `Application` within."""

    settings: Settings
    _stack: AsyncExitStack = field(factory=AsyncExitStack, init=False)
    _http: BillingHttp | None = field(default=None, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin and end with the process; answer in between."""
        kind: str = scope["type"]
        if kind == "lifespan":
            await self._live(receive, cast("LifeSpanSend", send))
        elif self._http is not None:
            await self._http(scope, receive, send)

    async def _live(self, receive: Receive, send: LifeSpanSend) -> None:
        await receive()
        try:
            application = await self._stack.enter_async_context(open_application(self.settings))
            self._http = build(application)
        except Exception as error:  # noqa: BLE001 - whatever it is, the server says it and ends
            await self._stack.aclose()
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        _stop_late(self._http, self.settings.shutdown_drain_seconds)
        # What is alive now stays alive: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        collect_rarely()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})


def _stop_late(http: BillingHttp, drain_seconds: int) -> None:
    """On SIGTERM say first that this process is not ready, and let the server stop when that has been noticed."""
    stop = signal.getsignal(signal.SIGTERM)
    if not callable(stop):  # nobody stops this server by signals
        return
    loop = asyncio.get_running_loop()

    def begin(number: int, frame: FrameType | None) -> None:
        told_again = http.readiness.stopping
        http.readiness.stopping = True
        if told_again or drain_seconds == 0:
            stop(number, frame)
        else:
            loop.call_soon_threadsafe(loop.call_later, drain_seconds, stop, number, None)

    signal.signal(signal.SIGTERM, begin)


def service_from_environment() -> Service:
    """What each of several worker processes makes for itself."""
    settings = load_settings(os.environ, SERVE)
    configure_logging(log_format=settings.log_format, level=settings.log_level)
    return Service(settings)


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Serve the API until SIGTERM or Ctrl-C.

    With several ``workers`` each is a process of its own, which reads its settings from the environment again.
    """
    configure_logging(log_format=settings.log_format, level=settings.log_level)
    config = config_of(settings, host=host, port=port, workers=workers)
    log = structlog.get_logger()
    for stray in settings.strays:
        log.warning("a setting is not read", variable=stray.name, why=stray.wrong)
    tell_tls_faults(settings)
    log.info("serving", host=host, port=port, workers=workers)
    # uvicorn raises the signal that stopped it once more when all is done: to have stopped is no failure.
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    if workers > 1:
        with shared_between_processes():
            own: Any = OwnSocket.of(config)  # a socket once it is handed over
            parent = Multiprocess(config, sockets=[own])
            parent.run()
        if any(process.exitcode == STARTUP_FAILURE for process in parent.processes):
            sys.exit(1)
        return
    server = Server(config)
    with suppress(KeyboardInterrupt, SystemExit):  # uvicorn's own status for a port that is taken; ours is 1
        server.run()
    if not server.started:
        sys.exit(1)


def config_of(settings: Settings, *, host: str, port: int, workers: int) -> Config:
    """How uvicorn serves."""
    return Config(
        Service(settings) if workers == 1 else "billing_http.server:service_from_environment",
        factory=workers > 1,
        host=host,
        port=port,
        workers=workers,
        lifespan="on",
        http=BoundedConnection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=_KEEP_SECONDS,
        timeout_graceful_shutdown=_FINISH_SECONDS,
        backlog=_BACKLOG,
        timeout_worker_healthcheck=_BEGIN_SECONDS,
    )
