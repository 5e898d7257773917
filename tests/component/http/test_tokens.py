"""Tokens: what verifies, and everything that does not."""

import base64
import hmac
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from billing_bootstrap.settings import Settings
from billing_core.domain.callers import Caller, Role
from billing_http.token_keys import (
    Key,
    KeySource,
    KeysUnavailable,
    RemoteKeys,
    StaticKeys,
    count_public_keys,
    keys_of,
    public_keys,
)
from billing_http.tokens import TokenInvalid, TokenVerifier
from billing_memory import ManualClock
from tests.component.http.house import REFRESH_SECRET, SECRET, SETTINGS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EXPIRES = int(NOW.timestamp()) + 3600
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa-1", "use": "sig"}, auto_kid=False)
EC = ECKey.generate_key("P-256", parameters={"kid": "ec-1"}, auto_kid=False)
ED = OKPKey.generate_key("Ed25519", parameters={"kid": "ed-1"}, auto_kid=False)
JWKS = json.dumps({"keys": [key.as_dict(private=False) for key in (RSA, EC, ED)]}).encode()
BY_PUBLIC_KEY = Settings(jwt_algorithms=("RS256", "ES256", "EdDSA"))


def verifier(settings: Settings = SETTINGS, jwks: bytes | None = None) -> TokenVerifier:
    """As the settings say, at noon."""
    keys = keys_of(settings) if jwks is None else _of_jwks(settings, jwks)
    return TokenVerifier.of(settings, keys, ManualClock(NOW))


def _of_jwks(settings: Settings, jwks: bytes) -> KeySource:
    public = StaticKeys(public_keys(jwks))
    return KeySource(dict.fromkeys(settings.jwt_algorithms, public))


def token(
    key: Key | None = None, algorithm: str = "HS256", header: dict[str, object] | None = None, **claims: object
) -> str:
    """A token of Ann's that holds for an hour; a claim of None is left out."""
    told: dict[str, object] = {"sub": "ann", "exp": EXPIRES, **claims}
    return jwt.encode(
        {"alg": algorithm, **(header or {})},
        {name: value for name, value in told.items() if value is not None},
        key or OctKey.import_key(SECRET),
        algorithms=[algorithm],
    )


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    """A token put together by hand."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return ".".join([*parts, signature])


def hand_signed(header: dict[str, Any], secret: bytes) -> str:
    """A token with any header, signed as HS256 does."""
    signed = unsigned(header, {"sub": "ann", "exp": EXPIRES}).rstrip(".")
    mac = hmac.new(secret, signed.encode(), "sha256").digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


async def test_a_token_signed_by_hand_verifies() -> None:
    """So that those below are refused for what is wrong with them."""
    assert await verifier().verify(hand_signed({"alg": "HS256"}, SECRET.encode())) == Caller("ann")


async def test_a_good_token_tells_who_asks_and_their_roles() -> None:
    found = await verifier().verify(token(roles=["admin", "service", "janitor"]))

    assert found == Caller("ann", frozenset({Role.ADMIN, Role.SERVICE}))


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")], ids=["RSA", "EC", "Ed"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")  # in signing; verifying is ours
async def test_a_token_verifies_with_a_public_key(key: RSAKey | ECKey | OKPKey, algorithm: str) -> None:
    given = token(key, algorithm, {"kid": key.kid})

    assert await verifier(BY_PUBLIC_KEY, JWKS).verify(given) == Caller("ann")


CLAIMS = {"sub": "ann", "exp": EXPIRES}
WEAK_JWKS = json.dumps({"keys": [{**OctKey.import_key(SECRET).as_dict(), "kid": "oct"}]}).encode()
BAD = {
    "nothing": "",
    "no token": "nonsense",
    "not ASCII": "é.é.é",
    "five parts": "a.b.c.d.e",
    "alg none": unsigned({"alg": "none"}, CLAIMS),
    "alg None": unsigned({"alg": "None"}, CLAIMS),
    "alg missing": unsigned({}, CLAIMS, "AAAA"),
    "alg a number": unsigned({"alg": 256}, CLAIMS, "AAAA"),
    "another secret": token(OctKey.import_key("another secret of more than 32 characters")),
    "the refresh secret": token(OctKey.import_key(REFRESH_SECRET)),
    "a refresh token": token(typ="refresh"),
    "a Refresh token": token(typ="Refresh"),
    "a refresh token that says so in a list": token(typ=["refresh"]),
    "a refresh token of flask-jwt-extended": token(type="refresh"),
    "a refresh token of simplejwt": token(token_type="refresh"),
    "a refresh token of cognito": token(token_use="refresh"),
    "a refresh token by its header": token(header={"typ": "refresh"}),
    "another algorithm": token(algorithm="HS512"),
    "a public key's algorithm": token(RSA, "RS256"),
    "signature cut off": token().rpartition(".")[0] + ".",
    "claims changed": ".".join([token().split(".")[0], token(sub="bob").split(".")[1], token().split(".")[2]]),
    "expired": token(exp=int(NOW.timestamp()) - 1),
    "expires this second": token(exp=int(NOW.timestamp())),
    "no exp": token(exp=None),
    "exp a text": token(exp=str(EXPIRES)),
    "exp a truth": token(exp=True),
    "no sub": token(sub=None),
    "sub a number": token(sub=7),
    "sub empty": token(sub=""),
    "sub with a slash": token(sub="a/b"),
    "sub with a line": token(sub="a\nb"),
    "sub too long": token(sub="a" * 256),
    "not yet": token(nbf=int(NOW.timestamp()) + 1),
    "roles a text": token(roles="admin"),
    "too long": token(pad="x" * 9000),
    "critical, but nothing": hand_signed({"alg": "HS256", "crit": []}, SECRET.encode()),
    "critical": hand_signed({"alg": "HS256", "crit": ["exotic"], "exotic": 1}, SECRET.encode()),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_what_does_not_verify_is_refused(bad: str) -> None:
    with pytest.raises(TokenInvalid):
        await verifier().verify(bad)


async def test_a_public_key_is_no_secret() -> None:
    """The classic confusion: HS256 with the text of the public key as the secret."""
    settings = evolve(BY_PUBLIC_KEY, jwt_algorithms=("RS256", "HS256"))
    confused = hand_signed({"alg": "HS256", "kid": "rsa-1"}, RSA.as_pem(private=False))

    with pytest.raises(TokenInvalid):
        await verifier(settings, JWKS).verify(confused)


async def test_a_secret_in_a_key_set_is_not_taken() -> None:
    settings = evolve(BY_PUBLIC_KEY, jwt_algorithms=("RS256", "HS256"))

    with pytest.raises(TokenInvalid):
        await verifier(settings, WEAK_JWKS).verify(token(header={"kid": "oct"}))


async def test_a_token_names_its_key() -> None:
    """Another key of the same kind does not do."""
    with pytest.raises(TokenInvalid):
        await verifier(BY_PUBLIC_KEY, JWKS).verify(token(RSA, "RS256", {"kid": "rsa-2"}))


@pytest.mark.filterwarnings("ignore:Key size should be >= 2048 bits")  # in making it; reading it is ours
async def test_a_weak_public_key_is_not_taken() -> None:
    weak = RSAKey.generate_key(1024, parameters={"kid": "weak"}, auto_kid=False)
    jwks = json.dumps({"keys": [weak.as_dict(private=False)]}).encode()

    assert public_keys(jwks) == ()


@pytest.mark.parametrize(
    ("claims", "fits"),
    [
        ({"iss": "https://login.example.com", "aud": "billing"}, True),
        ({"iss": "https://login.example.com", "aud": ["lms", "billing"]}, True),
        ({"iss": "https://login.example.com", "aud": "lms"}, False),
        ({"iss": "https://login.example.com", "aud": []}, False),
        ({"iss": "https://login.example.com"}, False),
        ({"iss": "https://evil.example.com", "aud": "billing"}, False),
        ({"aud": "billing"}, False),
    ],
)
async def test_issuer_and_audience_are_checked_where_they_are_configured(claims: dict[str, Any], fits: bool) -> None:  # noqa: FBT001 - a column
    settings = evolve(SETTINGS, jwt_issuer="https://login.example.com", jwt_audience="billing")

    if fits:
        assert await verifier(settings).verify(token(**claims)) == Caller("ann")
    else:
        with pytest.raises(TokenInvalid):
            await verifier(settings).verify(token(**claims))


async def test_a_remembered_token_still_expires() -> None:
    clock = ManualClock(NOW)
    tokens = TokenVerifier.of(SETTINGS, keys_of(SETTINGS), clock)
    given = token(exp=int(NOW.timestamp()) + 60)
    await tokens.verify(given)

    clock.advance(timedelta(seconds=60))

    with pytest.raises(TokenInvalid):
        await tokens.verify(given)


async def test_a_token_is_verified_again_after_five_minutes() -> None:
    """So that a key that was withdrawn is noticed."""
    clock = ManualClock(NOW)
    asked: list[str | None] = []

    class Counting(KeySource):
        async def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
            asked.append(key_id)
            return await super().candidates(algorithm, key_id)

    keys = Counting({"HS256": StaticKeys((OctKey.import_key(SECRET),))})
    tokens = TokenVerifier.of(SETTINGS, keys, clock)

    await tokens.verify(token())
    await tokens.verify(token())
    clock.advance(timedelta(seconds=300))
    await tokens.verify(token())

    assert len(asked) == 2


class Endpoint:
    """Where public keys are fetched, and a clock of seconds."""

    def __init__(self, document: bytes | None) -> None:
        self.document = document
        self.seconds = 0.0
        self.fetched = 0

    def fetch(self) -> bytes:
        """The document, or an error while it is away."""
        self.fetched += 1
        if self.document is None:
            raise OSError
        return self.document

    def keys(self) -> RemoteKeys:
        """Keys from here."""
        return RemoteKeys(self.fetch, lambda: self.seconds)


async def test_public_keys_are_fetched_once_and_again_after_a_while() -> None:
    endpoint = Endpoint(JWKS)
    keys = endpoint.keys()

    for seconds in (0, 1, 299, 300, 301):
        endpoint.seconds = seconds
        assert await keys.candidates("RS256", "rsa-1")

    assert endpoint.fetched == 2


async def test_an_unknown_key_is_fetched_at_once_but_not_again_and_again() -> None:
    endpoint = Endpoint(json.dumps({"keys": []}).encode())
    keys = endpoint.keys()
    assert await keys.candidates("RS256", "rsa-1") == ()
    endpoint.document = JWKS
    endpoint.seconds = 29
    assert await keys.candidates("RS256", "rsa-1") == ()

    endpoint.seconds = 30

    assert [key.kid for key in await keys.candidates("RS256", "rsa-1")] == ["rsa-1"]
    assert endpoint.fetched == 2


async def test_an_endpoint_that_speaks_something_else_has_no_keys() -> None:
    """Neither for tokens nor for whoever checks the settings: nothing is unforeseen."""
    with socket.create_server(("127.0.0.1", 0)) as endpoint:

        def speaks() -> None:
            for _ in range(2):
                asker, _ = endpoint.accept()
                with asker:
                    asker.sendall(b"SSH-2.0-OpenSSH\r\n")
                    asker.recv(65536)

        speaker = threading.Thread(target=speaks)
        speaker.start()
        settings = evolve(BY_PUBLIC_KEY, jwt_jwks_url=f"http://127.0.0.1:{endpoint.getsockname()[1]}")
        with pytest.raises(KeysUnavailable):
            await keys_of(settings).candidates("RS256", "rsa-1")
        with pytest.raises(OSError, match="no HTTP"):
            count_public_keys(settings)
        speaker.join()


async def test_an_endpoint_that_trickles_holds_nobody_up() -> None:
    """Each of its bytes comes in time, so only the whole is too late."""
    has_come = threading.Event()

    def trickles() -> bytes:
        has_come.wait(60)
        return JWKS

    keys = RemoteKeys(trickles, patience_seconds=0.01)
    with pytest.raises(KeysUnavailable):
        await keys.candidates("RS256", "rsa-1")
    has_come.set()


async def test_known_keys_go_on_being_used_while_the_endpoint_is_away() -> None:
    endpoint = Endpoint(JWKS)
    keys = endpoint.keys()
    await keys.candidates("RS256", "rsa-1")
    endpoint.document, endpoint.seconds = None, 400

    assert await keys.candidates("RS256", "rsa-1")
