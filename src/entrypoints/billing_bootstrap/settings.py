"""Settings: what the environment says, checked as a whole at start-up.

Whatever is missing or malformed is named at once, each with what it should look like. docs/reference/settings.md
lists them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

from attrs import field, frozen

__all__ = ["DEV", "Settings", "SettingsInvalid", "load_settings"]

#: ``BILLING_ENV`` of everything that ``billing dev`` starts: business time may be ahead of real time there.
DEV = "dev"

_T = TypeVar("_T")
_SECRET_BYTES_MIN = 32
_KEY = re.compile(r"(sk|rk)_(test|live)_\w+")
_RATE = re.compile(r"off|[1-9]\d{0,8}\s*(/|per)\s*([1-9]\d{0,5}\s*)?(second|minute|hour|day)s?")
_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")
_PORT_MAX = 65535


class SettingsInvalid(Exception):
    """The environment does not fit; the message names every setting at fault and what it should look like."""


@frozen(kw_only=True)
class Settings:
    """Everything that may differ between two installations."""

    #: ``production`` unless told: where live keys are refused is ``dev``.
    environment: str
    stripe_secret_key: str = field(repr=False)
    #: Several while one is being rolled.
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    #: What browsers talk to Stripe with; None where nobody asked for a setup intent yet.
    stripe_publishable_key: str | None
    #: Another address than Stripe's, such as the sandbox's.
    stripe_api_base: str | None
    #: Empty: libpq's own variables hold.
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    #: For TLS: who may vouch for the server.
    redis_ca_file: Path | None
    jwt_secret: str | None = field(repr=False)
    jwt_refresh_secret: str | None = field(repr=False)
    #: Where the public keys of whoever signs tokens are: a URL or a file.
    jwt_jwks: str | None
    jwt_algorithms: tuple[str, ...]
    jwt_issuer: str | None
    jwt_audience: str | None
    #: Origins that a checkout may send its user back to.
    checkout_return_origins: tuple[str, ...]
    cors_allowed_origins: tuple[str, ...]
    #: Requests per time, such as ``100/minute``, or ``off``.
    rate_limit_user: str
    rate_limit_address: str
    log_level: str

    @property
    def is_dev(self) -> bool:
        """Whether this is ``billing dev``."""
        return self.environment == DEV


@frozen
class _Reader:
    """Reads one variable after the other and remembers what is wrong with each."""

    environ: Mapping[str, str]
    faults: list[str] = field(factory=list)

    def text(self, name: str) -> str | None:
        """What is set; an empty variable counts as unset."""
        return self.environ.get(name, "").strip() or None

    def read(self, name: str, parse: Callable[[str], _T], should_be: str, default: _T) -> _T:
        """What ``parse`` makes of it; the default where it is unset. A `ValueError` is a fault."""
        given = self.text(name)
        if given is None:
            return default
        try:
            return parse(given)
        except ValueError:
            self.faults.append(f"{name} should be {should_be}")
            return default

    def require(self, name: str, parse: Callable[[str], _T], should_be: str, default: _T) -> _T:
        """As `read`, for one that must be set."""
        if self.text(name) is None:
            self.faults.append(f"{name} is missing: it should be {should_be}")
            return default
        return self.read(name, parse, should_be, default)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in these variables. Raises `SettingsInvalid`, naming all that is wrong at once."""
    reader = _Reader(environ)
    environment = reader.text("BILLING_ENV") or "production"
    settings = Settings(
        environment=environment,
        stripe_secret_key=reader.require(
            "STRIPE_SECRET_KEY", _matching(_KEY), "a secret or restricted key such as sk_test_…", ""
        ),
        stripe_webhook_secrets=reader.require(
            "STRIPE_WEBHOOK_SECRET", _webhook_secrets, "whsec_…, or several with commas between", ()
        ),
        stripe_publishable_key=reader.read(
            "STRIPE_PUBLISHABLE_KEY", _matching(re.compile(r"pk_(test|live)_\w+")), "pk_test_… or pk_live_…", None
        ),
        stripe_api_base=reader.read("STRIPE_API_BASE", _http_url, "an address such as http://127.0.0.1:12111", None),
        database_url=reader.read("DATABASE_URL", _database_url, "postgresql://user:password@host:5432/database", ""),
        redis_url=_redis_url(reader),
        redis_ca_file=reader.read("REDIS_CA_FILE", _file, "the path of a file that can be read", None),
        jwt_secret=reader.read("JWT_SECRET", _jwt_secret, "a random text of at least 32 bytes", None),
        jwt_refresh_secret=reader.read("JWT_REFRESH_SECRET", _jwt_secret, "a random text of at least 32 bytes", None),
        jwt_jwks=reader.read("JWT_JWKS_URL", _jwks, "an https:// address or the path of a file", None),
        jwt_algorithms=reader.read("JWT_ALGORITHMS", _algorithms, "a list of HS256, RS256, ES256, EdDSA", ()),
        jwt_issuer=reader.text("JWT_ISSUER"),
        jwt_audience=reader.text("JWT_AUDIENCE"),
        checkout_return_origins=reader.read(
            "CHECKOUT_RETURN_ORIGINS", _origins, "origins such as https://app.example.com, with commas between", ()
        ),
        cors_allowed_origins=reader.read(
            "CORS_ALLOWED_ORIGINS", _origins, "origins such as https://app.example.com, with commas between", ()
        ),
        rate_limit_user=reader.read(
            "RATE_LIMIT_USER", _matching(_RATE), "a rate such as 100/minute, or off", "300/minute"
        ),
        rate_limit_address=reader.read(
            "RATE_LIMIT_ADDRESS", _matching(_RATE), "a rate such as 100/minute, or off", "600/minute"
        ),
        log_level=reader.read("LOG_LEVEL", _level, "debug, info, warning or error", "info"),
    )
    faults = [*reader.faults, *_contradictions(settings, reader)]
    if faults:
        raise SettingsInvalid("; ".join(faults) + ".")
    return settings


def _contradictions(settings: Settings, reader: _Reader) -> list[str]:
    """What is wrong with settings that each look right."""
    faults = []
    if settings.is_dev and "_live_" in settings.stripe_secret_key:
        faults.append("STRIPE_SECRET_KEY is a live key, which is never used under billing dev: give sk_test_… or none")
    keys = (settings.stripe_secret_key, settings.stripe_publishable_key or settings.stripe_secret_key)
    if len({"_live_" in key for key in keys}) > 1:
        faults.append("STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY are of two modes: both should be test or both live")
    if settings.jwt_secret is not None and settings.jwt_secret == settings.jwt_refresh_secret:
        faults.append("JWT_REFRESH_SECRET should differ from JWT_SECRET: else a refresh token opens everything")
    if settings.jwt_secret is None and settings.jwt_jwks is None and not any("JWT" in fault for fault in reader.faults):
        faults.append("JWT_SECRET or JWT_JWKS_URL is missing: without either no token can be checked")
    return faults


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError
        return value

    return parse


def _webhook_secrets(value: str) -> tuple[str, ...]:
    secrets = _list(value)
    if not secrets or not all(secret.startswith("whsec_") for secret in secrets):
        raise ValueError
    return secrets


def _http_url(value: str) -> str:
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc:
        raise ValueError
    return value.rstrip("/")


def _database_url(value: str) -> str:
    is_url = urlsplit(value).scheme in {"postgresql", "postgres"}
    if not is_url and "=" not in value:  # libpq's key=value pairs
        raise ValueError
    return value


def _redis_url(reader: _Reader) -> str:
    """``REDIS_URL``, else what ``REDIS_HOST`` and the others add up to."""
    port = reader.read("REDIS_PORT", _port, "a port such as 6379", 6379)
    database = reader.read("REDIS_DB", int, "a number such as 0", 0)
    tls = reader.read("REDIS_TLS", _switch, "on or off", default=False)
    password = reader.text("REDIS_PASSWORD")
    login = f":{quote(password, safe='')}@" if password else ""
    made = f"{'rediss' if tls else 'redis'}://{login}{reader.text('REDIS_HOST') or '127.0.0.1'}:{port}/{database}"
    return reader.read("REDIS_URL", _redis, "redis://[:password@]host:6379/0, or rediss:// for TLS", made)


def _redis(value: str) -> str:
    if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError
    return value


def _port(value: str) -> int:
    if not 0 < int(value) <= _PORT_MAX:
        raise ValueError
    return int(value)


def _switch(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError
    return words[value.lower()]


def _file(value: str) -> Path:
    if not Path(value).is_file():
        raise ValueError
    return Path(value)


def _jwt_secret(value: str) -> str:
    if len(value.encode()) < _SECRET_BYTES_MIN:
        raise ValueError
    return value


def _jwks(value: str) -> str:
    return value if Path(value).is_file() else _http_url(value)


def _algorithms(value: str) -> tuple[str, ...]:
    names = _list(value)
    if not names or not set(names) <= {"HS256", "RS256", "ES256", "EdDSA"}:
        raise ValueError
    return names


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(origin.rstrip("/") for origin in _list(value))
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError
    return origins


def _level(value: str) -> str:
    if value.lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError
    return value.lower()


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())
