"""Pact files of version 4, written: each stub becomes an interaction of the Protobuf plugin.

The form of the files is described by pact-foundation/pact-specification (version 4) and pactflow/pact-protobuf-plugin.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grpcmock._version import __version__
from grpcmock.engine import steps
from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.journal import Journal
from grpcmock.errors import Problems
from grpcmock.responses.faults import FAULTS
from grpcmock.schema.codec import to_tree
from grpcmock.status import Code
from grpcmock.verify.contracts.pact_matchers import Matchers, answer_rules
from grpcmock.verify.planning.planner import plan

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata
    from grpcmock.stubs.model import Stub
    from grpcmock.verify.planning.planned_call import PlannedCall

_PLUGIN_VERSION = "0.6.4"
"""The version of the Protobuf plugin whose form of interactions this is."""

_MOST_STEPS = 10_000


@dataclass(slots=True)
class PactText:
    """A Pact, and what is in no interaction of it."""

    text: str
    interactions: int
    left_out: list[str] = field(default_factory=list)
    """Stubs that a Pact can't say, and why; rules that it can't say."""


def to_pact(consumer: str, provider: str, stubs: Sequence[Stub], registry: Registry) -> PactText:
    """Write stubs as the Pact of a consumer with a provider.

    A stub's request is one that it answers, found as `verify` finds it; its answer is the one that the mock gives. What
    its patterns leave open are matching rules. Raises :class:`StubError` for stubs that are wrong.
    """
    data = registry.files.SerializeToString(deterministic=True)
    key = hashlib.md5(data, usedforsecurity=False).hexdigest()
    made = PactText("", 0)
    interactions: list[dict[str, Any]] = []
    for interaction in plan(stubs, registry).interactions:
        stub, method = interaction.stub, interaction.method
        if interaction.skipped:
            made.left_out.append(f"{stub.name}: {interaction.skipped}")
            continue
        if any(answer.script is not None for answer in stub.answers):
            made.left_out.append(f"{stub.name}: a Pact knows no conversations")
            continue
        writer = _Writer(method, registry, key, made.left_out)
        for call, answered in zip(interaction.calls, _answers(stub, interaction.calls, registry), strict=True):
            interactions.append(writer.interaction(stub, call, answered))
    configuration = {key: {"protoDescriptors": base64.b64encode(data).decode(), "protoFile": _names(registry)}}
    document = {
        "consumer": {"name": consumer},
        "interactions": interactions,
        "metadata": {
            "grpcmock": {"version": __version__},
            "pactSpecification": {"version": "4.0"},
            "plugins": [{"name": "protobuf", "version": _PLUGIN_VERSION, "configuration": configuration}],
        },
        "provider": {"name": provider},
    }
    made.text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    made.interactions = len(interactions)
    return made


def _names(registry: Registry) -> str:
    return "".join(f"// {file.name}\n" for file in registry.files.file)


@dataclass(frozen=True, slots=True)
class _Answered:
    """What the mock says to a call."""

    responses: tuple[bytes, ...]
    code: Code
    message: str
    headers: Metadata


def _answers(stub: Stub, calls: Sequence[PlannedCall], registry: Registry) -> Iterator[_Answered]:
    """Make the calls of a stub, one after the other, with a mock that has no other."""
    alone = replace(stub, state={}, times=None)
    engine = Engine(registry, [alone], options=EngineOptions(faults=FAULTS), journal=Journal(1, 1), problems=Problems())
    method = registry.method(stub.method)
    for call in calls:
        yield _answered(engine, method, call)


def _answered(engine: Engine, method: Method, call: PlannedCall) -> _Answered:
    exchange = engine.open(steps.Open(method.path, call.metadata, call.deadline))
    received: Iterator[steps.Event] = iter(
        (*(steps.Message(message.SerializePartialToString()) for message in call.requests), steps.HALF_CLOSE)
    )
    responses: list[bytes] = []
    headers: Metadata = ()
    event: steps.Event | None = None
    for _ in range(_MOST_STEPS):
        step = exchange.resume(event)
        event = None
        match step:
            case steps.Receive():
                event = next(received, None)
            case steps.Send():
                responses.append(step.data)
            case steps.Headers():
                headers = step.metadata
            case steps.Wait() if math.isinf(step.seconds):
                break
            case steps.Finish():
                return _Answered(tuple(responses), step.code, step.message, headers)
    exchange.cancel()
    return _Answered(tuple(responses), Code.OK, "", headers)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the interactions of one method."""

    method: Method
    registry: Registry
    key: str
    left_out: list[str]

    def interaction(self, stub: Stub, call: PlannedCall, answered: _Answered) -> dict[str, Any]:
        made: dict[str, Any] = {
            "description": f"{stub.name} {call.label}".strip(),
            "pending": False,
            "pluginConfiguration": {"protobuf": self._configuration(call, answered)},
        }
        if stub.given:
            made["providerStates"] = [{"name": stub.given}]
        return made | {
            "request": self._request(stub, call),
            "response": self._response(stub, call, answered),
            "transport": "grpc",
            "type": "Synchronous/Messages",
        }

    def _configuration(self, call: PlannedCall, answered: _Answered) -> dict[str, Any]:
        expected: dict[str, Any] = {}
        if call.requests:
            expected["request"] = to_tree(call.requests[0])
        if answered.responses and answered.code is Code.OK:
            expected["response"] = to_tree(self.method.response_class.FromString(answered.responses[0]))
        return {
            "descriptorKey": self.key,
            "service": f".{self.method.service}/{self.method.name}",
            # The plugin compares only those lists without a rule that are named here.
            "expectations": expected,
        }

    def _request(self, stub: Stub, call: PlannedCall) -> dict[str, Any]:
        first = call.requests[0] if call.requests else self.method.request_class()
        if len(call.requests) > 1:
            self.left_out.append(f"{stub.name}: of {len(call.requests)} request messages, a Pact has the first alone")
        node = stub.request
        if node is None and stub.requests is not None and stub.requests.is_list and stub.requests.value:
            node = stub.requests.value[0]
        matchers = Matchers(self.method.input, lambda text: self.left_out.append(f"{stub.name}: {text}"))
        rules = matchers.rules(node.plain() if node is not None else {}, to_tree(first))
        part = self._part(first, rules)
        if call.metadata:
            part["metadata"] |= {key: _text(value) for key, value in call.metadata if not key.endswith("-bin")}
            of_metadata = matchers.metadata_rules(stub.metadata.plain() if stub.metadata is not None else {})
            if of_metadata:
                part["matchingRules"]["metadata"] = of_metadata
        return part

    def _response(self, stub: Stub, call: PlannedCall, answered: _Answered) -> list[dict[str, Any]]:
        parts = []
        headers = {key: _text(value) for key, value in answered.headers if not key.endswith("-bin")}
        failed = answered.code is not Code.OK
        if failed and answered.responses:
            self.left_out.append(f"{stub.name}: of messages before an error, a Pact has the error alone")
        for number, data in enumerate(() if failed else answered.responses):
            message = self.method.response_class.FromString(data)
            rules = answer_rules(stub, call.label, number, self.method.output, to_tree(message))
            part = self._part(message, rules)
            part["metadata"] |= headers
            parts.append(part)
        if failed:
            status = {
                "grpc-status": answered.code.name,
                **({"grpc-message": answered.message} if answered.message else {}),
            }
            parts.append({"contents": {"content": ""}, "matchingRules": {}, "metadata": headers | status})
        return parts

    def _part(self, message: Message, rules: dict[str, Any]) -> dict[str, Any]:
        kind = f"application/protobuf;message=.{message.DESCRIPTOR.full_name}"
        return {
            "contents": {
                "content": base64.b64encode(message.SerializePartialToString(deterministic=True)).decode(),
                "contentType": kind,
                "contentTypeHint": "BINARY",
                "encoded": "base64",
            },
            "matchingRules": {"body": rules} if rules else {},
            "metadata": {"contentType": kind},
        }


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
