"""What `billing dev` chooses, and `dev.env`, where it writes every choice down.

What the environment says wins. A value that an earlier run chose, and that came back by way of its `dev.env`, is no
choice of the user's: it is chosen anew, and kept where it can be (secrets, ports).
"""

from __future__ import annotations

import os
import secrets
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from attrs import field, frozen

from billing_bootstrap.variables import SettingsInvalid, Variables
from billing_cli.failures import CommandFailed

__all__ = [
    "Choices",
    "port_in",
    "read_choices",
    "refuse_env_of_others",
    "refuse_live_keys",
    "with_files_read",
    "write_env",
]

_CHOSEN = "# Chosen by billing dev:"
_GIVEN = "# Taken from the environment:"
_TITLE = "# Every setting of this `billing dev`. In a shell: set -a; . {path}; set +a"

#: Everything that is written down where it is set, whoever set it.
_NAMES = (
    "BILLING_URL",
    "BILLING_ENV",
    "DATABASE_URL",
    "DATABASE_DIRECT_URL",
    "DATABASE_REPLICA_URL",
    "REDIS_URL",
    "STRIPE_API_BASE",
    "STRIPE_SECRET_KEY",
    "STRIPE_PUBLISHABLE_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "JWT_SECRET",
    "JWT_REFRESH_SECRET",
    "TRIAL_EMAIL_KEY",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "CHECKOUT_RETURN_ORIGINS",
    "CORS_ALLOWED_ORIGINS",
    "RATE_LIMIT_USER",
    "RATE_LIMIT_ADDRESS",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "LEARNER_TOKEN",
    "ADMIN_TOKEN",
)
#: What says more of a server, by what says which one it is: without that it is of another, and ours is not to be mixed
#: up with it. Migrations would be made there.
_MORE_OF = {
    ("DATABASE_URL",): (
        "DATABASE_DIRECT_URL",
        "DATABASE_DIRECT_URL_FILE",
        "DATABASE_REPLICA_URL",
        "DATABASE_REPLICA_URL_FILE",
    ),
    ("REDIS_URL", "REDIS_HOST"): (
        *("REDIS_SENTINELS", "REDIS_TLS", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE"),
        *("REDIS_CA_FILE", "REDIS_CERTIFICATE_FILE", "REDIS_KEY_FILE"),
    ),
}
#: Where a frontend's own server usually listens.
_FRONTENDS = ("http://localhost:3000", "http://localhost:5173")


@frozen(kw_only=True)
class Choices:
    """What the environment gave, and what an earlier run in the same folder chose."""

    given: Mapping[str, str]
    earlier: Mapping[str, str] = field(factory=dict)

    def kept_secret(self, name: str, prefix: str = "") -> str:
        """The secret of an earlier run, else a fresh one."""
        return self.earlier.get(name) or prefix + secrets.token_hex(32)

    @property
    def has_stripe(self) -> bool:
        """Whether a Stripe of the user's own is to be used."""
        return bool(self.given.get("STRIPE_SECRET_KEY"))

    @property
    def has_redis(self) -> bool:
        """Whether a Redis of the user's own is to be used."""
        return bool(self.given.get("REDIS_URL") or self.given.get("REDIS_HOST"))

    @property
    def has_database(self) -> bool:
        """Whether a PostgreSQL of the user's own is to be used."""
        return bool(self.given.get("DATABASE_URL"))

    def environment(self, port: int, found: Mapping[str, str]) -> dict[str, str]:
        """The environment of every part: what is given, else what was ``found`` (addresses), else our defaults."""
        url = f"http://127.0.0.1:{port}"
        origins = [url, f"http://localhost:{port}", *_FRONTENDS]
        if "STRIPE_API_BASE" in found:
            origins.append(found["STRIPE_API_BASE"])
        defaults = {
            "STRIPE_WEBHOOK_SECRET": self.kept_secret("STRIPE_WEBHOOK_SECRET", "whsec_"),
            "JWT_SECRET": self.kept_secret("JWT_SECRET"),
            "JWT_REFRESH_SECRET": self.kept_secret("JWT_REFRESH_SECRET"),
            "TRIAL_EMAIL_KEY": self.kept_secret("TRIAL_EMAIL_KEY"),
            "CHECKOUT_RETURN_ORIGINS": ",".join(origins),
            "CORS_ALLOWED_ORIGINS": ",".join(_FRONTENDS),
            "RATE_LIMIT_USER": "off",
            "RATE_LIMIT_ADDRESS": "off",
            "LOG_FORMAT": "console",
        }
        settled = {"BILLING_ENV": "dev", "BILLING_URL": url}
        chosen = {**defaults, **found, **{name: value for name, value in self.given.items() if value}, **settled}
        return {"DATABASE_DIRECT_URL": chosen.get("DATABASE_URL", ""), **chosen}


def read_choices(environ: Mapping[str, str], path: Path) -> Choices:
    """What the user chose, and what the `dev.env` at ``path`` says that an earlier run chose.

    Secrets that are given by files are read. Raises `SettingsInvalid` where that cannot be.
    """
    earlier = _chosen(path)
    given = {name: value for name, value in environ.items() if not value or earlier.get(name) != value}
    given = with_files_read(given)
    for which, more in _MORE_OF.items():
        if not any(given.get(name) for name in which):
            given = {name: value for name, value in given.items() if name not in more}
    return Choices(given=given, earlier=earlier)


def with_files_read(environ: Mapping[str, str]) -> dict[str, str]:
    """The same with the content of each secret's file in its place. Raises `SettingsInvalid`."""
    variables, read = Variables(environ), dict(environ)
    for name in _NAMES:
        if read.pop(f"{name}_FILE", None):
            read[name] = variables.secret(name) or ""
    if variables.faults:
        raise SettingsInvalid(tuple(variables.faults))
    return read


def refuse_live_keys(environ: Mapping[str, str]) -> None:
    """Raises `CommandFailed` where there is a live key of Stripe's."""
    for name in ("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"):
        if "_live_" in environ.get(name, ""):
            raise CommandFailed(f"{name} is a live key, which is never used here: unset it, or give a test key.")


def port_in(url: str | None) -> int | None:
    """The port of a URL of an earlier run."""
    try:
        return urlsplit(url or "").port
    except ValueError:
        return None


def write_env(path: Path, environment: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Write every setting down, readable for its owner alone: what was chosen apart from what was given."""
    from_user = [name for name in _NAMES if given.get(name) and name not in {"BILLING_ENV", "BILLING_URL"}]
    chosen = [name for name in _NAMES if name not in from_user]
    lines = [_TITLE.format(path=path), _CHOSEN, *(_line(name, environment) for name in chosen)]
    if from_user:
        lines += [_GIVEN, *(_line(name, environment) for name in from_user)]
    number, fresh = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is open
        file.write("\n".join(lines) + "\n")
    Path(fresh).replace(path)


def refuse_env_of_others(path: Path) -> None:
    """Raises `CommandFailed` where there is a file of this name that no `billing dev` wrote."""
    if not os.path.lexists(path):
        return
    try:
        ours = not path.is_symlink() and path.read_text(encoding="utf-8").startswith(_TITLE.partition("{")[0])
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise CommandFailed(f"{path} was not written by `billing dev`: move it, or name another folder with --data.")


def _line(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "")
    return f"{name}={shlex.quote(value) if value else ''}"


def _chosen(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return {}
    _, _, chosen = text.partition(_CHOSEN)
    lines = chosen.partition(_GIVEN)[0].splitlines()
    pairs = [line.partition("=") for line in lines if "=" in line]
    return {name: "".join(shlex.split(value)) for name, _, value in pairs if value}
