"""What is in the responses: bytes that decode strictly, and values that keep the rules of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.message import EncodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.wire.encoding import free_number, group_depth
from grpcmock.fuzz.wire.malformed import DEPTHS
from grpcmock.schema.codec import DecodeError, decode, try_decode
from grpcmock.schema.rules import BrokenRulesError, Judge, UnreadableRulesError

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Method, Registry

_OFTEN = 4096
"""So many judgments are remembered: servers give the same few responses over and over."""


def _response_decodes(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        method = reply.call.method
        if method is None or not reply.responses:
            continue
        for response in reply.responses:
            for expected, actual, path in _undecodable(method, response):
                if _comes_back(reply, response):
                    continue
                yield Finding(
                    check="response_decodes",
                    expected=expected,
                    actual=actual,
                    path=path,
                    key=f"{expected} {path}",
                    method=method,
                )
                return


_ALIKE = 32
"""By so many bytes, its first or its last, a request is found in a response."""


def _comes_back(reply: Reply, response: bytes) -> bool:
    """Whether a response can't be read, or has fields that nobody knows, since the request was so: protobuf keeps what
    it doesn't know, and a copy of what was sent has it."""
    method = reply.call.method
    assert method is not None
    for sent in reply.call.messages:
        message = try_decode(method.request_class, sent)
        if message is None:
            if sent[:_ALIKE] in response or sent[-_ALIKE:] in response:
                return True
            continue
        ours = {number for _, number in _unknown(message, "")}
        answer = try_decode(method.response_class, response)
        if answer is None:
            return False
        theirs = {number for _, number in _unknown(answer, "")}
        if theirs and theirs <= ours:
            return True
    return False


@lru_cache(_OFTEN)
def _undecodable(method: Method, data: bytes) -> tuple[tuple[str, str, str], ...]:
    message_class: Any = method.response_class
    name = message_class.DESCRIPTOR.full_name
    try:
        message = decode(message_class, data)
    except DecodeError as error:
        if group_depth(data) >= DEPTHS[0]:
            return ()  # unknown fields that somebody sent, kept as they are: too deep for us, and not for the server
        words = "bytes that are none"
        if "utf" in str(error).replace(name, "").lower():
            words = "a string that isn't UTF-8"
        return ((f"a {name}", f"{words}: {data[:64].hex(' ')}{'…' if len(data) > 64 else ''}", ""),)
    if not message.IsInitialized():
        missing = message.FindInitializationErrors()
        return ((f"a {name} with its required fields", f"{', '.join(missing)} missing", missing[0] if missing else ""),)
    size = len(message.SerializePartialToString())
    try:
        message.DiscardUnknownFields()
        if len(message.SerializePartialToString()) == size:
            return ()
    except EncodeError:
        return ()
    message = decode(message_class, data)
    where, number = next(_unknown(message, ""), ("", 0))
    if not number:
        return ()  # what was sent besides comes back: that is how protobuf keeps what it doesn't know
    actual = f"field number {number}{f' in {where}' if where else ''}, which {name} doesn't have"
    return (("fields that the contract has", actual, where),)


def _unknown(message: Message, path: str) -> Iterator[tuple[str, int]]:
    unknown: Any = UnknownFieldSet(message)
    descriptor: Any = message.DESCRIPTOR
    free = free_number(descriptor)
    for one in unknown:
        if one.field_number not in (free, free + 1):
            yield path, one.field_number
    for field, value in message.ListFields():
        kind = field.message_type
        if kind is None:
            continue
        here = f"{path}.{field.name}" if path else field.name
        if kind.GetOptions().map_entry:
            if kind.fields_by_name["value"].message_type is not None:
                for key, entry in value.items():
                    yield from _unknown(entry, f"{here}[{key!r}]")
        elif field.is_repeated:
            for index, item in enumerate(value):
                yield from _unknown(item, f"{here}[{index}]")
        else:
            yield from _unknown(value, here)


def _response_constraints(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        method = reply.call.method
        if method is None or not reply.responses or not expectations.has_constraints(method.output):
            continue
        for response in reply.responses:
            for path, rule, words in _broken(method, response, expectations.registry):
                yield Finding(
                    check="response_constraints",
                    expected=f"a response that keeps its rules: {rule}{f' at {path}' if path else ''}",
                    actual=words,
                    path=path,
                    key=f"{_generic(path)} {rule}",
                    method=method,
                )
                return


_judge = lru_cache(4)(Judge)


@lru_cache(_OFTEN)
def _broken(method: Method, data: bytes, registry: Registry) -> tuple[tuple[str, str, str], ...]:
    try:
        violations = _judge(registry).violations(decode(method.response_class, data))
    except (DecodeError, UnreadableRulesError, BrokenRulesError):
        return ()
    return tuple((_path(violation), violation.proto.rule_id, violation.proto.message) for violation in violations)


def _path(violation: Any) -> str:
    """Write the path of a violation as stubs write theirs: ``user.tags[1]``."""
    path = ""
    field = violation.proto.field
    for element in field.elements if field is not None else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            key = element.subscript.value
            path += f"[{key!r}]" if isinstance(key, str) else f"[{key}]"
    return path


def _generic(path: str) -> str:
    """Leave out the subscripts: which item it was makes no other fault."""
    return ".".join(step.partition("[")[0] for step in path.split("."))


CHECKS = (
    Check(
        code="G122",
        name="response_decodes",
        severity=Severity.HIGH,
        title="Responses decode strictly: UTF-8, required fields set, no fields that the contract doesn't have.",
        evaluate=_response_decodes,
    ),
    Check(
        code="G123",
        name="response_constraints",
        severity=Severity.HIGH,
        title="Responses keep the rules that the contract states for them.",
        evaluate=_response_constraints,
    ),
)
