"""The remembered catalog: read anew only when its stored version says so."""

from __future__ import annotations

from attrs import define, field

from billing_core.domain.plans import Catalog
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["RememberedCatalog"]


@define
class RememberedCatalog:
    """A `billing_core.ports.catalogs.CatalogSource`: one small query while nothing changed. Safe to share."""

    units: UnitsOfWork
    _version: int = field(default=-1, init=False)
    _catalog: Catalog = field(factory=Catalog, init=False)

    async def current(self) -> Catalog:
        """The catalog as it was last committed."""
        async with self.units() as uow:
            version = await uow.catalogs.version()
            if version != self._version:
                self._catalog = await uow.catalogs.load()
                self._version = version
        return self._catalog
