"""`billing serve`."""

from __future__ import annotations

import importlib
import os
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from billing_bootstrap.settings import SERVE, load_settings

__all__ = ["serve"]


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8000,
    workers: Annotated[int, Parameter(validator=Number(gte=1, lte=256))] = 1,
) -> None:
    """The HTTP API, until SIGTERM or Ctrl-C; requests that are under way are answered first.

    For example:

        billing serve
        billing serve --host 0.0.0.0 --port 8080 --workers 4

    Args:
        host: The address to listen on.
        port: The TCP port.
        workers: How many processes.
    """
    # By name: the entrypoints do not know each other, only the program knows them all.
    server = importlib.import_module("billing_http.server")
    server.serve(load_settings(os.environ, SERVE), host=host, port=port, workers=workers)
