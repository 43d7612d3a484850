"""What a client is told about a server: its address, its transport security, the metadata sent with every call."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    import grpc

    from grpcmock.status import Metadata

_SCHEMES = {"http": False, "grpc": False, "https": True, "grpcs": True}
_NATIVE = ("dns:", "ipv4:", "ipv6:", "vsock:", "xds:")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\[\]:/\s]*):(?P<port>[0-9]+)")
_KEY = re.compile(r"[0-9a-z_.-]+")
_VARIABLE = re.compile(r"\$(\$)?\{([^}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Transport security: by default, certificates are checked against the roots that gRPC ships."""

    ca: Path | None = None
    """A PEM file of the authorities to trust instead of the default roots."""

    cert: Path | None = None
    """A PEM file with the client's own certificate chain (mutual TLS); needs ``key``."""

    key: Path | None = None

    insecure: bool = False
    """Take whatever certificate the server shows. For tests only."""

    def credentials(self, roots: bytes | None = None) -> grpc.ChannelCredentials:
        """Read the files. Raises :class:`ConfigError` if one can't be read or they don't go together."""
        import grpc

        if (self.cert is None) != (self.key is None):
            missing, there = ("key", "certificate") if self.key is None else ("certificate", "key")
            raise ConfigError(f"A client {there} needs its {missing}: give both --cert and --key.")
        if roots is None and self.ca is not None:
            roots = _read(self.ca, "CERTIFICATE")
        key = _read(self.key, "PRIVATE KEY") if self.key else None
        chain = _read(self.cert, "CERTIFICATE") if self.cert else None
        return grpc.ssl_channel_credentials(roots, key, chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server to call."""

    address: str
    """As gRPC dials it: ``127.0.0.1:50051``, ``unix:/run/app.sock``, ``unix-abstract:name``."""

    tls: Tls | None = None
    """None for plaintext."""

    authority: str | None = None
    """The ``:authority`` to send, and under TLS the name that the certificate must hold; None for the address's own."""

    metadata: Metadata = ()
    """Sent with every call."""

    max_message_bytes: int | None = None
    """The largest message that may be received or sent; None for no bound."""

    hint: str = ""
    """A friendly word about how the address was written; empty if there is nothing to say."""

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        tls: Tls | None = None,
        authority: str | None = None,
        metadata: Metadata = (),
        max_message_bytes: int | None = None,
    ) -> Target:
        """Understand ``HOST:PORT``, ``:PORT``, ``unix:PATH``, ``unix-abstract:NAME``, and URLs.

        Raises :class:`ConfigError`, which shows how it could have been written.
        """
        address, secure, hint = _address(text.strip())
        if secure and tls is None:
            tls = Tls()
        elif secure is False and tls is not None:
            raise ConfigError(f"{text!r} says plaintext, but TLS is asked for. Write https://, or leave out --tls.")
        return cls(
            address=address,
            tls=tls,
            authority=authority,
            metadata=metadata,
            max_message_bytes=max_message_bytes,
            hint=hint,
        )

    @property
    def options(self) -> list[tuple[str, str | int]]:
        """The channel options of gRPC for this target."""
        limit = -1 if self.max_message_bytes is None else self.max_message_bytes
        options: list[tuple[str, str | int]] = [
            ("grpc.enable_http_proxy", 0),  # else http_proxy keeps one from 127.0.0.1
            ("grpc.use_local_subchannel_pool", 1),  # else one channel's backoff holds up the next
            ("grpc.max_receive_message_length", limit),
            ("grpc.max_send_message_length", limit),
            ("grpc.enable_retries", 0),  # a call is one call
        ]
        if self.authority is not None:
            options.append(("grpc.default_authority", self.authority))
            if self.tls is not None:
                options.append(("grpc.ssl_target_name_override", self.authority))
        return options

    def __str__(self) -> str:
        return self.address


def is_address(text: str) -> bool:
    """Whether *text* is written like the address of a server, rather than a path or a name."""
    try:
        _address(text)
    except ConfigError:
        return False
    return True


def _address(text: str) -> tuple[str, bool | None, str]:
    """Give the address as gRPC wants it, whether a URL asks for TLS (None: it doesn't say), and a hint."""
    if text.startswith(("unix:", "unix-abstract:")):
        return _socket(text), None, ""
    if text.startswith(_NATIVE):
        return text, None, ""
    scheme, found, rest = text.partition("://")
    if not found:
        return _host_and_port(text, text), None, ""
    if scheme.lower() not in _SCHEMES:
        raise ConfigError(f"{text!r} is not an address: {scheme}:// is not known. Write HOST:PORT or unix:PATH.")
    secure = _SCHEMES[scheme.lower()]
    authority, _, path = rest.partition("/")
    if path:
        raise ConfigError(f"{text!r} is not an address: a gRPC server has no path. Write {scheme}://{authority}.")
    if ":" not in authority.rpartition("]")[2]:
        authority += ":443" if secure else ":80"
    address = _host_and_port(authority, text)
    return address, secure, f"{text} is taken as {address}{' with --tls' if secure else ''}."


def _socket(text: str) -> str:
    kind, _, path = text.partition(":")
    if kind == "unix" and path.startswith("//"):
        path = "/" + path.lstrip("/")
    if not path:
        example = "/path/to/socket" if kind == "unix" else "name"
        raise ConfigError(f"{text!r} names no socket. Write {kind}:{example}.")
    return f"{kind}:{path}"


def _host_and_port(authority: str, written: str) -> str:
    if not (match := _AUTHORITY.fullmatch(authority)):
        if written.isdecimal():
            raise ConfigError(f"{written!r} is not an address. Write 127.0.0.1:{written}.")
        if "/" in written and Path(written).is_socket():
            raise ConfigError(f"{written!r} is not an address but a socket. Write unix:{written}.")
        if re.fullmatch(r"[\w.-]+", authority, re.ASCII):
            raise ConfigError(f"{written!r} is not an address: it names no port. Write {authority}:50051.")
        raise ConfigError(f"{written!r} is not an address. Write HOST:PORT, [IPV6]:PORT or unix:PATH.")
    if not 0 < int(match["port"]) < 65536:
        raise ConfigError(f"{written!r} is not an address: ports run from 1 to 65535.")
    return f"{match['host'] or 'localhost'}:{int(match['port'])}"


def parse_headers(lines: Iterable[str], environment: Mapping[str, str] | None = None) -> Metadata:
    """Read request metadata as ``curl -H`` writes it: ``key: value``.

    ``${NAME}`` becomes the environment variable's value (``$${`` a plain ``${``), so that secrets stay out of the
    shell's history. Keys are put in lower case; the value of a key that ends with ``-bin`` is base64.

    Raises :class:`ConfigError`.
    """
    environment = os.environ if environment is None else environment
    return tuple(_header(line, environment) for line in lines)


def _header(line: str, environment: Mapping[str, str]) -> tuple[str, str | bytes]:
    written, colon, value = line.partition(":")
    key = written.strip().lower()
    if line.startswith(":"):
        raise ConfigError(f"Header {line!r}: HTTP/2's own fields can't be set; for :authority there is --authority.")
    if not colon:
        raise ConfigError(f"Header {line!r} has no colon. Write 'key: value'.")
    if not _KEY.fullmatch(key):
        raise ConfigError(f"Header {line!r}: a key holds letters, digits, '_', '-' and '.', and nothing else.")
    if key.startswith("grpc-"):
        raise ConfigError(f"Header {line!r}: keys that begin with 'grpc-' belong to gRPC itself.")

    def expand(match: re.Match[str]) -> str:
        if match[1]:
            return "${" + match[2] + "}"
        if match[2] not in environment:
            raise ConfigError(f"Header {key!r}: there is no environment variable {match[2]!r}.")
        return environment[match[2]]

    value = _VARIABLE.sub(expand, value).strip(" \t\r\n")
    if key.endswith("-bin"):
        return key, _base64(key, value)
    if not value.isascii() or not value.isprintable():
        raise ConfigError(f"Header {key!r}: values are printable ASCII. Send other bytes as '{key}-bin', in base64.")
    return key, value


def _base64(key: str, value: str) -> bytes:
    standard = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(f"Header {key!r}: the value of a '-bin' key is base64, and this isn't.") from None


def _read(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.") from None
    if expected.encode() not in content:
        raise ConfigError(f"{path} holds no PEM {expected.lower()} (-----BEGIN {expected}-----).")
    return content
