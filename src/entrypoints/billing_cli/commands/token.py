"""`billing token`."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter
from joserfc import jwt
from joserfc.jwk import OctKey

from billing_bootstrap.variables import Variables
from billing_cli.failures import CommandFailed, WrongUsage
from billing_cli.options import UserId
from billing_cli.printing import show_json
from billing_core.domain.callers import Role
from billing_core.domain.resources import require_id

__all__ = ["sign", "token"]

_LENGTH = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def sign(environ: Mapping[str, str], user_id: str, roles: Sequence[Role], ttl: timedelta) -> str:
    """A token of this user that the API with this environment accepts for ``ttl``. Raises `CommandFailed`."""
    variables = Variables(environ)
    secret = variables.secret("JWT_SECRET")
    if secret is None:
        raise CommandFailed("JWT_SECRET is not set: give the secret of the API that is to take the token.")
    now = int(time.time())
    claims: dict[str, object] = {
        "sub": require_id(user_id, "user_id"),
        "iat": now,
        "exp": now + int(ttl.total_seconds()),
    }
    if roles:
        claims["roles"] = [str(role) for role in roles]
    for claim, variable in (("iss", "JWT_ISSUER"), ("aud", "JWT_AUDIENCE")):
        if environ.get(variable):
            claims[claim] = environ[variable]
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(secret))


def token(
    user_id: UserId,
    /,
    *,
    role: Annotated[list[Role] | None, Parameter(negative=())] = None,
    ttl: str = "1h",
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """A signed JWT for development, made with JWT_SECRET. Print it, or use it: `curl -H "Authorization: Bearer …"`.

    For example:

        billing token learner-1
        billing token support-anna --role admin --ttl 8h

    Args:
        user_id: Whose token it is (its `sub`).
        role: What they are besides: admin (support staff) or service (another service).
        ttl: For how long it holds: a number and s, m, h or d.
        json: One JSON document on standard output.
    """
    length = _LENGTH.fullmatch(ttl)
    if length is None or int(length[1]) == 0:
        raise WrongUsage(f"--ttl {ttl} is no length of time: write a number and s, m, h or d, such as 1h.")
    signed = sign(os.environ, user_id, role or (), timedelta(**{_UNITS[length[2]]: int(length[1])}))
    if json:
        show_json({"user_id": user_id, "token": signed})
    else:
        sys.stdout.write(f"{signed}\n")
