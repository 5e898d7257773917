"""Child processes that end with their parent, whatever ends it."""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from attrs import frozen

from billing_embedded import launcher

#: The id of `nobody` where the system has no such name.
OVERFLOW_ID = 65534


@frozen
class User:
    """Whom a server runs as."""

    uid: int
    gid: int

    @classmethod
    def nobody(cls) -> Self:
        """The user without rights, for servers that refuse to run as root."""
        try:
            entry = pwd.getpwnam("nobody")
        except KeyError:
            return cls(OVERFLOW_ID, OVERFLOW_ID)
        return cls(entry.pw_uid, entry.pw_gid)


def unprivileged() -> User | None:
    """Whom a server that refuses root must run as: nobody, or None where this process is not root anyway."""
    return User.nobody() if os.geteuid() == 0 else None


def spawn(
    command: Sequence[str | Path], *, log: Path, user: User | None, death_signal: signal.Signals
) -> "subprocess.Popen[bytes]":
    """Starts a command in the background, in a session of its own, so that Ctrl-C reaches it through us alone.

    On Linux the command gets `death_signal` as soon as this process ends, even by kill -9. Elsewhere nothing tells it:
    what a later start finds running is stopped then.

    Args:
        command: program and arguments, the program by its full path.
        log: takes what the command prints; what it held before is dropped.
        user: whom the command runs as; None: whoever this process is.
        death_signal: asks the command to end.

    Raises:
        RuntimeError: not in the main thread. Linux takes the end of the thread that started a child for the end of
            the parent, so a child of a pool's thread would be stopped at any time.
    """
    if threading.current_thread() is not threading.main_thread():
        msg = "start embedded servers from the main thread: on Linux they end with the thread that started them"
        raise RuntimeError(msg)
    identity = (str(user.uid), str(user.gid)) if user else ("-", "-")
    prelude = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(int(death_signal)), *identity]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*prelude, *command],
            cwd="/",
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end(process: "subprocess.Popen[bytes]", *signals: signal.Signals, patience_seconds: float = 10) -> None:
    """Ends a child and waits until it is gone: each signal is given its time, then comes the next, then SIGKILL."""
    for number in (*signals, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            continue


def end_by_id(pid: int, mark: str, *signals: signal.Signals, patience_seconds: float = 10) -> bool:
    """Ends a process that is no child of ours and waits until it is gone.

    A process id alone proves nothing, as they come round again (after a restart of a container at once): only one
    whose command line has the mark among its arguments is ended; any other counts as gone.

    Returns:
        Whether it is gone.
    """
    for number in signals:
        patience_ends = time.monotonic() + patience_seconds
        if not _is_marked(pid, mark):
            return True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        while time.monotonic() < patience_ends:
            if not _is_marked(pid, mark):
                return True
            time.sleep(0.01)
    return False


def _is_marked(pid: int, mark: str) -> bool:
    return f" {mark} " in f"{command_line(pid)} "


def command_line(pid: int) -> str:
    """What a process was started as, or the empty string if there is none of this id, or only its remains."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listing = subprocess.run(["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout
