"""The folder of `billing dev`: what it did not make there is neither written over nor dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing_cli.commands.dev import drop
from tests.component.cli.conftest import Billing


@pytest.mark.parametrize("options", [(), ("--reset", "--yes")])
@pytest.mark.parametrize("is_link", [False, True])
def test_settings_that_somebody_else_wrote_are_kept(
    billing: Billing, tmp_path: Path, options: tuple[str, ...], *, is_link: bool
) -> None:
    theirs = tmp_path / ("elsewhere.env" if is_link else "dev.env")
    theirs.write_text("# Every setting of my own\nDATABASE_URL=mine\n")
    if is_link:
        (tmp_path / "dev.env").symlink_to(theirs)

    ended = billing("dev", "--data", str(tmp_path), *options)

    assert ended.status == 1
    assert "dev.env was not written by `billing dev`: move it, or name another folder with --data." in ended.err
    assert theirs.read_text().endswith("DATABASE_URL=mine\n")
    assert (tmp_path / "dev.env").is_symlink() is is_link


def test_a_reset_drops_what_earlier_runs_made_and_nothing_else(tmp_path: Path) -> None:
    """A diary in each folder, and a file of the name of a mark of ours that says something."""
    kept = {tmp_path / "sandbox" / "diary", tmp_path / "redis" / "diary", tmp_path / "database" / "diary"}
    made = {tmp_path / "sandbox" / "sandbox.msgpack", tmp_path / "redis" / "lock", tmp_path / "database" / "lock"}
    for path in (*kept, *made):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "seeded").write_text("tomatoes")

    drop(tmp_path)

    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {*kept, tmp_path / "seeded"}
