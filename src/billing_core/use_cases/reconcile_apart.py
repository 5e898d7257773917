"""Reconcile apart: each of several objects by itself, so that one that fails keeps no others from being compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define, field, frozen

from billing_core.domain.errors import ProviderUnavailable, SchemaMismatch, StorageUnavailable
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.reconciliation import Finding, LeftOut
from billing_core.ports.provider import ProviderLookup
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.reconcile_links import untold_links
from billing_core.use_cases.reconcile_object import ReconcileObject
from billing_core.use_cases.taking_turns import Failure

__all__ = ["Apart", "ReconcileApart", "in_order"]

_KINDS: Final = {kind: place for place, kind in enumerate(ObjectKind)}
#: What would become of all others, too.
_CONCERNS_ALL = (StorageUnavailable, SchemaMismatch, ProviderUnavailable)


@define(kw_only=True)
class Apart:
    """What was found out, and of what nothing could be."""

    findings: list[Finding] = field(factory=list)
    left_out: list[LeftOut] = field(factory=list)
    failures: list[Failure] = field(factory=list)


@frozen(kw_only=True)
class ReconcileApart:
    """Compare many objects, and what is tied to them by no event."""

    units: UnitsOfWork
    objects: ReconcileObject
    lookup: ProviderLookup
    #: What was asked for when the provider did not answer, or the database: kept from run to run.
    unanswered: set[ObjectRef]

    async def __call__(self, owners: Mapping[ObjectRef, str | None], actor: str) -> Apart:
        """Each of these objects, with whose it is, and the links of the payments that come with them.

        What concerns all, such as a provider that does not answer, is raised; but not twice in a row about the same
        object, for it may be this one alone of which no answer can be read.
        """
        apart = Apart()
        await self._each(owners, actor, apart)
        try:
            links = await untold_links(self.units, self.lookup, owners)
        except _CONCERNS_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - they are asked for again with the objects that they come with
            apart.failures.append(Failure("the links of payments", error))
            apart.left_out += [LeftOut(ref, whose) for ref, whose in owners.items()]
        else:
            await self._each(links, actor, apart)
        return apart

    async def _each(self, owners: Mapping[ObjectRef, str | None], actor: str, apart: Apart) -> None:
        for ref in in_order(owners):
            again = ref in self.unanswered
            self.unanswered.discard(ref)
            try:
                finding = await self.objects(ref, actor=actor, dry_run=False, customer_id=owners[ref])
            except Exception as error:
                if isinstance(error, _CONCERNS_ALL) and not again:
                    self.unanswered.add(ref)
                    raise
                apart.failures.append(Failure(str(ref), error))
                apart.left_out.append(LeftOut(ref, owners[ref]))
            else:
                apart.findings += [finding] if finding is not None else []


def in_order(owners: Mapping[ObjectRef, str | None]) -> list[ObjectRef]:
    """These objects; whoever leads to others first: a payment before its refunds."""
    return sorted(owners, key=lambda ref: (_KINDS[ref.kind], ref.id))
