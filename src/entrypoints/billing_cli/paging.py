"""The options of lists."""

from __future__ import annotations

from typing import Annotated

from attrs import field, frozen
from cyclopts import Parameter
from cyclopts.validators import Number

from billing_bootstrap.cursors import cursor_of
from billing_cli.options import Looking, Whole
from billing_core.ports.paging import Cursor

__all__ = ["LISTING", "Listing"]


@Parameter(name="*")
@frozen(kw_only=True)
class Listing(Looking):
    """For every command that lists something that may be long."""

    limit: Annotated[Whole, Parameter(validator=Number(gte=1, lte=100))] = field(default=20)
    """How many at most, 1 to 100."""

    cursor: str | None = field(default=None)
    """Where the page before ended: its next_cursor."""

    @property
    def after(self) -> Cursor | None:
        """Where to go on. Raises `InvalidValue` for a cursor that was never given out."""
        return cursor_of(self.cursor)


LISTING = Listing()
