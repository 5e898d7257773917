"""Tokens: who a caller is, by a signed JWT (RFC 7519) that nothing but the configuration decides how to check."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import OrderedDict

import msgspec
from attrs import define, field, frozen
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from billing_bootstrap.settings import Settings
from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import InvalidValue
from billing_core.domain.resources import require_id
from billing_core.ports.clock import Clock
from billing_http.token_keys import Key, KeySource

__all__ = ["TokenInvalid", "TokenVerifier"]

_LENGTH_MAX = 8192
_REMEMBERED_MAX = 10_000
#: For so long (s) a token is not verified again: a key that was withdrawn is noticed then at the latest.
_REMEMBERED_SECONDS = 300
_ROLES = {str(role): role for role in Role}


class TokenInvalid(Exception):
    """The token does not verify; the message says why, without any of it."""


class _Header(msgspec.Struct):
    """The part of a token's header that is read."""

    alg: str
    kid: str | None = None
    typ: object = None


class _Claims(msgspec.Struct):
    """The claims that are read. Numbers are seconds since 1970."""

    sub: str
    exp: float
    nbf: float | None = None
    iss: str | None = None
    aud: str | list[str] | None = None
    #: What kind of token it is; besides the first, the names under which well-known libraries say so.
    typ: object = None
    type: object = None
    token_type: object = None
    token_use: object = None
    roles: list[str] | None = None
    #: Read only where they are what OpenID Connect says; whatever else stands there is nobody's fault.
    email: object = None
    email_verified: object = None


@frozen
class _Verified:
    caller: Caller
    not_before: float
    expires_at: float
    forget_at: float


@define
class TokenVerifier:
    """Verifies access tokens, and remembers which it verified; times are checked every time."""

    _keys: KeySource
    _algorithms: frozenset[str]
    _clock: Clock
    _issuer: str | None = None
    _audience: str | None = None
    _remembered: OrderedDict[bytes, _Verified] = field(factory=OrderedDict, init=False, repr=False)

    @classmethod
    def of(cls, settings: Settings, keys: KeySource, clock: Clock) -> TokenVerifier:
        """As the settings say; ``clock`` tells real time."""
        return cls(keys, frozenset(settings.jwt_algorithms), clock, settings.jwt_issuer, settings.jwt_audience)

    async def verify(self, token: str) -> Caller:
        """Whose token it is, and their roles. Raises `TokenInvalid` or `KeysUnavailable`."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        now = self._clock.now().timestamp()
        known = self._remembered.get(digest)
        if known is None or known.forget_at <= now:
            known = _verified(await self._claims(token), now)
            self._remember(digest, known)
        if known.expires_at <= now:
            raise TokenInvalid("The token has expired.")
        if now < known.not_before:
            raise TokenInvalid("The token is not valid yet.")
        return known.caller

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._remembered[digest] = verified
        if len(self._remembered) > _REMEMBERED_MAX:
            self._remembered.popitem(last=False)

    async def _claims(self, token: str) -> _Claims:
        header, payload = await self._signed(token)
        try:
            claims = msgspec.json.decode(payload, type=_Claims)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise TokenInvalid("The token's claims lack a sub or an exp, or are of a wrong type.") from None
        kinds = (claims.typ, claims.type, claims.token_type, claims.token_use, header.typ)
        words = [word for kind in kinds for word in (kind if isinstance(kind, list) else [kind])]
        if any(isinstance(word, str) and word.strip().lower() == "refresh" for word in words):
            raise TokenInvalid("This is a refresh token; an access token is needed.")
        if self._issuer is not None and claims.iss != self._issuer:
            raise TokenInvalid("The token was issued by somebody else.")
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud or []
        if self._audience is not None and self._audience not in audience:
            raise TokenInvalid("The token is meant for another audience.")
        return claims

    async def _signed(self, token: str) -> tuple[_Header, bytes]:
        """Header and payload, once a key of ours is found to have signed it under an algorithm that is allowed."""
        if len(token) > _LENGTH_MAX or not token.isascii():
            raise TokenInvalid("This is no token.")
        try:
            told = jws.extract_compact(token.encode()).headers()
            header = msgspec.convert(told, _Header)
        except (JoseError, ValueError, TypeError, KeyError):
            raise TokenInvalid("This is no signed JWT.") from None
        if "crit" in told:  # we know of no extension, and an empty list is none that may be sent (RFC 7515, 4.1.11)
            raise TokenInvalid("The token needs something that is not known here.")
        if header.alg not in self._algorithms:
            raise TokenInvalid("The token is signed with an algorithm that is not taken.")
        for key in await self._keys.candidates(header.alg, header.kid):
            payload = _payload(token, key, header.alg)
            if payload is not None:
                return header, payload
        raise TokenInvalid("The token's signature does not verify.")


def _payload(token: str, key: Key, algorithm: str) -> bytes | None:
    try:
        with warnings.catch_warnings():
            # Which algorithms are taken is the configuration's to say; RFC 9864 only gave EdDSA other names.
            warnings.simplefilter("ignore", SecurityWarning)
            return jws.deserialize_compact(token, key, algorithms=[algorithm]).payload
    except (JoseError, ValueError, TypeError, KeyError):
        return None


_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def _email(claims: _Claims) -> str | None:
    """The address that the token vouches for."""
    told = claims.email
    vouched = claims.email_verified is None or claims.email_verified is True
    return told if vouched and isinstance(told, str) and _ADDRESS.fullmatch(told) else None


def _verified(claims: _Claims, now: float) -> _Verified:
    try:
        user_id = require_id(claims.sub, "sub")
    except InvalidValue:
        raise TokenInvalid("The token's sub is no user id.") from None
    return _Verified(
        caller=Caller(
            user_id, frozenset(_ROLES[name] for name in claims.roles or () if name in _ROLES), _email(claims)
        ),
        not_before=claims.nbf if claims.nbf is not None else 0.0,
        expires_at=claims.exp,
        forget_at=now + _REMEMBERED_SECONDS,
    )
