"""How long it takes to begin: importing the core, the help of the command line, the API until it is ready.

    python -m benchmarks.starting [--rounds 5]

The best of several rounds, in turns; each begins a process of its own. Nothing is asserted but that the core brings no
driver and no event loop with it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import services
from billing_embedded import EmbeddedPostgres, EmbeddedValkey

_IMPORT = "import time; begun = time.perf_counter(); import {0}; print(time.perf_counter() - begun)"
_BROUGHT = "import billing_core, sys; print(*sorted(sys.modules.keys() & {'asyncio', 'psycopg', 'redis', 'stripe'}))"


def _told(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _help_seconds() -> float:
    begun = time.perf_counter()
    command = [str(Path(sys.executable).parent / "billing"), "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def _ready_seconds(database_url: str, redis_url: str) -> float:
    begun = time.perf_counter()
    with services.ours(database_url, redis_url, workers=1):
        return time.perf_counter() - begun


@contextmanager
def _bytecode_in(folder: Path) -> Iterator[None]:
    """As where it is installed: bytecode is kept from the first time on."""
    before = {name: os.environ.pop(name, None) for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")}
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    try:
        yield
    finally:
        del os.environ["PYTHONPYCACHEPREFIX"]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def measure(rounds: int) -> Iterator[tuple[str, str]]:
    """What takes how long. Raises `RuntimeError` where the core brings what it has no use for."""
    brought = _told(_BROUGHT)
    if brought:
        raise RuntimeError(f"import billing_core brings {brought} with it.")
    taken: dict[str, list[float]] = {"attrs": [], "billing_core": [], "help": [], "ready": []}
    with tempfile.TemporaryDirectory() as name, _bytecode_in(Path(name) / "bytecode"):
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedPostgres(folder / "postgres") as postgres, EmbeddedValkey(folder / "valkey") as redis:
            database = services.database(postgres.url, "ours")
            for _ in range(rounds):
                for module in ("attrs", "billing_core"):
                    taken[module].append(float(_told(_IMPORT.format(module))))
                taken["help"].append(_help_seconds())
                taken["ready"].append(_ready_seconds(database, redis.url))
    best = {name: min(seconds) for name, seconds in taken.items()}
    ratio = best["billing_core"] / best["attrs"]
    yield "`import billing_core`", f"{ratio:.1f} times `import attrs` ({best['billing_core'] * 1000:.0f} ms)"
    yield "`billing --help`", f"{best['help'] * 1000:.0f} ms"
    yield "the API, from nothing until it is ready", f"{best['ready']:.2f} s"


def main() -> None:
    """Print how long each takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    for name, found in measure(parser.parse_args().rounds):
        print(f"{name:42} {found}")


if __name__ == "__main__":
    main()
