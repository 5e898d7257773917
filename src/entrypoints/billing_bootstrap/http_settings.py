"""Reading how the HTTP API meets its callers, noting every fault: tokens, origins, rate limits, proxies."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from attrs import field, frozen

from billing_bootstrap.variables import Variables, Wrong

__all__ = ["read_networks", "read_origins", "read_rate", "read_tokens"]

_SECRET_LENGTH_LEAST = 32
_RANDOM = "the output of `openssl rand -hex 32`"
_JWKS = "JWT_JWKS_URL=https://login.example.com/.well-known/jwks.json"
_RATE = re.compile(r"off|[1-9]\d{0,8}\s*(/|per)\s*([1-9]\d{0,3}\s*)?(second|minute|hour|day)s?")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HS256 = "HS256"
_BY_PUBLIC_KEY = ("RS256", "ES256", "EdDSA")


@frozen(kw_only=True)
class TokenKeys:
    """What access tokens are verified with."""

    secret: str | None = field(repr=False)
    refresh_secret: str | None = field(repr=False)
    jwks_url: str | None
    jwks_file: Path | None
    algorithms: tuple[str, ...]


def read_tokens(variables: Variables, *, needed: bool) -> TokenKeys:
    """Secrets, public keys, and the algorithms: those that are named, else those that there are keys for."""
    secret, refresh_secret = _secret(variables, "JWT_SECRET"), _secret(variables, "JWT_REFRESH_SECRET")
    if secret is not None and secret == refresh_secret:
        variables.note(
            "JWT_REFRESH_SECRET", "equals JWT_SECRET: a refresh token would pass as an access token.", _RANDOM
        )
    jwks_url = variables.parsed("JWT_JWKS_URL", variables.text("JWT_JWKS_URL"), _jwks_url, None, _JWKS)
    jwks_file = variables.file("JWT_JWKS_FILE")
    if jwks_url is not None and jwks_file is not None:
        variables.note("JWT_JWKS_FILE", "and JWT_JWKS_URL are both set; keep one of them.", _JWKS)
    has_jwks = jwks_url is not None or jwks_file is not None
    named = variables.list_of("JWT_ALGORITHMS", variables.text("JWT_ALGORITHMS"), _algorithm, "JWT_ALGORITHMS=RS256")
    algorithms = named or (*((_HS256,) if secret else ()), *(_BY_PUBLIC_KEY if has_jwks else ()))
    if needed and (_HS256 in algorithms or not algorithms):
        variables.need("JWT_SECRET", met=secret is not None, example=f"{_RANDOM}; or keys by {_JWKS}")
        variables.need("JWT_REFRESH_SECRET", met=refresh_secret is not None, example=f"{_RANDOM}, another one")
    if needed and set(algorithms) & set(_BY_PUBLIC_KEY):
        variables.need("JWT_JWKS_URL", met=has_jwks, example=_JWKS)
    return TokenKeys(
        secret=secret, refresh_secret=refresh_secret, jwks_url=jwks_url, jwks_file=jwks_file, algorithms=algorithms
    )


def _secret(variables: Variables, name: str) -> str | None:
    def parse(value: str) -> str:
        if len(value) < _SECRET_LENGTH_LEAST:
            raise Wrong(f"is too short: it has at least {_SECRET_LENGTH_LEAST} characters.")
        return value

    return variables.parsed(name, variables.secret(name), parse, None, _RANDOM)


def _algorithm(value: str) -> str:
    if value != _HS256 and value not in _BY_PUBLIC_KEY:
        raise Wrong(f"names {value!r}, but only HS256, RS256, ES256 and EdDSA are taken.")
    return value


def _jwks_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fits = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise Wrong(f"is {value!r}, which is no URL.") from None
    if not fits or (parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise Wrong(f"is {value!r}, but keys are fetched by https:// alone.")
    return value


def read_origins(variables: Variables, name: str, *, secure: bool, needed: bool) -> tuple[str, ...]:
    """Origins of pages: scheme, host and port; with ``secure`` https alone, but on loopback."""
    example = f"{name}=https://app.example.com"
    origins = variables.list_of(name, variables.text(name), lambda value: _origin(value, secure=secure), example)
    if needed:
        variables.need(name, met=bool(origins), example=example)
    return origins


def read_rate(variables: Variables, name: str, default: str) -> str:
    """How many requests in what time, or ``off``."""

    def parse(value: str) -> str:
        if not _RATE.fullmatch(value):
            raise Wrong(f"is {value!r}, which is neither a rate nor off.")
        return value

    return variables.parsed(name, variables.text(name), parse, default, f"{name}=100/minute, or {name}=off")


def read_networks(variables: Variables, name: str) -> tuple[str, ...]:
    """Addresses and networks."""

    def parse(value: str) -> str:
        try:
            return str(ip_network(value, strict=False))
        except ValueError:
            raise Wrong(f"holds {value!r}, which is neither an address nor a network.") from None

    return variables.list_of(name, variables.text(name), parse, f"{name}=10.0.0.7,10.1.0.0/16")


def _origin(value: str, *, secure: bool) -> str:
    try:
        parts = urlsplit(value)
        exact = parts.hostname is not None and value.rstrip("/").lower() == f"{parts.scheme}://{parts.netloc}".lower()
        plain = "@" not in parts.netloc and parts.port != 0
    except ValueError:
        exact = plain = False
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not exact or not plain or "*" in value:
        raise Wrong(f"holds {value!r}, which is no origin: scheme, host and port alone.")
    if secure and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise Wrong(f"holds {value!r}, but in production an origin begins with https://.")
    origin = value.rstrip("/").lower()
    return origin.removesuffix(":443" if parts.scheme == "https" else ":80")
