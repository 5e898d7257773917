"""What `billing dev` chooses: the environment wins, secrets stay, and its own `dev.env` is no choice of the user's."""

import stat
import subprocess
from pathlib import Path

import pytest

from billing_cli.dev.banner import banner
from billing_cli.dev.choices import Choices, read_choices, refuse_live_keys, with_files_read, write_env
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


OF_ANOTHER = {
    "DATABASE_DIRECT_URL": "postgresql://owner@db.example/billing",
    "DATABASE_REPLICA_URL": "postgresql://owner@db2.example/billing",
    "REDIS_SENTINELS": "sentinel.example:26379",
    "REDIS_TLS": "true",
}


def test_what_a_shell_says_of_another_database_is_not_mixed_up_with_ours(tmp_path: Path) -> None:
    """Migrations go to DATABASE_DIRECT_URL: with our DATABASE_URL beside it they would be made in somebody else's."""
    environment = written(tmp_path / "dev.env", OF_ANOTHER)

    assert environment["DATABASE_DIRECT_URL"] == environment["DATABASE_URL"] == FOUND["DATABASE_URL"]
    assert not OF_ANOTHER.keys() & environment.keys() - {"DATABASE_DIRECT_URL"}
    lines = (tmp_path / "dev.env").read_text(encoding="utf-8").splitlines()
    assert {f"DATABASE_DIRECT_URL={FOUND['DATABASE_URL']}", "DATABASE_REPLICA_URL="} <= set(lines)


def test_what_a_shell_says_of_its_own_database_holds(tmp_path: Path) -> None:
    mine = {"DATABASE_URL": "postgresql://me@pooler.example/billing", "REDIS_URL": "rediss://cache.example"}

    environment = written(tmp_path / "dev.env", {**mine, **OF_ANOTHER}, {})

    assert OF_ANOTHER.items() <= environment.items()
    assert written(tmp_path / "dev.env", mine, {})["DATABASE_DIRECT_URL"] == mine["DATABASE_URL"]


def test_a_secret_in_a_file_is_as_good_as_in_a_variable(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://me@db.example/billing\n", encoding="utf-8")
    (tmp_path / "key").write_text("sk_live_0123456789\n", encoding="utf-8")

    choices = read_choices({"DATABASE_URL_FILE": str(tmp_path / "url")}, tmp_path / "dev.env")

    assert choices.has_database
    assert choices.environment(8000, {})["DATABASE_URL"] == "postgresql://me@db.example/billing"
    with pytest.raises(CommandFailed, match="STRIPE_SECRET_KEY is a live key"):
        refuse_live_keys(with_files_read({"STRIPE_SECRET_KEY_FILE": str(tmp_path / "key")}))


def test_dev_env_can_be_taken_into_a_shell_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "dev.env"
    awkward = "redis://:pa$$ word'@127.0.0.1:6666/0"
    environment = written(path, {"REDIS_URL": awkward})

    script = f'set -a; . "{path}"; set +a; printf "%s\\n" "$REDIS_URL" "$JWT_SECRET"'
    shell = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, env={})

    assert shell.stdout.splitlines() == [awkward, environment["JWT_SECRET"]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(("folder", "words"), [(".dev", "dev --reset"), ("mine", "dev --data mine --reset")])
def test_how_to_begin_with_nothing_is_told_for_this_folder(folder: str, words: str) -> None:
    environment = Choices(given={}).environment(8000, FOUND) | {"LEARNER_TOKEN": "a", "ADMIN_TOKEN": "b"}

    assert f"{words}`" in banner(environment, Path(folder) / "dev.env", 8000)


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"])
def test_live_keys_are_refused_by_name(name: str) -> None:
    with pytest.raises(CommandFailed, match=f"{name} is a live key"):
        refuse_live_keys({name: "sk_live_0123456789"})


def test_test_keys_are_not_refused() -> None:
    refuse_live_keys({"STRIPE_SECRET_KEY": "sk_test_0123", "STRIPE_PUBLISHABLE_KEY": "pk_test_0123"})
