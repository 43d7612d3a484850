"""Reflection (v1 and v1alpha) and health, as programs of steps, so that both servers have them."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from benchmarks.mutants.schema import PACKAGE, registry
from benchmarks.mutants.steps import Feed, Next, Program, Receive, Refusal, Send, missing
from grpcmock.schema import Registry
from grpcmock.servers.reflection import SERVICES, Reflection, registry_of

_HEALTH = "grpc.health.v1.Health"
_SERVING = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING).SerializeToString()
_KNOWN = ("", _HEALTH, f"{PACKAGE}.UserService", f"{PACKAGE}.NoteService")


class Infrastructure:
    """Answers for the services that every server has. *shown* are the protos that v1alpha shows instead, if given."""

    def __init__(self, shown: Registry | None = None) -> None:
        own = [registry_of(health_pb2.DESCRIPTOR)]
        truth = Reflection(registry, own)
        older = truth if shown is None else Reflection(lambda: shown, own)
        self._reflections = {
            f"/{service}/ServerReflectionInfo": reflection
            for service, reflection in zip(SERVICES, (truth, older), strict=True)
        }

    def program(self, path: str) -> Program | None:
        """Serve a call; None if it is for none of these services."""
        if reflection := self._reflections.get(path):
            return _reflect(reflection)
        return {f"/{_HEALTH}/Check": _check, f"/{_HEALTH}/Watch": _watch}.get(path, lambda: None)()


def _parsed(message_class: Any, data: bytes) -> Any:
    try:
        return message_class.FromString(data)
    except DecodeError:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"This is no {message_class.__name__}.") from None


def _reflect(reflection: Reflection) -> Program:
    while (data := (yield Receive())) is not None:
        request = _parsed(reflection_pb2.ServerReflectionRequest, data)
        yield Send(reflection.answer(request).SerializeToString())


def _health_service(data: bytes | None, more: bytes | None) -> str:
    if data is None or more is not None:
        raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "The method takes exactly one request.")
    return str(_parsed(health_pb2.HealthCheckRequest, data).service)


def _check() -> Program:
    service = _health_service((yield Receive()), (yield Receive()))
    if service not in _KNOWN:
        raise missing("service", service[:100])
    yield Send(_SERVING)


def _watch() -> Program:
    service = _health_service((yield Receive()), (yield Receive()))
    unknown = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
    yield Send(_SERVING if service in _KNOWN else unknown.SerializeToString())
    yield Next(Feed())


def without_field(message: str, field: str) -> Registry:
    """Give the directory's protos as they were before a message had this field."""
    files = descriptor_pb2.FileDescriptorSet()
    files.CopyFrom(registry().files)
    for file in files.file:
        for declared in file.message_type:
            if file.package == PACKAGE and declared.name == message:
                kept = [one for one in declared.field if one.name != field]
                del declared.field[:]
                declared.field.extend(kept)
    return Registry(files)
