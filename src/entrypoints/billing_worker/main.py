"""The worker as a process: any number of them may run, on any number of machines."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import structlog

from billing_bootstrap.container import open_application
from billing_bootstrap.logs import configure_logging
from billing_bootstrap.metrics import served
from billing_bootstrap.settings import WORK, Settings, load_settings
from billing_bootstrap.tls_faults import tell_tls_faults
from billing_worker.jobs import jobs_of
from billing_worker.loops import work

__all__ = ["run"]

_log = structlog.get_logger("billing_worker")


def run() -> None:
    """Work until SIGTERM or SIGINT, then finish what is under way. Raises `SettingsInvalid`."""
    settings = load_settings(os.environ, WORK)
    configure_logging(log_format=settings.log_format, level=settings.log_level)
    for stray in settings.strays:
        _log.warning("a setting is not read", variable=stray.name, why=stray.wrong)
    tell_tls_faults(settings)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    worker = f"{socket.gethostname()}:{os.getpid()}"
    host, port = settings.worker_metrics_host, settings.worker_metrics_port
    async with open_application(settings) as application:
        with served(application.metrics, host, port):
            _log.info("worker started", worker=worker, metrics=f"http://{host}:{port}/metrics" if port else None)
            metrics, spans = application.metrics, application.spans
            await work(jobs_of(application), worker, stop, metrics=metrics, spans=spans)
    _log.info("worker stopped", worker=worker)
