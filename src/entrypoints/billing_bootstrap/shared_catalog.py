"""The catalog for requests that ask for it at the same moment: one question for all of them."""

from __future__ import annotations

import asyncio

from attrs import define, field

from billing_core.domain.plans import Catalog
from billing_core.ports.catalogs import CatalogSource

__all__ = ["SharedCatalog"]


@define(eq=False)
class SharedCatalog:
    """A `billing_core.ports.catalogs.CatalogSource` as fresh as the one within.

    Whoever asks joins the question that is about to be sent, never one that is under way: what was committed before
    somebody asked is always seen.
    """

    _source: CatalogSource
    _asking: asyncio.Task[Catalog] | None = field(default=None, init=False)

    async def current(self) -> Catalog:
        """The catalog as it was last committed."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        # Whoever goes away meanwhile takes the answer from nobody.
        return await asyncio.shield(self._asking)

    def remembered(self, version: int) -> Catalog | None:
        """The catalog of this version, where it is remembered."""
        return self._source.remembered(version)

    async def _ask(self) -> Catalog:
        self._asking = None
        return await self._source.current()
