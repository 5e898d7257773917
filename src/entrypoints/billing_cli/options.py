"""The options that commands share."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Sequence
from typing import Annotated

from attrs import field, frozen
from cyclopts import Parameter, Token

from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import InvalidValue
from billing_core.domain.resources import require_id

__all__ = ["CHANGING", "LOOKING", "Changing", "Looking", "UserId", "Whole"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def _whole(_type: object, tokens: Sequence[Token]) -> int:
    (token,) = tokens
    if not _WHOLE.fullmatch(token.value):
        raise ValueError(f"{token.value!r} is no whole number.")
    return int(token.value)


#: A whole number, and nothing that would have to be rounded: 49.00 is not 49 cents.
Whole = Annotated[int, Parameter(converter=_whole)]


def _user_id(_type: object, tokens: Sequence[Token]) -> str:
    (token,) = tokens
    try:
        return require_id(token.value, "user_id")
    except InvalidValue as error:
        raise ValueError(f"{token.value!r} is no user id: {error.message}") from None


#: The `sub` of a user's token; one that no token can have is wrong usage, not a user of whom nothing is known.
UserId = Annotated[str, Parameter(converter=_user_id)]


@Parameter(name="*")
@frozen(kw_only=True)
class Looking:
    """For every command that shows something."""

    json: Annotated[bool, Parameter(negative=())] = field(default=False)
    """One JSON document on standard output, in the shapes of the HTTP API."""

    actor: str | None = field(default=None)
    """Who is asking, for the audit log; the login name unless given."""

    @property
    def caller(self) -> Caller:
        """Who is asking: whoever can run this program reads the settings, so they are support staff."""
        return Caller(self.actor or _login(), frozenset({Role.ADMIN}))


@Parameter(name="*")
@frozen(kw_only=True)
class Changing(Looking):
    """For every command that changes or spends something."""

    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=())] = field(default=False)
    """Do not ask first."""


LOOKING = Looking()
CHANGING = Changing()


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under an id without a name
        return f"uid-{os.getuid()}"
