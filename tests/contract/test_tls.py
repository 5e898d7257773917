"""TLS to PostgreSQL and Redis, with a certificate of our own where the server asks for one: as the settings say it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from billing_bootstrap.container import open_application
from billing_bootstrap.health import Condition
from billing_bootstrap.settings import OFFLINE, Need, load_settings
from billing_bootstrap.tls_faults import TlsFault, fault_of_database, fault_of_jwks, fault_of_redis, tell_tls_faults
from billing_cli.main import main

#: How a client of PostgreSQL asks for TLS, and how the server agrees.
_SSL_REQUEST, _AGREED = bytes.fromhex("0000000804d2162f"), b"S"


@frozen
class Papers:
    """Files of certificates: of who vouches, of the server and of the client."""

    folder: Path

    def path(self, name: str) -> str:
        """Where one is."""
        return str(self.folder / name)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Certificates that hold for an hour."""
    folder = tmp_path_factory.mktemp("tls")
    authority, key_of_others = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    for name, key, signed_by in (
        ("ca", authority, authority),
        ("server", key_of_others, authority),
        ("expired", key_of_others, authority),
        ("old", key_of_others, authority),
        ("early", key_of_others, authority),
        ("elsewhere", key_of_others, authority),
        ("stranger", key_of_others, key_of_others),
        ("client", key_of_others, authority),
    ):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC) + timedelta(hours={"expired": -24, "old": -24, "early": 24}.get(name, 0))
        address = ip_address("127.0.0.2" if name == "elsewhere" else "127.0.0.1")
        signed = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(address)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
        )
        if name != "old":  # from Python 3.13 on nothing else is taken, but by libpq
            whose = x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key())
            own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            signed = signed.add_extension(whose, critical=False).add_extension(own, critical=False)
            signed = signed.add_extension(_usage(vouches=name == "ca"), critical=True)
        made = signed.sign(signed_by, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}.key").write_bytes(private)
        (folder / f"{name}.key").chmod(0o600)  # libpq takes no key that others can read
    return Papers(folder)


def _usage(*, vouches: bool) -> x509.KeyUsage:
    """What its key is for: to vouch for others, or to sign."""
    return x509.KeyUsage(
        digital_signature=not vouches,
        key_cert_sign=vouches,
        crl_sign=vouches,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@asynccontextmanager
async def behind_tls(
    target: str, papers: Papers, *, asked_for: bool, shows: str = "server", asks: bool = True
) -> AsyncIterator[int]:
    """The port of a server that takes TLS alone, and ``asks`` for a client's certificate.

    It ``shows`` that certificate of its own. Where TLS is ``asked_for``, that is in clear text first.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.path(f"{shows}.pem"), papers.path(f"{shows}.key"))
    context.load_verify_locations(papers.path("ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if asked_for:
                assert await reader.readexactly(8) == _SSL_REQUEST
                writer.write(_AGREED)
                await writer.drain()
                await writer.start_tls(context)
            parts = urlsplit(target)
            there, back = await asyncio.open_connection(parts.hostname, parts.port)
            await asyncio.gather(_forward(reader, back), _forward(there, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if asked_for else context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _health(environ: dict[str, str]) -> tuple[Condition, Condition]:
    async with open_application(load_settings({"BILLING_ENV": "test", **environ}, OFFLINE)) as application:
        found = await application.health()
        return found.database.status, found.cache.status


def _addresses(database_url: str, papers: Papers, *, postgres: int, redis: int, own: bool = True) -> dict[str, str]:
    """Both by TLS, each checked, and with a certificate of our ``own``."""
    parts = urlsplit(database_url)
    checked = f"?sslmode=verify-full&sslrootcert={papers.path('ca.pem')}&connect_timeout=60"
    certificate, key = papers.path("client.pem"), papers.path("client.key")
    shown = f"&sslcert={certificate}&sslkey={key}" if own else ""
    of_redis = {"REDIS_CERTIFICATE_FILE": certificate, "REDIS_KEY_FILE": key} if own else {}
    return {
        "DATABASE_URL": f"postgresql://{parts.username}@127.0.0.1:{postgres}{parts.path}{checked}{shown}",
        "REDIS_URL": f"rediss://127.0.0.1:{redis}/0",
        "REDIS_CA_FILE": papers.path("ca.pem"),
        **of_redis,
    }


async def test_postgresql_and_redis_are_reached_by_tls_with_a_certificate_of_our_own(
    database_url: str, redis_url: str, papers: Papers
) -> None:
    """And not without it."""
    async with (
        behind_tls(database_url, papers, asked_for=True) as postgres,
        behind_tls(redis_url, papers, asked_for=False) as redis,
    ):
        own = _addresses(database_url, papers, postgres=postgres, redis=redis)
        without = _addresses(database_url, papers, postgres=postgres, redis=redis, own=False)

        # Nobody waits long for Redis: on a machine that is busy enough it does not answer in time, at first.
        while await _health(own) != (Condition.OK, Condition.OK):
            pass
        assert await _health(without) == (Condition.UNAVAILABLE, Condition.DEGRADED)
        fault = await asyncio.to_thread(fault_of_redis, load_settings(without, OFFLINE))
        assert fault is not None
        assert fault.remedy == "Name one that it takes: REDIS_CERTIFICATE_FILE and REDIS_KEY_FILE."


async def test_of_a_certificate_that_lacks_what_libpq_does_not_ask_for_the_fault_is_told(
    database_url: str, papers: Papers
) -> None:
    """Python is stricter than libpq from 3.13 on, and would find another fault than the one that stands in the way."""
    async with behind_tls(database_url, papers, asked_for=True, shows="old", asks=False) as postgres:
        addresses = _addresses(database_url, papers, postgres=postgres, redis=1, own=False)
        fault = await asyncio.to_thread(fault_of_database, addresses["DATABASE_URL"])
    assert fault is not None
    assert fault.found == f"the certificate of 127.0.0.1:{postgres} has expired"


@pytest.mark.parametrize(
    ("shows", "found", "remedy"),
    [
        ("expired", "has expired", "Renew it there, or set the clock of this machine."),
        ("early", "holds from a later time on", "Wait, or set the clock of this machine."),
        ("elsewhere", "is not for '127.0.0.1'", "Connect by a name that it is for, or have one made for this name."),
        (
            "stranger",
            "is vouched for by nobody whom we trust (unable to get local issuer certificate)",
            "Name a file with the certificate of who does: {}.",
        ),
    ],
)
async def test_a_certificate_that_does_not_hold_is_told_with_what_to_do(
    database_url: str,
    redis_url: str,
    papers: Papers,
    shows: str,
    found: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the doctor, and in the log when a program starts: of the database, Redis, and who tells the keys of tokens."""
    async with (
        behind_tls(database_url, papers, asked_for=True, shows=shows, asks=False) as postgres,
        behind_tls(redis_url, papers, asked_for=False, shows=shows, asks=False) as redis,
    ):
        environ = {
            **_addresses(database_url, papers, postgres=postgres, redis=redis),
            "JWT_JWKS_URL": f"https://127.0.0.1:{redis}/keys",
            "SSL_CERT_FILE": papers.path("ca.pem"),
        }
        for name in ("STRIPE_SECRET_KEY", "JWT_SECRET", "DATABASE_DIRECT_URL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)

        await asyncio.to_thread(main, ["doctor", "--json"])
        with capture_logs() as logged:
            await asyncio.to_thread(tell_tls_faults(load_settings(environ, OFFLINE)).join)

    told = {one["check"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    for check, port, authority in (
        ("database", postgres, "sslrootcert in the address of the database"),
        ("redis", redis, "REDIS_CA_FILE"),
        ("tokens", redis, "the variable SSL_CERT_FILE"),
    ):
        why, what = f"the certificate of 127.0.0.1:{port} {found}", remedy.format(authority)
        assert told[check]["found"].endswith(f": {why}")
        assert (told[check]["ok"], told[check]["remedy"]) == (False, what)
        assert {
            "event": "no connection by TLS",
            "of": check,
            "why": why,
            "remedy": what,
            "log_level": "error",
        } in logged
    assert told["migrations"]["found"].startswith(
        f"The database cannot be reached: the certificate of 127.0.0.1:{postgres} {found}"
    )


#: Looks for faults of TLS with these settings, and prints which packages that were not there yet its thread imports.
_IMPORTS = """
import os, sys, threading
from billing_bootstrap.settings import OFFLINE, load_settings
from billing_bootstrap.tls_faults import tell_tls_faults

def note(event, arguments):
    if event == "import" and threading.current_thread() is not threading.main_thread():
        package = arguments[0].partition(".")[0]
        if package not in sys.stdlib_module_names:
            print(package)

settings = load_settings(os.environ, OFFLINE)
sys.addaudithook(note)
tell_tls_faults(settings).join()
"""


def test_looking_for_faults_imports_nothing_beside_the_program_that_starts() -> None:
    """Two threads that import one driver find each other's parts half made, and the program ends before it begins."""
    environ = {
        **os.environ,
        "DATABASE_URL": "postgresql://billing@127.0.0.1:1/billing?sslmode=verify-full",
        "REDIS_URL": "rediss://127.0.0.1:1",
        "JWT_JWKS_URL": "https://127.0.0.1:1/keys",
    }

    ended = subprocess.run(
        [sys.executable, "-c", _IMPORTS], env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, sorted(set(ended.stdout.split())), ended.stderr.count("Traceback")) == (0, [], 0)


async def test_a_server_that_takes_no_tls_is_told_so(database_url: str, papers: Papers) -> None:
    port = urlsplit(database_url).port or 0
    asked = _addresses(database_url, papers, postgres=port, redis=port)["DATABASE_URL"]

    assert fault_of_database(asked) == TlsFault(
        found=f"127.0.0.1:{port} takes no TLS",
        remedy="Have it speak TLS, or do without: sslmode in the address of the database.",
    )


def test_a_redis_that_waits_for_a_command_takes_no_tls() -> None:
    """It answers nothing to what is no line: who wrote `rediss` for a plain one was told that nobody is there."""
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        port = waiting.getsockname()[1]
        settings = load_settings({"REDIS_URL": f"rediss://127.0.0.1:{port}/0"}, {Need.REDIS})

        assert fault_of_redis(settings) == TlsFault(
            found=f"127.0.0.1:{port} takes no TLS",
            remedy="Have it speak TLS, or do without: redis:// instead of rediss:// in REDIS_URL.",
        )


async def test_where_nobody_is_tls_is_not_to_blame(papers: Papers) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        port = nobody.getsockname()[1]
        environ = _addresses("postgresql://postgres@127.0.0.1/postgres", papers, postgres=port, redis=port)
        settings = load_settings({**environ, "JWT_JWKS_URL": f"https://127.0.0.1:{port}/keys"}, OFFLINE)

        found = fault_of_database(settings.database_url), fault_of_redis(settings), fault_of_jwks(settings)

    assert found == (None, None, None)
