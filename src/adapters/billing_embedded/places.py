"""Which folders a process without rights may enter, and one that it may always."""

import stat
from pathlib import Path

#: Where root keeps what nobody must reach, when the folder asked for is below a private one (root's home, mostly).
#: Other people's folders are never opened up for it.
SHELTER = Path("/var/lib/billing_embedded")


def open_to_everybody(path: Path) -> bool:
    """Whether every user may reach the path: each folder above it, and itself, lets others in."""
    real = path.resolve()
    return all(place.stat().st_mode & stat.S_IXOTH for place in (real, *real.parents))


def make_shelter(folder: Path) -> None:
    """Makes a folder that everybody may enter and its owner alone may write, whatever the umask is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)
