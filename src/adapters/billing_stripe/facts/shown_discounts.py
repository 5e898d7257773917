"""Which discounts a customer's objects show: Stripe has no list of them, and none can be asked for by itself."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, evolve, field

from billing_core.domain.facts import DiscountSeen, ObjectKind
from billing_stripe.facts.coupons import read_discount
from billing_stripe.facts.reading import Json

__all__ = ["ShownDiscounts"]


@define
class ShownDiscounts:
    """The discounts that the objects of one customer show: first the customer, then subscriptions, then invoices.

    The customer and the subscriptions show those that they have. An invoice shows what lessened it, for ever: what only
    an invoice shows has ended.
    """

    _had: set[str] = field(factory=set)

    def by(self, kind: ObjectKind, body: Json) -> list[DiscountSeen]:
        """The discounts that an object shows, expanded. Raises `Unreadable` for one that cannot be read.

        None for what was taken off a single invoice or session: no event tells of such a one.
        """
        if kind is ObjectKind.INVOICE:
            rows = (row.hash("discount") for row in body.rows("total_discount_amounts"))
            of_invoice = [read_discount(row) for row in rows if _lasts(row)]
            return [evolve(one, deleted=True) for one in of_invoice if one.id not in self._had]
        found = [read_discount(row) for row in _held(kind, body) if _lasts(row)]
        self._had |= {one.id for one in found}
        return found


def _held(kind: ObjectKind, body: Json) -> Iterator[Json]:
    if kind is ObjectKind.CUSTOMER:
        yield body.hash("discount")
    if kind is ObjectKind.SUBSCRIPTION:
        yield from body.rows("discounts")
        for item in body.hash("items").rows("data"):
            yield from item.rows("discounts")


def _lasts(row: Json) -> bool:
    """Whether it is a discount of a customer or of a subscription."""
    return row.has("customer") and (row.has("subscription") or not (row.has("invoice") or row.has("checkout_session")))
