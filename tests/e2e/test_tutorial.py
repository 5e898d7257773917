"""The tutorial: every command in it is carried out, in one shell, and answers what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.running_dev import RunningDev, clean_environment

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
#: Those that have tests of their own, and take long.
ELSEWHERE = ("make dev", "billing demo")
_END = "--- end of command ---"

#: What is another one each time, and what is shown in its place.
_PASSING = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\b(cs_test|sub|pi|pm|evt)_\w+", r"<\1>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "<time>"),
    (r"\d\d? \w{3} \d{4}", "<day>"),
    (r"127\.0\.0\.1:\d+", "<host>"),
    (r"\b(now|offset)\t\d+", r"\1 <seconds>"),
    (r'"version":\d+', '"version":<number>'),
)


def test_every_command_answers_what_the_page_says(dev: RunningDev, tmp_path: Path) -> None:
    (tmp_path / ".dev").symlink_to(dev.folder)
    page = PAGE.read_text(encoding="utf-8")
    told = commands_of(page)

    answers = carried_out([command for command, _ in told], set_up_of(page), tmp_path)

    assert len(told) > 20
    assert [settled(answer) for answer in answers] == [settled(answer) for _, answer in told]


def set_up_of(page: str) -> str:
    """The page's own helpers, with the program as it is called here."""
    (block,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return str(block).replace(".venv/bin/billing", f"{sys.executable} -m billing_cli")


def commands_of(page: str) -> list[tuple[str, str]]:
    """The commands of the page in order, each with the answer that it shows."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for part in re.split(r"(?m)^\$ ", block)[1:]:
            command, _, answer = part.partition("\n")
            if not command.startswith(ELSEWHERE):
                found.append((command, answer))
    return found


def carried_out(commands: list[str], set_up: str, folder: Path) -> list[str]:
    """What each command answers, all in one shell."""
    script = "\n".join([set_up, *(f"{command}\necho '{_END}'" for command in commands)])
    ended = subprocess.run(
        ["/bin/sh", "-c", script], cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
    return ended.stdout.split(f"{_END}\n")[:-1]


def settled(answer: str) -> list[str]:
    """An answer without what is another one each time. Lines of one second have no order among themselves."""
    for pattern, name in _PASSING:
        answer = re.sub(pattern, name, answer)
    lines = [line.rstrip() for line in answer.splitlines()]
    return sorted(line for line in lines if "<time>\tevent" not in line and "<time>\toperation" not in line)
