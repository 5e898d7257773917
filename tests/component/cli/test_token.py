"""`billing token`."""

from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.component.cli.conftest import Billing

SECRET = "a-secret-of-more-than-thirty-two-bytes"


def claims_of(token: str) -> dict[str, object]:
    return dict(jwt.decode(token.strip(), OctKey.import_key(SECRET), algorithms=["HS256"]).claims)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    for name in ("JWT_ISSUER", "JWT_AUDIENCE"):
        monkeypatch.delenv(name, raising=False)


def test_a_token_names_its_user_and_holds_for_an_hour_unless_told(billing: Billing) -> None:
    claims = claims_of(billing("token", "ann").out)

    assert claims["sub"] == "ann"
    assert "roles" not in claims
    assert isinstance(claims["exp"], int)
    assert isinstance(claims["iat"], int)
    assert claims["exp"] - claims["iat"] == 3600


def test_a_token_carries_roles_and_what_the_api_asks_for(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_ISSUER", "https://login.example")
    monkeypatch.setenv("JWT_AUDIENCE", "billing")

    claims = claims_of(billing("token", "support", "--role", "admin", "--role", "service", "--ttl", "2d").out)

    assert claims["roles"] == ["admin", "service"]
    assert (claims["iss"], claims["aud"]) == ("https://login.example", "billing")


@pytest.mark.parametrize("ttl", ["0s", "3y", "h", "-1h", "1.5h"])
def test_a_time_that_is_none_is_refused(billing: Billing, ttl: str) -> None:
    ended = billing("token", "ann", f"--ttl={ttl}")

    assert (ended.status, ended.out) == (2, "")
    assert "such as 1h" in ended.err


def test_the_secret_may_be_in_a_file(billing: Billing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JWT_SECRET")
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    monkeypatch.setenv("JWT_SECRET_FILE", str(tmp_path / "secret"))

    assert claims_of(billing("token", "ann").out)["sub"] == "ann"


def test_without_a_secret_it_says_which_setting_is_missing(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JWT_SECRET")

    ended = billing("token", "ann")

    assert ended.status == 1
    assert ended.err.startswith("billing: JWT_SECRET is not set")


def test_an_id_that_no_user_can_have_is_refused(billing: Billing) -> None:
    assert billing("token", "a/b").status == 2
