"""A guard that never fired guards nothing: each import contract is broken here on purpose."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source_tree import REPOSITORY, packages

CONFIGURATION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]

#: contract, file that breaks it, the line that does
VIOLATIONS = [
    ("rooms", "billing_core/__init__.py", "import billing_postgres"),
    ("rooms", "billing_core/domain/__init__.py", "import billing_sandbox"),
    ("rooms", "billing_postgres/__init__.py", "import billing_redis"),
    ("rooms", "billing_stripe/__init__.py", "import billing_sandbox"),
    ("rooms", "billing_memory/__init__.py", "import billing_bootstrap"),
    ("rooms", "billing_migrations/__init__.py", "import billing_postgres"),
    ("rooms", "billing_bootstrap/__init__.py", "import billing_http"),
    ("rooms", "billing_cli/__init__.py", "import billing_worker"),
    ("core", "billing_core/domain/__init__.py", "import billing_core.ports"),
    ("core", "billing_core/ports/__init__.py", "from billing_core import use_cases"),
    ("core", "billing_core/use_cases/__init__.py", "import billing_core.blocking"),
    ("sandbox", "billing_sandbox/__init__.py", "def late() -> None:\n    import billing_core"),
    ("sandbox", "billing_sandbox/__init__.py", "from billing_stripe import facts"),
    ("faces", "billing_http/__init__.py", "import billing_postgres"),
    ("faces", "billing_cli/__init__.py", "import billing_embedded"),
    ("faces", "billing_worker/__init__.py", "import billing_migrations"),
    ("fakes", "billing_bootstrap/__init__.py", "import billing_contracts"),
]

#: Runs in an interpreter of its own, that loads the linter once: lints tree after tree, prints the reports.
LINTER = """
import contextlib, importlib, io, json, os, sys
from importlinter import cli
reports = []
for tree, contract in json.loads(sys.argv[1]):
    os.chdir(tree)
    sys.path.insert(0, tree)
    importlib.invalidate_caches()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        cli.lint_imports(limit_to_contracts=(contract,) if contract else (), no_cache=True, no_logo=True)
    reports.append(said.getvalue())
print(json.dumps(reports))
"""


def bare_tree(folder: Path) -> None:
    """Our packages by name, empty, under the contracts that the real ones are held to."""
    for package in packages():
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    for room in ("domain", "ports", "use_cases"):
        (folder / "billing_core" / room).mkdir()
        (folder / "billing_core" / room / "__init__.py").touch()
    (folder / "billing_core" / "blocking.py").touch()
    (folder / "billing_stripe" / "facts.py").touch()
    (folder / "pyproject.toml").write_bytes((REPOSITORY / "pyproject.toml").read_bytes())


def lint(trees: list[tuple[Path, str]]) -> list[str]:
    """What import-linter says of one contract in each tree, or of all contracts where none is named."""
    outcome = subprocess.run(
        [sys.executable, "-c", LINTER, json.dumps([[str(tree), contract] for tree, contract in trees])],
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    reports: list[str] = json.loads(outcome.stdout)
    return reports


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The report on each violation, every one planted in a tree of its own; the last is on a tree with none."""
    trees = []
    for contract, file, line in VIOLATIONS:
        tree = tmp_path_factory.mktemp("tree")
        bare_tree(tree)
        (tree / file).write_text(f"{line}\n", encoding="utf-8")
        trees.append((tree, contract))
    clean = tmp_path_factory.mktemp("tree")
    bare_tree(clean)
    return lint([*trees, (clean, "")])


@pytest.mark.parametrize(
    "number", range(len(VIOLATIONS)), ids=[f"{c}: {f.partition('/__')[0]}: {i}" for c, f, i in VIOLATIONS]
)
def test_a_planted_violation_breaks_its_contract(reports: list[str], number: int) -> None:
    assert "0 kept, 1 broken" in reports[number], reports[number]


def test_the_tree_without_a_violation_keeps_every_contract(reports: list[str]) -> None:
    """So that what breaks above is broken by the planted line."""
    assert f"{len(CONFIGURATION['contracts'])} kept, 0 broken" in reports[-1]


def test_every_contract_has_been_seen_broken() -> None:
    contracts: list[dict[str, Any]] = CONFIGURATION["contracts"]

    assert {contract["id"] for contract in contracts} == {contract for contract, _, _ in VIOLATIONS}


def test_every_package_is_under_the_contracts() -> None:
    assert set(CONFIGURATION["root_packages"]) == set(packages())


def test_the_sandbox_is_kept_from_every_package_of_ours() -> None:
    forbidden = next(c["forbidden_modules"] for c in CONFIGURATION["contracts"] if c["id"] == "sandbox")

    assert set(forbidden) == set(packages()) - {"billing_sandbox"}
