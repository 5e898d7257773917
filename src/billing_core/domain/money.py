"""Money: whole minor units of one currency, never a float.

Minor units are as the payment provider counts them: cents for USD, whole yen for JPY, fils (three
decimals, the last always 0) for KWD. Sources: ISO 4217; Stripe, "Supported currencies".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from attrs import field, frozen

from billing_core.domain.errors import CurrencyMismatch, InvalidValue

__all__ = ["MINIMUM_CHARGES_MINOR", "Money", "decimals", "round_half_even", "smallest_unit", "total"]

#: Currencies without a minor unit (Stripe, "Zero-decimal currencies").
ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
#: Currencies with three decimals, of which Stripe wants the last to be 0.
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
#: Sent with two decimals although they have none: the amount must be divisible by 100.
WHOLE_HUNDREDS = frozenset({"isk", "ugx"})

#: The least that can be charged, in minor units of each currency (Stripe, "Minimum charge amount by currency").
#: A policy: of a currency that is not named here, such as `kwd`, it is what the least of the account's own currency is
#: worth on that day, which only Stripe knows. Then nothing is refused here, and Stripe has the last word.
MINIMUM_CHARGES_MINOR = {
    "usd": 50, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "eur": 50, "inr": 50, "nzd": 50, "sgd": 50,
    "gbp": 30, "jpy": 50, "mxn": 1000, "dkk": 250, "nok": 300, "sek": 300, "pln": 200, "hkd": 400,
    "czk": 1500, "ron": 200, "bgn": 100, "huf": 17500, "aed": 200, "thb": 1000, "myr": 200, "krw": 50, "ars": 50,
    "cop": 50, "idr": 50, "ils": 50, "php": 50, "rub": 50, "zar": 50,
}  # fmt: skip
#: The most that can be charged: eight digits, in any currency.
MAXIMUM_CHARGE_MINOR = 99_999_999
_CODE = re.compile("[a-z]{3}")


#: Codes that need no second look.
_USUAL = frozenset(MINIMUM_CHARGES_MINOR) | ZERO_DECIMAL | THREE_DECIMAL | WHOLE_HUNDREDS


def _currency(value: str) -> str:
    if type(value) is str and value in _USUAL:
        return value
    lowered = value.lower() if isinstance(value, str) else ""
    if not _CODE.fullmatch(lowered):
        raise InvalidValue(f"{value!r} is not an ISO 4217 currency code such as 'usd'.", field="currency")
    return lowered


def _whole(_instance: object, _attribute: object, value: int) -> None:
    if type(value) is not int and (isinstance(value, bool) or not isinstance(value, int)):
        raise InvalidValue(f"An amount is a whole number of minor units, not {value!r}.", field="amount")


@frozen(order=False)
class Money:
    """An amount in whole minor units of one currency. May be negative: a credit."""

    #: Whole minor units (cents for USD, yen for JPY).
    amount: int = field(validator=_whole)
    #: ISO 4217, lower case.
    currency: str = field(converter=_currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in this currency."""
        return cls(0, currency)

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount <= other.amount

    def times(self, quantity: int) -> Money:
        """The price of ``quantity`` pieces."""
        return Money(self.amount * quantity, self.currency)

    def fraction(self, part: int, whole: int) -> Money:
        """``part / whole`` of it, rounded once, half to even. ``whole`` must not be 0."""
        return Money(round_half_even(Fraction(self.amount * part, whole)), self.currency)

    def allocate(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Split it by ``weights`` so that the parts sum to exactly the whole (largest remainder).

        The cents left over go to the largest remainders, the earlier part first; a credit is split as its
        charge was. Raises `InvalidValue` where a weight is negative or all are 0.
        """
        if not weights or min(weights) < 0 or sum(weights) == 0:
            raise InvalidValue("Weights must not be negative, and one must be above 0.", field="weights")
        if self.amount < 0:
            return tuple(-part for part in (-self).allocate(weights))
        whole = sum(weights)
        shares = [divmod(self.amount * weight, whole) for weight in weights]
        left_over = self.amount - sum(share for share, _ in shares)
        by_remainder = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))
        extra = set(by_remainder[:left_over])
        return tuple(
            Money(share + (1 if index in extra else 0), self.currency) for index, (share, _) in enumerate(shares)
        )

    def require_whole_units(self) -> Money:
        """Itself, where it is made of whole units that the provider can move; else raises `InvalidValue`."""
        if self.currency in WHOLE_HUNDREDS and self.amount % 100:
            raise InvalidValue(f"Amounts in {self.currency} must be divisible by 100.", field="amount")
        if self.currency in THREE_DECIMAL and self.amount % 10:
            raise InvalidValue(f"The last digit of an amount in {self.currency} must be 0.", field="amount")
        return self

    @property
    def collectable(self) -> Money:
        """What is collected of it: nothing of a sum that is too little to charge, which waits for the next invoice."""
        least = MINIMUM_CHARGES_MINOR.get(self.currency, 0)
        return self if self.amount >= least else Money.zero(self.currency)

    def require_chargeable(self) -> Money:
        """Itself, where the provider can charge it; else raises `InvalidValue` that says why."""
        if self.amount < 0:
            raise InvalidValue("A price cannot be negative.", field="amount")
        self.require_whole_units()
        least = MINIMUM_CHARGES_MINOR.get(self.currency, 0)
        if 0 < self.amount < least:
            raise InvalidValue(f"The least that can be charged is {least} {self.currency}.", field="amount")
        if self.amount > MAXIMUM_CHARGE_MINOR:
            raise InvalidValue("An amount has at most eight digits.", field="amount")
        return self

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be added or compared.")

    def __str__(self) -> str:
        places = decimals(self.currency)
        sign, digits = ("-" if self.amount < 0 else ""), str(abs(self.amount)).rjust(places + 1, "0")
        number = f"{digits[:-places]}.{digits[-places:]}" if places else digits
        return f"{sign}{number} {self.currency.upper()}"


def decimals(currency: str) -> int:
    """How many decimals the minor unit of ``currency`` has as the provider counts it: 0, 2 or 3."""
    lowered = currency.lower()
    return 0 if lowered in ZERO_DECIMAL else 3 if lowered in THREE_DECIMAL else 2


def smallest_unit(currency: str) -> int:
    """The smallest amount that the provider can move in a currency, in minor units (domain rule 7)."""
    if currency in WHOLE_HUNDREDS:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def round_half_even(value: Fraction) -> int:
    """The nearest whole number; exactly between two, the even one. Applied once, at the line."""
    return round(value)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of ``amounts``, all of which must be in ``currency``; nothing sums to zero."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result
