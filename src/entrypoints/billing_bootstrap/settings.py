"""Settings: everything that the environment says, checked as a whole at start-up.

docs/reference/settings.md lists all variables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from attrs import evolve, field, frozen

from billing_bootstrap import http_settings as web
from billing_bootstrap import service_settings as services
from billing_bootstrap.policy_settings import read_email_key, read_policies
from billing_bootstrap.variables import Fault, SettingsInvalid, Variables
from billing_core.domain.policies import Policies

__all__ = [
    "DEV",
    "ENVIRONMENTS",
    "MIGRATE",
    "OFFLINE",
    "OPERATE",
    "SERVE",
    "WORK",
    "Fault",
    "Need",
    "Settings",
    "SettingsInvalid",
    "load_settings",
    "names_database",
]

#: ``BILLING_ENV`` of everything that ``billing dev`` starts: business time may be ahead of real time there.
DEV = "dev"
PRODUCTION = "production"
#: All that ``BILLING_ENV`` may be. Only production takes live keys.
ENVIRONMENTS = (PRODUCTION, DEV, "demo", "sandbox", "test")

RATE_LIMIT_USER, RATE_LIMIT_ADDRESS = "300/minute", "600/minute"
METRICS_ALLOWED = ("127.0.0.0/8", "::1/128")


class Need(StrEnum):
    """A part of the settings that whatever is run cannot do without."""

    DATABASE = "database"
    REDIS = "redis"
    #: A key to call Stripe with.
    STRIPE = "stripe"
    #: What the HTTP API checks requests with: webhook and token secrets, return origins.
    HTTP = "http"


#: What ``billing serve`` cannot do without, …
SERVE = frozenset(Need)
#: … ``billing worker`` and every command that changes something or asks Stripe, …
WORK = OPERATE = frozenset({Need.DATABASE, Need.REDIS, Need.STRIPE})
#: … a command that asks Stripe nothing, such as ``billing catalog apply --offline``, and ``billing migrate``.
OFFLINE = MIGRATE = frozenset({Need.DATABASE})


@frozen(kw_only=True)
class Settings:
    """Everything that may differ between two installations. No secret shows in its ``repr``.

    A text is empty, and anything else None, where it is neither configured nor needed.
    """

    #: One of `ENVIRONMENTS`.
    environment: str = PRODUCTION
    #: Empty where libpq's own variables (``PGHOST`` …) say it, too.
    database_url: str = field(default="", repr=False)
    #: Around a pooler, for migrations; the same as ``database_url`` where there is none.
    database_direct_url: str = field(default="", repr=False)
    #: A streaming replica, for what may be a little old; empty where there is none.
    database_replica_url: str = field(default="", repr=False)
    #: The most connections of one process.
    database_pool_max: int = 8
    #: Whether statements are prepared; not behind PgBouncer before 1.21 in transaction mode.
    database_prepared_statements: bool = True
    redis_url: str = field(default="", repr=False)
    #: Host and port of those that know where Redis is; its URL then has their name for it in place of the host.
    redis_sentinels: tuple[tuple[str, int], ...] = ()
    #: For TLS: who may vouch for the server.
    redis_ca_file: Path | None = None
    #: Our own certificate with its key, where Redis asks for one.
    redis_certificate_file: Path | None = None
    redis_key_file: Path | None = None
    stripe_secret_key: str = field(default="", repr=False)
    #: Several while one is being rolled.
    stripe_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    #: What browsers talk to Stripe with; not a secret.
    stripe_publishable_key: str | None = None
    #: Another address than Stripe's, such as the sandbox's.
    stripe_api_base: str | None = None
    #: How long one request to Stripe may take.
    stripe_timeout_seconds: int = 20
    #: How often the worker compares with Stripe what changed lately.
    reconcile_every: timedelta = timedelta(hours=1)
    #: What reconciliation may take of Stripe's rate limit: 25 a second in test mode, 100 in live mode.
    reconcile_requests_per_second: int = 15
    #: For HS256.
    jwt_secret: str | None = field(default=None, repr=False)
    #: What refresh tokens are made with: nothing that it signed is an access token.
    jwt_refresh_secret: str | None = field(default=None, repr=False)
    #: For the other algorithms: where the public keys of whoever signs tokens are.
    jwt_jwks_url: str | None = None
    jwt_jwks_file: Path | None = None
    #: Those that are accepted, whatever a token itself asks for.
    jwt_algorithms: tuple[str, ...] = ()
    #: What ``iss`` and ``aud`` must be; None where they are not checked.
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    #: Origins that a checkout may send its user back to.
    checkout_return_origins: tuple[str, ...] = ()
    #: Origins whose pages may call the API.
    cors_allowed_origins: tuple[str, ...] = ()
    #: Such as ``100/minute``, or ``off``: for each user, and for each address without a valid token.
    rate_limit_user: str = RATE_LIMIT_USER
    rate_limit_address: str = RATE_LIMIT_ADDRESS
    #: Proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed: networks.
    trusted_proxies: tuple[str, ...] = ()
    #: Networks whose callers may read ``/metrics``.
    metrics_allowed: tuple[str, ...] = METRICS_ALLOWED
    #: Where a worker answers ``/metrics``; no port for nowhere.
    worker_metrics_host: str = "127.0.0.1"
    worker_metrics_port: int | None = None
    #: How long, in seconds, a server that is told to stop goes on answering after it says that it is not ready.
    shutdown_drain_seconds: int = 0
    #: Where traces are sent to; None where nothing is traced. OpenTelemetry reads the variable itself.
    tracing_endpoint: str | None = None
    #: ``json``, ``console`` or ``auto``: readable on a terminal, JSON elsewhere.
    log_format: str = "auto"
    log_level: str = "info"
    policies: Policies = field(factory=Policies)
    #: Under which e-mail addresses are hashed, so that a person who had a trial is known again by their address.
    trial_email_key: bytes | None = field(default=None, repr=False)
    #: Variables that are not read, but look like misspelt ones.
    strays: tuple[Fault, ...] = ()

    @property
    def is_dev(self) -> bool:
        """Whether this is ``billing dev``."""
        return self.environment == DEV


def names_database(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether a database is named, by a setting or by libpq's own variables."""
    return bool(settings.database_url) or any(environ.get(name) for name in services.LIBPQ)


def load_settings(environ: Mapping[str, str], needs: Collection[Need] = SERVE) -> Settings:
    """What ``environ`` says. Whatever is there is checked; only what ``needs`` names must be there.

    Raises `SettingsInvalid`, which lists every fault at once.
    """
    variables = Variables(environ)
    environment = variables.choice("BILLING_ENV", ENVIRONMENTS, PRODUCTION)
    secure = environment == PRODUCTION
    http = Need.HTTP in needs
    database_url = services.read_database_url(variables, needed=Need.DATABASE in needs)
    redis_url = services.read_redis_url(variables, needed=Need.REDIS in needs)
    tls = services.read_redis_tls(variables, redis_url)
    stripe = services.read_stripe(variables, needed=Need.STRIPE in needs, live_allowed=secure)
    tokens = web.read_tokens(variables, needed=http)
    settings = Settings(
        environment=environment,
        database_url=database_url,
        database_direct_url=services.read_conninfo(variables, "DATABASE_DIRECT_URL") or database_url,
        database_replica_url=services.read_conninfo(variables, "DATABASE_REPLICA_URL"),
        database_pool_max=variables.whole("DATABASE_POOL_MAX", least=1, most=1000, default=8),
        database_prepared_statements=variables.flag("DATABASE_PREPARED_STATEMENTS", default=True),
        redis_url=redis_url,
        redis_sentinels=services.read_sentinels(variables),
        redis_ca_file=tls.ca_file,
        redis_certificate_file=tls.certificate_file,
        redis_key_file=tls.key_file,
        stripe_secret_key=stripe.secret_key,
        stripe_publishable_key=stripe.publishable_key,
        stripe_api_base=stripe.api_base,
        stripe_timeout_seconds=variables.whole("STRIPE_TIMEOUT_SECONDS", least=1, most=80, default=20),
        stripe_webhook_secrets=services.read_webhook_secrets(variables, needed=http),
        reconcile_every=timedelta(
            minutes=variables.whole("RECONCILE_EVERY_MINUTES", least=1, most=7 * 24 * 60, default=60)
        ),
        reconcile_requests_per_second=variables.whole("RECONCILE_REQUESTS_PER_SECOND", least=1, most=100, default=15),
        jwt_secret=tokens.secret,
        jwt_refresh_secret=tokens.refresh_secret,
        jwt_jwks_url=tokens.jwks_url,
        jwt_jwks_file=tokens.jwks_file,
        jwt_algorithms=tokens.algorithms,
        jwt_issuer=variables.text("JWT_ISSUER"),
        jwt_audience=variables.text("JWT_AUDIENCE"),
        checkout_return_origins=web.read_origins(variables, "CHECKOUT_RETURN_ORIGINS", secure=secure, needed=http),
        cors_allowed_origins=web.read_origins(variables, "CORS_ALLOWED_ORIGINS", secure=secure, needed=False),
        rate_limit_user=web.read_rate(variables, "RATE_LIMIT_USER", RATE_LIMIT_USER),
        rate_limit_address=web.read_rate(variables, "RATE_LIMIT_ADDRESS", RATE_LIMIT_ADDRESS),
        trusted_proxies=web.read_networks(variables, "TRUSTED_PROXIES"),
        metrics_allowed=web.read_networks(variables, "METRICS_ALLOWED") or METRICS_ALLOWED,
        worker_metrics_host=variables.text("WORKER_METRICS_HOST") or "127.0.0.1",
        worker_metrics_port=variables.whole("WORKER_METRICS_PORT", least=0, most=65535, default=0) or None,
        shutdown_drain_seconds=variables.whole(
            "SHUTDOWN_DRAIN_SECONDS", least=0, most=3600, default=2 if environment == PRODUCTION else 0
        ),
        tracing_endpoint=services.read_tracing_endpoint(variables),
        log_format=variables.choice("LOG_FORMAT", ("auto", "json", "console"), "auto"),
        log_level=variables.choice("LOG_LEVEL", ("debug", "info", "warning", "error"), "info"),
        policies=read_policies(variables),
        trial_email_key=read_email_key(variables),
    )
    strays = variables.strays()
    if variables.faults:
        # What is missing may be there under a name that is nearly right.
        raise SettingsInvalid((*variables.faults, *strays))
    return evolve(settings, strays=strays)
