"""The port of the stored catalog. Contract: ``billing_contracts.catalogs``."""

from __future__ import annotations

from typing import Protocol

from billing_core.domain.plans import Catalog

__all__ = ["CatalogSource", "Catalogs"]


class Catalogs(Protocol):
    """The catalog: all versions of all plans, and all items."""

    async def lock(self) -> None:
        """Be the only one that changes the catalog, until the unit of work ends. Raises `LockTimeout`."""
        ...

    async def version(self) -> int:
        """A number that counts up with each `save`: whoever holds a catalog of this version is up to date."""
        ...

    async def load(self) -> Catalog:
        """The catalog as it is stored; an empty one before the first `save`."""
        ...

    async def save(self, catalog: Catalog) -> None:
        """Write the catalog: new versions are added, items become as they are here.

        A known version changes only in what the provider owns and in whether it is sold: its name, its
        price id, ``active`` and ``withdrawn``. All else in it is what its subscribers agreed to, and stays.
        """
        ...


class CatalogSource(Protocol):
    """The catalog for reading, outside of any unit of work. Contract: ``billing_contracts.catalogs``."""

    async def current(self) -> Catalog:
        """The catalog as it was last committed.

        It may be remembered, as long as its version still is the stored one.
        """
        ...

    def remembered(self, version: int) -> Catalog | None:
        """The catalog of this version, where it is remembered."""
        ...
