"""Whereabouts: whoever runs as the same user finds the `dev.env` of a port, and believes nobody else."""

import tempfile
from pathlib import Path

import pytest

from billing_cli.dev.whereabouts import env_file_of, told

PORT = 8123


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_it_is_found_while_it_runs_and_not_afterwards(tmp_path: Path) -> None:
    env_file = tmp_path / "dev.env"
    env_file.touch()

    assert env_file_of(PORT) is None
    with told(PORT, env_file):
        assert env_file_of(PORT) == env_file
        assert env_file_of(PORT + 1) is None
    assert env_file_of(PORT) is None


def test_what_others_could_have_written_is_not_believed(tmp_path: Path) -> None:
    env_file = tmp_path / "dev.env"
    env_file.touch()
    with told(PORT, env_file):
        (notes,) = tmp_path.glob("billing-dev-*")
        notes.chmod(0o777)

        assert env_file_of(PORT) is None
        with told(PORT + 1, env_file):
            assert not (notes / str(PORT + 1)).exists()
