"""Asks whether a pinned dependency has a known vulnerability, and says honestly how many could be asked about.

`pip-audit` ends well also where the package index knows no advisories or cannot be reached: then nothing was audited,
and whoever reads "no known vulnerabilities" is misled. A vulnerability fails; the lack of a network does not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"


def main() -> int:
    """0 unless a vulnerability is known."""
    command = [
        *(str(Path(sys.executable).with_name("pip-audit")), "--requirement", str(LOCK), "--no-deps", "--disable-pip"),
        *("--format", "json", "--progress-spinner", "off", "--timeout", "10"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        sys.stdout.write(f"Vulnerabilities: NOTHING was audited: {last}\n")
        return 0
    asked = [one for one in found if "skip_reason" not in one]
    wrong = [(one["name"], one["version"], hit["id"]) for one in asked for hit in one.get("vulns", ())]
    for name, version, advisory in wrong:
        sys.stdout.write(f"{name} {version}: {advisory}\n")
    if not asked:
        sys.stdout.write(
            f"Vulnerabilities: NOTHING was audited: the index knows no advisories for any of {len(found)}.\n"
        )
    else:
        sys.stdout.write(
            f"Vulnerabilities: {len(wrong)} known in {len(asked)} of {len(found)} dependencies that were audited.\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
