"""The contract of the ports of the catalog: what was agreed never changes."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_contracts.examples import COURSE, LAB, item, plan
from billing_core.domain.access import UserAccess
from billing_core.domain.errors import LockTimeout
from billing_core.domain.money import Money
from billing_core.domain.plans import Catalog
from billing_core.ports.cache import CATALOG, AccessCache
from billing_core.ports.catalogs import CatalogSource
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["CatalogSourceContract", "CatalogsContract"]


async def _save(units: UnitsOfWork, catalog: Catalog) -> None:
    async with units() as uow:
        await uow.catalogs.lock()
        await uow.catalogs.save(catalog)
        await uow.commit()


async def _load(units: UnitsOfWork) -> Catalog:
    async with units() as uow:
        return await uow.catalogs.load()


class CatalogsContract:
    """Give the fixture ``units``: units of work on an empty store."""

    async def test_it_is_empty_at_first(self, units: UnitsOfWork) -> None:
        """Before anything was saved."""
        assert await _load(units) == Catalog()

    async def test_it_comes_back_as_it_was_saved(self, units: UnitsOfWork) -> None:
        """All versions of all plans, and all items, in their order."""
        saved = Catalog(
            plans=(plan(1), plan(2), plan(1, plan_id="basic", price_id=None)), items=(item(), item(LAB, contains=()))
        )
        await _save(units, saved)
        assert await _load(units) == saved

    async def test_versions_are_added(self, units: UnitsOfWork) -> None:
        """The earlier ones stay."""
        await _save(units, Catalog(plans=(plan(1),)))
        await _save(units, Catalog(plans=(plan(1), plan(2))))
        assert (await _load(units)).plans == (plan(1), plan(2))

    async def test_a_known_version_follows_the_provider(self, units: UnitsOfWork) -> None:
        """Its name, its price's id and whether it is sold may change."""
        changed = evolve(plan(1), name="Pro!", active=False, withdrawn=True, stripe_price_id="price_2")
        await _save(units, Catalog(plans=(plan(1),)))
        await _save(units, Catalog(plans=(changed,)))
        assert (await _load(units)).plans == (changed,)

    async def test_what_was_agreed_in_a_known_version_stays(self, units: UnitsOfWork) -> None:
        """A customer subscribed to these terms; another price is another version."""
        await _save(units, Catalog(plans=(plan(1),)))
        await _save(units, Catalog(plans=(evolve(plan(1), price=Money(1, "usd"), grants=(), trial_days=0, rank=9),)))
        assert (await _load(units)).plans == (plan(1),)

    async def test_an_item_is_what_was_saved_last(self, units: UnitsOfWork) -> None:
        """Orders have their own copy of what they agreed."""
        changed = evolve(item(), name="Python, again", price=Money(5900, "usd"), active=False)
        await _save(units, Catalog(items=(item(),)))
        await _save(units, Catalog(items=(changed,)))
        assert (await _load(units)).find_item(COURSE) == changed

    async def test_the_version_counts_up_with_each_save(self, units: UnitsOfWork) -> None:
        """So that whoever remembers a catalog sees that it is outdated."""
        seen = []
        for catalog in (Catalog(), Catalog(plans=(plan(1),)), Catalog(plans=(plan(1),))):
            async with units() as uow:
                seen.append(await uow.catalogs.version())
            await _save(units, catalog)
        async with units() as uow:
            seen.append(await uow.catalogs.version())
        assert seen == sorted(set(seen))

    async def test_a_save_that_was_undone_leaves_the_version(self, units: UnitsOfWork) -> None:
        """A version names what is stored, never what was meant to be."""
        async with units() as uow:
            before = await uow.catalogs.version()
            await uow.catalogs.save(Catalog(plans=(plan(1),)))
        async with units() as uow:
            assert await uow.catalogs.version() == before

    async def test_one_changes_it_at_a_time(self, units: UnitsOfWork) -> None:
        """The next one is told that it waited for too long."""
        async with units() as first, units() as second:
            await first.catalogs.lock()
            with pytest.raises(LockTimeout):
                await second.catalogs.lock()

    async def test_it_can_be_read_while_it_is_being_changed(self, units: UnitsOfWork) -> None:
        """Readers see the catalog as it was committed last."""
        await _save(units, Catalog(plans=(plan(1),)))
        async with units() as first:
            await first.catalogs.lock()
            await first.catalogs.save(Catalog(plans=(plan(1), plan(2))))
            assert (await _load(units)).plans == (plan(1),)


class CatalogSourceContract:
    """Give the fixtures ``units``, on an empty store, ``cache``, empty, and ``source``, which reads what they store."""

    async def test_it_gives_what_was_committed_last(
        self, units: UnitsOfWork, cache: AccessCache, source: CatalogSource
    ) -> None:
        """Also to somebody who asked before, and nothing that was not committed."""
        assert await source.current() == Catalog()
        await _announce(units, cache, Catalog(plans=(plan(1),)))
        assert (await source.current()).plans == (plan(1),)
        async with units() as uow:
            await uow.catalogs.save(Catalog(plans=(plan(1), plan(2))))
            assert (await source.current()).plans == (plan(1),)
        await _announce(units, cache, Catalog(plans=(plan(1), plan(2))))
        assert (await source.current()).plans == (plan(1), plan(2))

    async def test_it_knows_the_version_that_it_remembers(
        self, units: UnitsOfWork, cache: AccessCache, source: CatalogSource
    ) -> None:
        """And no other one."""
        version = await _announce(units, cache, Catalog(plans=(plan(1),)))
        assert source.remembered(version) is None
        current = await source.current()
        assert source.remembered(version) is current
        assert source.remembered(version + 1) is None


async def _announce(units: UnitsOfWork, cache: AccessCache, catalog: Catalog) -> int:
    """Change the catalog as every use case does; its version."""
    async with units() as uow:
        await uow.catalogs.save(catalog)
        version = await uow.catalogs.version()
        mark = await cache.mark_stale([CATALOG])
        await uow.commit()
        await cache.lift([UserAccess(user_id=CATALOG, version=version, grants=(), subscription=None)], mark)
    return version
