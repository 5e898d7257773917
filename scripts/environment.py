"""Makes .venv from requirements.lock, or compiles that lock anew: `python -m scripts.environment install|lock`.

It is made with the quickest Python that is found, or with that which runs this: `install --with-this`.

uv does either in seconds where pip takes a minute and more. It comes from the lock too, by its hash, through pip, and
is told what pip knows about the way to the package index. Where it cannot get there all the same, pip installs.
"""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from scripts.quickest_python import quickest_python

REPOSITORY = Path(__file__).parents[1]
LOCK = REPOSITORY / "requirements.lock"
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"

#: Whether this Python has a pip: it serves the environment too, which then needs none of its own (that takes longer to
#: make than all the rest).
OUTER_PIP = importlib.util.find_spec("pip") is not None

#: Which of pip's settings uv takes as which of its options.
OPTIONS = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "trusted-host": "--allow-insecure-host",
}

#: Which of pip's settings uv reads from which environment variables.
VARIABLES = {
    "cert": ("SSL_CERT_FILE",),
    "client-cert": ("SSL_CLIENT_CERT",),
    "proxy": ("HTTP_PROXY", "HTTPS_PROXY"),
    "timeout": ("UV_HTTP_TIMEOUT",),
}


def pip(*arguments: str | Path) -> str:
    """Runs pip for the environment and returns what it printed; its errors go to the terminal."""
    runner: list[str | Path] = [sys.executable, "-m", "pip", "--python", PYTHON] if OUTER_PIP else [PYTHON, "-m", "pip"]
    command = [*runner, "--disable-pip-version-check", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def pip_settings() -> dict[str, list[str]]:
    """What pip's files and environment variables say, the stronger of them where they differ."""
    found: dict[tuple[int, str], str] = {}
    for line in pip("config", "list").splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        strength = {"global": 0, "install": 1, ":env:": 2}.get(section, -1)
        if strength >= 0:
            found[strength, key] = ast.literal_eval(value)
    return {key: value.split() for (_, key), value in sorted(found.items())}


def uv(*arguments: str | Path) -> bool:
    """Runs uv on pip's way to the index; whether it succeeded."""
    settings = pip_settings()
    options = [word for key, option in OPTIONS.items() for value in settings.get(key, ()) for word in (option, value)]
    if settings.get("no-index") == ["true"]:
        options.append("--no-index")
    # What is installed is named by hash, so it is the same file wherever it comes from: look everywhere, as pip does.
    options += ["--index-strategy", "unsafe-best-match", "--system-certs", "--python", str(PYTHON)]
    variables = {name: settings[key][0] for key, names in VARIABLES.items() if key in settings for name in names}
    outcome = subprocess.run([UV, "pip", *arguments, *options], cwd=REPOSITORY, env=variables | os.environ, check=False)
    return outcome.returncode == 0


def pinned(distribution: str) -> str:
    """The lock's lines about one distribution: its version and its hashes."""
    entry = re.search(rf"^{distribution}==.*?(?=^\S|\Z)", LOCK.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if entry is None:
        sys.exit(f"{LOCK.name} does not pin {distribution}")
    return entry.group(0)


def works() -> bool:
    """Whether there is an environment already, of a Python that is still there and new enough."""
    probe = "import sys; sys.exit(sys.version_info < (3, 11))"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", probe], check=False).returncode == 0


def install(*, with_this: bool) -> None:
    """Makes the environment hold exactly what the lock pins, and this project, to be edited in place."""
    if not works():
        if not with_this:
            python = quickest_python()
            os.chdir(REPOSITORY)
            os.execv(python, [python, "-m", "scripts.environment", "install", "--with-this"])  # noqa: S606 - it was asked
        say(f"Making .venv with Python {sys.version.split()[0]} ({sys.executable}) ...")
        venv.create(VENV, clear=True, with_pip=not OUTER_PIP, symlinks=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as bootstrap:
        bootstrap.write(pinned("uv"))
        bootstrap.flush()
        pip("install", "--quiet", "--no-deps", "--require-hashes", "-r", bootstrap.name)
    say("Installing what requirements.lock pins ...")
    # Where Python may not write bytecode, each start would compile everything again.
    compiled = ["--compile-bytecode"] if sys.dont_write_bytecode else []
    if not uv("sync", "--quiet", "--require-hashes", *compiled, LOCK):
        say("uv could not (see above); pip takes over, which takes a minute or two ...")
        pip("install", "--quiet", "--no-deps", "--require-hashes", "-r", LOCK)
    if not uv("install", "--quiet", "--no-deps", "--offline", "--no-build-isolation", "--editable", REPOSITORY):
        sys.exit("the project itself could not be installed (see above)")


def lock(*arguments: str) -> None:
    """Compiles requirements.lock from pyproject.toml: for every platform, with hashes and without addresses."""
    every = ["--all-extras", "--group", "dev", "--universal", "--python-version", "3.11"]
    bare = ["--generate-hashes", "--no-emit-index-url", "--no-header", "--quiet"]
    if not uv("compile", *every, *bare, "--output-file", LOCK.name, *arguments, "pyproject.toml"):
        sys.exit("requirements.lock was left as it was")


def say(line: str) -> None:
    """Tells whoever waits what is being done."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["install", *how] if how in ([], ["--with-this"]):
            install(with_this=bool(how))
        case ["lock", *rest]:
            lock(*rest)
        case _:
            sys.exit(__doc__)
