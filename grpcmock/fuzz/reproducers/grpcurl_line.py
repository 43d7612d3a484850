"""A failure as lines for grpcurl, one for each call, where grpcurl can send the very same bytes."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.client.actions import HALF_CLOSE, Send
from grpcmock.errors import Problems
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.identities import identities
from grpcmock.schema.codec import DecodeError, build, decode, to_tree
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.schema import Method, Registry

_LONGEST_DURATION = (2**63 - 1) // 10**9
"""Seconds of the longest time.Duration of Go, which counts nanoseconds."""

_MOST = 8000
"""Characters of a line that a person would still copy."""


def write(case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None) -> str:
    """Write a line for each call. What a call takes from the answer to an earlier one stands in it as it was then.

    Raises :class:`NotSayableError` for calls that grpcurl can't make.
    """
    del result
    if case_file.case.repeat > 1:
        raise NotSayableError("grpcurl makes one call, and this takes many at once or in turn; --as python has them.")
    return "".join(f"{_line(call, case_file, target, registry)}\n" for call in case_file.made)


def _line(call: Call, case_file: CaseFile, target: Target, registry: Registry) -> str:
    words = [
        "grpcurl",
        *connection(target),
        *descriptors(case_file),
        *headers(case_file, call, target),
        *_data(call, registry),
    ]
    if call.deadline is not None:
        words += ["-max-time", f"{call.deadline:g}"]
    words += [target.address.removeprefix("unix:"), call.path.removeprefix("/")]
    line = shlex.join(words)
    if len(line) > _MOST:
        raise NotSayableError("the request is too long for a line of grpcurl; --as python has it.")
    return line


def connection(target: Target) -> Iterator[str]:
    """Yield the options that say how to reach a server."""
    tls = target.tls
    if tls is None:
        yield "-plaintext"
    elif tls.insecure:
        yield "-insecure"
    else:
        for flag, path in (("-cacert", tls.ca), ("-cert", tls.cert), ("-key", tls.key)):
            if path is not None:
                yield flag
                yield str(path)
    if target.authority:
        yield "-authority"
        yield target.authority
    if target.address.startswith("unix:"):
        yield "-unix"


def descriptors(case_file: CaseFile) -> Iterator[str]:
    """Name the descriptors where the server's reflection wasn't asked: it may have none."""
    if case_file.protos and case_file.contract:
        yield "-protoset"
        yield case_file.contract


def headers(case_file: CaseFile, call: Call, target: Target) -> Iterator[str]:
    """Yield the options for the metadata of a call."""
    # What the user gave by -H may be a secret; the name of a variable is enough.
    given = identities(case_file, target)[call.caller]
    for key, name in given:
        yield "-H"
        yield f"{key}: ${{{name}}}" if name else f"{key}: garbled"
    if any(name for _, name in given):
        yield "-expand-headers"
    for text in own_headers(call):
        yield "-H"
        yield text


def own_headers(call: Call) -> Iterator[str]:
    """Yield the metadata of a call's own, as grpcurl reads it."""
    for key, value in call.metadata:
        yield f"{key}: {base64.b64encode(value).decode() if isinstance(value, bytes) else value}"


def _data(call: Call, registry: Registry) -> Iterator[str]:
    if trees := messages(call, registry):
        yield "-d"
        yield " ".join(json.dumps(tree, ensure_ascii=False) for tree in trees)


def messages(call: Call, registry: Registry) -> list[Any]:
    """Return the messages of a call as ProtoJSON. Raises :class:`NotSayableError` for what grpcurl can't send."""
    if call.raw is not None:
        raise NotSayableError("this is HTTP/2 that no gRPC client sends; --as python has it.")
    if call.compression:
        raise NotSayableError("grpcurl doesn't compress; --as python does.")
    *sends, last = call.actions or (None,)
    if last != HALF_CLOSE or not all(isinstance(action, Send) for action in sends):
        raise NotSayableError("grpcurl sends and half-closes, and does nothing else; --as python has all steps.")
    if call.method is None:
        raise NotSayableError("grpcurl needs the method's descriptors; --as python doesn't.")
    if not sends and not call.method.kind.client_streams:
        raise NotSayableError(
            f"grpcurl always sends one message to a {call.method.kind.value} method; see --as python."
        )
    return [_tree(data, call.method, registry) for data in call.messages]


def _tree(data: bytes, method: Method, registry: Registry) -> Any:
    """Give a message as ProtoJSON, if it says all that the bytes do."""
    try:
        message = decode(method.request_class, data)
        tree = to_tree(message)
        json.dumps(tree, ensure_ascii=False).encode()
    except (DecodeError, ValueError, RecursionError):
        raise NotSayableError("its bytes are no message that JSON could say; --as python has them.") from None
    problems = Problems()
    again = build(Node.of(tree), method.request_class, registry, problems, partial=True)
    if problems.errors or again.SerializePartialToString(deterministic=True) != data:
        raise NotSayableError("its bytes say what JSON can't; --as python has them.")
    if any(abs(seconds) > _LONGEST_DURATION for seconds in _durations(message)):
        raise NotSayableError("grpcurl reads no duration of more than 292 years; --as python has it.")
    return tree


def _durations(message: Any) -> Iterator[int]:
    """Yield the seconds of all durations in a message."""
    if message.DESCRIPTOR.full_name == "google.protobuf.Duration":
        yield message.seconds
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is None:
                continue
            value = value.values()
        for one in value if field.is_repeated else (value,):
            yield from _durations(one)
