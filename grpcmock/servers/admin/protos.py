"""Protos that are added to a running server, and removed from it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from grpcmock.engine.added_protos import UnknownProtoError
from grpcmock.errors import SchemaError, StubError
from grpcmock.schema import adding, protoc
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.engine.engine import Engine
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what adds, lists and removes protos."""

    async def add_protos(request: Any, response: Any) -> None:
        if bool(request.files) == bool(request.descriptor_set):
            raise RefusedError(Code.INVALID_ARGUMENT, "Give either files or a descriptor_set.")
        # In a thread, since protoc takes its time, and many files do to be taken up.
        serve = await asyncio.to_thread(_prepare, steered.engine, request)
        response.services.extend(serve())

    def list_protos(_: Any, response: Any) -> None:
        for file in steered.engine.added_protos:
            prefix = f"{file.package}." if file.package else ""
            response.protos.add(file=file.name, services=[f"{prefix}{service.name}" for service in file.service])

    async def remove_protos(request: Any, response: Any) -> None:
        try:
            # In a thread, since all stubs are compiled without them.
            serve = await asyncio.to_thread(steered.engine.remove_protos, request.files)
            response.services.extend(serve())
        except UnknownProtoError as error:
            raise RefusedError(Code.NOT_FOUND, str(error)) from None
        except StubError as error:
            text = f"They are in use; remove these stubs first:\n{error}"
            raise RefusedError(Code.FAILED_PRECONDITION, text) from None
        except SchemaError as error:
            raise RefusedError(Code.FAILED_PRECONDITION, str(error)) from None

    return {"AddProtos": add_protos, "ListProtos": list_protos, "RemoveProtos": remove_protos}


def _prepare(engine: Engine, request: Any) -> Callable[[], list[str]]:
    return engine.add_protos(_files(engine, request))


def _files(engine: Engine, request: Any) -> list[FileDescriptorProto]:
    if request.files:
        return adding.compiled(dict(request.files), engine.registry)
    try:
        files = list(protoc.split(request.descriptor_set))
    except DecodeError:
        files = []
    if not files or not all(file.name for file in files):
        text = (
            "descriptor_set: this is none. Make one with protoc --include_imports --descriptor_set_out, or buf build."
        )
        raise RefusedError(Code.INVALID_ARGUMENT, text)
    return files
