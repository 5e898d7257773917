"""A guard that never fired guards nothing: each import contract is broken here on purpose."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.architecture.source_tree import REPOSITORY, packages

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


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on the packages of one folder, and on no others."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("contract", "file", "line"), VIOLATIONS, ids=[f"{c}: {f.partition('/__')[0]}: {i}" for c, f, i in VIOLATIONS]
)
def test_a_planted_violation_breaks_its_contract(tmp_path: Path, contract: str, file: str, line: str) -> None:
    bare_tree(tmp_path)
    (tmp_path / file).write_text(f"{line}\n", encoding="utf-8")

    outcome = lint(tmp_path, "--no-cache", "--contract", contract)

    assert "0 kept, 1 broken" in outcome.stdout, outcome.stdout + outcome.stderr
    assert outcome.returncode == 1


def test_the_tree_without_a_violation_keeps_every_contract(tmp_path: Path) -> None:
    """So that what breaks above is broken by the planted line."""
    bare_tree(tmp_path)

    outcome = lint(tmp_path, "--no-cache")

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_contract_has_been_seen_broken() -> None:
    contracts: list[dict[str, Any]] = CONFIGURATION["contracts"]

    assert {contract["id"] for contract in contracts} == {contract for contract, _, _ in VIOLATIONS}


def test_every_package_is_under_the_contracts() -> None:
    assert set(CONFIGURATION["root_packages"]) == set(packages())


def test_the_sandbox_is_kept_from_every_package_of_ours() -> None:
    forbidden = next(c["forbidden_modules"] for c in CONFIGURATION["contracts"] if c["id"] == "sandbox")

    assert set(forbidden) == set(packages()) - {"billing_sandbox"}
