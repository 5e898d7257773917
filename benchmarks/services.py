"""What is measured, as processes on loopback: ours, and the peers, which are set up in a folder outside the sources."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg

import billing_migrations
from billing_embedded.binaries import postgres_binaries

__all__ = [
    "JWT_SECRET",
    "PEERS",
    "SECRET",
    "database",
    "dj_stripe",
    "environment_of",
    "express",
    "express_status",
    "free_port",
    "npm_install",
    "ours",
    "pgbench_rate",
    "pip_install",
    "running",
    "static",
    "sync_engine",
    "workers",
]

PEERS = Path(__file__).parent / "peers"
SECRET = "whsec_of_the_benchmark"  # noqa: S105 - of the benchmark
JWT_SECRET = "of-the-benchmark-and-long-enough-for-it"  # noqa: S105 - of the benchmark
#: A limit of requests that nobody reaches.
OUT_OF_REACH = "100000000/minute"
_READY_SECONDS_MAX = 240.0
_ALL = frozenset(os.sched_getaffinity(0))


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def database(server_url: str, name: str, *, schema: Path | None = None) -> str:
    """A new database, with today's schema of ours or with another one; its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = f"{server_url.rsplit('/', 1)[0]}/{name}"
    if schema is None:
        billing_migrations.apply(url)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(schema.read_bytes())
    return url


def environment_of(database_url: str, redis_url: str) -> dict[str, str]:
    """The default settings of ours, but for how much one caller may ask, which is counted all the same."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_of_the_benchmark",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "JWT_SECRET": JWT_SECRET,
        "JWT_REFRESH_SECRET": f"another-{JWT_SECRET}",
        "CHECKOUT_RETURN_ORIGINS": "http://127.0.0.1",
        "RATE_LIMIT_USER": OUT_OF_REACH,
        "RATE_LIMIT_ADDRESS": OUT_OF_REACH,
    }


@contextmanager
def ours(database_url: str, redis_url: str, *, workers: int, cores: frozenset[int] = _ALL) -> Iterator[int]:
    """The API with its default settings; its port."""
    port = free_port()
    command = [sys.executable, "-m", "billing_http", "--port", str(port), "--workers", str(workers)]
    environment = environment_of(database_url, redis_url)
    with running(command, environment, f"http://127.0.0.1:{port}/api/health/ready", cores):
        yield port


@contextmanager
def workers(database_url: str, redis_url: str, *, count: int) -> Iterator[None]:
    """So many workers, each a process of its own, with their default settings."""
    command = [sys.executable, "-m", "billing_cli", "worker"]
    environment = os.environ | environment_of(database_url, redis_url)
    quiet = subprocess.DEVNULL
    running = [subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) for _ in range(count)]
    try:
        yield
        ended = [process.returncode for process in running if process.poll() is not None]
        if ended:
            raise RuntimeError(f"Workers ended by themselves: {ended}.")
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=_READY_SECONDS_MAX)


@contextmanager
def static(*, cores: frozenset[int] = _ALL) -> Iterator[int]:
    """Litestar with a constant answer, on the same server; its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.peers.static:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level=warning"]
    with running(command, {}, f"http://127.0.0.1:{port}/ready", cores):
        yield port


@contextmanager
def express_status(folder: Path, redis_url: str, *, manner: str, cores: frozenset[int] = _ALL) -> Iterator[int]:
    """Express with a status in Redis, in one of its manners; its port."""
    port = free_port()
    environment = {
        "REDIS_URL": redis_url,
        "JWT_SECRET": JWT_SECRET,
        "PEER_MANNER": manner,
        "PEER_PORT": str(port),
        "NODE_ENV": "production",
    }
    with running(["node", str(folder / "status.js")], environment, f"http://127.0.0.1:{port}/ready", cores):
        yield port


@contextmanager
def express(folder: Path, database_url: str, *, manner: str, processes: int) -> Iterator[int]:
    """The Express service in one of its manners; its port."""
    port = free_port()
    environment = {
        "DATABASE_URL": database_url,
        "PEER_MANNER": manner,
        "PEER_PORT": str(port),
        "PEER_PROCESSES": str(processes),
        "WEBHOOK_SECRET": SECRET,
        "NODE_ENV": "production",
    }
    with running(["node", str(folder / "express.js")], environment, f"http://127.0.0.1:{port}/ready"):
        yield port


@contextmanager
def sync_engine(folder: Path, database_url: str, *, processes: int) -> Iterator[int]:
    """stripe-sync-engine behind Express; its port."""
    port = free_port()
    environment = {
        "DATABASE_URL": database_url,
        "PEER_PORT": str(port),
        "PEER_PROCESSES": str(processes),
        "WEBHOOK_SECRET": SECRET,
        "NODE_ENV": "production",
    }
    with running(["node", str(folder / "sync_engine.js")], environment, f"http://127.0.0.1:{port}/ready"):
        yield port


def npm_install(folder: Path) -> None:
    """The peers of npm, once, in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "express.js", "status.js", "sync_engine.js"):
        shutil.copy(PEERS / name, folder / name)
    if not all((folder / "node_modules" / name).exists() for name in ("express", "ioredis", "@supabase")):
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)  # noqa: S607 - npm of the PATH


@contextmanager
def dj_stripe(
    folder: Path, database_url: str, events: Iterable[bytes], price_id: str, *, processes: int
) -> Iterator[int]:
    """dj-stripe under gunicorn, and a stand-in of Stripe's API that knows the objects of these events; its port."""
    port, api = free_port(), free_port()
    told = folder / "events"
    told.write_bytes(b"".join(len(event).to_bytes(4, "big") + event for event in events))
    database = urlsplit(database_url)
    environment = {
        "PEER_DATABASE": database.path.removeprefix("/"),
        "PEER_DATABASE_PORT": str(database.port),
        "PEER_PRICE": price_id,
        "PEER_STRIPE": f"http://127.0.0.1:{api}",
        "PYTHONPATH": str(PEERS),
        "WEBHOOK_SECRET": SECRET,
    }
    answering = ["node", str(PEERS / "stripe_api.js"), str(told), str(api)]
    serving = [str(folder / "bin" / "gunicorn"), "--bind", f"127.0.0.1:{port}", "--workers", str(processes)]
    serving += ["--threads", "8", "django_site:application"]
    with running(answering, {}, f"http://127.0.0.1:{api}/v1/account"):
        making = [str(folder / "bin" / "python"), str(PEERS / "django_site.py")]
        subprocess.run(making, env=os.environ | environment, check=True)
        with running(serving, environment, f"http://127.0.0.1:{port}/ready"):
            yield port


def pip_install(folder: Path) -> None:
    """dj-stripe, once, in an environment of its own."""
    if not (folder / "bin" / "gunicorn").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        wanted = ["dj-stripe==2.11.0", "psycopg[binary]>=3.3", "gunicorn>=23"]
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", *wanted], check=True)


def pgbench_rate(database_url: str, *, clients: int, seconds: int) -> float:
    """Transactions per second of the yardstick, statement by statement, prepared."""
    command = [str(postgres_binaries() / "pgbench"), "--no-vacuum", "--protocol=prepared"]
    command += [f"--client={clients}", "--jobs=2", f"--time={seconds}"]
    command += [f"--file={PEERS / 'transaction.pgbench'}", database_url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in told.splitlines() if line.startswith("tps = "))
    return float(line.split()[2])


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], ready_url: str, cores: frozenset[int] = _ALL
) -> Iterator[int]:
    """A process that answers at ``ready_url``; its id."""
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509 - no thread was started yet that holds a lock
    )
    try:
        _wait(process, ready_url)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=_READY_SECONDS_MAX)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"{process.args!r} does not answer at {url}.")
