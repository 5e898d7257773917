"""Importing any package opens no socket, starts no process and reads no environment variable."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.source_tree import SOURCE_ROOTS, packages

#: Runs in a fresh interpreter: watches, imports every module, prints what our own code did meanwhile.
WATCHER = """
import importlib, json, os, pkgutil, sys
roots, names = json.loads(sys.argv[1])
seen = []

def ours():
    frame = sys._getframe(2)
    while frame and ("/os.py" in frame.f_code.co_filename or "_collections_abc" in frame.f_code.co_filename):
        frame = frame.f_back
    inside = frame is not None and any(frame.f_code.co_filename.startswith(root) for root in roots)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if inside else None

def probes_ipv6():
    # urllib3, which the stripe SDK brings, binds a socket once to see whether this machine has IPv6.
    frame = sys._getframe(2)
    while frame and not frame.f_code.co_filename.endswith("urllib3/util/connection.py"):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name == "_has_ipv6"

def audit(event, args):
    if event in {"socket.__new__", "socket.connect", "socket.bind", "subprocess.Popen", "os.fork"}:
        if not probes_ipv6():
            seen.append(f"{event} {args}")

read = os._Environ.__getitem__

def watched(self, key):
    if place := ours():
        seen.append(f"environment variable {key} read at {place}")
    return read(self, key)

os._Environ.__getitem__ = watched
sys.addaudithook(audit)
for name in names:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps(seen))
"""


def deeds_at_import(roots: list[Path], names: list[str]) -> list[str]:
    """What happened while the packages below the roots were imported, whole."""
    outcome = subprocess.run(
        [sys.executable, "-c", WATCHER, json.dumps([[str(root) for root in roots], names])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    deeds: list[str] = json.loads(outcome.stdout)
    return deeds


def test_importing_everything_does_nothing() -> None:
    assert deeds_at_import(list(SOURCE_ROOTS), list(packages())) == []


def test_a_module_that_does_something_at_import_is_caught(tmp_path: Path) -> None:
    (tmp_path / "hasty").mkdir()
    (tmp_path / "hasty" / "__init__.py").touch()
    (tmp_path / "hasty" / "settings.py").write_text("import os\nHOME = os.environ.get('HOME')\n", encoding="utf-8")
    (tmp_path / "hasty" / "client.py").write_text("import socket\nLINE = socket.socket()\n", encoding="utf-8")

    client, settings = deeds_at_import([tmp_path], ["hasty"])

    assert "socket.__new__" in client
    assert "HOME" in settings
