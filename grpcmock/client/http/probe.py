"""Whether a server that speaks gRPC speaks HTTP/1.1 on the same port, and so all protocols over HTTP."""

from __future__ import annotations

import http.client
import re
import ssl
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, TargetError

if TYPE_CHECKING:
    from grpcmock.client.target import Target

_PATIENCE = 5.0


def http_url(target: Target) -> str:
    """Give the URL under which the port of *target* speaks HTTP: ``http://127.0.0.1:41235``.

    Raises :class:`ConfigError` if it speaks gRPC alone or is no TCP port, :class:`TargetError` if nothing answers.
    """
    host, _, port = target.address.rpartition(":")
    if not port.isdecimal() or target.address.startswith("unix"):
        raise ConfigError(f"{target} is no HOST:PORT, which a URL needs.")
    host = re.sub(r"^(dns|ipv4|ipv6):(//[^/]*/)?", "", host)
    bare = host.strip("[]")
    connection = (
        http.client.HTTPConnection(bare, int(port), timeout=_PATIENCE)
        if target.tls is None
        else http.client.HTTPSConnection(bare, int(port), timeout=_PATIENCE, context=_context(target))
    )
    try:
        connection.request("GET", "/openapi.json")
        connection.getresponse()  # whatever it says
    except (http.client.HTTPException, ConnectionResetError, BrokenPipeError, TimeoutError):
        raise ConfigError(
            f"{target} speaks gRPC alone. A server on the native transport (serve --transport native) speaks HTTP on "
            "the same port; where one on aio does, its start says (serve --http)."
        ) from None
    except OSError as error:
        raise TargetError(f"{target} can't be reached: {error.strerror or error}.") from None
    finally:
        connection.close()
    return f"{'http' if target.tls is None else 'https'}://{host}:{port}"


def _context(target: Target) -> ssl.SSLContext:
    tls = target.tls
    context = ssl.create_default_context(cafile=tls.ca if tls is not None else None)
    if tls is not None and tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    if tls is not None and tls.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
