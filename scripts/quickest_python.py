"""Which Python to make .venv with: `python -m scripts.quickest_python` prints its path.

The newest of all on the path that make environments; unless another is quicker by far. Builds of one version differ by
half in speed: what version managers compile is seldom optimized by a profile, as what distributions and images hold is.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

#: So many times as quick as a newer one is quicker by far: less than that is the weather.
BY_FAR = 1.2

#: How often each is asked, in turns: a machine's speed may double and halve within a second, so only what one and
#: another took one after the other is compared.
TURNS = 5

#: What each is asked: who it is, whether it makes environments, and how long it takes for what programs do all day.
PROBE = """
import json, os, sys, time, venv
from importlib.util import find_spec

class Pair:
    def __init__(self, name, number):
        self.name, self.number = name, number

def work():
    known = {}
    for number in range(20_000):
        pair = Pair(str(number % 1000), number)
        known[pair.name] = max(known.get(pair.name, 0), pair.number)
    return sum(known.values())

def seconds():
    begun = time.process_time()
    work()
    return time.process_time() - begun

fits = sys.version_info >= (3, 11) and any(find_spec(name) for name in ("pip", "ensurepip"))
path = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
if fits:
    print(json.dumps([path, sys.version_info[:3], min(seconds() for _ in range(12))]))
"""


class Python(NamedTuple):
    """An interpreter that makes environments."""

    path: str
    version: tuple[int, ...]
    #: What the probe's work took; as a share of what another's took, once they are compared.
    seconds: float


def on_path() -> Iterator[Path]:
    """Whatever is named like a Python 3, in the order in which a shell looks."""
    for folder in os.get_exec_path():
        for found in sorted(Path(folder).glob("python3*")):
            if re.fullmatch(r"python3(\.\d+)?", found.name) and os.access(found, os.X_OK):
                yield found


def asked(path: str | Path) -> Python | None:
    """What it says of itself; None for one that does not run, such as a version manager's name for what it lacks."""
    try:
        told = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    if not told:
        return None
    real, version, seconds = json.loads(told)
    return Python(real, tuple(version), seconds)


def choice(found: Iterable[Python]) -> Python:
    """The newest, or one that is quicker by far."""
    newest, *others = sorted(found, key=lambda one: one.version, reverse=True)
    return min(
        (one for one in others if one.seconds * BY_FAR < newest.seconds), key=lambda one: one.seconds, default=newest
    )


def compared(turns: Iterable[Mapping[str, Python]]) -> Iterator[Python]:
    """Each with the median of what it took in a turn, as a share of what the turn's first took."""
    shares: dict[Python, list[float]] = {}
    for turn in turns:
        first, *_ = turn.values()
        for one in turn.values():
            shares.setdefault(one._replace(seconds=0), []).append(one.seconds / first.seconds)
    return (one._replace(seconds=median(values)) for one, values in shares.items())


def turn_of(paths: Iterable[str]) -> dict[str, Python]:
    """Those that run, by who they are: several names may be one."""
    return {one.path: one for one in map(asked, paths) if one is not None}


def quickest_python() -> str:
    """The path of the choice among all on the path; of this very one, where none of them runs."""
    found = turn_of(dict.fromkeys(map(os.path.realpath, on_path())))
    turns = (turn_of(found) for _ in range(TURNS)) if len(found) > 1 else [found]
    return choice(compared(turns)).path if found else sys.executable


if __name__ == "__main__":
    print(quickest_python())
