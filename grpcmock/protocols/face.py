"""The one HTTP face: which protocol a request speaks, and what there is no method for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.protocols.interface import FaceOptions

if TYPE_CHECKING:
    from grpcmock.engine.engine import Engine
    from grpcmock.protocols.http import RequestHead, Response
    from grpcmock.protocols.interface import ServerCall


class HttpFace:
    """Opens the calls of an engine from HTTP requests, whatever their protocol."""

    def __init__(self, engine: Engine, options: FaceOptions | None = None) -> None:
        self.engine = engine
        self.options = options or FaceOptions()

    def open(self, head: RequestHead) -> ServerCall | Response:
        """Return the call that a request makes, or the whole response to one that makes none."""
        raise NotImplementedError
