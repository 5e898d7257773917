"""Settings: what is missing or malformed is named, all at once, with an example; secrets are never shown."""

from pathlib import Path

import pytest

from billing_bootstrap.settings import MIGRATE, OFFLINE, OPERATE, SERVE, WORK, Settings, SettingsInvalid, load_settings
from billing_core.domain.policies import AccessPolicy, RefundPolicy

ACCESS, REFRESH = "access-secret-of-more-than-32-characters", "refresh-secret-of-more-than-32-characters"
ENVIRON = {
    "DATABASE_URL": "postgresql://billing:database-secret@db:5432/billing",
    "REDIS_URL": "redis://:redis-secret@cache:6379/1",
    "STRIPE_SECRET_KEY": "sk_test_stripesecret",
    "STRIPE_WEBHOOK_SECRET": "whsec_webhooksecret",
    "JWT_SECRET": ACCESS,
    "JWT_REFRESH_SECRET": REFRESH,
    "CHECKOUT_RETURN_ORIGINS": "https://app.example.com",
}
JWKS = "https://login.example.com/jwks.json"


def load(needs: frozenset[object] = frozenset(SERVE), /, **changed: str | None) -> Settings:
    """All that a server needs, with some of it changed; None takes a variable away."""
    environ = {name: value for name, value in {**ENVIRON, **changed}.items() if value is not None}
    return load_settings(environ, needs)  # type: ignore[arg-type]  # a frozenset of needs


def faults(needs: frozenset[object] = frozenset(SERVE), /, **changed: str | None) -> dict[str, str]:
    """What is wrong then, by variable."""
    with pytest.raises(SettingsInvalid) as invalid:
        load(needs, **changed)
    return {fault.name: fault.wrong for fault in invalid.value.faults}


def test_a_server_needs_no_more_than_this() -> None:
    settings = load()

    assert settings.database_url == settings.database_direct_url == ENVIRON["DATABASE_URL"]
    assert settings.redis_url == ENVIRON["REDIS_URL"]
    assert settings.stripe_webhook_secrets == ("whsec_webhooksecret",)
    assert settings.jwt_algorithms == ("HS256",)
    assert settings.checkout_return_origins == ("https://app.example.com",)
    assert (settings.environment, settings.is_dev, settings.log_format) == ("production", False, "auto")
    assert (settings.rate_limit_user, settings.rate_limit_address) == ("300/minute", "600/minute")


@pytest.mark.parametrize("name", ENVIRON)
def test_each_of_these_is_named_where_it_is_missing(name: str) -> None:
    assert faults(**{name: None}) == {name: "is not set."}
    assert faults(**{name: "  "}) == {name: "is not set."}


def test_every_fault_is_told_at_once_with_an_example() -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        load_settings({"REDIS_PORT": "x", "BILLING_ENV": "prod"})

    told = str(invalid.value)
    assert told.splitlines()[0] == "9 settings are missing or wrong."
    for name in [*ENVIRON, "BILLING_ENV", "REDIS_PORT"]:
        (line,) = (line for line in told.splitlines() if line.startswith(f"- {name} "))
        assert "For example: " in line


def test_one_fault_is_one() -> None:
    with pytest.raises(SettingsInvalid, match=r"^A setting is missing or wrong\.\n- JWT_SECRET is not set\."):
        load(JWT_SECRET=None)


@pytest.mark.parametrize(
    ("needs", "missing"),
    [
        (SERVE, set(ENVIRON)),
        (WORK, {"DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY"}),
        (OPERATE, {"DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY"}),
        (OFFLINE, {"DATABASE_URL"}),
        (MIGRATE, {"DATABASE_URL"}),
    ],
    ids=["serve", "worker", "operate", "offline", "migrate"],
)
def test_only_what_is_needed_must_be_there(needs: frozenset[object], missing: set[str]) -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        load_settings({}, needs)  # type: ignore[arg-type]  # as above

    assert {fault.name for fault in invalid.value.faults} == missing


def test_what_is_not_needed_is_checked_all_the_same() -> None:
    assert (
        "live key" in faults(frozenset(MIGRATE), BILLING_ENV="dev", STRIPE_SECRET_KEY="sk_live_1")["STRIPE_SECRET_KEY"]
    )


def test_no_secret_is_ever_shown() -> None:
    shown = repr(load(DATABASE_DIRECT_URL=ENVIRON["DATABASE_URL"]))

    for secret in ("database-secret", "redis-secret", "stripesecret", "webhooksecret", ACCESS, REFRESH):
        assert secret not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://billing:hunter2@db:5432/%zz"),
        ("REDIS_URL", "http://:hunter2@cache"),
        ("STRIPE_SECRET_KEY", "pk_test_hunter2"),
        ("STRIPE_WEBHOOK_SECRET", "hunter2"),
        ("JWT_SECRET", "hunter2"),
    ],
)
def test_a_secret_that_does_not_fit_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        load(**{name: value})

    assert name in str(invalid.value)
    assert "hunter2" not in str(invalid.value)


MALFORMED = {
    "BILLING_ENV": ["prod", "productions"],
    "LOG_FORMAT": ["xml"],
    "LOG_LEVEL": ["loud"],
    "DATABASE_URL": [
        "nonsense", "mysql://db", "postgresql://a b", "postgresql://a:b@c:d@db/billing", "host=db port=70000",
        "postgresql://db,db2:x/billing", "postgresql://db?sslmode=always", "postgresql://db?sslrootcert=/nonsense/ca.pem",
    ],
    "DATABASE_DIRECT_URL": ["nonsense"],
    "DATABASE_REPLICA_URL": ["nonsense"],
    "DATABASE_POOL_MAX": ["0", "-1", "many", "1.5", "99999", "٣"],
    "DATABASE_PREPARED_STATEMENTS": ["maybe"],
    "REDIS_URL": [
        "cache:6379", "redis://", "redis://[::1/0", "redis://cache:99999", "redis://cache:port", "redis://cache/one",
        "redis://cache/0/1", "redis://:pass#word@cache/0",
    ],
    "REDIS_HOST": ["cache:6379", "redis://cache", "cache/0", "user@cache"],
    "REDIS_SENTINELS": ["sentinel", "sentinel:port", "sentinel:0", "one:26379,:26379"],
    "REDIS_PORT": ["0", "65536", "x"],
    "REDIS_DB": ["-1", "one"],
    "REDIS_TLS": ["perhaps", "true"],
    "STRIPE_SECRET_KEY": ["sk_test_", "sk_1", "pk_test_1", "sk_test_1 2"],
    "STRIPE_PUBLISHABLE_KEY": ["sk_test_1", "pk_live_1"],
    "STRIPE_API_BASE": ["localhost:12111", "ftp://x", "http://"],
    "STRIPE_WEBHOOK_SECRET": ["secret", "whsec_a,secret", "whsec_"],
    "JWT_SECRET": ["x" * 31],
    "JWT_ALGORITHMS": ["none", "HS512", "HS256,none"],
    "JWT_JWKS_URL": ["http://login.example.com/jwks", "nonsense", "https://", "https://[x", "https://login:port/"],
    "JWT_JWKS_FILE": ["/nonsense/jwks.json"],
    "CHECKOUT_RETURN_ORIGINS": [
        "*", "app.example.com", "https://app.example.com/path", "https://a@app.example.com", "http://app.example.com",
        "https://*.example.com", "https://app.example.com:x", "https://app.example.com?x",
    ],
    "CORS_ALLOWED_ORIGINS": ["*", "null", "https://app.example.com,nonsense"],
    "RATE_LIMIT_USER": ["fast", "0/minute", "100", "100/fortnight"],
    "RATE_LIMIT_ADDRESS": ["-1/minute", "none"],
    "TRUSTED_PROXIES": ["proxy", "10.0.0.0/99"],
    "METRICS_ALLOWED": ["everybody"],
    "SHUTDOWN_DRAIN_SECONDS": ["-1", "soon"],
    "REFUND_WINDOW_DAYS": ["-1", "month"],
    "REFUND_ZONE": ["Mars/Olympus"],
    "RENEWAL_SLACK_HOURS": ["-1"],
    "GRACE_DAYS": ["-1"],
    "EVENT_ATTEMPTS_MAX": ["0"],
}  # fmt: skip


def test_no_proxy_is_believed_that_nobody_named() -> None:
    """Else whoever comes from there is whoever they say they are, with a limit for each."""
    assert load().trusted_proxies == ()
    assert load(TRUSTED_PROXIES="10.0.0.0/8, 127.0.0.1/32").trusted_proxies == ("10.0.0.0/8", "127.0.0.1/32")


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in MALFORMED.items() for value in values])
def test_what_does_not_fit_is_named(name: str, value: str) -> None:
    assert name in faults(**{name: value})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"REDIS_HOST": "cache"}, "redis://cache:6379/0"),
        ({"REDIS_HOST": "cache", "REDIS_PORT": "7000", "REDIS_DB": "3"}, "redis://cache:7000/3"),
        ({"REDIS_HOST": "cache", "REDIS_PASSWORD": "p@ss/word"}, "redis://:p%40ss%2Fword@cache:6379/0"),
        ({"REDIS_HOST": "cache", "REDIS_TLS": "true"}, "rediss://cache:6379/0"),
        ({"REDIS_HOST": "::1"}, "redis://[::1]:6379/0"),
        ({"REDIS_URL": "rediss://other:1/2", "REDIS_HOST": "cache"}, "rediss://other:1/2"),
    ],
)
def test_redis_is_given_whole_or_in_parts(given: dict[str, str], expected: str) -> None:
    assert load(**{"REDIS_URL": None, **given}).redis_url == expected


def test_an_address_that_kubernetes_gives_as_redis_port_is_told_or_not_needed() -> None:
    """Each pod gets one where a service of its namespace is called redis."""
    address = "tcp://10.0.0.1:6379"

    assert load(REDIS_PORT=address).redis_url == ENVIRON["REDIS_URL"]
    told = faults(REDIS_URL=None, REDIS_HOST="redis", REDIS_PORT=address)
    assert told == {"REDIS_PORT": "is an address, as Kubernetes sets it where a service is called redis."}


def test_an_example_is_of_the_variable_that_it_is_for() -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        load(DATABASE_REPLICA_URL="nonsense", JWT_SECRET=None, JWT_SECRET_FILE="/nonsense")

    assert [fault.example.partition("=")[0] for fault in invalid.value.faults] == [
        "JWT_SECRET_FILE",
        "DATABASE_REPLICA_URL",
    ]


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"])
def test_libpqs_own_variables_do_for_the_database(name: str) -> None:
    assert load(DATABASE_URL=None, **{name: "x"}).database_url == ""


def test_a_database_may_have_a_way_around_its_pooler() -> None:
    assert load(DATABASE_DIRECT_URL="host=db dbname=billing").database_direct_url == "host=db dbname=billing"


@pytest.mark.parametrize("environment", ["dev", "demo", "sandbox", "test"])
@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"])
def test_a_live_key_is_for_production_alone(environment: str, name: str) -> None:
    keys = {"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_PUBLISHABLE_KEY": "pk_live_1"}

    assert faults(BILLING_ENV=environment, **keys)[name] == "is a live key, which only BILLING_ENV=production takes."


@pytest.mark.parametrize(
    ("base", "fits"),
    [
        (None, True),
        ("https://api.stripe.com", True),
        ("http://127.0.0.1:12111", False),
        ("http://api.stripe.com", False),
        ("https://stripe.com.evil.com", False),
        ("https://evilstripe.com", False),
    ],
)
def test_a_live_key_is_sent_to_stripe_alone(base: str | None, fits: bool) -> None:  # noqa: FBT001 - a column
    if fits:
        assert load(STRIPE_SECRET_KEY="rk_live_1", STRIPE_API_BASE=base).stripe_api_base == base
    else:
        assert "STRIPE_SECRET_KEY" in faults(STRIPE_SECRET_KEY="rk_live_1", STRIPE_API_BASE=base)


def test_a_webhook_may_have_several_secrets_while_one_is_rolled() -> None:
    assert load(STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old").stripe_webhook_secrets == ("whsec_new", "whsec_old")


def test_equal_secrets_are_refused() -> None:
    """A refresh token would pass as an access token."""
    assert "equals JWT_SECRET" in faults(JWT_REFRESH_SECRET=ACCESS)["JWT_REFRESH_SECRET"]


def test_with_public_keys_no_secret_is_needed() -> None:
    settings = load(JWT_SECRET=None, JWT_REFRESH_SECRET=None, JWT_JWKS_URL=JWKS)

    assert (settings.jwt_jwks_url, settings.jwt_algorithms) == (JWKS, ("RS256", "ES256", "EdDSA"))


def test_secret_and_public_keys_may_go_together() -> None:
    assert load(JWT_JWKS_URL=JWKS).jwt_algorithms == ("HS256", "RS256", "ES256", "EdDSA")


def test_an_algorithm_needs_its_key() -> None:
    assert faults(JWT_ALGORITHMS="RS256") == {"JWT_JWKS_URL": "is not set."}
    assert faults(JWT_ALGORITHMS="HS256", JWT_JWKS_URL=JWKS, JWT_SECRET=None) == {"JWT_SECRET": "is not set."}


def test_origins_are_compared_as_browsers_send_them() -> None:
    settings = load(CORS_ALLOWED_ORIGINS="https://App.Example.com:443/, http://localhost:3000")

    assert settings.cors_allowed_origins == ("https://app.example.com", "http://localhost:3000")


def test_outside_of_production_an_origin_need_not_have_tls() -> None:
    assert load(BILLING_ENV="test", CHECKOUT_RETURN_ORIGINS="http://app.test").checkout_return_origins


def test_policies_are_settings() -> None:
    policies = load(
        REFUND_WINDOW_DAYS="14", REFUND_ZONE="Europe/Berlin", GRACE_DAYS="3", RENEWAL_SLACK_HOURS="0"
    ).policies

    assert policies.refund == RefundPolicy(window_days=14, zone="Europe/Berlin")
    assert policies.access == AccessPolicy(grace_days=3, renewal_slack_hours=0)


SECRETS = (
    "DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "JWT_SECRET",
    "JWT_REFRESH_SECRET",
)  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_be_in_a_file(tmp_path: Path, name: str) -> None:
    value = ENVIRON.get(name, ENVIRON["DATABASE_URL"])
    (tmp_path / "secret").write_text(f"{value}\n", encoding="utf-8")

    assert load(**{name: None, f"{name}_FILE": str(tmp_path / "secret")}) == load(**{name: value})


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(ACCESS, encoding="utf-8")

    assert "both set" in faults(JWT_SECRET_FILE=str(tmp_path / "secret"))["JWT_SECRET"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    told = faults(JWT_SECRET=None, JWT_SECRET_FILE=str(tmp_path / "nothing"))

    assert told == {"JWT_SECRET_FILE": "names a file that cannot be read: No such file or directory."}


def test_a_file_without_a_secret_is_named(tmp_path: Path) -> None:
    """Where it is needed: the signing secret's file is there before `billing stripe setup-webhook` tells the secret."""
    (tmp_path / "secret").write_text("\n", encoding="utf-8")
    given = {"STRIPE_WEBHOOK_SECRET": None, "STRIPE_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}

    assert faults(**given) == {"STRIPE_WEBHOOK_SECRET_FILE": "names a file that is empty."}
    assert load(frozenset(OPERATE), **given).stripe_webhook_secrets == ()


def test_the_mark_that_some_editors_begin_a_file_with_is_no_part_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(ACCESS, encoding="utf-8-sig")

    assert load(JWT_SECRET=None, JWT_SECRET_FILE=str(tmp_path / "secret")).jwt_secret == ACCESS


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("REFUND_WINDOW_DAY", "REFUND_WINDOW_DAYS"),
        ("CORS_ALLOWED_ORIGIN", "CORS_ALLOWED_ORIGINS"),
        ("STRIPE_PUBLISHABEL_KEY", "STRIPE_PUBLISHABLE_KEY"),
        ("JWT_ISSUER_FILE", "JWT_ISSUER"),
    ],
)
def test_a_name_that_is_nearly_right_is_noticed(name: str, meant: str) -> None:
    (stray,) = load(**{name: "hunter2"}).strays

    assert (stray.name, stray.example) == (name, f"{meant}=…")
    assert "hunter2" not in str(stray)


def test_what_is_not_ours_or_beside_the_right_name_is_nobodys_concern() -> None:
    others = {"PATH": "/bin", "REDIS_SERVICE_HOST": "10.0.0.1", "PGPOOL": "8", "JWT_SECRETS": "theirs", "TZ": "UTC"}

    assert load(**others).strays == ()


def test_what_is_missing_may_be_there_under_another_name() -> None:
    told = faults(STRIPE_WEBHOOK_SECRET=None, STRIPE_WEBHOOKS_SECRET="whsec_1")

    assert told == {
        "STRIPE_WEBHOOK_SECRET": "is not set.",
        "STRIPE_WEBHOOKS_SECRET": "is not read. Is STRIPE_WEBHOOK_SECRET meant?",
    }


def test_a_certificate_for_redis_without_tls_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("…", encoding="utf-8")
    ca_file = str(tmp_path / "ca.pem")

    assert faults(REDIS_CA_FILE=ca_file) == {"REDIS_CA_FILE": "is for TLS, but Redis is reached without."}
    assert load(REDIS_CA_FILE=ca_file, REDIS_URL="rediss://cache:6379/0").redis_ca_file == tmp_path / "ca.pem"
    assert load(REDIS_CA_FILE=ca_file, REDIS_URL=None, REDIS_HOST="cache", REDIS_TLS="true").redis_ca_file is not None


def test_a_certificate_of_our_own_comes_with_its_key(tmp_path: Path) -> None:
    """And both are for TLS alone."""
    file = tmp_path / "redis.pem"
    file.touch()
    tls, both = (
        {"REDIS_URL": "rediss://cache:6379/0"},
        {"REDIS_CERTIFICATE_FILE": str(file), "REDIS_KEY_FILE": str(file)},
    )

    assert faults(**tls, REDIS_CERTIFICATE_FILE=str(file)) == {"REDIS_KEY_FILE": "is not set."}
    assert faults(**tls, REDIS_KEY_FILE=str(file)) == {"REDIS_CERTIFICATE_FILE": "is not set."}
    assert faults(**both).keys() == both.keys()
    assert load(**tls, **both).redis_certificate_file == load(**tls, **both).redis_key_file == file


def test_sentinels_are_hosts_and_ports() -> None:
    given = load(REDIS_SENTINELS="10.0.0.1:26379, [::1]:26380")

    assert given.redis_sentinels == (("10.0.0.1", 26379), ("::1", 26380))
