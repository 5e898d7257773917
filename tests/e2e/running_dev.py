"""`billing dev` as a process of its own, as a user would start it."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from attrs import define, field

from billing_cli.calls import Server

READY_SECONDS_MAX = 90.0
GONE_SECONDS_MAX = 30.0
#: In the environment of every process that one run started.
_MARK = "BILLING_TEST_RUN"
#: What would be used instead of what `billing dev` makes.
_OURS = ("BILLING_", "DATABASE_", "REDIS_", "STRIPE_", "JWT_", "CHECKOUT_", "CORS_", "RATE_LIMIT_", "PG", "LOG_")


def free_port() -> int:
    """A port that nobody listened on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@define(eq=False)
class RunningDev:
    """One `billing dev`, which may be started again when it has ended."""

    command: Sequence[str]
    environment_given: Mapping[str, str]
    folder: Path
    port: int
    mark: str = field(factory=lambda: uuid4().hex)
    lines: list[str] = field(factory=list)
    _said: threading.Condition = field(factory=threading.Condition)
    _process: subprocess.Popen[str] | None = None
    _listener: threading.Thread | None = None

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process itself, the last that was started."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Begins, or begins anew: it is not yet ready, and has said nothing."""
        self.lines.clear()
        self._process = subprocess.Popen(
            self.command,
            env={**clean_environment(), **self.environment_given, _MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def end(self) -> None:
        """Ends it, whatever became of it; nothing of it is left afterwards."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(GONE_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for pid in self.left_behind():
            os.kill(pid, signal.SIGKILL)
        self._hear_out()

    @property
    def settings(self) -> dict[str, str]:
        """What its `dev.env` says."""
        return read_env(self.folder / "dev.env")

    @property
    def environment(self) -> dict[str, str]:
        """What another program that joins in has."""
        return {**clean_environment(), **self.settings}

    def api(self, token: str = "") -> Server:
        """Its API, with this token."""
        return Server(self.settings["BILLING_URL"], "The API", {"Authorization": f"Bearer {token}"} if token else {})

    def pids(self) -> dict[int, str]:
        """Every process that it started and that still runs, itself too, with its command line."""
        return dict(_marked(self.mark))

    def until_it_says(self, text: str) -> None:
        """Waits until a line has ``text`` in it, or the process has ended."""
        with self._said:
            said = self._said.wait_for(lambda: any(text in line for line in self.lines), READY_SECONDS_MAX)
        assert said, f"never said {text!r}: {self.output()}"

    def ended(self) -> int:
        """Its exit status, once it has ended by itself and all that it said was heard."""
        status = self.process.wait(GONE_SECONDS_MAX)
        self._hear_out()
        return status

    def left_behind(self) -> dict[int, str]:
        """What still runs of it, once whatever dies with it had the time to."""
        deadline = time.monotonic() + GONE_SECONDS_MAX
        while (left := self.pids()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def output(self) -> str:
        """Everything that it said so far."""
        return "".join(self.lines)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as said:
            for line in said:
                with self._said:
                    self.lines.append(line)
                    self._said.notify_all()

    def _hear_out(self) -> None:
        assert self._listener is not None
        self._listener.join(GONE_SECONDS_MAX)


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that configures billing, or has Python print at once."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_OURS) and name != "PYTHONUNBUFFERED"
    }


def read_env(path: Path) -> dict[str, str]:
    """The settings in a `dev.env`."""
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in lines}


@contextmanager
def started_dev(
    folder: Path, *arguments: str, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[RunningDev]:
    """`billing dev` in ``folder``, not yet ready; whatever becomes of it, nothing of it is left afterwards."""
    port = port or free_port()
    command = [sys.executable, "-m", "billing_cli", "dev", "--port", str(port), "--data", str(folder), *arguments]
    dev = RunningDev(command, environment or {}, folder, port)
    dev.start()
    try:
        yield dev
    finally:
        dev.end()


def eventually(wanted: object, look: Callable[[], object], seconds_max: float = 20.0) -> None:
    """Looks until it is as wanted: what a webhook or a worker brings takes a moment."""
    deadline = time.monotonic() + seconds_max
    while (found := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == wanted


def assert_nothing_is_left(dev: RunningDev) -> None:
    """No process of it runs any more, and nobody listens where its parts did."""
    assert dev.left_behind() == {}
    for name in ("BILLING_URL", "DATABASE_URL", "REDIS_URL", "STRIPE_API_BASE"):
        assert not answers(dev.settings[name]), name


def answers(url: str) -> bool:
    """Whether anybody listens where this URL points."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1).close()
    except OSError:
        return False
    return True


def _marked(mark: str) -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            found = f"{_MARK}={mark}".encode() in (entry / "environ").read_bytes()
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has ended meanwhile
        if found and line:
            yield int(entry.name), line
