"""Stripe's API as its OpenAPI description tells it, where that description is at hand, and a check against it."""

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]


@cache
def api_description() -> dict[str, Any] | None:
    """The description in the folder ``STRIPE_SPEC_DIR``, else in one beside the repository; None without either."""
    folder = Path(os.environ.get("STRIPE_SPEC_DIR") or REPOSITORY.parent / "shared" / "stripe")
    found = next(iter(sorted(folder.glob("*.openapi.json.gz"))), None)
    if found is None:
        return None
    with gzip.open(found, "rt", encoding="utf-8") as file:
        description: dict[str, Any] = json.load(file)
    return description
