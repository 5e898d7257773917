"""Reading how the services are reached, noting every fault: the database, Redis and Stripe."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit

from attrs import field, frozen
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from billing_bootstrap.variables import Variables, Wrong

__all__ = [
    "LIBPQ",
    "read_conninfo",
    "read_database_url",
    "read_redis_tls",
    "read_redis_url",
    "read_sentinels",
    "read_stripe",
    "read_tracing_endpoint",
    "read_webhook_secrets",
]

_DATABASE = "DATABASE_URL=postgresql://billing:password@localhost:5432/billing"
_REDIS = "REDIS_URL=redis://localhost:6379/0"
_STRIPE = "STRIPE_SECRET_KEY=sk_test_… from the Stripe Dashboard, Developers, API keys"
_WEBHOOK = "STRIPE_WEBHOOK_SECRET=whsec_… as `billing stripe setup-webhook` tells it"
_PUBLISHABLE = "STRIPE_PUBLISHABLE_KEY=pk_test_…"
#: Of libpq's own variables those that say which database it is.
LIBPQ = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE")
_PORT_MAX = 65535
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def read_database_url(variables: Variables, *, needed: bool) -> str:
    """How PostgreSQL is reached; empty where libpq's own variables say it, or nothing does."""
    url = read_conninfo(variables, "DATABASE_URL")
    if needed:
        by_libpq = any(variables.text(name) for name in LIBPQ)
        variables.need("DATABASE_URL", met=bool(url) or by_libpq, example=f"{_DATABASE}, or libpq's PGHOST …")
    return url


def read_conninfo(variables: Variables, name: str) -> str:
    """A PostgreSQL URL, or libpq's ``key=value`` pairs."""
    example = _DATABASE.replace("DATABASE_URL", name)
    return variables.parsed(name, variables.secret(name), _conninfo, "", example)


def _conninfo(value: str) -> str:
    """``value``, where libpq will not refuse it later. No message repeats what may be a part of a password."""
    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError:
        raise Wrong("is neither a postgresql:// URL nor libpq's key=value pairs.") from None
    for port in filter(None, str(parts.get("port") or "").split(",")):
        if not (port.isascii() and port.isdecimal() and 0 < int(port) <= _PORT_MAX):
            raise Wrong("has a port that is none; in a URL, @ : / of a password are written %40 %3A %2F.")
    if (parts.get("sslmode") or "prefer") not in _SSL_MODES:
        raise Wrong(f"has an sslmode that libpq does not know: it knows {', '.join(_SSL_MODES)}.")
    for key in ("sslrootcert", "sslcert", "sslkey"):
        file = parts.get(key)
        if file and file != "system" and not Path(str(file)).is_file():
            raise Wrong(f"names {file!r} as {key}, where there is no file.")
    return value


def read_redis_url(variables: Variables, *, needed: bool) -> str:
    """The URL of Redis, given whole or in parts; empty where nothing says it."""
    url = variables.parsed("REDIS_URL", variables.secret("REDIS_URL"), _redis_url, "", _REDIS)
    host = variables.parsed("REDIS_HOST", variables.text("REDIS_HOST"), _redis_host, None, "REDIS_HOST=localhost")
    port = _redis_port(variables, whole=bool(url))
    database = variables.whole("REDIS_DB", least=0, most=9999, default=0)
    password = variables.secret("REDIS_PASSWORD")
    tls = variables.flag("REDIS_TLS", default=False)
    if tls and url.startswith("redis://"):
        variables.note("REDIS_TLS", "is set, but REDIS_URL says that Redis is reached without.", "REDIS_URL=rediss://…")
    if needed:
        variables.need(
            "REDIS_URL", met=bool(url or variables.text("REDIS_HOST")), example=f"{_REDIS}, or REDIS_HOST=localhost"
        )
    if url or host is None:
        return url
    login = f":{quote(password, safe='')}@" if password else ""
    shown = f"[{host}]" if ":" in host else host
    return f"{'rediss' if tls else 'redis'}://{login}{shown}:{port}/{database}"


def _redis_url(value: str) -> str:
    wrong = Wrong("is no redis://, rediss:// or unix:// URL; @ : / # of a password are written %40 %3A %2F %23.")
    try:
        parts = urlsplit(value)
        fits = parts.scheme in {"redis", "rediss", "unix"} and (parts.hostname or parts.path) and parts.port != 0
    except ValueError:
        raise wrong from None
    if not fits:
        raise wrong
    if parts.scheme != "unix" and not re.fullmatch(r"(/[0-9]{0,4})?", parts.path):
        raise Wrong("names a database that is no number from 0 to 9999.")
    return value


def _redis_host(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*", value, re.ASCII):
        raise Wrong(f"is {value!r}, which is no host alone; REDIS_URL takes all in one.")
    return value


def _redis_port(variables: Variables, *, whole: bool) -> int:
    """The port. Kubernetes gives each pod an address by this name where a service is called ``redis``."""
    name, default = "REDIS_PORT", 6379
    if not (variables.text(name) or "").startswith("tcp://"):
        return variables.whole(name, least=1, most=_PORT_MAX, default=default)
    if not whole:
        wrong = "is an address, as Kubernetes sets it where a service is called redis."
        variables.note(name, wrong, "REDIS_URL=redis://redis:6379/0, or enableServiceLinks: false in the pod")
    return default


def read_sentinels(variables: Variables) -> tuple[tuple[str, int], ...]:
    """Where Redis Sentinel is asked; nothing where Redis is reached directly."""

    def parse(value: str) -> tuple[str, int]:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= _PORT_MAX:
            raise Wrong(f"holds {value!r}, which is no host:port.")
        return host.strip("[]"), int(port)

    name = "REDIS_SENTINELS"
    return variables.list_of(name, variables.text(name), parse, f"{name}=10.0.0.1:26379,10.0.0.2:26379")


@frozen(kw_only=True)
class RedisTls:
    """Certificates for a connection to Redis by TLS; what is None is as the system has it, or not asked for."""

    ca_file: Path | None
    certificate_file: Path | None
    key_file: Path | None


def read_redis_tls(variables: Variables, url: str) -> RedisTls:
    """Who may vouch for Redis, and our own certificate where it asks for one."""
    tls = RedisTls(
        ca_file=variables.file("REDIS_CA_FILE"),
        certificate_file=variables.file("REDIS_CERTIFICATE_FILE"),
        key_file=variables.file("REDIS_KEY_FILE"),
    )
    given = {
        "REDIS_CA_FILE": tls.ca_file,
        "REDIS_CERTIFICATE_FILE": tls.certificate_file,
        "REDIS_KEY_FILE": tls.key_file,
    }
    for name, file in given.items():
        if file is not None and url and not url.startswith("rediss://"):
            variables.note(name, "is for TLS, but Redis is reached without.", "REDIS_URL=rediss://…, or REDIS_TLS=true")
    if (tls.certificate_file is None) != (tls.key_file is None):
        absent = "REDIS_KEY_FILE" if tls.key_file is None else "REDIS_CERTIFICATE_FILE"
        variables.need(absent, met=False, example=f"{absent}=/etc/billing/{absent.lower()}: both, or neither")
    return tls


@frozen(kw_only=True)
class StripeAccess:
    """How Stripe is reached; the key is empty where none is given."""

    secret_key: str = field(repr=False)
    publishable_key: str | None
    api_base: str | None


def read_stripe(variables: Variables, *, needed: bool, live_allowed: bool) -> StripeAccess:
    """The keys and the address. A live key is refused wherever money should not move."""
    key = variables.parsed(
        "STRIPE_SECRET_KEY", variables.secret("STRIPE_SECRET_KEY"), _key("sk|rk", "secret or restricted"), "", _STRIPE
    )
    publishable = variables.parsed(
        "STRIPE_PUBLISHABLE_KEY",
        variables.text("STRIPE_PUBLISHABLE_KEY"),
        _key("pk", "publishable"),
        None,
        _PUBLISHABLE,
    )
    base = variables.parsed(
        "STRIPE_API_BASE", variables.text("STRIPE_API_BASE"), _url, None, "STRIPE_API_BASE=http://127.0.0.1:12111"
    )
    if needed:
        variables.need("STRIPE_SECRET_KEY", met=bool(key), example=_STRIPE)
    for name, given, example in (
        ("STRIPE_SECRET_KEY", key, _STRIPE),
        ("STRIPE_PUBLISHABLE_KEY", publishable or "", _PUBLISHABLE),
    ):
        if "_live_" in given and not live_allowed:
            variables.note(name, "is a live key, which only BILLING_ENV=production takes.", example)
        elif "_live_" in given and base is not None and not _is_stripe(base):
            variables.note(name, f"is a live key, which is for Stripe alone: STRIPE_API_BASE is {base}.", example)
    if key and publishable and ("_live_" in publishable) != ("_live_" in key):
        variables.note("STRIPE_PUBLISHABLE_KEY", "is of another mode than STRIPE_SECRET_KEY.", _PUBLISHABLE)
    return StripeAccess(secret_key=key, publishable_key=publishable, api_base=base)


def _key(prefixes: str, what: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not re.fullmatch(rf"({prefixes})_(test|live)_\w+", value, re.ASCII):
            raise Wrong(f"is no {what} key of Stripe's.")
        return value

    return parse


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fits = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise Wrong(f"is {value!r}, which is no http:// or https:// URL.")
    return value.rstrip("/")


def read_tracing_endpoint(variables: Variables) -> str | None:
    """Where traces are sent to, by OpenTelemetry's own variables; None for nowhere."""
    example = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"
    found = [
        variables.parsed(name, variables.text(name), _url, None, example)
        for name in ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    ]
    endpoint = next(filter(None, found), None)
    if endpoint is not None and find_spec("opentelemetry") is None:
        wrong = "is set, but what sends traces is not installed."
        variables.note("OTEL_EXPORTER_OTLP_ENDPOINT", wrong, "pip install 'billing-core[tracing]'")
    return endpoint


def _is_stripe(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" and (host == "stripe.com" or host.endswith(".stripe.com"))


def read_webhook_secrets(variables: Variables, *, needed: bool) -> tuple[str, ...]:
    """The signing secrets of the webhook endpoint."""

    def parse(value: str) -> str:
        if not re.fullmatch(r"whsec_[!-~]+", value):
            raise Wrong("holds something that is no signing secret: each begins with whsec_.")
        return value

    name = "STRIPE_WEBHOOK_SECRET"
    secrets = variables.list_of(name, variables.secret(name), parse, _WEBHOOK)
    if needed:
        variables.need(name, met=bool(secrets), example=_WEBHOOK)
    return secrets
