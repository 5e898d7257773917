"""`python -m billing_sandbox`: serve a sandbox until it is told to stop."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from billing_sandbox.server import DEFAULT_KEY, Options, refuse_live_keys, serve

KEY_VARIABLE = "SANDBOX_API_KEY"
SECRET_VARIABLE = "SANDBOX_WEBHOOK_SECRET"  # noqa: S105  # nosec B105 - the name of a variable


def options_from(arguments: list[str]) -> Options:
    """The options on a command line.

    Raises:
        SystemExit: They are wrong; the reason is on standard error.
    """
    parser = argparse.ArgumentParser(
        prog="python -m billing_sandbox",
        description="A Stripe for development.",
        epilog="Everybody on this machine can read the arguments of a program: a key or secret that matters is better"
        f" given by the variables {KEY_VARIABLE} and {SECRET_VARIABLE}.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=12111, help="port to listen on, 0 for any (%(default)s)")
    parser.add_argument("--api-key", action="append", help=f"test key to accept, may be repeated ({DEFAULT_KEY})")
    parser.add_argument("--webhook-url", help="where every event is sent")
    parser.add_argument("--webhook-secret", help="what events to --webhook-url are signed with (a fresh one)")
    parser.add_argument("--data", type=Path, help="folder that keeps the state between runs (memory only)")
    parser.add_argument("--clock-offset", type=int, default=0, help="seconds ahead of real time, on a first start")
    parser.add_argument("--seed", help="makes ids reproducible")
    parser.add_argument("--public-url", help="what links to pages begin with (http://HOST:PORT)")
    given = parser.parse_args(arguments)
    keys = tuple(given.api_key or [os.environ.get(KEY_VARIABLE) or DEFAULT_KEY])
    try:
        refuse_live_keys(keys)
    except ValueError as error:
        parser.error(str(error))
    return Options(
        host=given.host,
        port=given.port,
        api_keys=keys,
        webhook_url=given.webhook_url,
        webhook_secret=given.webhook_secret or os.environ.get(SECRET_VARIABLE) or None,
        data=given.data,
        clock_offset=given.clock_offset,
        seed=given.seed,
        public_url=given.public_url,
    )


async def _until_told(options: Options) -> None:
    task = asyncio.ensure_future(serve(options, ready=_say))
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _say(url: str) -> None:
    sys.stdout.write(f"billing_sandbox is ready at {url}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve; a port that is taken, or state that cannot be read, ends with one line and status 1."""
    try:
        asyncio.run(_until_told(options_from(sys.argv[1:])))
    except (OSError, ValueError) as error:
        sys.exit(f"billing_sandbox: {error}")


if __name__ == "__main__":
    main()
