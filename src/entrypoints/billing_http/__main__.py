"""``python -m billing_http [--host 127.0.0.1] [--port 8000] [--workers 1]``: serve the API. See `billing serve`."""

from __future__ import annotations

import argparse
import os
import sys

from billing_bootstrap.settings import SERVE, SettingsInvalid, load_settings
from billing_bootstrap.starting import collect_rarely


def main() -> None:
    """Serve until SIGTERM or Ctrl-C; status 1 where the settings do not fit or the server cannot start."""
    collect_rarely()
    parser = argparse.ArgumentParser(prog="billing_http", description="Serve the billing API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    try:
        settings = load_settings(os.environ, SERVE)
    except SettingsInvalid as error:
        sys.exit(str(error))
    from billing_http.server import serve  # noqa: PLC0415 - all that is served: faults above are told without it

    serve(settings, host=given.host, port=given.port, workers=given.workers)


if __name__ == "__main__":
    main()
