"""Reading environment variables: every fault is noted, none is raised, so that all are told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from attrs import field, frozen

__all__ = ["Fault", "SettingsInvalid", "Variables", "Wrong"]

T = TypeVar("T")

#: libpq and OpenTelemetry read more variables than we look at.
_READ_BY_OTHERS = ("PG", "OTEL_")
#: From which likeness on a name is taken for a misspelt one: a letter more, less or other in ten.
_ALIKE = 0.9
_LENGTHS_APART_MAX = 2


@frozen
class Fault:
    """A setting that is missing or does not fit."""

    #: The variable, or the variables of which one is needed.
    name: str
    #: What is wrong, without the value of a secret.
    wrong: str
    #: What it should look like.
    example: str

    def __str__(self) -> str:
        return f"{self.name} {self.wrong} For example: {self.example}."


class SettingsInvalid(Exception):
    """Some settings are missing or do not fit; the message names each, what is wrong and an example."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        count = "A setting is" if len(faults) == 1 else f"{len(faults)} settings are"
        super().__init__("\n".join([f"{count} missing or wrong.", *(f"- {fault}" for fault in faults)]))
        #: Every fault, in the order in which settings are read.
        self.faults = faults


class Wrong(ValueError):
    """A value does not fit. The message goes on after the variable's name: ``is no number.`` and the like."""


@frozen
class Variables:
    """The environment, and what was found wrong with it so far.

    An empty variable counts as absent, and so does an empty file.
    """

    environ: Mapping[str, str] = field(repr=False)
    faults: list[Fault] = field(factory=list)
    #: The names that were looked at.
    asked: set[str] = field(factory=set)

    def text(self, name: str) -> str | None:
        """A variable's value, stripped."""
        self.asked.add(name)
        return (self.environ.get(name) or "").strip() or None

    def secret(self, name: str) -> str | None:
        """A secret: the variable itself, or the content of the file that ``<name>_FILE`` names."""
        given, file = self.text(name), self.text(f"{name}_FILE")
        example = f"{name}_FILE=/run/secrets/{name.lower()}"
        if file is None:
            return given
        if given is not None:
            self.note(name, f"and {name}_FILE are both set; keep one of them.", example)
            return given
        try:
            # Some editors begin a file with a mark of its encoding, which is no part of the secret.
            content = Path(file).read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
            self.note(f"{name}_FILE", f"names a file that cannot be read: {reason}.", example)
            return None
        return content or None

    def parsed(self, name: str, value: str | None, parse: Callable[[str], T], default: T, example: str) -> T:
        """``value`` as ``parse`` reads it; where it is absent or does not fit, the default."""
        if value is None:
            return default
        try:
            return parse(value)
        except Wrong as error:
            self.note(name, str(error), example)
            return default

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """One of a few words."""

        def parse(value: str) -> str:
            if value.lower() not in choices:
                raise Wrong(f"is {value!r}, but it can only be {', '.join(choices)}.")
            return value.lower()

        return self.parsed(name, self.text(name), parse, default, f"{name}={default}")

    def flag(self, name: str, *, default: bool) -> bool:
        """Yes or no."""
        word = self.choice(name, ("true", "false", "1", "0", "yes", "no", "on", "off"), "true" if default else "false")
        return word in {"true", "1", "yes", "on"}

    def whole(self, name: str, *, least: int, most: int, default: int) -> int:
        """A whole number."""

        def parse(value: str) -> int:
            if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
                raise Wrong(f"is {value!r}, but it is a whole number from {least} to {most}.")
            return int(value)

        return self.parsed(name, self.text(name), parse, default, f"{name}={default}")

    def file(self, name: str) -> Path | None:
        """The path of a file that is there."""

        def parse(value: str) -> Path:
            if not Path(value).is_file():
                raise Wrong(f"is {value!r}, where there is no file.")
            return Path(value)

        return self.parsed(name, self.text(name), parse, None, f"{name}=/etc/billing/{name.lower()}")

    def list_of(self, name: str, value: str | None, parse: Callable[[str], T], example: str) -> tuple[T, ...]:
        """Comma-separated values."""
        found: list[T] = []
        for part in (value or "").split(","):
            one = self.parsed(name, part.strip() or None, parse, None, example)
            if one is not None:
                found.append(one)
        return tuple(found)

    def need(self, name: str, *, met: bool, example: str) -> None:
        """Note that ``name`` is missing, unless it is there or was found wrong already."""
        if met or any(fault.name.removesuffix("_FILE") == name for fault in self.faults):
            return
        if f"{name}_FILE" in self.asked and self.environ.get(f"{name}_FILE"):
            self.note(f"{name}_FILE", "names a file that is empty.", f"{name}_FILE=/run/secrets/{name.lower()}")
        else:
            self.note(name, "is not set.", example)

    def note(self, name: str, wrong: str, example: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(name, wrong, example))

    def strays(self) -> tuple[Fault, ...]:
        """Variables that nobody looked at, but whose names are nearly those of settings that are not set.

        They are no faults: an environment is not ours alone.
        """
        unset = {name for name in self.asked if not self.environ.get(name) and not name.startswith(_READ_BY_OTHERS)}
        found: list[Fault] = []
        for name in sorted(self.environ.keys() - self.asked):
            meant = name.removesuffix("_FILE")
            if name.endswith("_FILE") and meant in unset:
                found.append(Fault(name, f"is not read: {meant} is no secret, and is given itself.", f"{meant}=…"))
                continue
            # Comparing is slow: only what can be alike is compared.
            near = [one for one in unset if one[0] == name[0] and abs(len(one) - len(name)) <= _LENGTHS_APART_MAX]
            alike = get_close_matches(name, near, n=1, cutoff=_ALIKE)
            found += (Fault(name, f"is not read. Is {one} meant?", f"{one}=…") for one in alike)
        return tuple(found)
