"""``/metrics``: what was counted of the calls, as a page for Prometheus."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpcmock.engine.engine import Engine
from grpcmock.errors import MissingExtraError
from grpcmock.protocols.face import HttpFace
from grpcmock.protocols.http import Response
from grpcmock.protocols.pages import Pages
from grpcmock.schema import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.protocols.http import RequestHead
    from grpcmock.protocols.interface import ServerCall
    from grpcmock.telemetry.prometheus import Exposition

PATH = "/metrics"

_TEXT = "text/plain; charset=utf-8"


class MetricsPage:
    """The page. *expose* makes what writes it, when somebody asks; what that can't do is told to whoever asked."""

    def __init__(self, expose: Callable[[], Exposition]) -> None:
        self._expose = expose

    def __call__(self, head: RequestHead) -> Response:
        try:
            exposition = self._expose()
        except MissingExtraError as error:
            return Response.whole(501, _TEXT, f"{error}\n".encode())
        body, content_type = exposition.text(head.header("accept"))
        return Response.whole(200, content_type, body)


class MetricsFace(HttpFace):
    """Serves the page alone, on a listener without a token. It opens no call: its engine has no methods."""

    def __init__(self, page: MetricsPage) -> None:
        super().__init__(Engine(Registry(FileDescriptorSet())))
        self.is_local = True
        """Whether only programs on this machine can connect. Of these, browsers may be led here by a page of any site,
        whose name was made to lead here; so the name must be one of this machine then."""
        self._pages = Pages()
        self._pages.add(PATH, page)

    def open(self, head: RequestHead) -> ServerCall | Response:
        """Return the whole response to a request."""
        if self.is_local and not (head.peer.startswith("unix:") or _is_loopback(head.header("host"))):
            return Response.whole(403, _TEXT, b"Metrics of this address are for localhost, by that name.\n")
        return self._pages.open(head) or Response.whole(404, _TEXT, f"There is {PATH} alone.\n".encode())


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
