"""The page of settings lists exactly the variables that are read."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from billing_bootstrap.settings import SERVE, SettingsInvalid, load_settings

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
#: libpq reads these itself; the page names the usual ones.
LIBPQ = re.compile(r"PG[A-Z]+")


class Asked(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def read() -> set[str]:
    """Every variable that is looked at."""
    environ = Asked()
    with suppress(SettingsInvalid):
        load_settings(environ, SERVE)
    return {name for name in environ.names if not LIBPQ.fullmatch(name)}


def described() -> tuple[set[str], set[str]]:
    """The variables of the page's tables, and those of them that may also be a file."""
    cells = re.findall(r"^\| (`[A-Z][^|]*) \|", PAGE, re.MULTILINE)
    names = {name for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)}
    files = {name for cell in cells if "**file**" in cell for name in re.findall(r"`([A-Z_]+)`", cell)}
    return names, files


def test_every_variable_has_its_row_and_every_row_its_variable() -> None:
    """Where this fails, docs/reference/settings.md lacks a setting, or has one that is gone."""
    names, files = described()

    assert names | {f"{name}_FILE" for name in files} == read()
