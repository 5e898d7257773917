"""What all tests share: how hard property tests try, and the services that a test may ask for.

A service that cannot be had is an error, never a skip. Nothing is started for tests that do not ask.
"""

import gc
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

from tests.folders import folder_for_servers

_TESTS = Path(__file__).parent

# Thousands of tests are held from the beginning to the end: to look through them each time that 700 objects are new
# takes longer than some of them. What is left open is still found, at the latest when all have run.
gc.set_threshold(50_000, 20, 20)

#: For the loop of who changes code: `make test-unit` tries few, `make test` all that everybody tries.
settings.register_profile("quick", max_examples=5, deadline=None)
settings.register_profile("dev", max_examples=25, deadline=None)
#: As many as everybody tries, the same on every run, so that a red build is red for its change alone.
settings.register_profile("ci", max_examples=25, deadline=None, derandomize=True)
settings.register_profile(
    "nightly", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))


#: Whose servers take longest to start: each folder's tests run in one process where there are several.
_FOLDERS_WITH_SERVERS = ("e2e", "contract")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where processes share the tests, each begins with what needs servers, and has what needs none at its end.

    Each gets an equal part of the list, and who is done takes from the end of another's: then nobody starts servers
    that another one has, and nobody is left alone with something long.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    size = len(items) // processes
    by_folder = {
        # The longest single tests are in files of the folder itself: at the end they would leave the others idle.
        name: sorted((item for item in items if _folder_of(item) == name), key=lambda item: len(item.path.parts))
        for name in _FOLDERS_WITH_SERVERS
    }
    others = [item for item in items if _folder_of(item) not in by_folder]
    items.clear()
    for servers in by_folder.values():
        free = max(0, size - len(servers))
        items += servers + others[:free]
        del others[:free]
    items += others


def _folder_of(item: pytest.Item) -> str:
    return item.path.relative_to(_TESTS).parts[0] if item.path.is_relative_to(_TESTS) else ""


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(
    report: pytest.CollectReport | pytest.TestReport,
) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Without what nobody reads of a test that passed: each is told of three times, from process to process."""
    told = yield
    if told is not None and report.passed and "keywords" in told:
        told["keywords"] = {}
    return told


def pytest_sessionstart() -> None:
    """What was imported stays, too: at the end pytest looks through everything five times, in each process."""
    gc.freeze()


def pytest_collection_finish() -> None:
    """What was collected stays: it is not looked through at all."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def service_folder() -> Iterator[Path]:
    """Where embedded servers keep their data: open to the user that PostgreSQL runs as, unlike pytest's own folder."""
    with folder_for_servers("billing-test-") as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_url(service_folder: Path) -> Iterator[str]:
    """A PostgreSQL server where one may make databases: TEST_DATABASE_URL's, else an embedded one."""
    from billing_embedded import EmbeddedPostgres  # noqa: PLC0415 - unit tests pay for no service

    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with EmbeddedPostgres(service_folder / "postgres", durable=False) as running:
        yield running.url


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """The name of a database with today's schema and nothing in it, for copies."""
    import billing_migrations  # noqa: PLC0415 - unit tests pay for no driver
    from tests.databases import fresh_database  # noqa: PLC0415

    with fresh_database(postgres_url) as url:
        billing_migrations.apply(url)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A database of this test's own with today's schema and nothing in it."""
    from tests.databases import fresh_database  # noqa: PLC0415 - unit tests pay for no driver

    with fresh_database(postgres_url, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(service_folder: Path) -> Iterator[str]:
    """A Redis database of this test process's own, empty at first: TEST_REDIS_URL's server, else an embedded one."""
    from billing_embedded import EmbeddedValkey  # noqa: PLC0415 - unit tests pay for no service
    from tests.databases import empty_redis_database  # noqa: PLC0415

    with ExitStack() as stack:
        server_url = os.environ.get("TEST_REDIS_URL")
        if not server_url:
            server_url = stack.enter_context(EmbeddedValkey(service_folder / "valkey")).url
        yield stack.enter_context(empty_redis_database(server_url))
