"""Mutation testing of the domain: a copy of the project, mutmut on it, and the score of each module.

Run ``python scripts/mutation.py [MODULE …]``; what is found stays in build/mutation for `mutmut show`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPY = ROOT / "build" / "mutation"
DOMAIN = Path("src/billing_core/domain")
_SETTINGS = """

[tool.mutmut]
source_paths = ["src/billing_core"]
only_mutate = {modules}
pytest_add_cli_args_test_selection = ["tests/unit/domain"]
pytest_add_cli_args = ["--deselect", "tests/unit/domain/test_laws_of_lives.py", "-p", "no:cacheprovider"]
also_copy = ["tests", "src", "docs"]
"""
#: What mutmut writes down for a mutant that no test noticed, that no test reaches, and that was not tried.
_SURVIVED, _NO_TESTS, _NOT_TRIED = 0, 33, None


def main(modules: list[str]) -> int:
    """Mutate these modules of the domain, all of them where none is named; 0 once all mutants were tried."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in ("src", "tests", "docs", "migrations"):
        shutil.copytree(ROOT / name, COPY / name, ignore=shutil.ignore_patterns("__pycache__"))
    chosen = [f"{DOMAIN}/{module}.py" for module in modules or ["*"]]
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8") + _SETTINGS.format(modules=json.dumps(chosen))
    (COPY / "pyproject.toml").write_text(settings, encoding="utf-8")
    mutmut = Path(sys.executable).parent / "mutmut"
    environment = os.environ | {"HYPOTHESIS_PROFILE": "mutation"}
    ended = subprocess.run([mutmut, "run", "--max-children", "1"], cwd=COPY, env=environment, check=False)
    _tell()
    return ended.returncode


def _tell() -> None:
    for file in sorted((COPY / "mutants" / DOMAIN).glob("*.meta")):
        found = Counter(json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"].values())
        tried = sum(found.values()) - found[_NOT_TRIED]
        if tried:
            survived = found[_SURVIVED] + found[_NO_TESTS]
            name = file.name.removesuffix(".py.meta")
            print(f"{name:20} {tried:5} tried {survived:5} survived {100 * (tried - survived) / tried:5.0f} %")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
