"""The catalog for requests that ask for it at the same moment: one question for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from billing_core.domain.plans import Catalog
from billing_core.ports.catalogs import CatalogSource
from billing_redis.joined import Joined

__all__ = ["SharedCatalog"]


@define(eq=False)
class SharedCatalog:
    """A `billing_core.ports.catalogs.CatalogSource` as fresh as the one within.

    One question is under way at a time, and whoever asks meanwhile joins the next: what was committed before somebody
    asked is always seen.
    """

    _source: CatalogSource
    _questions: Joined[None, Catalog] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Be ready to be asked."""
        self._questions = Joined(self._answers)

    async def current(self) -> Catalog:
        """The catalog as it was last committed."""
        return await self._questions.ask(None)

    def remembered(self, version: int) -> Catalog | None:
        """The catalog of this version, where it is remembered."""
        return self._source.remembered(version)

    async def _answers(self, asked: Sequence[None]) -> list[Catalog]:
        return [await self._source.current()] * len(asked)
