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
from collections.abc import Callable, Iterator, Mapping
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
    """One `billing dev` that is ready."""

    process: subprocess.Popen[str]
    folder: Path
    port: int
    mark: str
    lines: list[str] = field(factory=list)
    _said: threading.Condition = field(factory=threading.Condition)

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
        """Its exit status, once it has ended by itself."""
        return self.process.wait(GONE_SECONDS_MAX)

    def left_behind(self) -> dict[int, str]:
        """What still runs of it, once whatever dies with it had the time to."""
        deadline = time.monotonic() + GONE_SECONDS_MAX
        while (left := self.pids()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def output(self) -> str:
        """Everything that it said so far."""
        return "".join(self.lines)

    def listen(self) -> None:
        """Remembers what it says, in a thread of its own, until it has ended."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that configures billing."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def read_env(path: Path) -> dict[str, str]:
    """The settings in a `dev.env`."""
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in lines}


@contextmanager
def started_dev(
    folder: Path, *arguments: str, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[RunningDev]:
    """`billing dev` in ``folder``, not yet ready; whatever becomes of it, nothing of it is left afterwards."""
    port, mark = port or free_port(), uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-m", "billing_cli", "dev", "--port", str(port), "--data", str(folder), *arguments],
        env={**clean_environment(), **(environment or {}), _MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    dev = RunningDev(process=process, folder=folder, port=port, mark=mark)
    listener = threading.Thread(target=dev.listen, daemon=True)
    listener.start()
    try:
        yield dev
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(GONE_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
        for pid in dev.left_behind():
            os.kill(pid, signal.SIGKILL)
        listener.join(GONE_SECONDS_MAX)
        if process.stdout is not None:
            process.stdout.close()


def eventually(wanted: object, look: Callable[[], object], seconds_max: float = 20.0) -> None:
    """Looks until it is as wanted: what a webhook or a worker brings takes a moment."""
    deadline = time.monotonic() + seconds_max
    while (found := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == wanted


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
