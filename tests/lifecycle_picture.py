"""The picture of the subscription lifecycle, drawn from the tables that the code obeys.

``python -m tests.lifecycle_picture`` writes it; a test compares it with what is written.
"""

from __future__ import annotations

from pathlib import Path

from billing_core.domain.subscriptions import COMMANDS, LIFECYCLE, TERMINAL, Status

#: Where the picture is.
PICTURE = Path(__file__).parent.parent / "docs" / "reference" / "lifecycle.md"

_HEAD = """\
# The lifecycle of a subscription

Drawn from `LIFECYCLE` and `COMMANDS` in `billing_core.domain.subscriptions` by `python -m tests.lifecycle_picture`;
a test compares. The table decides what *commands* may do and breaks ties between events of one second. It never
refuses what the provider says has happened (ADR 0002).
"""


def rendered() -> str:
    """The page, as the tables say."""
    begins = [Status.INCOMPLETE, Status.TRIALING, Status.ACTIVE]
    edges = [f"    [*] --> {status}" for status in begins]
    edges += [f"    {before} --> {after}" for before in Status for after in Status if after in LIFECYCLE[before]]
    edges += [f"    {status} --> [*]" for status in Status if status in TERMINAL]
    picture = ["```mermaid", "stateDiagram-v2", *edges, "```"]
    table = [
        "| command | " + " | ".join(f"`{status}`" for status in Status) + " |",
        "|---" * (len(Status) + 1) + "|",
        *(
            f"| {command} | " + " | ".join("yes" if status in allowed else "" for status in Status) + " |"
            for command, allowed in COMMANDS.items()
        ),
    ]
    return "\n".join([_HEAD, *picture, "", "## What may be asked in which status", "", *table, ""])


if __name__ == "__main__":
    PICTURE.write_text(rendered(), encoding="utf-8")
