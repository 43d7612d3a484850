"""Addresses to listen on: read as users write them, and bound with errors that say what to do."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import stat
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    import grpc

DEFAULT_PORT = 50051

_OPTION = "--listen"
_FORMS = "Addresses are HOST:PORT, [IPV6]:PORT, unix:PATH or unix-abstract:NAME."
_BACKLOG = 128
_PATH_LIMIT = 107
"""Bytes of a socket's path: ``sun_path`` holds 108 on Linux, its final NUL among them."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens. ``str()`` gives the form that users write and gRPC takes as a target."""

    scheme: Literal["tcp", "unix", "unix-abstract"]

    host: str
    """The host, without brackets; the path or the abstract name of a unix socket."""

    port: int = 0
    """0 lets the system choose; unix sockets have none."""

    option: str = field(default=_OPTION, compare=False, repr=False)
    """The option that named it, for errors."""

    @classmethod
    def parse(cls, text: str, option: str = _OPTION) -> Address:
        """Read ``HOST:PORT``, ``[IPV6]:PORT``, ``unix:PATH`` or ``unix-abstract:NAME``; port 0 takes a free one.

        Raises :class:`ConfigError`, which says what was expected.
        """
        for scheme in ("unix", "unix-abstract"):
            if text.startswith(f"{scheme}:"):
                return _parse_socket(text, scheme, option)
        return _parse_tcp(text, option)

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can connect."""
        if self.scheme != "tcp" or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return False

    def with_port(self, port: int) -> Address:
        return replace(self, port=port) if self.scheme == "tcp" else self

    def __str__(self) -> str:
        if self.scheme != "tcp":
            return f"{self.scheme}:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _parse_socket(text: str, scheme: Literal["unix", "unix-abstract"], option: str) -> Address:
    name = text.removeprefix(f"{scheme}:")
    if name.startswith("///"):  # the URI form, unix:///run/x.sock
        name = name[2:]
    if not name or "\0" in name:
        example = "unix:/tmp/grpcmock.sock" if scheme == "unix" else "unix-abstract:grpcmock"
        raise ConfigError(f"{option} {text!r}: a {scheme} address names a socket, such as {example}.")
    if scheme == "unix-abstract" and not sys.platform.startswith("linux"):
        raise ConfigError(f"{option} {text!r}: abstract sockets exist on Linux only; use unix:PATH.")
    if not hasattr(socket, "AF_UNIX"):
        raise ConfigError(f"{option} {text!r}: this system has no unix sockets; use HOST:PORT.")
    length = len(name.encode(errors="surrogateescape"))
    if length > _PATH_LIMIT:
        raise ConfigError(
            f"{option} {text!r}: a socket may have a name of {_PATH_LIMIT} bytes, not {length}. Use a shorter one."
        )
    return Address(scheme, name, option=option)


def _parse_tcp(text: str, option: str) -> Address:
    def wrong(what: str, suggestion: str = "") -> ConfigError:
        hint = f"Did you mean {suggestion!r}?" if suggestion else _FORMS
        return ConfigError(f"{option} {text!r}: {what}. {hint}")

    if found := re.match(r"[a-z]+://", text):
        raise wrong(f"an address has no scheme {found[0]!r}", text[found.end() :].rstrip("/"))
    if text.isdecimal():
        raise wrong("the host is missing", f"127.0.0.1:{text}")
    if "/" in text:
        raise wrong("a path is written with 'unix:' before it", f"unix:{text}")
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](?::(.*))?", text)
    host, port = bracketed.groups() if bracketed else _split(text)
    if not bracketed and ":" in host:
        raise wrong("an IPv6 address stands in brackets", f"[{text}]:{DEFAULT_PORT}" if _is_ipv6(text) else "")
    if bracketed and not _is_ipv6(host):
        raise wrong(f"{host!r} is not an IPv6 address")
    if port and (not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535):
        raise wrong(f"{port!r} is not a port; ports are numbers from 0 (any free one) to 65535")
    if not host:
        raise wrong("the host is missing", f"127.0.0.1:{port}" if port else "")
    if not port:
        raise wrong("the port is missing", f"{text.rstrip(':')}:{DEFAULT_PORT}")
    if re.search(r"[\s/\0\[\]]", host):
        raise wrong(f"{host!r} is not a host")
    return Address("tcp", host, int(port), option)


def _split(text: str) -> tuple[str, str | None]:
    host, colon, port = text.rpartition(":")
    return (host, port) if colon else (text, None)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def server_options(*, share: bool = False) -> tuple[tuple[str, int], ...]:
    """Give the options that a gRPC server must be made with for :func:`bind` to notice a port in use.

    By default gRPC shares ports on Linux, so that a second server would silently take half of the first one's calls.
    *share* asks for just that: several processes of one server.
    """
    return (("grpc.so_reuseport", int(share)),)


def bind(
    server: grpc.aio.Server, address: Address, credentials: grpc.ServerCredentials | None = None, *, share: bool = False
) -> Address:
    """Have *server* listen on *address*, and give the address with the port that was taken.

    Raises :class:`ConfigError` if the address can't be had.
    """
    check_free(address, share=share)
    try:
        if credentials is None:
            port = server.add_insecure_port(str(address))
        else:
            port = server.add_secure_port(str(address), credentials)
    except RuntimeError as error:
        raise ConfigError(f"{address.option}: can't listen on {address}: {error}") from None
    return address.with_port(port)


def listening_sockets(address: Address) -> tuple[Address, list[socket.socket]]:
    """Give sockets that listen on *address*, and the address with the port that was taken.

    Raises :class:`ConfigError` if the address can't be had.
    """
    check_free(address)
    try:
        sockets = _sockets(address)
    except OSError as error:
        raise ConfigError(f"{address.option}: can't listen on {address}: {error.strerror or error}.") from None
    return address.with_port(sockets[0].getsockname()[1]) if address.scheme == "tcp" else address, sockets


def _sockets(address: Address) -> list[socket.socket]:
    """Bind the sockets of an address: a host name may stand for several, which then share the port that was taken."""
    if address.scheme != "tcp":
        made = socket.socket(socket.AF_UNIX)
        made.bind(f"\0{address.host}" if address.scheme == "unix-abstract" else address.host)
        made.listen(_BACKLOG)
        return [made]
    found: list[socket.socket] = []
    port = address.port
    refused: OSError | None = None
    for family, kind, protocol, _, target in socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((target[0], port, *target[2:]))
            made.listen(_BACKLOG)
        except OSError as error:
            made.close()
            refused = error
            continue
        port = made.getsockname()[1]
        found.append(made)
    if not found:
        raise refused or OSError("no address")
    return found


def check_free(address: Address, *, share: bool = False) -> None:
    """Raise :class:`ConfigError` if nothing can listen on *address*; remove the socket that a crash left behind.

    gRPC itself says only "failed to bind", and takes a unix socket away from the server that listens on it.
    """
    try:
        if address.scheme == "tcp":
            _try_tcp(address, share=share)
        else:
            _try_socket(address)
    except OSError as error:
        raise ConfigError(f"{address.option}: can't listen on {address}: {_advice(address, error)}") from None


def _try_tcp(address: Address, *, share: bool) -> None:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    refusals = []
    for family, kind, protocol, _, target in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                if sys.platform != "win32":  # there this option would let two servers listen on one port
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if share and hasattr(socket, "SO_REUSEPORT"):
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                probe.bind(target)
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
            refusals.append(error)  # a name may stand for an address that this machine lacks, such as ::1
    if refusals and len(refusals) == len(found):
        raise refusals[0]


def _try_socket(address: Address) -> None:
    if address.scheme == "unix-abstract":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind("\0" + address.host)
        return
    path = Path(address.host)
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if path.parent.is_dir():
            return
        raise
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address.host)
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "a server listens there")


def _advice(address: Address, error: OSError) -> str:
    """Say what is wrong and what to do next."""
    if isinstance(error, socket.gaierror):
        return f"the host {address.host!r} can't be resolved."
    if error.errno == errno.EADDRINUSE:
        if address.scheme != "tcp":
            return "another server listens on that socket. Stop it, or give another path."
        return (
            f"port {address.port} is already in use. Stop the program that listens there, or give another port: "
            f"{address.option} {address.with_port(0)} takes a free one."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no address {address.host}. 127.0.0.1 serves this machine only, 0.0.0.0 all networks."
    if error.errno in (errno.EACCES, errno.EPERM):
        if address.scheme == "tcp":
            return f"port {address.port} needs special rights, as most below 1024 do. Give a higher one."
        return "the folder of the socket may not be written to."
    if error.errno == errno.ENOENT:
        return f"the folder {Path(address.host).parent} doesn't exist."
    if error.errno == errno.EEXIST:
        return "that path is there already, and is not a socket. Give another path."
    return f"{error.strerror or error}."
