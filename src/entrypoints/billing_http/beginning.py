"""Beginning to serve: what would keep every request from being answered is told before the first one comes."""

from __future__ import annotations

from billing_bootstrap.logs import configure_logging
from billing_bootstrap.settings import Settings
from billing_bootstrap.tls_faults import tell_tls_faults
from billing_http.server import serve

__all__ = ["begin"]


def begin(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve the API until SIGTERM or Ctrl-C, and say meanwhile what is wrong with certificates."""
    configure_logging(log_format=settings.log_format, level=settings.log_level)
    tell_tls_faults(settings)
    serve(settings, host=host, port=port, workers=workers)
