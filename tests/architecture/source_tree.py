"""Where the packages of this repository are, and what their files import."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

REPOSITORY = Path(__file__).parents[2]

#: The folders that hold our packages; none of them is a package itself.
SOURCE_ROOTS = tuple(REPOSITORY / name for name in ("src", "src/adapters", "src/entrypoints", "migrations"))


@cache
def packages() -> Mapping[str, Path]:
    """Every package that the wheel ships, by name."""
    return MappingProxyType(
        {init.parent.name: init.parent for root in SOURCE_ROOTS for init in sorted(root.glob("*/__init__.py"))}
    )


def python_files(folder: Path) -> Iterator[Path]:
    """The Python files below a folder, in a stable order."""
    return (path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts)


def imported_packages(source: str) -> set[str]:
    """The top-level names that a file imports, wherever in it, without the standard library's."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names
