"""Whereabouts: which `dev.env` belongs to the `billing dev` of a port, for `billing demo` on the same machine."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["env_file_of", "told"]


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"billing-dev-{os.getuid()}"


@contextmanager
def told(port: int, env_file: Path) -> Iterator[None]:
    """While the context lasts, others find the `dev.env` of this port."""
    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(folder):  # somebody else made it: nothing is written there
        yield
        return
    note = folder / str(port)
    note.write_text(str(env_file), encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def env_file_of(port: int) -> Path | None:
    """The `dev.env` of whatever `billing dev` runs on this port, as this user; None where there is none."""
    folder = _folder()
    if not folder.is_dir() or not _is_ours(folder):
        return None
    try:
        found = Path((folder / str(port)).read_text(encoding="utf-8"))
    except OSError:
        return None
    return found if found.is_file() else None


def _is_ours(folder: Path) -> bool:
    """Nobody else can have written there what we would read."""
    state = folder.lstat()
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & 0o077
