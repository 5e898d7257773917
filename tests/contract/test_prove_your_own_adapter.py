"""The guide to proving an adapter is right: what it shows runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from billing_contracts.inbox import InboxContract

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "prove-your-own-adapter.md"


def _block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return str(found)


def _pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    # Of all plugins that happen to be installed, the one that the guide names: the others take seconds to load.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin", "-q"]
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=os.environ | plugins, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's project, with the configuration and the test of the guide."""
    (tmp_path / "pyproject.toml").write_text(_block("toml"))
    (tmp_path / "test_mine.py").write_text(_block("python"))
    return tmp_path


def test_the_example_proves_the_adapter(project: Path) -> None:
    """Every behaviour of the suite is run, and holds."""
    behaviours = [name for name in vars(InboxContract) if name.startswith("test_")]
    run = _pytest(project)
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed is not None
    assert int(passed[1]) >= len(behaviours)
    assert "skipped" not in run.stdout


def test_an_adapter_that_breaks_a_promise_is_found_out(project: Path) -> None:
    """A suite that passes whatever it is given proves nothing; and a failure shows both sides."""
    forgetful = """
class Forgetful(MemoryUnitsOfWork):
    def __call__(self):
        return MemoryUnitsOfWork()()
"""
    mine = (project / "test_mine.py").read_text()
    broken = mine.replace("class TestMyInbox", forgetful + "\nclass TestMyInbox")
    (project / "test_mine.py").write_text(broken.replace("return MemoryUnitsOfWork()\n", "return Forgetful()\n"))
    run = _pytest(project)
    assert run.returncode == 1
    assert "test_an_event_comes_back_as_it_was_stored" in run.stdout
    assert "assert None == Received(" in run.stdout
