"""Programs on searches: two things with texts of their own are made, looked for, and seen to be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.list_criteria import Criterion, Kind, criteria_of
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.learning.accepted_requests import varied, with_other_keys
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Binding, call_of
from grpcmock.fuzz.phases.stateful.call_sequence import CallSequence
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.selection_programs import creating_of
from grpcmock.fuzz.resources.calls import found
from grpcmock.fuzz.resources.laws.lists import item_of, list_field, only_lists
from grpcmock.fuzz.resources.laws.searches import query_of, stated_fields
from grpcmock.fuzz.resources.locations import SIZES

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case, Path
    from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
    from grpcmock.fuzz.resources.resource import Operation, Resource
    from grpcmock.schema import Method

_MOST_FIELDS = 3
_TEXT = "abcdefghijkl"
"""What any text may be made of, and long enough to be in nothing else by chance."""

_FEW = 10
_MOST_LISTS = 2
_THINGS = 3
_OF_ONE = (Kind.SAME, Kind.LEAST, Kind.MOST)


def cases(method: Method, factory: ResourceFactory) -> Iterator[Case]:
    """Yield the programs of a method that searches: one for each field in which it does, or may do."""
    for creating, resource, name in _fields(method, factory):
        sequence = CallSequence(factory, method, f"searched-{name}")
        words = [_word(method, factory, f"{name} {number}") for number in range(2)]
        handles = [sequence.create(resource, _content(creating, name, word, factory)) for word in words]
        for word in words:
            sequence.add(call_of(method, bytes_of(_looking(method, factory, word))))
        if all(handle is not None and sequence.get(handle) is not None for handle in handles):
            yield sequence.finish(f"things are looked for by their {name}")


def of_nothing(method: Method, factory: ResourceFactory) -> Iterator[Case]:
    """Yield the programs of a method that searches: for texts that nothing has, between two looks at all there is."""
    plan, item = factory.plan, item_of(method)
    if query_of(method) is None or method.path not in plan.acceptance.first:
        return
    lists = [one for one in plan.acceptance.first.values() if item_of(one.method) is item and only_lists(one.method)]
    for listing in [one for one in lists if query_of(one.method) is None and not one.needs][:_MOST_LISTS]:
        program = MethodProgram(method, plan, f"nothing-of-{listing.method.name}")
        creating = creating_of(listing.method, plan)
        maker = plan.acceptance.first.get(creating.method.path) if creating is not None else None
        for number in range(_THINGS if maker is not None else 0):
            program.add(with_other_keys(maker.filled(), f"nothing {number}"), anew=number)  # type: ignore[union-attr]
        plain = replace(listing, data=b"", full=b"", values={})
        program.add(plain)
        for number in range(2):
            data = bytes_of(_looking(method, factory, _word(method, factory, f"nothing {number}")))
            program.add(replace(plan.acceptance.first[method.path], data=data, full=b"", values={}, needs=()))
        program.add(plain)
        yield program.case("texts that nothing has are looked for, between two looks at all that there is")


def beside_criteria(method: Method, factory: ResourceFactory) -> Iterator[Case]:
    """Yield the program of a method that searches, and may be asked for something else at the same time: of things that
    have one text, those are looked for that have what one of them has."""
    plan, item, asked, place = factory.plan, item_of(method), query_of(method), list_field(method)
    criteria = [one for one in criteria_of(method, item, plan.registry) if one.kind in _OF_ONE] if item else []
    if asked is None or place is None or not criteria:
        return
    for creating, _, name in _fields(method, factory):
        maker, path = plan.acceptance.first.get(creating.method.path), (*map(str, creating.given or ()), name)
        if maker is not None and path not in maker.own:
            yield _beside(method, maker, path, criteria, factory)
            return


def _beside(
    method: Method, maker: AcceptedRequest, path: Path, criteria: Sequence[Criterion], factory: ResourceFactory
) -> Case:
    plan, asked, place = factory.plan, query_of(method), list_field(method)
    assert asked is not None
    assert place is not None
    word, program = _word(method, factory, f"{path[-1]} beside"), MethodProgram(method, plan, "searched-beside")
    for number, made in enumerate((replace(maker, full=b""), maker.filled())):
        message = made.message
        put(message, path, word)
        program.add(replace(made, data=bytes_of(message), values={}), anew=number + 1, skip=number)
    own = plan.acceptance.first[method.path]
    looking = _looking(method, factory, word)
    search = replace(own, data=bytes_of(looking), full=b"", values={})
    looking.ClearField(asked.name)
    plain = replace(search, data=bytes_of(looking))
    first = program.add(search)
    for one in criteria[:_MOST_FIELDS]:
        source, target = (tuple(str(step.name) for step in way) for way in (one.way, one.asked))
        ways = [Binding(first, (place.name, index, *source), target) for index in (0, -1)]
        for way in (*ways, ways[0]):  # it shows that it is what it asks for
            program.add(plain, more=(way,))
        for way in ways:
            program.add(search, more=(way,))
    return program.case("things of one text, looked for by something else at the same time")


def things_with(
    method: Method, factory: ResourceFactory, label: str, count: int, asked: Sequence[Mapping[str, int]]
) -> Iterator[Case]:
    """Yield the program of a method that searches by a text that so many things have, and asks in these ways for it."""
    for creating, resource, name in list(_fields(method, factory))[:1]:
        sequence = CallSequence(factory, method, f"{label}-{name}")
        word = _word(method, factory, f"{name} {label}")
        for _ in range(count):
            sequence.create(resource, _content(creating, name, word, factory))
        for more in asked:
            request = _looking(method, factory, word)
            for field, value in more.items():
                setattr(request, field, value)
            sequence.add(call_of(method, bytes_of(request)))
        yield sequence.finish(f"things are looked for that have one {name}")


def _fields(method: Method, factory: ResourceFactory) -> Iterator[tuple[Operation, Resource, str]]:
    """Yield the fields into which a method may look, with what makes things that have them."""
    asked, own = query_of(method), factory.plan.acceptance.first.get(method.path)
    resource = next((one for one in factory.resources.all if one.descriptor is item_of(method)), None)
    creating = resource.operation(Role.CREATE) if resource is not None else None
    if asked is None or own is None or resource is None or creating is None:
        return
    stated = list(stated_fields(method, asked, resource.descriptor, factory.plan.registry))
    for name in stated[:_MOST_FIELDS] or _texts(resource, creating, factory):
        given = found(factory.content(creating, 0), creating.given or ())
        one = given.DESCRIPTOR.fields_by_name.get(name) if given is not None else None
        if one is not None and one.type == one.TYPE_STRING:
            yield creating, resource, name


def _word(method: Method, factory: ResourceFactory, salt: str) -> str:
    return str(varied(_TEXT, f"{factory.plan.seed} {method.full_name} {salt}"))


def _looking(method: Method, factory: ResourceFactory, word: str) -> Message:
    """Return a request that says nothing but what is looked for, and that few are enough, where it has to say so."""
    request, asked = factory.plan.acceptance.first[method.path].message, query_of(method)
    assert asked is not None
    for one, value in request.ListFields():
        if one.name in SIZES and isinstance(value, int):
            setattr(request, one.name, _FEW)
        elif one is not asked:
            request.ClearField(one.name)
    setattr(request, asked.name, word)
    return request


def _texts(resource: Resource, creating: Operation, factory: ResourceFactory) -> list[str]:
    """Return the first field with a text that clients give, and that is no key, if there is one."""
    given = found(factory.content(creating, 1), creating.given or ())
    names = [one.name for one, _ in given.ListFields() if one.type == one.TYPE_STRING] if given is not None else []
    return [name for name in names if name != resource.key and name in resource.descriptor.fields_by_name][:1]


def _content(creating: Operation, name: str, word: str, factory: ResourceFactory) -> Message:
    """Return a request that makes a thing with a text in a field."""
    request = factory.content(creating, 0)
    given = found(request, creating.given or ())
    assert given is not None
    put(given, (name,), [word] if given.DESCRIPTOR.fields_by_name[name].is_repeated else word)
    return request
