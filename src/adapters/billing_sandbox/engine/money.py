"""Currencies and the few sums that Stripe makes: minimum charges, fractions of an amount, fees."""

import re

from billing_sandbox.engine.errors import InvalidParam, InvalidRequest

ZERO_DECIMAL = frozenset(re.findall(r"\w+", "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"))
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_TWO_DECIMAL = frozenset(
    re.findall(
        r"\w+",
        "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf "
        "chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl hrk htg "
        "huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr "
        "mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek "
        "sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd xcg yer zar zmw ",
    )
)
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | _TWO_DECIMAL
_MINIMUM = dict.fromkeys(
    re.findall(r"\w+", "ars aud brl cad chf cop eur idr ils inr jpy krw nzd php rub sgd usd zar"), 50
) | {
    "gbp": 30, "bgn": 100, "aed": 200, "myr": 200, "pln": 200, "ron": 200, "dkk": 250, "nok": 300, "sek": 300,
    "hkd": 400, "mxn": 1000, "thb": 1000, "czk": 1500, "huf": 17500,
}  # fmt: skip
_FEE_PER_MILLE = 29
_FEE_FIXED = 30


def require_currency(code: str) -> str:
    """The currency in lower case.

    Raises:
        InvalidParam: Stripe does not know it.
    """
    lower = code.lower()
    if lower not in CURRENCIES:
        message = f"Invalid currency: {lower}. Stripe currently supports these currencies: usd, eur, gbp, jpy, …"
        raise InvalidParam(message, param="currency")
    return lower


def exponent(currency: str) -> int:
    """How many decimals the currency has on a receipt."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def formatted(amount: int, currency: str) -> str:
    """An amount in minor units as people read it, such as `USD 29.00` or `JPY 500`."""
    places = exponent(currency)
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(places + 1, "0")
    whole = f"{int(digits[: len(digits) - places]):,}"
    return f"{sign}{currency.upper()} {whole}" + (f".{digits[-places:]}" if places else "")


def minimum_charge(currency: str) -> int:
    """The least amount that can be charged, in minor units.

    Stripe names it for some currencies; of all others it is converted at the day's rate, which the sandbox does not
    have: there the smallest amount can be charged.
    """
    return _MINIMUM.get(currency, unit(currency))


def fraction(amount: int, numerator: int, denominator: int) -> int:
    """Amount · numerator / denominator, halves rounded away from zero, so that a credit mirrors its charge."""
    product = amount * numerator
    rounded = (2 * abs(product) + denominator) // (2 * denominator)
    return rounded if product >= 0 else -rounded


def unit(currency: str) -> int:
    """The smallest amount that can be moved: three decimals end in 0, and the króna has none although it is sent so."""
    if currency == "isk":
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def require_whole_units(amount: int, currency: str) -> None:
    """Refuse an amount that cannot be moved in its currency."""
    if amount % unit(currency):
        message = f"Invalid amount: amounts in {currency.upper()} must be evenly divisible by {unit(currency)}."
        raise InvalidRequest(message, param="amount", code="parameter_invalid_integer")


def share(amount: int, numerator: int, denominator: int, currency: str) -> int:
    """Like `fraction`, in whole units of the currency."""
    return fraction(amount, numerator, denominator * unit(currency)) * unit(currency)


def stripe_fee(amount: int, currency: str) -> int:
    """What Stripe keeps of a card payment: 2.9 % and thirty hundredths of the main unit."""
    fixed: int = _FEE_FIXED * 10 ** exponent(currency) // 100
    return fraction(amount, _FEE_PER_MILLE, 1000) + fixed
