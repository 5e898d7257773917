"""Folders for servers of tests: open to the user that they run as, and in memory where there is room."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Linux's own file system in memory. A database is 600 files: to make them on a disk takes ten times as long.
_MEMORY = Path("/dev/shm")  # noqa: S108 - only to look whether it is there; what is made there has a name of its own

#: What the servers of one process of the tests may need: 1 GiB of write-ahead log at most, and their databases.
_NEEDED_BYTES = 2 * 2**30


@contextmanager
def folder_for_servers(prefix: str) -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own; it is gone afterwards with all that is in it."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=_MEMORY if _has_room() else None) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _has_room() -> bool:
    try:
        return shutil.disk_usage(_MEMORY).free >= _NEEDED_BYTES
    except OSError:  # there is none, or it is not ours to look into
        return False
