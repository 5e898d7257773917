"""Keys to verify tokens with: our secret for HS256, public keys from a JWKS for everything else.

A key is chosen by the algorithm that the configuration allows, never by what the token asks for: a public
key is no HS256 secret, and a symmetric key in a JWKS is not taken.
"""

from __future__ import annotations

import asyncio
import time
import urllib.request
import warnings
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

import msgspec
import structlog
from attrs import define, field, frozen
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey

from billing_bootstrap.settings import Settings

__all__ = ["Key", "KeySource", "KeysUnavailable", "RemoteKeys", "StaticKeys", "count_public_keys", "keys_of"]

_log = structlog.get_logger("billing_http")

Key = OctKey | RSAKey | ECKey | OKPKey

_KEY_TYPE = {"HS256": "oct", "RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
_CURVES = {"ES256": "P-256", "EdDSA": "Ed25519"}
_JWKS_BYTES_MAX = 1024 * 1024
_RSA_BITS_LEAST = 2048


class _Jwks(msgspec.Struct):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, Any]]


class KeysUnavailable(Exception):
    """The public keys cannot be had, so no token can be verified."""


@frozen
class StaticKeys:
    """Keys that do not change while the process runs."""

    _keys: tuple[Key, ...]

    async def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
        """The keys that a token of this algorithm and key id may have been signed with."""
        return tuple(key for key in self._keys if _fits(key, algorithm, key_id))


def _fits(key: Key, algorithm: str, key_id: str | None) -> bool:
    told = key.as_dict(private=False) if not isinstance(key, OctKey) else {}
    if key.key_type != _KEY_TYPE.get(algorithm):
        return False
    if algorithm in _CURVES and told.get("crv") != _CURVES[algorithm]:
        return False
    same_use = told.get("alg") in {None, algorithm} and told.get("use") in {None, "sig"}
    # A token that names a key means that key; the secret of HS256 has no name.
    return same_use and (isinstance(key, OctKey) or key_id is None or key.kid in {None, key_id})


@define
class RemoteKeys:
    """The public keys at an address, fetched again every few minutes, and when a token names an unknown one."""

    _fetch: Callable[[], bytes]
    _now: Callable[[], float] = time.monotonic
    #: Seconds after which keys are fetched again, and between two tries.
    _fresh_seconds: float = 300.0
    _pause_seconds: float = 30.0
    #: How long a fetch may take as a whole: each byte of an endpoint that trickles comes in time.
    _patience_seconds: float = 10.0
    _keys: StaticKeys = field(factory=lambda: StaticKeys(()), init=False)
    _fetched_at: float | None = field(default=None, init=False)
    _tried_at: float | None = field(default=None, init=False)
    _lock: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
        """The keys that may fit. Raises `KeysUnavailable` where none were ever fetched."""
        if self._fetched_at is None or self._now() - self._fetched_at >= self._fresh_seconds:
            await self._refresh()
        found = await self._keys.candidates(algorithm, key_id)
        if not found:
            await self._refresh()
            found = await self._keys.candidates(algorithm, key_id)
        if self._fetched_at is None:
            raise KeysUnavailable
        return found

    async def _refresh(self) -> None:
        """Fetch, at most every ``pause_seconds``; keys that are known go on being used where that fails."""
        async with self._lock:
            if self._tried_at is not None and self._now() - self._tried_at < self._pause_seconds:
                return
            self._tried_at = self._now()
            try:
                async with asyncio.timeout(self._patience_seconds):
                    document = await asyncio.to_thread(self._fetch)
                self._keys = StaticKeys(public_keys(document))
            except (OSError, ValueError) as error:
                _log.warning("the public keys cannot be had", why=str(error) or type(error).__name__)
                return
            self._fetched_at = self._now()


class KeySource:
    """Where keys come from, by algorithm."""

    def __init__(self, sources: Mapping[str, StaticKeys | RemoteKeys]) -> None:
        self._sources = sources

    async def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
        """The keys that may fit; none for an algorithm that is not allowed. Raises `KeysUnavailable`."""
        source = self._sources.get(algorithm)
        return await source.candidates(algorithm, key_id) if source else ()


def public_keys(document: bytes) -> tuple[Key, ...]:
    """The public keys in a JWKS; those of a kind that is not used are left out. Raises `ValueError`."""
    found = msgspec.json.decode(document, type=_Jwks)
    keys: list[Key] = []
    for told in found.keys:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SecurityWarning)  # a weak key is left out below
                key = JWKRegistry.import_key(told)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        weak = isinstance(key, RSAKey) and key.public_key.key_size < _RSA_BITS_LEAST
        if isinstance(key, RSAKey | ECKey | OKPKey) and not weak:
            keys.append(key)
    return tuple(keys)


def keys_of(settings: Settings) -> KeySource:
    """The keys that the settings name. Raises `ValueError` for a JWKS file that cannot be read as one."""
    public = _public(settings)
    secret = StaticKeys((OctKey.import_key(settings.jwt_secret),)) if settings.jwt_secret else None
    by_algorithm = {name: secret if name == "HS256" else public for name in settings.jwt_algorithms}
    return KeySource({name: source for name, source in by_algorithm.items() if source is not None})


def count_public_keys(settings: Settings) -> int | None:
    """How many public keys there are now, fetched where they are fetched; None where tokens have none.

    Raises `OSError` where they cannot be had, and `ValueError` where what is had is no JWKS with a key that is used.
    """
    if settings.jwt_jwks_file is not None:
        return len(_read(settings.jwt_jwks_file))
    if settings.jwt_jwks_url is None:
        return None
    keys = public_keys(_download(settings.jwt_jwks_url))
    if not keys:
        raise ValueError(f"{settings.jwt_jwks_url} holds no public key that tokens can be verified with.")
    return len(keys)


def _public(settings: Settings) -> StaticKeys | RemoteKeys | None:
    if settings.jwt_jwks_file is not None:
        return StaticKeys(_read(settings.jwt_jwks_file))
    url = settings.jwt_jwks_url
    return RemoteKeys(lambda: _download(url)) if url is not None else None


def _read(path: Path) -> tuple[Key, ...]:
    keys = public_keys(path.read_bytes())
    if not keys:
        raise ValueError(f"{path} holds no public key that tokens can be verified with.")
    return keys


def _download(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - https by settings
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # nosec B310
            document: bytes = answer.read(_JWKS_BYTES_MAX)
    except HTTPException as error:
        raise OSError(f"{url} answers with no HTTP") from error
    return document
