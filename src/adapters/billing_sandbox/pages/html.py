"""Small helpers to write HTML: escaping, the common frame, amounts and dates as people read them."""

from datetime import UTC, datetime
from html import escape

from aiohttp import web

from billing_sandbox.engine.money import exponent
from billing_sandbox.pages.style import STYLE

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "inr": "₹", "brl": "R$", "krw": "₩"}


def amount(minor: int, currency: str) -> str:
    """Minor units as on a receipt: `$29.00`, `¥500`, `1.234 KWD`."""
    places = exponent(currency)
    digits = str(abs(minor)).rjust(places + 1, "0")
    whole = f"{int(digits[: len(digits) - places]):,}" + (f".{digits[-places:]}" if places else "")
    sign = "-" if minor < 0 else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{whole}" if symbol else f"{sign}{whole} {currency.upper()}"


def day(instant: int) -> str:
    """A date, such as `3 March 2027`."""
    moment = datetime.fromtimestamp(instant, UTC)
    return f"{moment.day} {moment:%B %Y}"


def minute(instant: int) -> str:
    """A date and time in UTC."""
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%d %H:%M:%S} UTC"


def text(value: object) -> str:
    """Any value, safe inside HTML."""
    return escape("" if value is None else str(value))


def page(title: str, body: str, *, status: int = 200, body_class: str = "") -> web.Response:
    """A whole page."""
    document = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head>"
        f'<body class="{body_class}">{body}</body></html>'
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(text=document, status=status, content_type="text/html", headers=headers)
