"""The admin service ``grpcmock.admin.v1``: steers a running server, and tells what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from grpcmock.schema import admin
from grpcmock.servers.admin import (
    calls,
    clock,
    drafts,
    faults,
    health,
    making,
    protos,
    reset,
    services,
    sessions,
    states,
    status,
    stub_list,
    stubs,
    verification,
    watching,
)
from grpcmock.servers.admin.access import Access
from grpcmock.servers.admin.behaviors import Behaviors, Steered, absent, handler_of
from grpcmock.servers.admin.guard import Guard, RefusalNotes
from grpcmock.servers.admin.options import AdminOptions

if TYPE_CHECKING:
    import grpc

    from grpcmock.engine.engine import Engine
    from grpcmock.servers.admin.face import AdminFace
    from grpcmock.servers.health import Health

SUBJECTS: tuple[Callable[[Steered], Behaviors], ...] = (
    status.behaviors,
    stubs.behaviors,
    stub_list.behaviors,
    calls.behaviors,
    watching.behaviors,
    drafts.behaviors,
    verification.behaviors,
    making.behaviors,
    services.behaviors,
    states.behaviors,
    sessions.behaviors,
    health.behaviors,
    faults.behaviors,
    clock.behaviors,
    protos.behaviors,
    reset.behaviors,
)
"""What carries out the methods: each subject those that it names."""


class Admin:
    """The admin service of one server. Touched by the server's loop only.

    Without a token, it answers only programs on the same machine; with one, all who present it. Raises
    :class:`ConfigError` for a token that metadata can't carry.
    """

    def __init__(self, engine: Engine, health: Health, options: AdminOptions | None = None) -> None:
        self.options = options = options or AdminOptions()
        self.registry = admin.registry()
        """The descriptors of the service, for reflection."""
        self._access = Access(options.token)
        self._steered = Steered(engine, health, self.registry, asyncio.Event())
        self.guard = Guard(self._access, options)
        """Decides which requests by HTTP get through."""

    @cached_property
    def face(self) -> AdminFace:
        """The service over HTTP, with its pages."""
        from grpcmock.servers.admin.face import AdminFace
        from grpcmock.servers.admin.openapi import openapi_page

        face = AdminFace(self.registry, self.guard, self.options, refused=RefusalNotes(self._steered.engine).take)
        face.pages.add("/openapi.json", openapi_page(self.registry, face.options.text_bodies))
        return face

    def handlers(self) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
        """Give the handlers of a ``grpc.aio`` server, by path."""
        behaviors = {name: behavior for subject in SUBJECTS for name, behavior in subject(self._steered).items()}
        return {
            path: handler_of(
                method, self._access, behaviors.get(method.name) or absent(method), self._steered.engine.lock
            )
            for path, method in self.registry.methods.items()
        }

    def drain(self) -> None:
        """End the streams of those who watch, so that they don't hold up the server's end."""
        self._steered.draining.set()
