"""What `billing dev` chooses: the environment wins, secrets stay, and its own `dev.env` is no choice of the user's."""

import stat
import subprocess
from pathlib import Path

import pytest

from billing_cli.dev.choices import Choices, read_choices, refuse_live_keys, write_env
from billing_cli.failures import CommandFailed

FOUND = {
    "DATABASE_URL": "postgresql://postgres@127.0.0.1:5555/postgres",
    "REDIS_URL": "redis://127.0.0.1:6666/0",
    "STRIPE_API_BASE": "http://127.0.0.1:7777",
    "STRIPE_SECRET_KEY": "sk_test_sandbox",
}


def written(path: Path, given: dict[str, str], found: dict[str, str] | None = None) -> dict[str, str]:
    """One run: what it chose, written down."""
    choices = read_choices(given, path)
    environment = choices.environment(8000, FOUND if found is None else found)
    write_env(path, environment, choices.given)
    return environment


def test_with_nothing_set_everything_is_chosen() -> None:
    chosen = Choices(given={}).environment(8100, FOUND)

    assert chosen["BILLING_URL"] == "http://127.0.0.1:8100"
    assert chosen["BILLING_ENV"] == "dev"
    assert "http://127.0.0.1:8100" in chosen["CHECKOUT_RETURN_ORIGINS"].split(",")
    assert chosen["JWT_SECRET"] != chosen["JWT_REFRESH_SECRET"]
    assert FOUND.items() <= chosen.items()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "my-own-secret-that-is-long-enough-for-it"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_mine"),
        ("CHECKOUT_RETURN_ORIGINS", "http://localhost:4000"),
        ("CORS_ALLOWED_ORIGINS", "http://localhost:4000"),
        ("RATE_LIMIT_USER", "5/minute"),
        ("RATE_LIMIT_ADDRESS", "6/minute"),
        ("JWT_ISSUER", "https://login.example"),
        ("LOG_FORMAT", "json"),
    ],
)
def test_what_the_environment_says_wins(tmp_path: Path, name: str, value: str) -> None:
    written(tmp_path / "dev.env", {})

    assert written(tmp_path / "dev.env", {name: value})[name] == value


def test_secrets_stay_from_run_to_run(tmp_path: Path) -> None:
    first, second = (written(tmp_path / "dev.env", {}) for _ in range(2))

    for name in ("JWT_SECRET", "JWT_REFRESH_SECRET", "STRIPE_WEBHOOK_SECRET"):
        assert first[name] == second[name]


def test_a_shell_that_took_dev_env_in_does_not_pin_the_addresses_of_an_earlier_run(tmp_path: Path) -> None:
    shell = written(tmp_path / "dev.env", {})

    again = read_choices(shell, tmp_path / "dev.env")

    assert (again.has_database, again.has_redis, again.has_stripe) == (False, False, False)


def test_a_database_of_the_users_own_stays_theirs_on_every_run(tmp_path: Path) -> None:
    mine = {"DATABASE_URL": "postgresql://me@db.example/billing"}
    found = {name: value for name, value in FOUND.items() if name != "DATABASE_URL"}

    for _ in range(3):
        assert written(tmp_path / "dev.env", mine, found)["DATABASE_URL"] == mine["DATABASE_URL"]
        assert read_choices(mine, tmp_path / "dev.env").has_database


def test_dev_env_can_be_taken_into_a_shell_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "dev.env"
    awkward = "redis://:pa$$ word'@127.0.0.1:6666/0"
    environment = written(path, {"REDIS_URL": awkward})

    script = f'set -a; . "{path}"; set +a; printf "%s\\n" "$REDIS_URL" "$JWT_SECRET"'
    shell = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, env={})

    assert shell.stdout.splitlines() == [awkward, environment["JWT_SECRET"]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"])
def test_live_keys_are_refused_by_name(name: str) -> None:
    with pytest.raises(CommandFailed, match=f"{name} is a live key"):
        refuse_live_keys({name: "sk_live_0123456789"})


def test_test_keys_are_not_refused() -> None:
    refuse_live_keys({"STRIPE_SECRET_KEY": "sk_test_0123", "STRIPE_PUBLISHABLE_KEY": "pk_test_0123"})
