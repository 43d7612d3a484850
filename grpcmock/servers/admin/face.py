"""The admin service over HTTP: gRPC-Web, Connect, JSON by annotations, and pages beside it, all behind the guard."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from grpcmock.engine.engine import Engine
from grpcmock.engine.journal import Journal
from grpcmock.engine.steps import Finish
from grpcmock.protocols import status_json
from grpcmock.protocols.face import HttpFace
from grpcmock.protocols.http import Head, Response
from grpcmock.protocols.interface import FaceOptions, WireError
from grpcmock.protocols.message_codec import dump
from grpcmock.protocols.pages import Pages
from grpcmock.schema import admin
from grpcmock.servers.admin.faults import spelled_out
from grpcmock.servers.admin.page_files import add_page
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grpcmock.protocols.http import RequestHead
    from grpcmock.protocols.interface import Incoming, ServerCall
    from grpcmock.schema import Method, Registry
    from grpcmock.servers.admin.guard import Guard
    from grpcmock.servers.admin.options import AdminOptions

BODY_LIMIT = 16 << 20
"""Bytes of the largest request."""

_TEXT_BODIES = {"AddStubs": "stubs", "CheckStubs": "stubs", "ReplaceStub": "stub"}
"""The methods that take the YAML itself as the body, and the field that it is."""

_CHALLENGE = ("www-authenticate", 'Basic realm="grpcmock: any name, the token as password", charset="UTF-8", Bearer')


class AdminFace(HttpFace):
    """Opens the calls of the admin service from HTTP requests, and serves pages beside them.

    It stands on an engine of its own, which has the methods of the service, and no stubs. *refused* is told of each
    request that the guard doesn't let through, or whose body is too large.
    """

    def __init__(
        self,
        service: Registry,
        guard: Guard,
        options: AdminOptions,
        *,
        refused: Callable[[str], None],
    ) -> None:
        face = FaceOptions(
            BODY_LIMIT,
            origins=options.origins,
            text_bodies={f"/{admin.SERVICE}/{name}": field for name, field in _TEXT_BODIES.items()},
            short_bodies={f"/{admin.SERVICE}/SetFault": spelled_out},
            events=True,
            event_id=_event_id,
        )
        super().__init__(Engine(service, journal=Journal(calls=0)), face)
        self.pages = Pages()
        """What is served beside the methods. To add a page is all that it takes."""
        add_page(self.pages)
        self._guard = guard
        self._tell_refusal = refused

    def open(self, head: RequestHead) -> ServerCall | Response:
        """Return the call that a request makes, or the whole response to one that makes none."""
        try:
            self._guard.check(head, opens_page=head.path in self.pages)
        except RefusedError as error:
            self._note_refusal(head, error)
            return self._refusal(head, error)
        opened = self.pages.open(head) or super().open(head)
        return opened if isinstance(opened, Response) else _Bounded(opened, partial(self._note_refusal, head))

    def _note_refusal(self, head: RequestHead, error: Exception) -> None:
        self._tell_refusal(f"The admin service refused {head.method} {head.raw_path} from {head.peer}: {error}")

    def open_beside(self, head: RequestHead) -> ServerCall | Response | None:
        """Do as :meth:`open`, on a port that others share; None if a path isn't one of the admin service."""
        is_own = head.path in self.pages or head.path.startswith(f"/{admin.SERVICE}/") or self._takes(head)
        return self.open(head) if is_own else None

    def nearest(self, head: RequestHead) -> str:
        """Say which path may have been meant, on a port that others share; empty if none is near."""
        hint = self.hint(head)
        return hint if hint.startswith("Did you mean ") else ""

    def _refusal(self, head: RequestHead, error: RefusedError) -> Response:
        """Tell a refusal in the words of the protocol that a request speaks."""
        finish = Finish(error.code, str(error))
        opened = super().open(replace(head, headers=tuple(pair for pair in head.headers if pair[0] != "origin")))
        if isinstance(opened, Response):
            body = dump(status_json.status_tree(finish, self.engine.registry))
            opened = Response.whole(status_json.HTTP_STATUS[error.code], "application/json", body)
        else:
            opened = Response(tuple(opened.send(finish)))
        if error.code is not Code.UNAUTHENTICATED:
            return opened
        parts = [
            replace(part, headers=(*part.headers, _CHALLENGE)) if isinstance(part, Head) else part
            for part in opened.parts
        ]
        return Response(tuple(parts))


class _Bounded:
    """A call of the admin service, as its protocol has it; *refused* is told of a body that is too large."""

    def __init__(self, call: ServerCall, refused: Callable[[WireError], None]) -> None:
        self._call = call
        self._refused = refused
        self.opened = call.opened
        self.send = call.send

    def receive(self, data: bytes) -> Iterator[Incoming]:
        return self._told(self._call.receive(data))

    def receive_end(self) -> Iterator[Incoming]:
        return self._told(self._call.receive_end())

    def _told(self, came: Iterator[Incoming]) -> Iterator[Incoming]:
        try:
            yield from came
        except WireError as error:
            if error.code is Code.RESOURCE_EXHAUSTED:
                self._refused(error)
            raise


def _event_id(method: Method, data: bytes) -> str:
    """Give the id of the call that an event tells: with it, a client that lost the connection goes on where it was."""
    if method.name != "WatchCalls":
        return ""
    return str(method.response_class.FromString(data).call.id)  # type: ignore[attr-defined]
