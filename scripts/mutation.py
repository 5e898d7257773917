"""Mutation testing of the domain: which small changes of its rules would no test notice?

Run ``python -m scripts.mutation [MODULE …]``. Tests are collected once, in one process. Each mutant is a fork of it in
which one function is changed; it runs the tests that reach the change, the fastest first, until one fails. What was
found is kept in build/mutation: a run that was broken off goes on, and what was killed is not tried again while its
module is as it was. Remove that folder to begin anew.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import time
import tomllib
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable
from mmap import mmap
from pathlib import Path
from types import ModuleType

import coverage
import pytest
from _pytest.runner import runtestprotocol

import billing_core.domain
from scripts.mutants import Cache, Mutant, caches_of, functions_of, mutants_of

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "build" / "mutation"
SOURCES = ROOT / "src" / "billing_core"
#: Mutants that no test can notice, each with the reason.
EQUIVALENTS = Path(__file__).parent / "equivalent_mutants.toml"
_PREFIX = "billing_core.domain."
_OPTIONS = ["-q", "-s", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "tests/unit/domain"]
_KILLED, _SURVIVED, _UNREACHED = "killed", "survived", "unreached"
#: How a process ends whose mutant could not be made: a mistake of this script's, not a mutant that was noticed.
_NEVER_RAN = 3
#: A mutant may take so many times what its tests take, and a bit: in seconds of CPU, as the machine may be busy.
_PATIENCE, _LEAST_SECONDS, _MOST_BYTES = 5, 3, 4 * 2**30

#: What a test reaches: the lines of each file, and the seconds it took.
Reach = tuple[dict[str, list[int]], float]


def main(modules: list[str]) -> int:
    """Try the mutants of these modules of the domain, else of all; 0 where every one that survives is explained."""
    os.chdir(ROOT)
    KEPT.mkdir(parents=True, exist_ok=True)
    every = [found.name for found in pkgutil.walk_packages(billing_core.domain.__path__, _PREFIX) if not found.ispkg]
    chosen = [_PREFIX + module for module in modules] or every
    ended = pytest.main(_OPTIONS, plugins=[_Trials([importlib.import_module(name) for name in chosen])])
    return int(ended)


class _Trials:
    """Takes the place of pytest's loop over the tests."""

    def __init__(self, modules: list[ModuleType]) -> None:
        self.modules = modules

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items if not _is_law(item)}
        reach = _reach(items)
        unexplained = 0
        for module in self.modules:
            unexplained += _try_module(module, items, reach)
        session.testsfailed = unexplained
        return True


def _is_law(item: pytest.Item) -> bool:
    """Whether it draws examples: these take most of the time, and what they alone hold has no test that names it."""
    return hasattr(getattr(item, "obj", None), "hypothesis")


def _try_module(module: ModuleType, items: dict[str, pytest.Item], reach: dict[str, Reach]) -> int:
    name = module.__name__.removeprefix(_PREFIX)
    path = Path(str(module.__file__)).relative_to(ROOT)
    by_line: dict[int, set[str]] = defaultdict(set)
    for test, (lines, _) in reach.items():
        for line in lines.get(str(path), ()):
            by_line[line].add(test)
    journal = KEPT / f"{name}.tsv"
    digest = _digest([path])
    first, *told = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else [""]
    before = dict(line.split("\t")[::-1] for line in told) if first == digest else {}
    started = time.monotonic()
    trial = _Trial(module, items)
    results: dict[str, str] = {}
    with journal.open("w", encoding="utf-8") as kept:
        kept.writelines([f"{digest}\n", *(f"{result}\t{key}\n" for key, result in before.items())])
        for mutant in mutants_of(module):
            key = f"{name}.{mutant.function}: {mutant.change}"
            results[key] = before.get(key, "")
            if results[key] != _KILLED:
                tests = set().union(*(by_line[line] for line in mutant.lines if line in by_line))
                ordered = sorted(tests, key=lambda test: (-trial.kills[test], reach[test][1]))
                results[key] = trial.of(mutant, ordered, sum(reach[test][1] for test in tests))
                kept.write(f"{results[key]}\t{key}\n")
                kept.flush()
    journal.write_text("\n".join([digest, *(f"{one}\t{key}" for key, one in results.items())]), encoding="utf-8")
    return _tell(name, results, time.monotonic() - started)


class _Trial:
    """Tries mutants of one module; tests that noticed one are asked first about the next."""

    def __init__(self, module: ModuleType, items: dict[str, pytest.Item]) -> None:
        self._module, self._items = module, items
        gc.unfreeze()
        self._functions, self._caches = functions_of(module), caches_of(_PREFIX)
        self._killer = mmap(-1, 4)
        self.kills: Counter[str] = Counter()
        gc.freeze()  # a fork whose memory nobody collects shares it with its parent

    def of(self, mutant: Mutant, tests: list[str], seconds: float) -> str:
        """What becomes of it, by tests that take so many seconds together."""
        if not tests:
            return _UNREACHED
        self._killer[:] = bytes(4)
        child = os.fork()
        if child == 0:
            self._run(mutant, tests, seconds)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return _SURVIVED
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _NEVER_RAN:
            raise RuntimeError(mutant)
        self.kills[tests[int.from_bytes(self._killer[:], "big")]] += 1
        return _KILLED

    def _run(self, mutant: Mutant, tests: list[str], seconds: float) -> None:
        """In a process of its own, which ends with 0 where all tests pass."""
        outcome = _NEVER_RAN
        try:
            _silence()
            signal.setitimer(signal.ITIMER_PROF, _LEAST_SECONDS + _PATIENCE * seconds)
            resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
            mutant.take_place(self._module, self._functions[mutant.function])
            _forget(self._caches)
            outcome = 1
            for place, test in enumerate(tests):
                self._killer[:] = place.to_bytes(4, "big")
                if not _passes(self._items[test]):
                    return
            outcome = 0
        finally:
            os._exit(outcome)


def _passes(test: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(test, log=False, nextitem=None))


def _reach(items: dict[str, pytest.Item]) -> dict[str, Reach]:
    """Run the tests once, each file's anew when it or what it tests has changed."""
    kept = KEPT / "reach.json"
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    shared = _digest([*sorted(SOURCES.rglob("*.py")), *sorted((ROOT / "tests").glob("*.py"))])
    files: dict[Path, list[pytest.Item]] = {}
    for item in items.values():
        files.setdefault(item.path, []).append(item)
    now = {}
    for path, tests in files.items():
        key = f"{path.relative_to(ROOT)} {shared} {_digest([path])}"
        now[key] = before.get(key) or _reach_of(tests)
        kept.write_text(json.dumps(before | now), encoding="utf-8")
    kept.write_text(json.dumps(now), encoding="utf-8")
    return {test: (lines, seconds) for file in now.values() for test, (lines, seconds) in file.items() if test in items}


def _reach_of(tests: list[pytest.Item]) -> dict[str, Reach]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            reached = json.dumps(_watched(tests))
            with os.fdopen(writing, "w") as pipe:
                pipe.write(reached)
        except BaseException:  # noqa: BLE001 - a fork must never go on as its parent would
            traceback.print_exc()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found: dict[str, Reach] = json.load(pipe)
    os.waitpid(child, 0)
    if failed := [test for test, (_, seconds) in found.items() if seconds < 0]:
        pytest.exit(f"These fail without any change: {', '.join(failed)}", returncode=2)
    return found


def _watched(tests: list[pytest.Item]) -> dict[str, Reach]:
    """What each test reaches; a test that fails took less than no time."""
    watch = coverage.Coverage(data_file=None, include=[f"{SOURCES}/domain/*"], config_file=False)
    watch.set_option("run:disable_warnings", ["no-data-collected"])
    found: dict[str, Reach] = {}
    caches = caches_of(_PREFIX)
    watch.start()
    for test in tests:
        _forget(caches)
        watch.switch_context(test.nodeid)
        started = time.process_time()
        passes = _passes(test)
        found[test.nodeid] = ({}, time.process_time() - started if passes else -1)
    watch.stop()
    data = watch.get_data()
    for file in data.measured_files():
        path = str(Path(file).relative_to(ROOT))
        for line, reached_by in data.contexts_by_lineno(file).items():
            for name in filter(None, reached_by):
                found[name][0].setdefault(path, []).append(line)
    return found


def _forget(caches: Iterable[Cache]) -> None:
    for cache in caches:
        cache.cache_clear()


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _digest(paths: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def _tell(name: str, results: dict[str, str], seconds: float) -> int:
    explained = set()
    if EQUIVALENTS.exists():
        for group in tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8"))["group"]:
            explained.update(group["mutants"])
    count = Counter(results.values())
    survivors = [key for key, result in results.items() if result != _KILLED]
    unexplained = [key for key in survivors if key not in explained]
    print(
        f"{name:28} {len(results):5} mutants {count[_KILLED]:5} killed {len(survivors) - len(unexplained):4} equivalent"
        f" {len(unexplained):4} survived  {seconds:6.0f} s",
        flush=True,
    )
    (KEPT / f"{name}.survivors").write_text(
        "".join(f"{results[key]:9} {key}\n" for key in unexplained), encoding="utf-8"
    )
    return len(unexplained)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
