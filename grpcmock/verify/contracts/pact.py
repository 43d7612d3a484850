"""Pact files of version 4 with interactions of the Protobuf plugin: read, and turned into stubs.

The form of the files is described by pact-foundation/pact-specification (version 4) and pactflow/pact-protobuf-plugin.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError as ProtobufError

from grpcmock.errors import GrpcmockError, Location, Problems
from grpcmock.matching.messages import Kinds
from grpcmock.schema import Registry
from grpcmock.schema.codec import DecodeError, decode, to_tree
from grpcmock.status import Code
from grpcmock.stubs.dump import literals
from grpcmock.stubs.parser import parse_stub
from grpcmock.tree import Node
from grpcmock.verify.contracts.pact_rules import Rules, metadata_pattern
from grpcmock.verify.expectations.consumer import ConsumerExpectation
from grpcmock.verify.fingerprints import fingerprint
from grpcmock.verify.planning.interactions import Source

if TYPE_CHECKING:
    from grpcmock.schema import Method
    from grpcmock.stubs.model import Stub

_SYNCHRONOUS = "Synchronous/Messages"
_OWN = ("contenttype", "content-type")
"""Metadata that speaks of the Pact itself."""


@dataclass(slots=True)
class _Reader:
    """Reads one file."""

    document: Mapping[str, Any]
    path: Path
    registry: Registry | None
    problems: Problems
    stubs: list[Stub] = field(default_factory=list)
    expectations: dict[str, ConsumerExpectation] = field(default_factory=dict)
    descriptors: dict[str, str] = field(default_factory=dict)
    registries: dict[str, Registry | None] = field(default_factory=dict)

    def error(self, message: str, path: str, hint: str = "") -> None:
        self.problems.error(message, Location(str(self.path)), path, hint=hint, rule="pact")

    def warn(self, message: str, path: str, hint: str = "") -> None:
        self.problems.warn(message, Location(str(self.path)), path, hint=hint, rule="pact")


def read(document: Mapping[str, Any], path: Path, registry: Registry | None, problems: Problems) -> Source:
    """Turn the interactions of a Pact into stubs. What can't be said is named in *problems*."""
    reader = _Reader(document, path, registry, problems)
    _check_version(reader)
    interactions = document.get("interactions")
    for number, interaction in enumerate(interactions if isinstance(interactions, list) else []):
        here = f"interactions[{number}]"
        if not isinstance(interaction, dict):
            reader.error(f"expected an interaction, not {type(interaction).__name__}.", here)
        elif interaction.get("type") != _SYNCHRONOUS:
            kind = interaction.get("type", "without a type")
            reader.warn(f"this interaction ({kind}) is left out: only {_SYNCHRONOUS} are calls of gRPC.", here)
        else:
            _interaction(interaction, here, reader)
    return Source(
        stubs=reader.stubs,
        consumer=_name(document.get("consumer")) or path.stem,
        file=str(path),
        descriptors=reader.descriptors,
        expectations=reader.expectations,
    )


def _check_version(reader: _Reader) -> None:
    metadata = reader.document.get("metadata") or {}
    said = metadata.get("pactSpecification") or metadata.get("pact-specification") or {}
    version = str(said.get("version", "")) if isinstance(said, dict) else ""
    if version and not version.startswith("4"):
        reader.error(
            f"this Pact is of version {version}; calls of gRPC are in Pacts of version 4.", "metadata.pactSpecification"
        )


def _interaction(interaction: dict[str, Any], here: str, reader: _Reader) -> None:
    configuration = (interaction.get("pluginConfiguration") or {}).get("protobuf")
    if not isinstance(configuration, dict) or not configuration.get("service"):
        reader.warn("this interaction is left out: it is not of the Protobuf plugin, or names no service.", here)
        return
    registry = _registry(str(configuration.get("descriptorKey", "")), here, reader)
    if registry is None:
        hint = "Name the protos, so that its messages can be read."
        reader.error("the Pact brings no descriptors along for this interaction.", here, hint)
        return
    try:
        method = registry.method(str(configuration["service"]).lstrip("."))
    except GrpcmockError as error:
        reader.error(str(error), f"{here}.pluginConfiguration.protobuf.service")
        return
    reader.descriptors.setdefault(method.full_name, fingerprint(method))
    name = _unique(str(interaction.get("description") or here), reader)
    keys: dict[str, Any] = {"name": name, "method": method.full_name}
    if states := list(_states(interaction.get("providerStates"))):
        keys["given"] = " and ".join(states)
    keys |= _request(interaction.get("request") or {}, method, registry, f"{here}.request", reader)
    responses = interaction.get("response")
    parts = responses if isinstance(responses, list) else [responses] if isinstance(responses, dict) else []
    answer, expected = _answer(parts, method, registry, f"{here}.response", reader)
    stub = parse_stub(Node.of(keys | answer, Location(str(reader.path))), reader.problems, name=name)
    if stub is not None:
        reader.stubs.append(stub)
        reader.expectations[stub.name] = expected


def _registry(key: str, here: str, reader: _Reader) -> Registry | None:
    """Return the descriptors that an interaction was written with; else those of the protos."""
    if key in reader.registries:
        return reader.registries[key]
    found = reader.registry
    for plugin in (reader.document.get("metadata") or {}).get("plugins") or []:
        entry = (plugin.get("configuration") or {}).get(key) if isinstance(plugin, dict) else None
        if isinstance(entry, dict) and "protoDescriptors" in entry:
            try:
                data = base64.b64decode(entry["protoDescriptors"], validate=True)
                found = Registry(descriptor_pb2.FileDescriptorSet.FromString(data))
                break
            except (binascii.Error, ValueError, TypeError, ProtobufError, GrpcmockError) as error:
                reader.warn(f"the descriptors {key!r} can't be read: {str(error).rstrip('.')}.", here)
    reader.registries[key] = found
    return found


def _request(part: dict[str, Any], method: Method, registry: Registry, here: str, reader: _Reader) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    message = _contents(part, method, here, reader, request=True)
    if message is not None:
        rules = Rules.read(_body_rules(part), f"{here}.matchingRules.body", reader.warn)
        pattern = rules.pattern(message, Kinds.of(registry).message(method.input), example_first=True)
        keys["requests" if method.kind.client_streams else "request"] = (
            [pattern] if method.kind.client_streams else pattern
        )
    metadata = _metadata(part)
    if metadata:
        rules = Rules.read((part.get("matchingRules") or {}).get("metadata") or {}, f"{here}.metadata", reader.warn)
        keys["metadata"] = {key: metadata_pattern(key, value, rules) for key, value in metadata.items()}
    return keys


def _answer(
    parts: list[Any], method: Method, registry: Registry, here: str, reader: _Reader
) -> tuple[dict[str, Any], ConsumerExpectation]:
    keys: dict[str, Any] = {}
    patterns: list[Node] = []
    messages: list[Any] = []
    for number, part in enumerate(part for part in parts if isinstance(part, dict)):
        path = f"{here}[{number}]"
        metadata = _metadata(part)
        status, said = metadata.pop("grpc-status", None), metadata.pop("grpc-message", None)
        if metadata:
            keys["headers"] = literals(metadata)
        if status is not None and (code := _code(status, path, reader)) is not Code.OK:
            keys["error"] = {"code": code.name, **({"message": literals(said)} if said else {})}
            rules = Rules.read((part.get("matchingRules") or {}).get("metadata") or {}, path, reader.warn)
            return keys, ConsumerExpectation(any_message=rules.has("grpc-message"))
        message = _contents(part, method, path, reader, request=False)
        if message is None:
            continue
        rules = Rules.read(_body_rules(part), f"{path}.matchingRules.body", reader.warn)
        kind = Kinds.of(registry).message(method.output)
        messages.append(literals(message))
        patterns.append(Node.of(rules.pattern(message, kind), Location(str(reader.path))))
    if method.kind.server_streams:
        keys["responses"] = messages
    elif messages:
        keys["response"] = messages[0]
        if len(messages) > 1:
            reader.warn(f"only the first of {len(messages)} responses is taken: {method} sends one.", here)
    return keys, ConsumerExpectation(responses=tuple(patterns))


def _contents(part: dict[str, Any], method: Method, here: str, reader: _Reader, *, request: bool) -> Any:
    """Decode the message of a part, as ProtoJSON; None if there is none, or it can't be read."""
    contents = part.get("contents")
    if not isinstance(contents, dict) or contents.get("content") is None:
        return None
    text, encoded = contents["content"], contents.get("encoded")
    try:
        if encoded == "base64":
            data = base64.b64decode(text, validate=True)
        elif encoded in (False, None) and isinstance(text, str):
            data = text.encode()
        else:
            reader.error(f"contents are encoded in a way that isn't known: {encoded!r}.", f"{here}.contents")
            return None
        return to_tree(decode(method.request_class if request else method.response_class, data))
    except (binascii.Error, ValueError, TypeError, DecodeError) as error:
        reader.error(f"the contents can't be read: {str(error).rstrip('.')}.", f"{here}.contents")
        return None


def _body_rules(part: dict[str, Any]) -> dict[str, Any]:
    rules = part.get("matchingRules") or {}
    found = rules.get("body") or rules.get("contents") or rules.get("content") or {}
    return found if isinstance(found, dict) else {}


def _metadata(part: dict[str, Any]) -> dict[str, Any]:
    given = part.get("metadata") or {}
    return {
        str(key).lower(): value
        for key, value in given.items()
        if str(key).lower() not in _OWN and isinstance(value, (str, int, float, bool))
    }


def _code(status: Any, here: str, reader: _Reader) -> Code:
    try:
        return Code.parse(status if isinstance(status, int) else str(status))
    except ValueError as error:
        reader.error(str(error), f"{here}.metadata.grpc-status")
        return Code.UNKNOWN


def _states(given: Any) -> Iterator[str]:
    """Return each provider state in words; its parameters follow as JSON."""
    if isinstance(given, str):
        yield given
    for state in given if isinstance(given, list) else []:
        if isinstance(state, dict) and state.get("name"):
            params = state.get("params")
            yield f"{state['name']} {json.dumps(params, ensure_ascii=False)}" if params else str(state["name"])


def _name(part: Any) -> str:
    return str(part.get("name") or "") if isinstance(part, dict) else ""


def _unique(name: str, reader: _Reader) -> str:
    taken = {stub.name for stub in reader.stubs}
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found
