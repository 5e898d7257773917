"""Which Python an environment is made with: the newest there is, or one that is quicker by far."""

import sys
from pathlib import Path

import pytest

from scripts.quickest_python import Python, asked, choice, compared

OLD, NEW = (3, 11, 2), (3, 13, 0)


@pytest.mark.parametrize(
    ("seconds_of_new", "seconds_of_old", "chosen"),
    [
        pytest.param(1.0, 1.0, "new", id="alike"),
        pytest.param(1.19, 1.0, "new", id="quicker, but not by far"),
        pytest.param(1.21, 1.0, "old", id="quicker by far"),
        pytest.param(0.5, 1.0, "new", id="slower"),
    ],
)
def test_the_newest_is_taken_unless_another_is_quicker_by_far(
    seconds_of_new: float, seconds_of_old: float, chosen: str
) -> None:
    old, new = Python("old", OLD, seconds_of_old), Python("new", NEW, seconds_of_new)
    assert choice([old, new]).path == choice([new, old]).path == chosen


def test_of_several_that_are_quicker_by_far_the_quickest_is_taken() -> None:
    pythons = [Python("new", NEW, 2.0), Python("quick", OLD, 1.0), Python("quickest", OLD, 0.9)]
    assert choice(pythons).path == "quickest"


def test_only_what_was_taken_in_one_turn_is_compared() -> None:
    """As where the machine doubles its speed after the first turn, and halves it within the third."""
    turns = [(4.0, 6.0), (2.0, 3.0), (2.0, 6.0), (2.0, 3.0), (3.0, 1.5)]
    new, old = compared({"new": Python("new", NEW, a), "old": Python("old", OLD, b)} for a, b in turns)
    assert new == Python("new", NEW, 1.0)
    assert old == Python("old", OLD, 1.5), "the median of 1.5, 1.5, 3, 1.5 and 0.5; the least of each would be alike"


def test_a_python_says_who_it_is_itself() -> None:
    """Whatever name it was called by: that of an environment, or of a version manager."""
    told = asked(Path(sys.executable))
    assert told is not None
    assert told.version == sys.version_info[:3]
    assert Path(told.path).samefile(sys.executable)
    assert told.seconds > 0


def test_what_does_not_run_is_none(tmp_path: Path) -> None:
    """As a version manager's name for a Python that it does not have."""
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    assert asked(shim) is None
    assert asked(tmp_path / "nothing") is None
