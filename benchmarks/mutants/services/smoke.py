"""Calls that show that a service is up and does what it is for: ``smoke.json`` beside each.

A text such as ``$3.book.name`` stands for what the fourth call was answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor

from benchmarks.mutants.services.definition import Definition
from benchmarks.mutants.services.messages import registry


@dataclass(frozen=True, slots=True)
class Step:
    """A call, and the status that it has to end with."""

    method: MethodDescriptor
    requests: tuple[Any, ...]
    """ProtoJSON, with references to answers."""

    code: str


def methods(definition: Definition) -> dict[str, MethodDescriptor]:
    """The methods of a service by their short names, no two of which are the same."""
    protos = registry(definition.name)
    package = next(file.package for file in protos.files.file if file.service and not file.name.startswith("google/"))
    found: dict[str, MethodDescriptor] = {}
    for file in protos.files.file:
        if file.package != package:
            continue
        for declared in file.service:
            for method in protos.pool.FindServiceByName(f"{package}.{declared.name}").methods:
                found[method.name] = method
    return found


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def steps(definition: Definition) -> list[Step]:
    """The calls, in their order."""
    known = methods(definition)
    told: list[dict[str, Any]] = json.loads((definition.folder / "smoke.json").read_text())
    return [
        Step(known[one["method"]], tuple(one.get("requests") or [one["request"]]), one.get("code", "OK"))
        for one in told
    ]


def resolved(value: Any, answers: Sequence[Any]) -> Any:
    """The request with what its references stand for. Raises LookupError for a reference to nothing."""
    if isinstance(value, str) and value.startswith("$"):
        place, *path = value[1:].split(".")
        found: Any = answers[int(place)]
        for part in path:
            found = found[int(part) if part.isdigit() else part]
        return found
    if isinstance(value, list):
        return [resolved(one, answers) for one in value]
    if isinstance(value, Mapping):
        return {key: resolved(one, answers) for key, one in value.items()}
    return value


def messages(step: Step, answers: Sequence[Any]) -> list[Any]:
    """The requests of a step as messages."""
    made = message_factory.GetMessageClass(step.method.input_type)
    return [json_format.ParseDict(resolved(one, answers), made()) for one in step.requests]


def shown(responses: Sequence[Any]) -> Any:
    """What references can point into: the first answer; an empty one if there is none."""
    return json_format.MessageToDict(responses[0]) if responses else {}


def call(
    channel: grpc.Channel, method: MethodDescriptor, requests: Sequence[Any], seconds: float
) -> tuple[str, list[Any]]:
    """Make one call: the name of its status, and its answers."""
    response_class = message_factory.GetMessageClass(method.output_type)
    stub: Any = channel.stream_stream(
        path_of(method),
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=response_class.FromString,
    )
    responses: list[Any] = []
    try:
        responses.extend(stub(iter(requests), timeout=seconds))
    except grpc.RpcError as error:
        return error.code().name, responses
    return "OK", responses


def differences(definition: Definition, target: str, *, seconds: float = 20.0) -> list[str]:
    """Make all the calls; gives a line for each that ends otherwise than it has to."""
    wrong: list[str] = []
    answers: list[Any] = []
    with grpc.insecure_channel(target, options=[("grpc.enable_http_proxy", 0)]) as channel:
        for index, step in enumerate(steps(definition)):
            code, responses = call(channel, step.method, messages(step, answers), seconds)
            answers.append(shown(responses))
            if code != step.code:
                wrong.append(f"{index}: {step.method.name} ended with {code}, not {step.code}")
    return wrong
