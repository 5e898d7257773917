"""The program: what it lists, how it ends, and what a mistake in the command line gets."""

import importlib
import inspect
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cyclopts import App

from billing_cli.main import COMMANDS
from tests.component.cli.conftest import Billing, Ended

#: The help of each command that was asked for, by its words: more than one test reads it, and it takes a while.
_HELPED: dict[tuple[str, ...], Ended] = {}


@pytest.fixture
def helped(billing: Billing) -> Callable[..., Ended]:
    """What `billing … --help` says; each is asked for once."""

    def ask(*words: str) -> Ended:
        if words not in _HELPED:
            _HELPED[words] = billing(*words, "--help")
        return _HELPED[words]

    return ask


def test_help_lists_every_command_and_ends_with_0(billing: Billing) -> None:
    ended = billing("--help")

    assert ended.status == 0
    for name in COMMANDS:
        assert f"  {name}: " in ended.out


def test_help_imports_no_command_and_no_driver() -> None:
    """So it answers at once: nothing heavy is loaded for it."""
    watch = "import sys; from billing_cli.main import main; main(['--help'])\nprint(*sys.modules, file=sys.stderr)"

    outcome = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True)

    loaded = set(outcome.stderr.split())
    assert "cyclopts" in loaded
    heavy = {"billing_bootstrap.settings", "psycopg", "redis", "stripe", "aiohttp", "litestar", "msgspec"}
    assert loaded.isdisjoint(heavy | {"markdown_it"})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_has_help(helped: Callable[..., Ended], name: str) -> None:
    module, _, attribute = COMMANDS[name].where.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    within = [name for name in found if not name.startswith("-")] if isinstance(found, App) else []

    for arguments in ([name], *([name, command] for command in within)):
        ended = helped(*arguments)
        assert (ended.status, ended.err) == (0, "")
        assert ended.out.startswith(f"Usage: billing {' '.join(arguments)}")
        examples = ended.out.partition("For example:\n\n")[2].partition("\n\n")[0].splitlines()
        assert all(line.startswith("    billing ") for line in examples), "an example that is broken cannot be pasted"


def test_the_reference_page_names_every_command() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")

    for name, entry in COMMANDS.items():
        module, _, attribute = entry.where.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        within = [inner for inner in found if not inner.startswith("-")] if isinstance(found, App) else []
        assert f"`billing {name}" in page
        for inner in within:
            assert re.search(rf"`(billing {name} )?{inner}\b", page), f"billing {name} {inner}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["migrat"], "did you mean `migrate`? See `billing --help`."),
        (["quux"], "there is no command 'quux'; there are "),
        (["token"], "See `billing token --help`."),
        (["token", "ann", "--role", "boss"], 'Invalid value "boss" for --role.'),
        (["migrate", "--colour"], "--colour"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line_that_says_what_is_meant(
    billing: Billing, arguments: list[str], said: str
) -> None:
    ended = billing(*arguments)

    assert ended.status == 2
    assert ended.out == ""
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_database_that_is_away_ends_with_1_and_one_line(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://nobody@127.0.0.1:1/none")

    ended = billing("migrate")

    assert ended.status == 1
    assert ended.err.startswith("billing: The database cannot be reached: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(("package", "word"), [("cyclopts", "--help"), ("psycopg", "doctor")])
def test_what_an_extra_would_have_brought_is_named(package: str, word: str) -> None:
    """`pip install billing-core` brings this program along, and nothing that it is made of."""
    without = f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = [{word!r}]"
    begin = "from billing_cli.__main__ import begin; begin()"

    ended = subprocess.run([sys.executable, "-c", f"{without}; {begin}"], capture_output=True, text=True, check=False)

    told = f"billing: {package} is not installed, which this needs: pip install 'billing-core[all]'.\n"
    assert (ended.returncode, ended.stderr) == (1, told)


def test_each_setting_that_is_wrong_has_a_line_of_its_own(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_MAX", "many")
    monkeypatch.setenv("REDIS_DB", "first")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/billing")

    ended = billing("access", "list", "ann")

    first, *faults = ended.err.splitlines()
    assert (ended.status, first) == (1, f"billing: {len(faults)} settings are missing or wrong.")
    assert {"- DATABASE_POOL_MAX", "- REDIS_DB"} <= {" ".join(fault.split()[:2]) for fault in faults}
    assert all("For example: " in fault for fault in faults)


@pytest.mark.parametrize("words", [("token", "ann"), ("--help",)])
def test_a_reader_who_has_seen_enough_is_no_fault(words: tuple[str, ...]) -> None:
    """As `head` at the other end of a pipe: no traceback, and the status that a shell knows."""
    reading, writing = os.pipe()
    os.close(reading)

    ended = subprocess.run(
        [sys.executable, "-m", "billing_cli", *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=os.environ | {"JWT_SECRET": "a secret of more than thirty-two characters"},
        text=True,
        check=False,
    )
    os.close(writing)

    assert (ended.returncode, ended.stderr) == (141, "")


def test_ctrl_c_ends_a_long_wait_at_once_with_one_line() -> None:
    """With the status of a shell, and no traceback: here while the sandbox moves time, and has not answered yet."""
    with socket.create_server(("127.0.0.1", 0)) as sandbox:
        url = f"http://127.0.0.1:{sandbox.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-m", "billing_cli", "sandbox", "advance", "3y"],
            stderr=subprocess.PIPE,
            env=os.environ | {"STRIPE_API_BASE": url},
            text=True,
        ) as program:
            asked, _ = sandbox.accept()
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=60)
            asked.close()

    assert (program.returncode, said) == (
        130,
        "billing: Interrupted. What was done stays done, and a worker finishes what was begun at Stripe.\n",
    )


#: Presses Ctrl-C, more than once, as soon as the program imports what it is made of.
_INTERRUPTED_EARLY = """
import os, signal, sys

class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == "cyclopts":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Impatient())
from billing_cli.__main__ import begin
write = sys.stderr.write

def pressed_again(text):
    os.kill(os.getpid(), signal.SIGINT)
    return write(text)

sys.stderr.write = pressed_again
begin()
"""


def test_ctrl_c_before_anything_has_begun_is_told_in_the_same_line_however_often_it_is_pressed() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_EARLY, "token", "ann"], capture_output=True, text=True, check=False
    )

    assert (
        ended.stderr
        == "billing: Interrupted. What was done stays done, and a worker finishes what was begun at Stripe.\n"
    )
    assert (ended.returncode, ended.stdout) == (130, "")


#: Every command that shows nothing of its own, or shows it as it goes.
_WITHOUT_JSON = {("dev",), ("serve",), ("worker",), ("sandbox", "serve")}
#: Every command that changes or spends something; the sandbox's money is nobody's.
_ASKING = {
    ("dev",),
    ("access", "grant"),
    ("access", "revoke"),
    ("catalog", "apply"),
    ("catalog", "pull"),
    ("customers", "erase"),
    ("customers", "link"),
    ("events", "replay"),
    ("events", "republish"),
    ("events", "retry"),
    ("migrate",),
    ("purchases", "refund"),
    ("rebuild",),
    ("reconcile",),
    ("stripe", "setup-webhook"),
    ("subscriptions", "apply-code"),
    ("subscriptions", "cancel"),
    ("subscriptions", "change"),
    ("subscriptions", "end-discount"),
    ("subscriptions", "end-trial"),
    ("subscriptions", "extend-trial"),
    ("subscriptions", "pause"),
    ("subscriptions", "resume"),
}
#: Every command that only looks, moves the sandbox, or runs until it is stopped.
_NOT_ASKING = {
    ("access", "check"),
    ("access", "explain"),
    ("access", "list"),
    ("catalog", "show"),
    ("customers", "export"),
    ("customers", "show"),
    ("demo",),
    ("doctor",),
    ("events", "dead"),
    ("events", "list"),
    ("events", "show"),
    ("invoices", "list"),
    ("payments", "list"),
    ("policy", "check"),
    ("policy", "try"),
    ("purchases", "list"),
    ("purchases", "show"),
    ("report",),
    ("sandbox", "advance"),
    ("sandbox", "chaos"),
    ("sandbox", "clock"),
    ("sandbox", "close-dispute"),
    ("sandbox", "dispute"),
    ("sandbox", "fail-next-payment"),
    ("sandbox", "pay"),
    ("sandbox", "serve"),
    ("sandbox", "settle"),
    ("serve",),
    ("subscriptions", "preview"),
    ("subscriptions", "show"),
    ("token",),
    ("worker",),
}


def every_command() -> Iterator[tuple[tuple[str, ...], Callable[..., object]]]:
    """The words of each, and what carries it out."""
    for name, entry in COMMANDS.items():
        module, _, attribute = entry.where.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, App):
            yield (name,), found
            continue
        for within in found:
            if not within.startswith("-"):
                carries_out = found[within].default_command
                assert carries_out is not None
                yield (name, within), carries_out


def test_it_was_decided_for_every_command_whether_it_asks_first() -> None:
    """A new one belongs into one of the two tables."""
    assert {words for words, _ in every_command()} == _ASKING | _NOT_ASKING
    assert _ASKING.isdisjoint(_NOT_ASKING)


@pytest.mark.parametrize("words", sorted(_ASKING | _NOT_ASKING), ids=" ".join)
def test_every_command_keeps_what_all_promise(helped: Callable[..., Ended], words: tuple[str, ...]) -> None:
    """Help with examples, ``--json`` where it shows something, and a question where it changes something."""
    text, carried_out_by = helped(*words).out, dict(every_command())[words]

    examples = text.split("For example:")[1].split("Parameters:")[0]
    assert f"billing {' '.join(words)}" in examples
    assert ("--json" in text) == (words not in _WITHOUT_JSON)
    assert ("--yes" in text) == (words in _ASKING)
    assert ("ask_first(" in inspect.getsource(carried_out_by)) == (words in _ASKING)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_tab_key_completes_commands(
    billing: Billing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    """What is written for the shell knows every command. Shells are told of it in a home of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "completion"

    ended = billing("--install-completion", "--shell", shell, "--output", str(script))

    assert (ended.status, ended.err) == (0, "")
    written = script.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if name not in written] == []


def test_a_database_that_is_away_is_one_line() -> None:
    """Whatever drivers say of each try to connect, an operator reads what is wrong once."""
    away = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "BILLING_ENV": "test"}
    ended = subprocess.run(
        [sys.executable, "-m", "billing_cli", "events", "dead"], env=away, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert (
        ended.stderr == "billing: The database cannot be reached. Try again in a moment. `billing doctor` says why.\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("events", "republish", "--since", "yesterday"), "'yesterday' is no time"),
        (("events", "replay"), "Which events?"),
        (("events", "replay", "evt_1", "--state", "dead"), "not both"),
        (("access", "check", "learner-1", "k8s"), "'k8s' names nothing"),
        (("access", "check", "a/b", "course:k8s-101"), "'a/b' is no user id"),
        (("reconcile", "--user", "a\nb"), "is no user id"),
        (("sandbox", "advance", "1x"), "'1x' is no length of time"),
        (("token", "learner-1", "--ttl", "5x"), "--ttl 5x is no length of time"),
        (("stripe", "setup-webhook", "ftp://billing.example.com/api/webhooks/stripe"), "https://HOST/api/webhooks"),
        (("stripe", "setup-webhook", "https://billing.example.com"), "https://HOST/api/webhooks"),
        (("stripe", "setup-webhook", "https://[::1/api/webhooks/stripe"), "https://HOST/api/webhooks"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_is_written_wrongly_is_wrong_usage(billing: Billing, words: tuple[str, ...], says: str) -> None:
    """Exit status 2, before anything is connected to: a script can tell it from what was refused."""
    ended = billing(*words)

    assert (ended.status, ended.out) == (2, "")
    assert says in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("purchases", "refund", "x", "--amount", "49.00"),  # which is not 49 cents
        ("purchases", "refund", "x", "--amount", "4e3"),
        ("subscriptions", "change", "x", "pro-monthly", "--quantity", "1.5"),
        ("subscriptions", "extend-trial", "x", "--days", "0x7"),
        ("events", "list", "--limit", "1.5"),
        ("access", "check", "ann"),
    ],
)
def test_what_would_have_to_be_guessed_is_wrong_usage(billing: Billing, words: tuple[str, ...]) -> None:
    ended = billing(*words)

    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(("where", "status"), [(">&-", 0), (">/dev/full", 1)])
def test_an_output_that_takes_nothing_is_no_traceback(where: str, status: int) -> None:
    program = f"{sys.executable} -m billing_cli --version {where}"

    ended = subprocess.run(["/bin/sh", "-c", program], capture_output=True, text=True, check=False)

    assert (ended.returncode, "Traceback" in ended.stderr) == (status, False)
    assert ended.stderr.startswith("billing: The output could not be written whole") == (status == 1)
