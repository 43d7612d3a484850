"""TLS credentials of a server, read from files that are checked first, so that a mistake names its file and option."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    import grpc

CERT_OPTION = "--tls-cert"
KEY_OPTION = "--tls-key"
CLIENT_CA_OPTION = "--tls-client-ca"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of a server."""

    cert: Path
    """The certificate chain."""

    key: Path
    """The private key."""

    client_ca: Path | None = None
    """Authorities one of which must have signed the certificate that clients then have to present (mTLS)."""

    @classmethod
    def given(cls, cert: Path | None, key: Path | None, client_ca: Path | None = None) -> TlsFiles | None:
        """Take the files that a user gave; None where there is none: plain text.

        Raises :class:`ConfigError` if a file is missing beside the others.
        """
        if cert is not None and key is not None:
            return cls(cert, key, client_ca)
        if cert is None and key is None and client_ca is None:
            return None
        given, missing = CLIENT_CA_OPTION, f"{CERT_OPTION} and {KEY_OPTION}"
        if cert is not None:
            given, missing = CERT_OPTION, KEY_OPTION
        elif key is not None:
            given, missing = KEY_OPTION, CERT_OPTION
        raise ConfigError(f"{given} needs {missing}, too: the server's certificate chain and its private key.")


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Give the credentials that the files hold. Raises :class:`ConfigError`, which names file and option."""
    cert, key, client_ca = files.cert, files.key, files.client_ca
    chain, private = _read(cert, CERT_OPTION), _read(key, KEY_OPTION)
    _check_pair(cert, key, chain, private)
    authorities = None
    if client_ca is not None:
        authorities = _read(client_ca, CLIENT_CA_OPTION)
        _check_certificates(client_ca, CLIENT_CA_OPTION, authorities)
    import grpc

    return grpc.ssl_server_credentials(
        [(private, chain)], root_certificates=authorities, require_client_auth=authorities is not None
    )


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Give the context for TLS that the files make, for HTTP/1.1.

    Raises :class:`ConfigError`, which names file and option.
    """
    server_credentials(files)  # for its checks
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.cert, files.key)
    if files.client_ca is not None:
        context.load_verify_locations(files.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{option}: there is no file {path}.") from None
    except IsADirectoryError:
        raise ConfigError(f"{option}: {path} is a directory; a PEM file is needed.") from None
    except OSError as error:
        raise ConfigError(f"{option}: {path} can't be read: {error.strerror or error}.") from None


def _check_certificates(path: Path, option: str, data: bytes) -> None:
    if b"-----BEGIN CERTIFICATE-----" not in data:
        found = "it holds a private key" if b"PRIVATE KEY-----" in data else "there is none in it"
        raise ConfigError(f"{option}: {path} should hold certificates in PEM form; {found}.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(f"{option}: the certificates in {path} can't be read: {_reason(error)}.") from None


def _check_pair(cert: Path, key: Path, chain: bytes, private: bytes) -> None:
    """Check that both files can be read as what they should be, and that the key belongs to the certificate."""
    _check_certificates(cert, CERT_OPTION, chain)
    if b"PRIVATE KEY-----" not in private:
        found = "it holds a certificate" if b"-----BEGIN CERTIFICATE-----" in private else "there is none in it"
        raise ConfigError(f"{KEY_OPTION}: {key} should hold a private key in PEM form; {found}.")
    if b"ENCRYPTED" in private:
        raise ConfigError(
            f"{KEY_OPTION}: the key in {key} is encrypted, and gRPC takes no password. "
            f"Decrypt it first: openssl pkey -in {key} -out plain.pem"
        )
    try:
        # An empty password keeps OpenSSL from asking for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except (ssl.SSLError, ValueError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            text = f"{KEY_OPTION}: the key in {key} doesn't belong to the certificate in {cert} ({CERT_OPTION})."
            raise ConfigError(text) from None
        raise ConfigError(f"{KEY_OPTION}: the key in {key} can't be read: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else str(error)
