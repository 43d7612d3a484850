"""What annotations say of responses: secrets aren't given back, resources have their names and what is required, and
what only the server sets is its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.model.cases import Phase
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.readable import first_request, is_readable
from grpcmock.fuzz.resources.differences import shown_as
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.laws.servers_own import ServersOwn
from grpcmock.fuzz.resources.presence_conditions import presences
from grpcmock.schema.annotations import AnnotationReader
from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.fuzz.resources.presence_conditions import Presence
    from grpcmock.schema import Registry

_BY_STATE = "by its state"
_PARTIAL = frozenset({"read_mask", "view", "field_mask", "fields"})
"""Fields of requests that ask for a part of a resource (AIP-157)."""


@dataclass(frozen=True, slots=True)
class _Type:
    """What has to be looked at in messages of one type. It is empty where nothing in it is annotated."""

    hidden: tuple[FieldDescriptor, ...] = ()
    filled: tuple[FieldDescriptor, ...] = ()
    names: tuple[tuple[FieldDescriptor, re.Pattern[str]], ...] = ()
    present: tuple[tuple[FieldDescriptor, Presence], ...] = ()
    """What comments say of the states in which fields are there."""

    below: tuple[FieldDescriptor, ...] = ()
    """The fields with messages in which there is something to look at."""


@lru_cache(16)
def _types(registry: Registry) -> _Types:
    return _Types(registry)


class _Types:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._options = AnnotationReader(registry)
        self._known: dict[str, _Type] = {}
        remembered: Any = lru_cache(4096)(self._findings)
        self.findings: Callable[[type[Message], bytes, bool], tuple[Finding, ...]] = remembered

    def of(self, descriptor: Descriptor) -> _Type:
        name = descriptor.full_name
        if name not in self._known:
            self._known[name] = _Type()  # while what is below is looked at, for types may hold themselves
            below = [field for field in descriptor.fields if field.message_type is not None]
            kept = tuple(field for field in below if self._matters(_value_type(field), {name}))
            self._known[name] = self._made(descriptor, kept)
        return self._known[name]

    def _matters(self, descriptor: Descriptor | None, seen: set[str]) -> bool:
        if descriptor is None:
            return False
        if any(self._own(descriptor)) or self._options.resource(descriptor) is not None or self._present(descriptor):
            return True
        if descriptor.full_name in seen:
            return False
        seen.add(descriptor.full_name)
        inner = (_value_type(field) for field in descriptor.fields if field.message_type is not None)
        return any(self._matters(one, seen) for one in inner)

    def _own(self, descriptor: Descriptor) -> tuple[tuple[FieldDescriptor, ...], tuple[FieldDescriptor, ...]]:
        hidden, filled = [], []
        resource = self._options.resource(descriptor)
        for field in descriptor.fields:
            behaviors = self._options.field(field).behaviors
            if "INPUT_ONLY" in behaviors:
                hidden.append(field)
            elif resource is not None and behaviors & {"IDENTIFIER", "REQUIRED"} and _can_tell(field):
                filled.append(field)
        return tuple(hidden), tuple(filled)

    def _present(self, descriptor: Descriptor) -> tuple[tuple[FieldDescriptor, Presence], ...]:
        return tuple((field, told) for field in descriptor.fields for told in presences(field, self._registry))

    def _made(self, descriptor: Descriptor, below: tuple[FieldDescriptor, ...]) -> _Type:
        hidden, filled = self._own(descriptor)
        names: tuple[tuple[FieldDescriptor, re.Pattern[str]], ...] = ()
        resource = self._options.resource(descriptor)
        if resource is not None and resource.pattern:
            field = descriptor.fields_by_name.get(resource.name_field or "name")
            if field is not None and field.type == field.TYPE_STRING and not field.is_repeated:
                names = ((field, _any_of(resource.pattern)),)
        return _Type(hidden, filled, names, self._present(descriptor), below)

    def _findings(self, message_class: type[Message], data: bytes, partial: bool) -> tuple[Finding, ...]:
        message = try_decode(message_class, data)
        return tuple(self._look(message, "", partial)) if message is not None else ()

    def _look(self, message: Message, path: str, partial: bool) -> Iterator[Finding]:
        descriptor: Any = message.DESCRIPTOR
        declared = self.of(descriptor)
        for field in declared.hidden:
            if _is_set(message, field):
                actual = f"{path}{field.name} in the response"
                yield _finding(f"no {field.name}: it is INPUT_ONLY", actual, path, field, "INPUT_ONLY")
        for field in declared.filled if not partial else ():
            if not _is_set(message, field):
                expected = f"a {message.DESCRIPTOR.name} with its {field.name}, which every one has"
                yield _finding(expected, f"no {path}{field.name}", path, field, "unset")
        for field, pattern in declared.names:
            name = getattr(message, field.name)
            if name and not pattern.fullmatch(name):
                yield _finding(f"a name such as {_readable(pattern)}", repr(name), path, field, "pattern")
        for field, told in declared.present:
            is_there = _is_set(message, field)
            if not told.is_broken(message, is_there=is_there) or (not is_there and (partial or "[" in path)):
                continue
            so = ", ".join(f"{one.name} {shown_as(one, getattr(message, one.name))}" for one in told.states)
            actual = f"{'' if is_there else 'no '}{path}{field.name} with {so}"
            expected = f"{'no ' if is_there else ''}{field.name}, as its comment says: {told.says}"
            yield _finding(expected, actual, path, field, _BY_STATE)
        for field in declared.below:
            for step, inner in _inside(message, field):
                yield from self._look(inner, f"{path}{step}.", partial)


def _finding(expected: str, actual: str, path: str, field: FieldDescriptor, what: str) -> Finding:
    return Finding(
        check="response_behavior",
        expected=expected,
        actual=actual,
        path=f"{path}{field.name}",
        key=f"{field.full_name} {what}",
        causes=(f"{field.full_name} {what}",),
    )


def _value_type(field: FieldDescriptor) -> Descriptor | None:
    declared = field.message_type
    if declared is not None and declared.GetOptions().map_entry:
        return declared.fields_by_name["value"].message_type
    return declared


def _can_tell(field: FieldDescriptor) -> bool:
    """Whether it shows that a field isn't filled in: a number that is 0 may well be meant."""
    return bool(field.has_presence or field.is_repeated or field.type in (field.TYPE_STRING, field.TYPE_BYTES))


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    if field.has_presence:
        return bool(message.HasField(field.name))
    return bool(getattr(message, field.name))


def _inside(message: Message, field: FieldDescriptor) -> Iterator[tuple[str, Message]]:
    value = getattr(message, field.name)
    if not field.is_repeated:
        if message.HasField(field.name):
            yield field.name, value
    elif hasattr(value, "items"):
        yield from ((f"{field.name}[{key!r}]", item) for key, item in value.items())
    else:
        yield from ((f"{field.name}[{index}]", item) for index, item in enumerate(value))


_PART = re.compile(r"\{[^}]*=\*\*\}|\{[^}]*\}|[^{]+")


def _any_of(patterns: Iterator[str]) -> re.Pattern[str]:
    """Make one expression of the patterns of resource names (AIP-122); ``*`` alone stands for any name.

    >>> bool(_any_of(["users/{user}/notes/{note}"]).fullmatch("users/a/notes/b"))
    True
    """
    written = []
    for pattern in patterns:
        parts = _PART.findall(pattern)
        if pattern == "*":
            written.append(".+")
            continue
        written.append("".join(_expression(part) for part in parts))
    return re.compile(rf"(?://[^/]+/)?(?:{'|'.join(written)})")


def _expression(part: str) -> str:
    if part.startswith("{"):
        return ".+" if part.endswith("=**}") else "[^/]+"
    return re.escape(part)


def _readable(pattern: re.Pattern[str]) -> str:
    return pattern.pattern.removeprefix("(?://[^/]+/)?(?:").removesuffix(")").replace("[^/]+", "…").replace("\\", "")


def _response_behavior(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    yield from _of_responses(result, expectations)
    if case.phase is Phase.STATEFUL:
        law = ServersOwn(resources_of(expectations.registry, expectations.links))
        replies = filter(is_readable, result.replies[: len(case.calls)])
        found = {one.key: one for reply in replies for one in law.take(reply)}
        yield from found.values()


def _of_responses(result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    types = _types(expectations.registry)
    for reply in result.replies:
        method = reply.call.method
        if method is None or not reply.responses:
            continue
        declared = types.of(method.output)
        if declared == _Type():
            continue
        partial = _asks_for_part(reply)
        told: set[str] = set()
        for response in reply.responses:
            for finding in types.findings(method.response_class, response, partial):
                if finding.key not in told and not _is_given(finding, result):
                    told.add(finding.key)
                    yield replace(finding, method=method)
        if told:
            return


def _is_given(finding: Finding, result: CaseResult) -> bool:
    """Whether a field is one that clients have given, so that it isn't for the server alone to say when it is there."""
    if not finding.key.endswith(_BY_STATE):
        return False
    name = finding.path.rpartition(".")[2]
    requests = (first_request(reply.call) for reply in result.replies if reply.call.messages)
    return any(request is not None and _has(request, name) for request in requests)


def _has(message: Message, name: str) -> bool:
    """Whether a field of a name is set in a message, or in one inside it."""
    return any(
        field.name == name or any(_has(inner, name) for _, inner in _inside(message, field))
        for field, _ in message.ListFields()
        if field.name == name or _value_type(field) is not None
    )


def _asks_for_part(reply: Reply) -> bool:
    method = reply.call.method
    assert method is not None
    names: Mapping[str, object] = method.input.fields_by_name
    if _PARTIAL.isdisjoint(names) or not reply.call.messages:
        return False
    request = first_request(reply.call)
    return request is None or any(field.name in _PARTIAL for field, _ in request.ListFields())


CHECKS = (
    Check(
        code="G124",
        name="response_behavior",
        severity=Severity.MEDIUM,
        title="INPUT_ONLY is never returned, OUTPUT_ONLY never taken; resources have right names and what is required; "
        "fields are there in the states in which their comments say so.",
        evaluate=_response_behavior,
    ),
)
