"""What `billing dev` says once everything answers."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ADMIN", "LEARNER", "banner"]

#: Whose tokens are ready-made.
LEARNER = "learner-1"
ADMIN = "admin-1"


def banner(environment: Mapping[str, str], env_file: Path, port: int) -> str:
    """Where everything is, who may come in, and what to try next."""
    url, program, env_file = environment["BILLING_URL"], _program(), _from_here(env_file)
    again = "" if env_file.parent == Path(".dev") else f" --data {env_file.parent}"
    stripe = environment.get("STRIPE_API_BASE") or "https://api.stripe.com"
    return f"""
Ready.

  API        {url}         described at {url}/api/schema
  Stripe     {stripe}
  Database   {environment["DATABASE_URL"]}
  Redis      {environment["REDIS_URL"]}
  Settings   {env_file}    take them into a shell:  set -a; . {env_file}; set +a

  {LEARNER} (a learner)
  {environment["LEARNER_TOKEN"]}

  {ADMIN} (support staff)
  {environment["ADMIN_TOKEN"]}

Next, in another terminal:

  {program} demo --port {port}
  curl {url}/api/subscriptions/plans

Ctrl-C stops everything. The data stays in {env_file.parent} until `{program} dev{again} --reset`.

"""


def _program() -> str:
    """How this program is called from here."""
    called = Path(sys.argv[0])
    found = shutil.which("billing")
    if called.name != "billing" or (found is not None and Path(found).samefile(called)):
        return "billing"
    return str(_from_here(called))


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    absolute = path.absolute()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else absolute
