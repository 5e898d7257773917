"""What users install: the built wheel, and nothing that only the source tree has."""

import subprocess
import sys
import zipfile
from pathlib import Path

import attrs
import pytest

from tests.architecture.source_tree import REPOSITORY, packages

#: Drivers and frameworks that a user of the bare library does not have.
EXTRAS = ("psycopg", "redis", "stripe", "litestar", "msgspec", "cyclopts")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """The wheel unpacked, with attrs beside it: an environment after a bare `pip install billing-core`."""
    site = wheel.parent / "site"
    zipfile.ZipFile(wheel).extractall(site)  # made by ourselves just now
    for name in ("attr", "attrs"):
        (site / name).symlink_to(Path(attrs.__file__).parent.with_name(name))
    return site


def python(*arguments: str, site: Path) -> subprocess.CompletedProcess[str]:
    """Runs Python as a fresh environment would: only the standard library and what is in the site are there."""
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd="/",
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_but_our_packages_is_at_the_top(wheel: Path) -> None:
    """An `adapters` or `entrypoints` there would collide with other people's."""
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {name for name in top if not name.endswith(".dist-info")} == set(packages())


def test_every_file_of_every_package_is_inside(wheel: Path) -> None:
    """Types, SQL statements, migrations, templates: whatever a package reads at run time."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(folder.parent))
        for folder in packages().values()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert expected - inside == set()
    assert {f"{name}/py.typed" for name in packages()} <= inside


def test_the_bare_wheel_asks_for_attrs_alone(wheel: Path) -> None:
    (name,) = (name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA"))
    lines = zipfile.ZipFile(wheel).read(name).decode().splitlines()
    needed = [line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line]

    assert [line for line in needed if "sys_platform == 'win32'" not in line] == ["Requires-Dist: attrs>=25.4"]


def test_the_core_is_imported_where_attrs_alone_is_installed(site: Path) -> None:
    walk = (
        "import importlib, pkgutil, billing_core\n"
        "for module in pkgutil.walk_packages(billing_core.__path__, 'billing_core.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(billing_core.__file__)\n"
    )

    outcome = python("-c", walk, site=site)

    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith(str(site))


def test_the_rules_bring_neither_an_event_loop_nor_a_driver(site: Path) -> None:
    """`import billing_core` costs what the rules need: they are synchronous, and talk to nobody."""
    show = "import sys, billing_core; print(*sorted({name.partition('.')[0] for name in sys.modules}))"

    brought = set(python("-c", show, site=site).stdout.split())

    assert {"billing_core", "attrs"} <= brought
    assert brought & {"asyncio", "socket", "ssl", "selectors", "logging", "http", *EXTRAS} == set()
    assert {name for name in brought - sys.stdlib_module_names if not name.startswith("_")} == {
        "attr",
        "attrs",
        "billing_core",
    }


def test_the_example_of_a_plain_program_needs_the_bare_wheel_alone(site: Path) -> None:
    outcome = python(str(REPOSITORY / "examples" / "plain_program.py"), site=site)

    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.endswith("ann may open Kubernetes: True, purchased.\n")


@pytest.mark.parametrize("name", [*EXTRAS, "adapters", "entrypoints"])
def test_what_is_not_installed_is_not_there(site: Path, name: str) -> None:
    """So that the test above means what it says."""
    outcome = python("-c", f"import {name}", site=site)

    assert f"No module named '{name}'" in outcome.stderr


def test_the_program_of_the_wheel_starts(site: Path) -> None:
    """With the drivers installed, by the entry point that the wheel names."""
    drivers = Path(attrs.__file__).parents[1]
    start = (
        "import sys; from importlib.metadata import distribution\n"
        "(entry,) = distribution('billing-core').entry_points.select(name='billing')\n"
        "sys.argv = ['billing', '--help']; entry.load()()"
    )

    outcome = python("-c", start, site=Path(f"{site}:{drivers}"))

    assert outcome.returncode == 0, outcome.stderr
    assert "migrate" in outcome.stdout
