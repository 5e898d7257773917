"""Parameters of the route handlers: what Litestar gives them, by type."""

from __future__ import annotations

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter

from billing_bootstrap.application import Application

__all__ = ["App", "OurId", "ResourceId", "ResourceTypeName", "UserId"]

#: Every use case.
App = NamedDependency[Application]
#: The ``sub`` of a user's token.
UserId = FromPath[str]
#: An id of ours, not yet known to be one.
OurId = Annotated[str, PathParameter(name="id")]
#: A type of resource, not yet known to be one.
ResourceTypeName = FromPath[str]
ResourceId = FromPath[str]
