"""The life of an embedded server: claim the data, clear what was left behind, start, watch until ready, stop."""

import atexit
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from attrs import define, field, frozen

from billing_embedded.errors import DataInUse, StartFailed
from billing_embedded.processes import User, end, end_by_id, spawn

#: How long a server may take until it answers; after a crash it first replays its log.
READY_SECONDS_MAX = 60.0
READY_POLL_SECONDS = 0.005
PORTS_TRIED_MAX = 5
LOG_LINES_SHOWN = 15


@frozen(kw_only=True)
class Running:
    """A server that answers."""

    #: How clients reach it; no password is asked for.
    url: str
    #: On 127.0.0.1.
    port: int
    pid: int


def free_port() -> int:
    """A port that nobody listened on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether one could listen on this port now."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def resolved(given: Path | str) -> Path:
    """The path itself, whatever links lead to it."""
    return Path(given).resolve()


@define(eq=False)
class EmbeddedServer(ABC):
    """One server in one data directory, as a child process, until `stop` or the end of this process.

    Attributes:
        data_dir: where it keeps its data, its log (`server.log`) and its lock; made if absent, kept between runs.
        choose_port: gives a port to try; called again when somebody else took it meanwhile.
    """

    name: ClassVar[str]
    #: What ends it, politest first; the first is also what it gets when this process dies.
    stop_signals: ClassVar[tuple[signal.Signals, ...]]

    data_dir: Path = field(converter=resolved)
    choose_port: Callable[[], int] = field(default=free_port, kw_only=True)
    _lock: int | None = field(default=None, init=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @abstractmethod
    def command(self, port: int) -> Sequence[str | Path]:
        """The command that serves on this port of 127.0.0.1."""

    @abstractmethod
    def is_ready(self, port: int, pid: int) -> bool:
        """Whether it answers by now."""

    @abstractmethod
    def url(self, port: int) -> str:
        """How clients reach it."""

    @abstractmethod
    def pid_file(self) -> Path:
        """The file whose first line is the server's process id while it runs."""

    def user(self) -> User | None:
        """Whom it runs as; None: whoever this process is."""
        return None

    def made(self) -> Iterable[Path]:
        """What it leaves behind when it is stopped, its lock last."""
        return (self.pid_file(), self.log, self.data_dir / "lock")

    @property
    def log(self) -> Path:
        """What the server printed since its last start."""
        return self.data_dir / "server.log"

    def start(self) -> Running:
        """Starts the server and returns once it answers.

        Raises:
            BinaryMissing: there is no such server for this platform.
            DataInUse: another process runs one in the same data directory.
            StartFailed: it ended early or never answered.
            RuntimeError: not called from the main thread.
        """
        self._claim()
        try:
            self._prepare()
            self._stop_what_was_left()
            running = self._serve()
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)
        return running

    def respawn(self, port: int) -> None:
        """Starts the server again on this port, after it ended by itself; when it answers is for clients to find out.

        Raises:
            DataInUse: a server that outlived its parent does not stop.
            RuntimeError: not called from the main thread.
        """
        self._stop_what_was_left()
        self._process = spawn(self.command(port), log=self.log, user=self.user(), death_signal=self.stop_signals[0])

    def is_running(self) -> bool:
        """Whether the server that was started is still there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends the server and gives the data directory free; does nothing where none runs."""
        atexit.unregister(self.stop)
        if self._process is not None:
            end(self._process, *self.stop_signals)
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def remove(self) -> None:
        """Stops it and drops what it made, and nothing else; does nothing where it made nothing.

        Raises:
            DataInUse: another process runs a server there.
        """
        self.stop()
        if not self.data_dir.exists():
            return
        self._claim()
        for path in self.made():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.stop()
        if not any(self.data_dir.iterdir()):
            self.data_dir.rmdir()

    @abstractmethod
    def _prepare(self) -> None:
        """Makes what must be there before the first start; a later start finds it done."""

    def _claim(self) -> None:
        """Locks the data directory for as long as this process lives, however it ends."""
        self._refuse_what_others_made()
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise StartFailed(f"{self.data_dir} cannot be used as a data directory: {error.strerror}.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode() or "unknown"
            os.close(lock)
            raise DataInUse(
                f"{self.data_dir} is in use by process {holder}: stop that one, or choose another data directory."
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._lock = lock

    def _refuse_what_others_made(self) -> None:
        """Nothing is written over, followed or removed that has a name of ours and is not ours.

        Where there is no lock, no server ever ran here, and what has another name of ours is somebody else's.
        """
        ours = [path for path in self.made() if path.parent == self.data_dir]
        known = (self.data_dir / "lock").is_file()
        for path in ours:
            if os.path.lexists(path) and (not known or (path.is_symlink() and path in {self.log, ours[-1]})):
                raise StartFailed(f"{path} was not made by a server here: move it, or choose another data directory.")

    def _stop_what_was_left(self) -> None:
        """Ends a server that outlived its parent, and removes the pid file of one that did not.

        A process id alone proves nothing, as they come round again (after a restart of a container at once): only a
        process that was started on this very data is ours to stop.
        """
        try:
            pid = int(self.pid_file().read_text(encoding="utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if not end_by_id(pid, str(self.pid_file().parent), *self.stop_signals):
            raise DataInUse(f"{self.name} (process {pid}) still runs in {self.data_dir} and does not stop: end it.")
        self.pid_file().unlink(missing_ok=True)

    def _serve(self) -> Running:
        for _ in range(PORTS_TRIED_MAX):
            port = self.choose_port()
            process = spawn(self.command(port), log=self.log, user=self.user(), death_signal=self.stop_signals[0])
            self._process = process
            if self._wait_until_ready(process, port):
                return Running(url=self.url(port), port=port, pid=process.pid)
            if is_free(port):  # then it was not the port that stopped it
                raise StartFailed(f"{self.name} ended with status {process.returncode}: {self._end_of_log()}")
        raise StartFailed(f"{self.name} found each of {PORTS_TRIED_MAX} ports taken: {self._end_of_log()}")

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", port: int) -> bool:
        """Returns True once it answers, False as soon as it has ended."""
        patience_ends = time.monotonic() + READY_SECONDS_MAX
        while process.poll() is None:
            if self.is_ready(port, process.pid):
                return True
            if time.monotonic() > patience_ends:
                raise StartFailed(f"{self.name} did not answer in {READY_SECONDS_MAX:.0f} s: {self._end_of_log()}")
            time.sleep(READY_POLL_SECONDS)
        return False

    def _end_of_log(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([str(self.log), *lines[-LOG_LINES_SHOWN:]])

    def __enter__(self) -> Running:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
