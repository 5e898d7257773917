"""The public API is listed, typed and described; whoever changes it sees that they do."""

import importlib.util
import inspect
from pathlib import Path
from types import ModuleType

import pytest

import billing_core

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "reference" / "python.md"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("python_reference", REPOSITORY / "scripts" / "python_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_public_api_as_it_is(script: ModuleType) -> None:
    """Where this fails the public API changed: if that is meant, `make reference` and a line in CHANGELOG.md say so."""
    assert PAGE.read_text(encoding="utf-8").splitlines() == script.reference().splitlines()


def test_another_signature_is_another_page(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above notices what it is for."""
    before = script.reference()
    monkeypatch.setattr(billing_core, "total", lambda amounts: amounts)

    assert script.reference() != before


def test_whatever_is_public_says_what_it_promises(script: ModuleType) -> None:
    """Every class and function has a docstring of its own; every name is there."""
    silent = [
        f"{module.__name__}.{name}"
        for names in script.AREAS.values()
        for area in names
        for module in script.modules_of(area)
        for name in module.__all__
        if (inspect.isclass(value := getattr(module, name)) or inspect.isroutine(value)) and not inspect.getdoc(value)
    ]

    assert silent == []
