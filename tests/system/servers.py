"""Servers beside the usual ones: PgBouncer, a streaming replica, Redis with a replica and Sentinels."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from attrs import define, frozen

from billing_embedded import EmbeddedPostgres
from billing_embedded.binaries import valkey_binary
from billing_embedded.processes import spawn, unprivileged
from billing_embedded.server import free_port

PATIENCE_SECONDS = 60.0
#: How Sentinels call the primary.
REDIS_NAME = "billing-redis"


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until this holds; a minute at most."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if holds():
                return
        except (psycopg.OperationalError, redis.RedisError, OSError):
            pass
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(0.05)


@contextmanager
def pgbouncer(database_url: str, folder: Path, *, connections: int) -> Iterator[str]:
    """A PgBouncer in transaction mode with so many connections to the server; the database's URL through it."""
    parts, port = urlsplit(database_url), free_port()
    (folder / "users.txt").write_text('"postgres" ""\n', encoding="utf-8")
    (folder / "pgbouncer.ini").write_text(
        f"""
[databases]
* = host=127.0.0.1 port={parts.port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
""",
        encoding="utf-8",
    )
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    process = spawn(
        [Path(program), folder / "pgbouncer.ini"],
        log=folder / "pgbouncer.log",
        user=unprivileged(),
        death_signal=signal.SIGINT,
    )
    try:
        until(lambda: _answers(port), f"PgBouncer on {port}: {(folder / 'pgbouncer.log').read_text()}")
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


@frozen
class Pair:
    """A primary and its replica; both give URLs of the same database."""

    primary: EmbeddedPostgres
    primary_port: int
    primary_pid: int
    standby_port: int

    def url(self, port: int, database: str = "postgres") -> str:
        """Of one of the two."""
        return f"postgresql://postgres@127.0.0.1:{port}/{database}"

    def both(self, database: str) -> str:
        """Whichever takes writes."""
        hosts = f"127.0.0.1:{self.primary_port},127.0.0.1:{self.standby_port}"
        return f"postgresql://postgres@{hosts}/{database}?target_session_attrs=read-write&connect_timeout=2"

    def commits_wait_for_the_replica(self) -> None:
        """From now on no commit is answered before the replica has it on disk."""
        with psycopg.connect(self.url(self.primary_port), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            until(
                lambda: connection.execute("SELECT sync_state FROM pg_stat_replication").fetchone() == ("sync",),
                "the replica is synchronous",
            )

    def kill_primary(self) -> None:
        """As a machine that is gone: nothing is said to anybody."""
        os.kill(self.primary_pid, signal.SIGKILL)

    def promote(self) -> None:
        """What an operator, or whatever watches over the pair, does then."""
        with psycopg.connect(self.url(self.standby_port), autocommit=True) as connection:
            connection.execute("SELECT pg_promote(wait => true)")


@contextmanager
def replicated(folder: Path) -> Iterator[Pair]:
    """A PostgreSQL and one that follows it."""
    with ExitStack() as stack:
        primary = EmbeddedPostgres(folder / "primary")
        running = stack.enter_context(primary)
        standby = EmbeddedPostgres(folder / "standby")
        standby.data_dir.mkdir()
        (standby.data_dir / "lock").touch()  # what was made here is taken for its own
        program = primary.command(0)[0]
        command = [Path(program).with_name("pg_basebackup"), "--pgdata", standby.cluster, "--write-recovery-conf"]
        command += ["--checkpoint=fast", f"--dbname={running.url}"]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        user = unprivileged()
        if user is not None:
            for path in (standby.cluster, *standby.cluster.rglob("*")):
                os.chown(path, user.uid, user.gid)
        following = stack.enter_context(standby)
        yield Pair(primary, running.port, running.pid, following.port)


@define
class RedisPair:
    """A Redis, its replica, and the Sentinels that watch over both."""

    ports: tuple[int, int]
    sentinels: tuple[int, ...]
    processes: dict[int, subprocess.Popen[bytes]]

    @property
    def settings(self) -> dict[str, str]:
        """As the service is told of them."""
        asked = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return {"REDIS_URL": f"redis://{REDIS_NAME}/0", "REDIS_SENTINELS": asked}

    def primary(self, sentinel_port: int | None = None) -> int:
        """The port of whichever a Sentinel says is the primary: the first one, unless told another."""
        with redis.Redis(port=sentinel_port or self.sentinels[0], decode_responses=True) as sentinel:
            _, port = sentinel.sentinel_get_master_addr_by_name(REDIS_NAME)
        return int(port)

    def kill(self, port: int) -> None:
        """As a machine that is gone."""
        self.processes[port].kill()
        self.processes[port].wait()

    def silence(self, port: int) -> None:
        """As a machine that takes what is sent to it, and answers nothing."""
        self.processes[port].send_signal(signal.SIGSTOP)


@contextmanager
def watched_redis(folder: Path) -> Iterator[RedisPair]:
    """A Redis with a replica and three Sentinels, two of which have to agree that it is gone."""
    ports, sentinels = (free_port(), free_port()), (free_port(), free_port(), free_port())
    processes: dict[int, subprocess.Popen[bytes]] = {}
    plain = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0")
    try:
        for port in ports:
            place = folder / str(port)
            place.mkdir()
            follows = () if port == ports[0] else ("--replicaof", f"127.0.0.1 {ports[0]}")
            processes[port] = _valkey(place, "--port", str(port), "--dir", str(place), *plain, *follows)
        until(lambda: _links_up(ports[0]), "the replica follows")
        for port in sentinels:
            place = folder / str(port)
            place.mkdir()
            config = place / "sentinel.conf"
            config.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {place}\n"
                f"sentinel monitor {REDIS_NAME} 127.0.0.1 {ports[0]} 2\n"
                f"sentinel down-after-milliseconds {REDIS_NAME} 1000\n"
                f"sentinel failover-timeout {REDIS_NAME} 5000\n",
                encoding="utf-8",
            )
            processes[port] = _valkey(place, str(config), "--sentinel")
        pair = RedisPair(ports, sentinels, processes)
        for port in sentinels:
            until(partial(_knows_all, port), f"Sentinel {port} knows the others")
        yield pair
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def _valkey(place: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return spawn([valkey_binary(), *arguments], log=place / "log", user=None, death_signal=signal.SIGTERM)


def _links_up(port: int) -> bool:
    with redis.Redis(port=port) as client:
        return bool(client.info("replication")["connected_slaves"] == 1)


def _knows_all(port: int) -> bool:
    with redis.Redis(port=port, decode_responses=True) as client:
        seen = client.sentinel_master(REDIS_NAME)
    return int(seen["num-slaves"]) == 1 and int(seen["num-other-sentinels"]) == 2
