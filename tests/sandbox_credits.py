"""What the sandbox's invoices give back of each other: which lines were credited, and whose credit paid for which."""

from __future__ import annotations

from collections.abc import Iterable

from billing_sandbox.engine.objects import Obj

__all__ = ["is_given_back", "lenders", "lines_of"]


def is_given_back(line: Obj, invoice: Obj, invoices: list[Obj]) -> bool:
    """Whether it is a credit, or a later invoice credits it; of one second, one that credits just as much.

    Another quantity of one price is charged until the same end at which the one before it is credited.
    """
    return line["amount"] < 0 or any(
        credit["amount"] < 0
        and _place(credit) == _place(line)
        and (
            other["created"] > invoice["created"]
            or (other["created"] == invoice["created"] and other is not invoice and credit["amount"] == -line["amount"])
        )
        for other in invoices
        for credit in lines_of([other])
    )


def lenders(invoices: list[Obj], borrowers: set[str]) -> set[str]:
    """Whose credit paid for these invoices: each cent of a credit is spent once, the oldest first."""
    cents: list[str] = []
    found: set[str] = set()
    for invoice in invoices:
        for line in lines_of([invoice]):
            if line["amount"] < 0:
                place = (_price_of(line), line["period"]["end"])
                lent = (
                    one
                    for one in invoices
                    for part in lines_of([one])
                    if one is not invoice and part["amount"] >= 0 and place == _place(part)
                )
                # Of time that nobody had paid for, such as a month that was given up, nobody lends.
                cents += [next(lent, {"id": ""})["id"]] * -line["amount"]
        charged = sum(max(0, line["amount"] - _taken_off(line)) for line in lines_of([invoice]))
        spent = max(0, charged - invoice["amount_paid"])
        if invoice["id"] in borrowers:
            found |= set(cents[:spent]) - {""}
        cents = cents[spent:]
    return found


def _taken_off(line: Obj) -> int:
    return sum(part["amount"] for part in line["discount_amounts"])


def _place(line: Obj) -> tuple[str, int]:
    return _price_of(line), line["period"]["end"]


def lines_of(invoices: Iterable[Obj]) -> list[Obj]:
    """All their lines, in order."""
    return [line for one in invoices for line in one["lines"]["data"]]


def _price_of(line: Obj) -> str:
    found: str = line["pricing"]["price_details"]["price"]
    return found
