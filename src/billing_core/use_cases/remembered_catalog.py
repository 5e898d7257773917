"""The remembered catalog: read anew only when its stored version says so."""

from __future__ import annotations

from attrs import define, field

from billing_core.domain.access import UserAccess
from billing_core.domain.plans import Catalog
from billing_core.ports.cache import CATALOG, AccessCache
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["RememberedCatalog", "stamp_of"]


def stamp_of(version: int) -> UserAccess:
    """What the cache keeps of the catalog: which version is the present one."""
    return UserAccess(user_id=CATALOG, version=version, grants=(), subscription=None)


@define
class RememberedCatalog:
    """A `billing_core.ports.catalogs.CatalogSource`: while nothing changed the cache says so. Safe to share."""

    units: UnitsOfWork
    cache: AccessCache
    _version: int = field(default=-1, init=False)
    _catalog: Catalog = field(factory=Catalog, init=False)

    async def current(self) -> Catalog:
        """The catalog as it was last committed."""
        stamp = await self.cache.get(CATALOG)
        known = self.remembered(stamp.version) if stamp is not None else None
        return known or await self._read()

    def remembered(self, version: int) -> Catalog | None:
        """The catalog, where it is of this version."""
        return self._catalog if version == self._version else None

    async def _read(self) -> Catalog:
        begun_at = self.cache.moment()
        async with self.units() as uow:
            version = await uow.catalogs.version()
            catalog = self.remembered(version) or await uow.catalogs.load()
        self._version, self._catalog = version, catalog
        await self.cache.put([stamp_of(version)], begun_at)
        return catalog  # not what is remembered by now: who began before this one may have ended after it
