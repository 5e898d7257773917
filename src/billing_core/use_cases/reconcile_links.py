"""What ties a payment in vain to its invoice: the provider tells of it by no event, until it is paid."""

from __future__ import annotations

from collections.abc import Iterable

from billing_core.domain.facts import ObjectRef, PaymentSeen
from billing_core.domain.known import Known
from billing_core.ports.provider import ProviderLookup
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["untold_links"]


async def untold_links(
    units: UnitsOfWork, lookup: ProviderLookup, mended: Iterable[ObjectRef]
) -> dict[ObjectRef, str | None]:
    """The invoice payments that no event tells of, of the customers of what was ``mended``; with whose each is.

    Only those of payments that came to nothing and belong to no invoice that we know of are asked for. Raises what
    `ProviderLookup` raises.
    """
    found: dict[ObjectRef, str | None] = {}
    async with units() as uow:
        whose = {state.customer_id for state in await uow.objects.get(tuple(mended))} - {None}
        theirs = {one: Known(await uow.objects.of_customer(one)) for one in whose if one is not None}
    for customer_id, known in sorted(theirs.items()):
        for payment in known.all(PaymentSeen):
            if payment.status != "succeeded" and known.invoice_of(payment) is None:
                links = await lookup.links_of(payment.id)
                found |= dict.fromkeys((link.ref for link in links), customer_id)
    return found
