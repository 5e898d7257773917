"""Failures: which of them are answers for a person, in one line that says what to do."""

from __future__ import annotations

from billing_core.domain.errors import BillingError, SchemaMismatch, StorageUnavailable, UnknownPlan

__all__ = ["CommandFailed", "WrongUsage", "explain", "status_of"]


class CommandFailed(Exception):
    """The command could not do what was asked; the message says why and what to do."""


class WrongUsage(CommandFailed):
    """The command line itself is wrong: nothing was tried. The message says how it is written."""


#: Errors of rooms that are only imported by commands that use them, by the name of their base class: what they say
#: is meant for a person.
_SPEAKING = frozenset({"CommandFailed", "SettingsInvalid", "MigrationsFailed", "DevServiceFailed"})

#: What to do about it at a terminal, where the core's own words cannot know of commands.
_REMEDIES: dict[type[BillingError], str] = {
    UnknownPlan: "`billing catalog show` lists those that exist.",
    StorageUnavailable: "`billing doctor` says why.",
    SchemaMismatch: "`billing migrate --status` tells.",
}


def explain(error: Exception) -> str | None:
    """What a person is told: a line, or one for each setting that is wrong. None for what nobody foresaw."""
    if isinstance(error, BillingError):
        return _one_line(f"{error.message} {_REMEDIES.get(type(error), '')}")
    lacking = _not_installed(error)
    if lacking is not None:
        return f"{lacking} is not installed, which this needs: pip install 'billing-core[all]'."
    faults: tuple[object, ...] = getattr(error, "faults", ())
    if len(faults) > 1:
        return str(error)
    if _SPEAKING.intersection(base.__name__ for base in type(error).__mro__):
        return _one_line(str(error))
    return None


def status_of(error: Exception) -> int:
    """The exit status that a failure ends with: 2 for wrong usage, 1 for what was refused or failed."""
    return 2 if isinstance(error, WrongUsage) else 1


def _not_installed(error: Exception) -> str | None:
    """A package of others' that an extra of ours would have brought."""
    cause = error.__cause__ or error  # a command that cannot be imported is told with its reason behind it
    if not isinstance(cause, ModuleNotFoundError) or cause.name is None:
        return None
    package = cause.name.partition(".")[0]
    return None if package.startswith("billing_") else package


def _one_line(text: str) -> str:
    """What others wrote, such as a name in a file, breaks no line, and tells a terminal nothing."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
