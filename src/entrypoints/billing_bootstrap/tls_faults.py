"""What is wrong with TLS to PostgreSQL, Redis and a JWKS endpoint, in one line each that says what to do.

Drivers say "certificate verify failed", or that nobody is there. So whoever wants to know why shakes hands once more,
as the driver does, and reads what OpenSSL says by its code. Nothing is sent after it but a greeting, and no password.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from attrs import frozen
from psycopg.conninfo import conninfo_to_dict

from billing_bootstrap.settings import Settings

__all__ = ["TlsFault", "fault_of_database", "fault_of_jwks", "fault_of_redis", "tell_tls_faults"]

_SECONDS_MAX = 5.0
#: What a client of PostgreSQL asks for TLS with, and how a server agrees.
_SSL_REQUEST, _AGREED = struct.pack("!ii", 8, 80877103), b"S"
_PING = b"PING\r\n"
#: OpenSSL's X509_V_ERR_…, from x509_vfy.h.
_NOT_YET_VALID, _EXPIRED, _HOSTNAME_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 62, 64

_NO_CLOCK = "or set the clock of this machine."


@frozen(kw_only=True)
class TlsFault:
    """Why no connection by TLS can be trusted, and what to do."""

    found: str
    remedy: str


@frozen(kw_only=True)
class _Peer:
    """A server that is spoken to by TLS, and what of it is checked."""

    host: str
    port: int
    #: The address to connect to where it is not to be asked of DNS.
    address: str | None = None
    context: Callable[[], ssl.SSLContext]
    #: What names the authorities that are trusted.
    authority: str
    #: What is said once hands are shaken, to hear whether a certificate of ours is taken, and what names that.
    greeting: bytes = b""
    own: str = ""
    #: Whether TLS is asked for in clear text.
    asks_first: bool = False
    #: How to do without TLS, where one may.
    without: str = ""


def fault_of_database(conninfo: str) -> TlsFault | None:
    """What is wrong with TLS to the PostgreSQL at ``conninfo``; None where that is not what stands in the way.

    Never raises; takes seconds at most.
    """
    try:
        with psycopg.connect(conninfo, connect_timeout=int(_SECONDS_MAX)):
            return None
    except psycopg.Error:
        return next((fault for peer in _postgres_at(conninfo) if (fault := _tried(peer)) is not None), None)


def fault_of_redis(settings: Settings) -> TlsFault | None:
    """The same of Redis. A primary that Sentinels tell of is not tried: its name is theirs to say."""
    peer = _redis_at(settings)
    return _tried(peer) if peer is not None else None


def _redis_at(settings: Settings) -> _Peer | None:
    if not settings.redis_url.startswith("rediss://") or settings.redis_sentinels:
        return None
    from redis.asyncio.connection import parse_url  # noqa: PLC0415 - who looks at the database alone needs no driver of it

    options: dict[str, Any] = dict(parse_url(settings.redis_url))
    if options.get("ssl_cert_reqs", "required") != "required":
        return None

    def context() -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=settings.redis_ca_file and str(settings.redis_ca_file))
        made.check_hostname = options.get("ssl_check_hostname", True)
        if settings.redis_certificate_file is not None:
            made.load_cert_chain(settings.redis_certificate_file, settings.redis_key_file)
        return made

    return _Peer(
        host=options.get("host", "localhost"),
        port=options.get("port", 6379),
        context=context,
        authority="REDIS_CA_FILE",
        own="REDIS_CERTIFICATE_FILE and REDIS_KEY_FILE",
        greeting=_PING,
        without="redis:// instead of rediss:// in REDIS_URL",
    )


def fault_of_jwks(settings: Settings) -> TlsFault | None:
    """The same of the endpoint that tells the keys of tokens."""
    parts = urlsplit(settings.jwt_jwks_url or "")
    if parts.scheme != "https" or not parts.hostname:
        return None
    port = parts.port or 443
    return _tried(
        _Peer(
            host=parts.hostname, port=port, context=ssl.create_default_context, authority="the variable SSL_CERT_FILE"
        )
    )


def tell_tls_faults(settings: Settings) -> threading.Thread:
    """Write each fault into the log, once, while the program goes on to start: it may be mended meanwhile.

    What looking needs is imported before: two threads that import one driver find each other's parts half made.
    """
    import structlog  # noqa: PLC0415 - a command that looks at the database writes no log

    log, looks = structlog.get_logger(), _looks(settings)

    def tell() -> None:
        for of, look in looks.items():
            if (fault := look()) is not None:
                log.error("no connection by TLS", of=of, why=fault.found, remedy=fault.remedy)

    telling = threading.Thread(target=tell, name="tls-faults", daemon=True)
    telling.start()
    return telling


def _looks(settings: Settings) -> dict[str, Callable[[], TlsFault | None]]:
    """What finds the fault of each, where there is one."""
    redis = _redis_at(settings)
    looks: dict[str, Callable[[], TlsFault | None]] = {"database": lambda: fault_of_database(settings.database_url)}
    if settings.database_replica_url:
        looks["replica"] = lambda: fault_of_database(settings.database_replica_url)
    if redis is not None:
        looks["redis"] = lambda: _tried(redis)
    looks["tokens"] = lambda: fault_of_jwks(settings)
    return looks


def _postgres_at(conninfo: str) -> Iterator[_Peer]:
    """Each of the servers that libpq would try, where it checks certificates at all."""
    try:
        defaults = {one.keyword.decode(): one.val.decode() for one in psycopg.pq.Conninfo.get_defaults() if one.val}
        said = {**defaults, **{name: str(value) for name, value in conninfo_to_dict(conninfo).items()}}
    except (psycopg.Error, UnicodeDecodeError):
        return
    root = said.get("sslrootcert") or str(Path("~/.postgresql/root.crt").expanduser())
    mode = said.get("sslmode", "prefer")
    if mode == "require" and Path(root).exists():
        mode = "verify-ca"  # as libpq itself does
    if not mode.startswith("verify-"):
        return

    def context() -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=None if root == "system" else root)
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT  # on from Python 3.13; libpq is not as strict
        made.check_hostname = mode == "verify-full"
        if said.get("sslcert"):
            made.load_cert_chain(said["sslcert"], said.get("sslkey"), said.get("sslpassword", ""))
        return made

    hosts, ports = said.get("host", "").split(","), said.get("port", "5432").split(",")
    addresses = said.get("hostaddr", "").split(",")
    for place in range(max(len(hosts), len(addresses))):
        address = addresses[place] if place < len(addresses) else ""
        host = (hosts[place] if place < len(hosts) else "") or address
        port = ports[place] if place < len(ports) else ports[0]
        if host and not host.startswith(("/", "@")):
            yield _Peer(
                host=host,
                port=int(port or 5432),
                address=address or None,
                context=context,
                authority="sslrootcert in the address of the database",
                asks_first=said.get("sslnegotiation") != "direct",
                without="sslmode in the address of the database",
            )


def _tried(peer: _Peer) -> TlsFault | None:
    where = f"{peer.host}:{peer.port}"
    try:
        _shake_hands(peer)
    except ssl.SSLCertVerificationError as error:
        return _of_certificate(peer, where, error)
    except ssl.SSLError as error:
        return TlsFault(
            found=f"{where} and we agree on no TLS: {error.reason or type(error).__name__}",
            remedy="See that TLS is spoken there, and that the certificates that are named are right.",
        )
    except _HungUp:
        return TlsFault(
            found=f"{where} ends the connection once hands are shaken, as who wants another certificate of ours does",
            remedy=f"Name one that it takes: {peer.own}.",
        )
    except _NoTls:
        otherwise = f", or do without: {peer.without}" if peer.without else ""
        return TlsFault(found=f"{where} takes no TLS", remedy=f"Have it speak TLS{otherwise}.")
    except (OSError, ValueError):
        return None  # nobody is there, which others say
    return None


def _of_certificate(peer: _Peer, where: str, error: ssl.SSLCertVerificationError) -> TlsFault:
    if error.verify_code == _EXPIRED:
        found, remedy = "has expired", f"Renew it there, {_NO_CLOCK}"
    elif error.verify_code == _NOT_YET_VALID:
        found, remedy = "holds from a later time on", f"Wait, {_NO_CLOCK}"
    elif error.verify_code in {_HOSTNAME_MISMATCH, _ADDRESS_MISMATCH}:
        found = f"is not for {peer.host!r}"
        remedy = "Connect by a name that it is for, or have one made for this name."
    else:
        found = f"is vouched for by nobody whom we trust ({error.verify_message})"
        remedy = f"Name a file with the certificate of who does: {peer.authority}."
    return TlsFault(found=f"the certificate of {where} {found}", remedy=remedy)


class _NoTls(Exception):
    """The server was asked for TLS, and has none, or says nothing, as Redis does while it waits for a command."""


class _HungUp(Exception):
    """The server trusts no longer whom it has shaken hands with."""


def _shake_hands(peer: _Peer) -> None:
    context = peer.context()
    with socket.create_connection((peer.address or peer.host, peer.port), timeout=_SECONDS_MAX) as line:
        if peer.asks_first:
            line.sendall(_SSL_REQUEST)
            if line.recv(1) != _AGREED:
                raise _NoTls
        try:
            secured = context.wrap_socket(line, server_hostname=peer.host)
        except TimeoutError:
            raise _NoTls from None
        with secured:
            if peer.greeting and not _greeted(secured, peer.greeting):
                raise _HungUp


def _greeted(secured: ssl.SSLSocket, greeting: bytes) -> bool:
    try:
        secured.sendall(greeting)
        return bool(secured.recv(1))
    except TimeoutError:
        return True
    except OSError:  # OpenSSL's errors too: what a server says of a certificate that lacks often gets lost on the way
        return False
