"""`billing dev`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from billing_bootstrap.dev_services import cache_in, database_in, is_free
from billing_cli.asking import ask_first
from billing_cli.dev.choices import read_choices, refuse_env_of_others, refuse_live_keys, with_files_read
from billing_cli.dev.running import Everything
from billing_cli.failures import CommandFailed

__all__ = ["dev", "drop"]


def dev(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=1, lte=65535))] = 8000,
    data: Path = Path(".dev"),
    reset: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=())] = False,
) -> None:
    """Everything at once on this machine, with no set-up; stops as one on Ctrl-C.

    PostgreSQL, a Redis-compatible server and a Stripe sandbox are started, unless DATABASE_URL, REDIS_URL or a test
    key in STRIPE_SECRET_KEY say where yours are; then migrations, a demo catalog, the API and a worker. Live keys are
    refused. Every setting that was chosen is written to DIR/dev.env; what the environment says wins.

    For example:

        billing dev
        billing dev --port 8100 --data /tmp/billing --reset

    Args:
        port: Where the API listens on 127.0.0.1; everything else takes ports that are free.
        data: The folder that keeps the data between runs.
        reset: Begin with nothing: drops what an earlier run made in the folder, and only that. Asks first.
        yes: Do not ask first.
    """
    refuse_live_keys(with_files_read(os.environ))
    folder = data.resolve()
    with _claimed(folder):
        refuse_env_of_others(folder / "dev.env")
        if reset:
            if (folder / "dev.env").exists():
                ask_first(f"Drop what earlier runs made in {folder}?", yes=yes)
            drop(folder)
        if not is_free(port):
            raise CommandFailed(f"Port {port} is taken: give another one, such as --port {port + 100}.")
        asyncio.run(Everything(port, folder, read_choices(os.environ, folder / "dev.env")).run())


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Be the only `billing dev` in this folder for as long as this process lives."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise CommandFailed(f"{folder} cannot be used: {error.strerror}. Name another folder with --data.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise CommandFailed(
            f"Another `billing dev` runs in {folder}: stop it, or name another folder with --data."
        ) from None
    try:
        yield
    finally:
        os.close(lock)


def drop(folder: Path) -> None:
    """Remove what earlier runs made here. A database or cache that the environment named is never touched."""
    database_in(folder / "database").remove()
    cache_in(folder / "redis").remove()
    sandbox, seeded = folder / "sandbox", folder / "seeded"
    for made in (sandbox / "sandbox.msgpack", sandbox / "sandbox.msgpack.new", folder / "dev.env"):
        made.unlink(missing_ok=True)
    if seeded.is_file() and not seeded.stat().st_size:  # ours is a mark, and empty
        seeded.unlink()
    if sandbox.is_dir() and not sandbox.is_symlink() and not any(sandbox.iterdir()):
        sandbox.rmdir()
    sys.stdout.write(f"What earlier runs made in {folder} was dropped.\n")
