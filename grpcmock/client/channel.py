"""Connections to a target: opened, watched until they stand, and explained in plain words where they don't."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from grpcmock.client.call import Call
from grpcmock.errors import ConfigError, TargetError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.client.target import Target

CONNECT_TIMEOUT = 5.0
"""How long a connection is waited for unless said otherwise, in seconds."""

_PROBE = "/grpcmock.Probe/Connect"


@asynccontextmanager
async def connect(target: Target, *, within: float = CONNECT_TIMEOUT) -> AsyncIterator[grpc.aio.Channel]:
    """Open a channel and wait until it stands, *within* so many seconds; it is closed on leaving.

    Raises :class:`TargetError`, which says why there is no connection and what to do about it.
    """
    if target.tls is not None and target.tls.insecure:
        target, roots = await _trust_whatever(target, within)
        channel = _open(target, roots)
    else:
        channel = _open(target)
    try:
        await wait_until_ready(channel, target, within=within)
        yield channel
    finally:
        await channel.close(None)


async def wait_until_ready(channel: grpc.aio.Channel, target: Target, *, within: float = CONNECT_TIMEOUT) -> None:
    """Wait until the channel stands. Raises :class:`TargetError` as soon as an attempt has failed."""
    try:
        async with asyncio.timeout(within):
            while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
                if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE and (reason := await _reason(channel)):
                    raise TargetError(explain(reason, target))
                if state is grpc.ChannelConnectivity.SHUTDOWN:
                    raise TargetError(f"The channel to {target} is closed.")
                await channel.wait_for_state_change(state)
    except TimeoutError:
        raise TargetError(
            f"{target} doesn't answer: no connection after {within:g} s. Is the address right, and the way there open?"
        ) from None


def _open(target: Target, roots: bytes | None = None) -> grpc.aio.Channel:
    if target.tls is None:
        return grpc.aio.insecure_channel(target.address, options=target.options)
    credentials = target.tls.credentials(roots)
    return grpc.aio.secure_channel(target.address, credentials, options=target.options)


async def _reason(channel: grpc.aio.Channel) -> str:
    """Ask gRPC why there is no connection; only a call that failed knows. Empty if there is one now."""
    status = await Call(channel, _PROBE, deadline=1.0).status()
    return status.message if status.code is Code.UNAVAILABLE else ""


_ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"connection refused|\(111\)|\(61\)|10061",
        "Nothing is listening on {target}: connection refused. Start the server, or name another port.",
    ),
    (
        r"no such file or directory|\(2\)$",
        "Nothing is listening on {target}: there is no such socket. Start the server, or name another path.",
    ),
    (
        r"(dns|domain name|name resolution|resolve|resolution).*",
        "The host of {target} can't be found. Is the name spelled right?",
    ),
    (
        r"wrong_version_number|http_request|unexpected_message",
        "{target} doesn't speak TLS: leave out --tls (and https://) for a plaintext server.",
    ),
    (
        r"certificate_required|bad_certificate|handshake_failure|certificate_unknown|unknown_ca",
        "{target} {refuses}",
    ),
    (
        r"hostname verification|peer name|not in peer certificate",
        "The certificate of {target} is for another name: give the right one with --authority.",
    ),
    (
        r"certificate_verify_failed|certificate verify failed",
        "The certificate of {target} can't be verified: give its authority with --cacert, or --insecure in a test.",
    ),
    (
        r"http1|http/1",
        "{target} speaks HTTP/1, not gRPC. Is this the right port?",
    ),
    (
        r"failed parsing http/2|expected settings",
        "{target} doesn't speak gRPC: what it sends is no HTTP/2. Is this the right port?",
    ),
    (
        r"alpn",
        "{target} speaks TLS but not HTTP/2 (no ALPN), so it can't be a gRPC server.",
    ),
    (
        r"timeout|timed out|deadline",
        "{target} doesn't answer. Is the address right, and the way there open?",
    ),
    (
        r"unreachable|no route",
        "There is no way to {target}: the network is unreachable.",
    ),
)


def _refusal(target: Target) -> str:
    """Say why a server doesn't let a client in: for a certificate of another authority than it trusts, or for none."""
    if target.tls is None or target.tls.cert is None:
        return "wants a certificate of its clients: give --cert and --key."
    return (
        f"refuses the certificate {target.tls.cert}: it is signed by an authority that the server doesn't trust, or "
        "out of date. Give --cert and --key that it trusts, or have it trust this one's authority."
    )


def explain(reason: str, target: Target) -> str:
    """Turn gRPC's reason for having no connection into a sentence with a next step."""
    lowered = reason.lower()
    for pattern, advice in _ADVICE:
        if re.search(pattern, lowered):
            return advice.format(target=target, refuses=_refusal(target))
    if re.search(r"socket closed|connection reset|closed|goaway|broken pipe|endpoint", lowered):
        if target.tls is None:
            return f"{target} closes the connection. Does it want TLS (--tls), or speak another protocol?"
        closed = f"{target} closes the connection during the TLS handshake."
        if target.tls.cert is None:
            return f"{closed} Does it want a certificate of its clients (--cert and --key)?"
        return f"{closed} Does it trust the authority that signed {target.tls.cert}, and is that in date?"
    return f"There is no connection to {target}: {reason.rstrip('.')}."


async def _trust_whatever(target: Target, within: float) -> tuple[Target, bytes]:
    """Fetch the server's certificate, and give what makes gRPC take it: the certificate as a root, and its name."""
    try:
        pem, name = await asyncio.to_thread(_shown_certificate, target, within)
    except ConfigError:
        raise
    except (OSError, ValueError) as error:
        raise TargetError(explain(str(error), target)) from None
    return (target if target.authority else replace(target, authority=name)), pem.encode()


def _shown_certificate(target: Target, timeout: float) -> tuple[str, str]:
    """Give the certificate that the server shows, in PEM, and a name that it is for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    pem = ssl.DER_cert_to_PEM_cert(_handshake(target, context, timeout)[1])
    # Only a certificate that was verified is given in parts: so verify it against itself.
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=pem)
    parts = _handshake(target, context, timeout)[0]
    names = [name for kind, name in parts.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    names += [value for part in parts.get("subject", ()) for key, value in part if key == "commonName"]
    if not names:
        raise ValueError(f"the certificate of {target} holds no name")
    return pem, names[0].replace("*.", "any.", 1)


def _handshake(target: Target, context: ssl.SSLContext, timeout: float) -> tuple[dict[str, Any], bytes]:
    tls = target.tls
    if tls is not None and tls.cert is not None and tls.key is not None:
        tls.credentials()  # raises what is wrong with the files
        context.load_cert_chain(tls.cert, tls.key)
    context.set_alpn_protocols(["h2"])
    if target.address.startswith("unix"):
        kind, _, path = target.address.partition(":")
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(timeout)
        plain.connect("\0" + path if kind == "unix-abstract" else path)
        host = target.authority or "localhost"
    else:
        host, _, port = target.address.rpartition(":")
        host = host.strip("[]")
        plain = socket.create_connection((host, int(port)), timeout)
    with plain, context.wrap_socket(plain, server_hostname=target.authority or host) as secured:
        parts: dict[str, Any] = dict(secured.getpeercert() or {})
        return parts, secured.getpeercert(binary_form=True) or b""
