"""What is needed to write calls on resources: valid contents, ids that fit, and which methods may be called at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.side_effects import JUST_CHECKS
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.fields import is_optional
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.resource import Operation, Resource, Resources
from grpcmock.schema.annotations import AnnotationReader
from grpcmock.synthesis.answers import generate

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.generator import Generator
    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_RICH_OF = 8
"""Of so many messages the fullest is taken."""

LARGE = 2**53 + 1
"""The least whole number that a float of 64 bits doesn't hold."""

_LARGE = 20_000
_OF_64_BITS = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
_ENDLESS = 70_000
_UNDECLARED = 4_711


class ResourceFactory:
    """The resources of a contract as far as a run may touch them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.resources = _allowed(resources_of(plan.registry, plan.expectations.links), plan.methods)
        self._contents: dict[tuple[str, str, bool], Message] = {}

    def content(self, operation: Operation, number: int) -> Message:
        """Make a valid request of a method that creates or updates: 0 gives the least one, 1 a full one, others vary.

        What the caller sets by itself is left out: ids, parents, masks, keys.
        """
        return self._request(operation.method, f"content-{number}", number, set_by_scripts(operation))

    def accepted(self, operation: Operation) -> Message:
        """Return a whole request that the server has taken; the least that the contract allows where there is none."""
        first = self.plan.acceptance.first.get(operation.method.path)
        return first.message if first is not None else self.plan.generators.of(operation.method.input).least

    def _request(self, method: Method, label: str, number: int, without: frozenset[str]) -> Message:
        key = (method.full_name, label, self.plan.acceptance.of(method) is not None)
        if key not in self._contents:
            self._contents[key] = self._made(method, label, number, without)
        copy = method.request_class()
        copy.CopyFrom(self._contents[key])
        return copy

    def _made(self, method: Method, label: str, number: int, without: frozenset[str]) -> Message:
        generator = self.plan.generators.of(method.input, without=without)
        ruled = self.plan.expectations.has_rules(method.input)
        accepted = self.plan.acceptance.of(method)
        if accepted is not None and number and method.path in self.plan.acceptance.takes_generated:
            return _cleared(accepted.naming_the_same(self._generated(method, label, number, without)), without)
        if accepted is not None:
            source = RandomSource(self.plan.seed, "stateful", method.full_name, label)
            choose = {0: lambda _: 0, 1: lambda bound: bound - 1}.get(number, source.below)
            data = accepted.with_values(choose).SerializePartialToString(deterministic=True)
            return _cleared(method.request_class.FromString(accepted.distinct(data, label)), without)
        if number == 0 and ruled:
            return _cleared(generator.least, without)
        return self._generated(method, label, number, without)

    def _generated(self, method: Method, label: str, number: int, without: frozenset[str]) -> Message:
        generator = self.plan.generators.of(method.input, without=without)
        ruled = self.plan.expectations.has_rules(method.input)
        natural = _cleared(self._natural(method, number), without)
        if _breaks(generator, natural, without):
            natural = _cleared(generator.least, without)
        if number == 0 or (number % 2 and number > 1 and not ruled):
            return natural  # what it takes isn't written down: most likely, what is natural
        source = RandomSource(self.plan.seed, "stateful", method.full_name, label)
        tries = [generator.generate(source) for _ in range(_RICH_OF if number == 1 else 1)]
        tries += [natural] if number == 1 else []
        kept = [
            one
            for one in tries
            if len(one.SerializePartialToString()) <= _LARGE and not _breaks(generator, one, without)
        ]
        return max(kept, key=_fullness) if kept else natural

    def _natural(self, method: Method, number: int) -> Message:
        now = datetime(2024, 1, 1, tzinfo=UTC)
        registry = self.plan.registry
        return generate(method.request_class, registry, number, as_request=True, now=lambda: now)

    def rewritten(self, operation: Operation, rewrite: Callable[[str], str]) -> Message:
        """Make a full request whose texts are all rewritten, but for those that then would break a rule."""
        request = self.content(operation, 1)
        without = set_by_scripts(operation)
        generator = self.plan.generators.of(operation.method.input, without=without)
        for place, name in _texts(request):
            before = getattr(place, name)
            setattr(place, name, rewrite(before))
            if _breaks(generator, request, without):
                setattr(place, name, before)
        return request

    def zeroed(self, operation: Operation) -> Message | None:
        """Make a full request whose optional numbers and texts are there, and zero or empty; None if it has none."""
        request = self.content(operation, 1)
        without = set_by_scripts(operation)
        generator = self.plan.generators.of(operation.method.input, without=without)
        zeroed = False
        place = found(request, operation.given or ()) or request
        for field in filter(is_optional, place.DESCRIPTOR.fields):
            setattr(place, field.name, field.default_value)
            if _breaks(generator, request, without):
                place.ClearField(field.name)
            zeroed = zeroed or place.HasField(field.name)
        return request if zeroed else None

    def enlarged(self, operation: Operation) -> tuple[str, ...]:
        """Give the names of the numbers of 64 bits that a creation may give as :data:`LARGE`, by the rules of the
        contract."""
        without, names = set_by_scripts(operation), []
        generator = self.plan.generators.of(operation.method.input, without=without)
        request = self.content(operation, 1)
        place = found(request, operation.given or ())
        own = operation.own_id or ()
        for field in place.DESCRIPTOR.fields if place is not None else ():
            if field.cpp_type not in _OF_64_BITS or field.is_repeated or field.name in (*own, *without):
                continue
            if field.containing_oneof is not None and not is_optional(field):
                continue
            changed = type(request)()
            changed.CopyFrom(request)
            put(changed, (*(operation.given or ()), field.name), LARGE)
            if not _breaks(generator, changed, without):
                names.append(field.name)
        return tuple(names)

    def ids(self, operation: Operation, label: str) -> Iterator[Any]:
        """Give ids that a client may choose, different for each *label*: early in the order of the alphabet, for lists
        are long, and their end may be out of reach. Ids that break a rule of the contract are left out."""
        assert operation.own_id is not None
        request = self.content(operation, 0)
        field = _field_at(request, operation.own_id)
        generator = self.plan.generators.of(operation.method.input)
        digest = blake2b(f"{self.plan.seed} {label}".encode(), digest_size=16).hexdigest()
        accepted = self.plan.acceptance.of(operation.method)
        taken = found(accepted.message, operation.own_id) if accepted is not None else None
        alike = [varied(taken, digest)] if taken else []
        for candidate in (*alike, *_candidates(field, digest)):
            with_id = type(request)()
            with_id.CopyFrom(request)
            put(with_id, operation.own_id, candidate)
            if not any(_leads_to(violation.path, operation.own_id) for violation in generator.broken(with_id)):
                yield candidate

    def must_choose_id(self, operation: Operation) -> bool:
        """Whether a client has to choose the id of what it creates."""
        if operation.own_id is None:
            return False
        accepted = self.plan.acceptance.of(operation.method)
        least = accepted.message if accepted is not None else self.plan.generators.of(operation.method.input).least
        return bool(found(least, operation.own_id))

    def violations(self, operation: Operation) -> list[Violation]:
        """Give the ways to break one rule of a creation, those alone that leave ids and parents as they are."""
        own = [path for path in (operation.own_id, operation.parent) if path]
        generator = self.plan.generators.of(operation.method.input)
        return [
            violation
            for violation in generator.violations()
            if violation.path and not any(_leads_to(violation.path, path) for path in own)
        ]

    def broken(self, operation: Operation, violation: Violation, label: str) -> Message:
        """Make a request of a creation that breaks one rule."""
        source = RandomSource(self.plan.seed, "stateful", operation.method.full_name, label)
        return self.plan.generators.of(operation.method.input).generate(source, violation)

    def changeable(self, resource: Resource, operation: Operation) -> list[FieldDescriptor]:
        """Give the fields of a resource that an update may change, in their order."""
        place: Any = operation.method.input
        for name in operation.given or ():
            place = place.fields_by_name[str(name)].message_type
        unseen = resource.hidden | resource.fixed
        return [
            field
            for field in place.fields
            if field.full_name not in unseen
            and field.name != resource.key
            and field.name in resource.descriptor.fields_by_name
            and (field.containing_oneof is None or is_optional(field))
        ]

    def spoiled(self, operation: Operation, fields: Collection[FieldDescriptor]) -> Iterator[tuple[str, Message]]:
        """Yield full updates, each with one of the *fields* as a server may well refuse it, and what was done to it."""
        for field in fields:
            for name, value in _unlikely(field):
                request = self.content(operation, 1)
                given = found(request, operation.given or ())
                if given is None:
                    return
                given.ClearField(field.name)
                if value is not None:
                    put(given, (field.name,), value)
                yield f"{field.name} {name}", request

    def clearable(self, resource: Resource, operation: Operation) -> list[FieldDescriptor]:
        """Give the fields that an update may also leave without a value."""
        options = AnnotationReader(self.plan.registry)
        fields = self.changeable(resource, operation)
        return [field for field in fields if "REQUIRED" not in options.field(field).behaviors]

    @cached_property
    def identified(self) -> bool:
        """Whether there is a second identity to try."""
        return bool(self.plan.credentials and self.plan.second_identity)


def _allowed(resources: Resources, methods: Collection[Method]) -> Resources:
    kept = [
        replace(resource, operations=tuple(one for one in resource.operations if one.method in methods))
        for resource in resources.all
    ]
    return Resources(all=tuple(resource for resource in kept if resource.operations))


def set_by_scripts(operation: Operation) -> frozenset[str]:
    """Give the fields of a request that whoever writes a call sets by itself: ids, parents, masks."""
    paths = [operation.own_id, operation.parent]
    names = {str(path[0]) for path in paths if path is not None and len(path) == 1}
    names |= {operation.request_id, operation.mask, operation.allow_missing, *JUST_CHECKS}
    return frozenset(name for name in names if name in operation.method.input.fields_by_name)


def _breaks(generator: Generator, message: Message, without: frozenset[str]) -> bool:
    """Whether a message breaks a rule, but for the fields that are yet to be set."""
    return any(violation.path.partition(".")[0] not in without for violation in generator.broken(message))


def _cleared(message: Message, without: frozenset[str]) -> Message:
    for name in without:
        message.ClearField(name)
    return message


def _texts(message: Message, depth: int = 3) -> Iterator[tuple[Message, str]]:
    """Yield the places of all texts that are set, but for those in lists and maps."""
    for field, value in message.ListFields():
        if field.is_repeated:
            continue
        if field.type == FieldDescriptor.TYPE_STRING:
            yield message, field.name
        elif field.message_type is not None and depth:
            yield from _texts(value, depth - 1)


def _fullness(message: Message) -> int:
    count = 0
    for field, value in message.ListFields():
        count += 1
        if field.message_type is not None and not field.is_repeated:
            count += _fullness(value)
    return count


def _field_at(message: Message, path: tuple[str | int, ...]) -> FieldDescriptor:
    descriptor: Any = message.DESCRIPTOR
    for name in path[:-1]:
        descriptor = descriptor.fields_by_name[str(name)].message_type
    field: FieldDescriptor = descriptor.fields_by_name[str(path[-1])]
    return field


def _candidates(field: FieldDescriptor, digest: str) -> Iterator[Any]:
    if field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        number = int(digest[:7], 16)
        yield from (number, number % 30_000 + 1, number % 90 + 10)
        return
    if field.type == FieldDescriptor.TYPE_BYTES:
        yield from (bytes.fromhex(digest[:32]), f"aa0{digest[:8]}".encode(), digest[:4].encode())
        return
    yield f"aa0{digest[:8]}"
    yield f"AA0{digest[:8].upper()}"
    yield f"{digest[:8]}-{digest[8:12]}-4{digest[12:15]}-8{digest[15:18]}-{digest[18:30]}"
    yield str(int(digest[:10], 16))
    yield "".join(chr(ord("a") + int(digit, 16)) for digit in digest[:8])
    yield digest[:4]


def _unlikely(field: FieldDescriptor) -> Iterator[tuple[str, Any]]:
    """Yield values that no field of its kind should have, with what to call them; None for no value."""
    if field.message_type is not None:
        return
    if field.enum_type is not None:
        yield "undeclared", [_UNDECLARED] if field.is_repeated else _UNDECLARED
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        empty, endless = ("", "x" * _ENDLESS) if field.type == FieldDescriptor.TYPE_STRING else (b"", b"x" * _ENDLESS)
        yield "empty", [empty] if field.is_repeated else None
        yield "endless", [endless] if field.is_repeated else endless
    elif field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64) and not field.is_repeated:
        yield "below zero", -1


def _leads_to(path: str, field: tuple[str | int, ...]) -> bool:
    written = ".".join(map(str, field))
    return path == written or path.startswith((f"{written}.", f"{written}[")) or written.startswith(f"{path}.")
