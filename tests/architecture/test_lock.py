"""The lock pins what pyproject.toml asks for, no more and no less, by hash, and names no address."""

import re
import tomllib
from collections.abc import Iterable
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source_tree import REPOSITORY

LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")

#: One entry: name, version, then everything up to the next.
ENTRY = re.compile(r"^([a-z0-9.-]+)==(\S+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)

#: A place to download from, or an option that could name one.
ADDRESS = re.compile(r"\S*://\S*|^\s*-(?!-hash=sha256:)\S+", re.MULTILINE)


def asked() -> list[Requirement]:
    """What pyproject.toml asks for: dependencies, extras and the developers' tools."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [
        *project["project"]["dependencies"],
        *(line for extra in project["project"]["optional-dependencies"].values() for line in extra),
        *project["dependency-groups"]["dev"],
    ]
    requirements = [Requirement(line) for line in lines]
    return [requirement for requirement in requirements if requirement.name != "billing-core"]


def asked_by_extras(requirement: Requirement) -> set[str]:
    """What the extras of a requirement bring here, by the installed distribution's own word."""
    if not requirement.extras:
        return set()
    brought = [Requirement(line) for line in metadata.requires(requirement.name) or ()]
    return {
        canonicalize_name(each.name)
        for each in brought
        for extra in requirement.extras
        if each.marker and not each.marker.evaluate({"extra": ""}) and each.marker.evaluate({"extra": extra})
    }


def faults(lock: str, requirements: Iterable[Requirement]) -> list[str]:
    """What is wrong with a lock, a sentence each."""
    requirements = list(requirements)
    found = [f"{address} is an address" for address in ADDRESS.findall(lock)]
    pins: dict[str, list[str]] = {}
    names = {canonicalize_name(requirement.name) for requirement in requirements}
    for name, version, rest in ENTRY.findall(lock):
        pins.setdefault(name, []).append(version)
        if "--hash=sha256:" not in rest:
            found.append(f"{name} has no hash")
        if "billing-core (pyproject.toml" in rest and name not in names:
            found.append(f"{name} is pinned, but nobody asks for it any more")
    for requirement in requirements:
        versions = pins.get(canonicalize_name(requirement.name), [])
        if not any(requirement.specifier.contains(version) for version in versions):
            found.append(f"{requirement} is not met by {versions}")
        found += [f"{name} of {requirement} is not pinned" for name in asked_by_extras(requirement) - set(pins)]
    return found


def test_the_lock_is_what_pyproject_asks_for() -> None:
    """If it is not: `make lock`."""
    assert faults(LOCK, asked()) == []


GOOD = "attrs==26.1.0 \\\n    --hash=sha256:00\n    # via billing-core (pyproject.toml)\n"


@pytest.mark.parametrize(
    ("lock", "requirement", "fault"),
    [
        (GOOD.replace("26.1.0", "24.1.0"), "attrs>=25.4", "attrs>=25.4 is not met by ['24.1.0']"),
        (GOOD, "rich>=14", "rich>=14 is not met by []"),
        (GOOD.replace("attrs", "django"), "attrs", "django is pinned, but nobody asks for it any more"),
        (GOOD.replace("--hash=sha256:00", ""), "attrs", "attrs has no hash"),
        (f"--index-url=x\n{GOOD}", "attrs", "--index-url=x is an address"),
        (f"a @ https://host/a.whl\n{GOOD}", "attrs", "https://host/a.whl is an address"),
        (GOOD, "uvicorn[standard]", "httptools of uvicorn[standard] is not pinned"),
    ],
    ids=["too-old", "missing", "left-over", "without-hash", "index", "address", "extra"],
)
def test_a_stale_or_unsafe_lock_is_noticed(lock: str, requirement: str, fault: str) -> None:
    assert fault in faults(lock, [Requirement(requirement)])


def test_a_good_lock_has_no_fault() -> None:
    assert faults(GOOD, [Requirement("attrs>=25.4")]) == []
