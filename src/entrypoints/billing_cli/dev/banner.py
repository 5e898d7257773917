"""What `billing dev` says once everything answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["ADMIN", "LEARNER", "banner"]

#: Whose tokens are ready-made.
LEARNER = "learner-1"
ADMIN = "admin-1"


def banner(environment: Mapping[str, str], env_file: Path, port: int) -> str:
    """Where everything is, who may come in, and what to try next."""
    url = environment["BILLING_URL"]
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

  billing demo --port {port}
  curl {url}/api/subscriptions/plans

Ctrl-C stops everything. The data stays in {env_file.parent} until `billing dev --reset`.

"""
