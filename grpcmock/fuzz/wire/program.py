"""A raw request as a Python program that needs only the h2 package."""

from __future__ import annotations

import base64
import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.client.raw import RawRequest
    from grpcmock.client.target import Target

_RUN = re.compile(rb"(.)\1{47,}", re.DOTALL)
_LONG = 400

_CONNECT_TCP = "sock = socket.create_connection(({host!r}, {port}), 10)"
_CONNECT_UNIX = "sock = socket.socket(socket.AF_UNIX)\nsock.settimeout(10)\nsock.connect({path!r})"
_TLS = """\
context = ssl.create_default_context({ca})
{settings}context.set_alpn_protocols(["h2"])
sock = context.wrap_socket(sock, server_hostname={name!r})"""

_PROGRAM = """\
{imports}

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

HEADERS = [
{headers}
]
CHUNKS = [
{chunks}
]

{connect}
h2 = H2Connection(
    H2Configuration(
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        validate_inbound_headers=False,
    )
)
h2.initiate_connection()
h2.increment_flow_control_window(1 << 24)


def read():
    sock.sendall(h2.data_to_send())
    data = sock.recv(1 << 16)
    if not data:
        raise SystemExit("the server closed the connection")
    for event in h2.receive_data(data):
        name = type(event).__name__
        if name == "DataReceived":
            print("DATA", event.data[:5].hex(" "), event.data[5:])
            h2.acknowledge_received_data(event.flow_controlled_length, 1)
        elif name in ("ResponseReceived", "TrailersReceived"):
            print("HEADERS" if name == "ResponseReceived" else "TRAILERS")
            for key, value in event.headers:
                print(f"  {{key.decode('latin-1')}}: {{value.decode('latin-1')}}")
        elif name == "ConnectionTerminated":
            raise SystemExit(f"GOAWAY {{event.error_code!r}} {{event.additional_data!r}}")
        elif name == "StreamReset":
            raise SystemExit(f"RST_STREAM {{event.error_code!r}}")
        elif name == "StreamEnded":
            raise SystemExit(0)
        elif name == "PingAckReceived":
            raise SystemExit("the server lives")


def send(chunk, end):
    while True:
        room = min(h2.local_flow_control_window(1), h2.max_outbound_frame_size)
        if chunk and room <= 0:
            read()
            continue
        part, chunk = chunk[:room], chunk[room:]
        h2.send_data(1, part, end_stream=end and not chunk)
        sock.sendall(h2.data_to_send())
        if not chunk:
            return


try:
    h2.send_headers(1, HEADERS, end_stream={end_with_headers})
    for index, chunk in enumerate(CHUNKS):
        send(chunk, {end_with_chunk})
{after}except (ProtocolError, BrokenPipeError, ConnectionResetError) as error:
    print(f"the server didn't wait for the end of the request: {{error}}")
while True:
    read()
"""


def snippet(request: RawRequest, target: Target) -> str:
    """Write a Python program that sends exactly this request to the target, and prints what comes back.

    It ends with 0 if the server ended the stream in order, else it says what happened instead. The target's own
    metadata isn't in it: it may be secret.
    """
    resets = request.reset_after is not None
    ends = request.end_stream and not resets
    chunks = request.chunks[: request.reset_after]
    literals = [literal(chunk) for chunk in chunks]
    late = [literal(chunk) for chunk in request.after_end]
    imports = [
        *(["import base64"] if any("base64." in text for text in literals + late) else []),
        "import socket",
        *(["import ssl"] if target.tls is not None else []),
        *(["import zlib"] if any("zlib." in text for text in literals + late) else []),
    ]
    return _PROGRAM.format(
        imports="\n".join(imports),
        headers="\n".join(f"    ({key}, {value})," for key, value in _fields(request, target)),
        chunks="\n".join(f"    {text}," for text in literals),
        connect=_connect(target),
        end_with_headers=ends and not chunks,
        end_with_chunk="index == len(CHUNKS) - 1" if ends else "False",
        after=_after(late, resets=resets),
    )


def literal(data: bytes) -> str:
    """Write bytes as a Python expression: long runs of one byte as products, much of a kind compressed."""
    pieces, end = [], 0
    for found in _RUN.finditer(data):
        if found.start() > end:
            pieces.append(repr(data[end : found.start()]))
        pieces.append(f"{found[1]!r} * {len(found[0])}")
        end = found.end()
    if end < len(data) or not pieces:
        pieces.append(repr(data[end:]))
    text = " + ".join(pieces)
    if len(text) > _LONG:
        packed = base64.b64encode(zlib.compress(data, 9)).decode()
        if len(packed) < len(text) / 2:
            return f'zlib.decompress(base64.b64decode("{packed}"))'
    return text


def _fields(request: RawRequest, target: Target) -> list[tuple[str, str]]:
    authority = target.authority or ("localhost" if target.address.startswith("unix") else target.address)
    own = {":authority": authority, ":scheme": "https" if target.tls is not None else "http"}
    return [
        (literal(key.encode("latin-1")), literal((value or own.get(key, "")).encode("latin-1")))
        for key, value in request.headers
    ]


def _connect(target: Target) -> str:
    kind, _, path = target.address.partition(":")
    host, _, port = target.address.rpartition(":")
    host = host.strip("[]")
    if kind in ("unix", "unix-abstract"):
        lines = _CONNECT_UNIX.format(path="\0" + path if kind == "unix-abstract" else path)
        host = "localhost"
    else:
        lines = _CONNECT_TCP.format(host=host, port=port)
    if (tls := target.tls) is None:
        return lines
    settings = ""
    if tls.insecure:
        settings += "context.check_hostname = False\ncontext.verify_mode = ssl.CERT_NONE\n"
    if tls.cert is not None:
        settings += f"context.load_cert_chain({str(tls.cert)!r}, {str(tls.key)!r})\n"
    ca = f"cafile={str(tls.ca)!r}" if tls.ca is not None else ""
    return f"{lines}\n{_TLS.format(ca=ca, settings=settings, name=target.authority or host)}"


def _after(late: list[str], *, resets: bool) -> str:
    lines = ["    h2.reset_stream(1, 8)", '    h2.ping(b"grpcmock")'] if resets else []
    lines += ["    sock.sendall(h2.data_to_send())"]
    for text in late:
        lines.append(f"    late = {text}")
        lines.append('    sock.sendall(len(late).to_bytes(3, "big") + b"\\0\\0\\0\\0\\0\\1" + late)')
    return "".join(f"{line}\n" for line in lines)
