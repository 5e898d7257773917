"""TLS to PostgreSQL and Redis, with a certificate of our own where the server asks for one: as the settings say it."""

from __future__ import annotations

import asyncio
import ssl
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

from billing_bootstrap.container import open_application
from billing_bootstrap.health import Condition
from billing_bootstrap.settings import OFFLINE, load_settings

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
    authority = ec.generate_private_key(ec.SECP256R1())
    for name, key, signed_by in (
        ("ca", authority, authority),
        ("server", ec.generate_private_key(ec.SECP256R1()), authority),
        ("client", ec.generate_private_key(ec.SECP256R1()), authority),
    ):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .sign(signed_by, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}.key").write_bytes(private)
        (folder / f"{name}.key").chmod(0o600)  # libpq takes no key that others can read
    return Papers(folder)


@asynccontextmanager
async def behind_tls(target: str, papers: Papers, *, asked_for: bool) -> AsyncIterator[int]:
    """The port of a server that takes TLS alone, with a client's certificate; ``asked_for`` in clear text first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.path("server.pem"), papers.path("server.key"))
    context.load_verify_locations(papers.path("ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED

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


async def test_postgresql_and_redis_are_reached_by_tls_with_a_certificate_of_our_own(
    database_url: str, redis_url: str, papers: Papers
) -> None:
    """And not without it, nor where nobody vouches for the server."""
    async with (
        behind_tls(database_url, papers, asked_for=True) as postgres,
        behind_tls(redis_url, papers, asked_for=False) as redis,
    ):
        parts = urlsplit(database_url)
        base = f"postgresql://{parts.username}@127.0.0.1:{postgres}{parts.path}?connect_timeout=5&sslmode=verify-full"
        vouched = f"{base}&sslrootcert={papers.path('ca.pem')}"
        own = f"{vouched}&sslcert={papers.path('client.pem')}&sslkey={papers.path('client.key')}"
        by_tls = {"REDIS_URL": f"rediss://127.0.0.1:{redis}/0"}
        named = {**by_tls, "REDIS_CA_FILE": papers.path("ca.pem")}
        certificate = {"REDIS_CERTIFICATE_FILE": papers.path("client.pem"), "REDIS_KEY_FILE": papers.path("client.key")}

        assert await _health({"DATABASE_URL": own, **named, **certificate}) == (Condition.OK, Condition.OK)
        assert await _health({"DATABASE_URL": vouched, **named}) == (Condition.UNAVAILABLE, Condition.DEGRADED)
        assert await _health({"DATABASE_URL": base, **by_tls, **certificate}) == (
            Condition.UNAVAILABLE,
            Condition.DEGRADED,
        )
