"""What needs a program of the system's gets it, or says what to do: `scripts/install-package`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "install-package"
SH = shutil.which("sh") or "/bin/sh"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The only folder on the path, but for /usr/sbin."""
    return tmp_path


def program(folder: Path, name: str, text: str = "true") -> None:
    """A program of this name."""
    file = folder / name
    file.write_text(f"#!{SH}\n{text}\n", encoding="utf-8")
    file.chmod(0o755)


def installed(path: Path) -> subprocess.CompletedProcess[str]:
    """What is printed where one of two programs is needed, which two packages have."""
    command = [SH, str(SCRIPT), "The test", "a-package another", "a-program", "its-other-name"]
    return subprocess.run(
        command, env=os.environ | {"PATH": str(path)}, capture_output=True, text=True, check=False, timeout=60
    )


def test_what_is_there_under_any_of_its_names_is_not_installed(path: Path) -> None:
    program(path, "its-other-name")
    program(path, "apt-get", "exit 1")
    told = installed(path)
    assert (told.returncode, told.stdout) == (0, f"{path}/its-other-name\n")


def test_root_installs_the_packages(path: Path) -> None:
    program(path, "id", "echo 0")
    program(path, "env", 'shift; "$@"')
    program(path, "apt-get", 'echo "$@"')
    told = installed(path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [
        "Installing a-package another ...",
        "update -qq",
        "install -qq -y --no-install-recommends a-package another",
    ]


def test_who_is_not_root_installs_by_sudo(path: Path) -> None:
    program(path, "id", "echo 1000")
    program(path, "apt-get")
    program(path, "sudo", 'echo "as root: $*"')
    told = installed(path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[1:] == [
        "as root: apt-get update -qq",
        "as root: env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends a-package another",
    ]


def test_who_may_not_is_told_what_to_run(path: Path) -> None:
    program(path, "id", "echo 1000")
    program(path, "apt-get", "exit 1")
    told = installed(path)
    assert told.returncode == 1
    assert told.stderr == (
        "The test: `a-program` is needed. Run `apt-get install a-package another` as root, then try again.\n"
    )


def test_a_system_of_other_packages_is_told_what_is_needed(path: Path) -> None:
    told = installed(path)
    assert told.returncode == 1
    assert told.stderr == (
        "The test: `a-program` is needed, and this system has no apt-get. Install it, so that it is on the PATH.\n"
    )


def test_a_failed_installation_fails(path: Path) -> None:
    program(path, "id", "echo 0")
    program(path, "env", 'shift; "$@"')
    program(path, "apt-get", 'test "$1" = update')
    assert installed(path).returncode == 1
