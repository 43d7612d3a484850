"""Programs of methods, whatever they are about: each again, one after another, and many by chance, on the same things.

They are made of the requests that the server is known to take. What they name is made once in a program, so that one
call finds what the call before it has left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.client.actions import Pause
from grpcmock.fuzz.expectations.field_paths import is_set, path_of, reachable
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.learning.accepted_requests import is_there
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.cases import Binding, Call, Case, Phase, call_of
from grpcmock.fuzz.phases.stateful.call_sequence import TARGETS
from grpcmock.fuzz.phases.stateful.page_walks import add_page_walk, size_of
from grpcmock.fuzz.resources.laws.lists import only_lists

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_STEPS = 12
_PROGRAMS = 40
"""By chance, for each method."""

_AGAIN = 3

_REFUSALS = 6

_LARGE = {
    FieldDescriptor.CPPTYPE_STRING: "a" * 5_000,
    FieldDescriptor.CPPTYPE_INT32: 2**31 - 2,
    FieldDescriptor.CPPTYPE_INT64: 900_000_000,
    FieldDescriptor.CPPTYPE_UINT32: 2**32 - 2,
    FieldDescriptor.CPPTYPE_UINT64: 900_000_000,
    FieldDescriptor.CPPTYPE_DOUBLE: 1e18,
    FieldDescriptor.CPPTYPE_FLOAT: 1e18,
}
"""What is too much, as a rule; where it is taken, nothing is lost."""

_MOST_OTHERS = 12
"""So many other methods are called before and after one."""

_STREAM = (1, 1, 2, 3)
"""Messages of a stream of requests, each number as often as it stands here."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method; none as long as no request of it is known that the server takes."""
    requests = plan.acceptance.first
    own = requests.get(method.path)
    if own is None:
        return
    yield _again(own, plan)
    yield _after_refusals(own, plan)
    related = [other for other in requests.values() if other is not own and are_related(own, other)]
    related.sort(key=lambda one: one.method.full_name)
    yield from (case for other in related if (case := _filled(own, other, plan)) is not None)
    for other in related[:_MOST_OTHERS]:
        yield _in_turns(own, other, plan)
    kinds = plan.acceptance.kinds
    related += [kind for other in related for kind in kinds.get(other.method.path, ())]
    for number in range(_PROGRAMS):
        yield _by_chance([own, *kinds.get(method.path, ())], related, plan, number)


def _again(own: AcceptedRequest, plan: Plan) -> Case:
    program = MethodProgram(own.method, plan, "again")
    for _ in range(_AGAIN):
        program.add(own)
    return program.case("the same call again, and again")


def _after_refusals(own: AcceptedRequest, plan: Plan) -> Case:
    """Calls that are likely refused, each with one after it that is taken: of what was refused nothing may be left."""
    program = MethodProgram(own.method, plan, "after-refusals")
    program.add(own)
    for message in islice(spoiled(own), _REFUSALS):
        program.add(replace(own, data=message.SerializePartialToString(deterministic=True), full=b"", values={}))
        program.add(own, lambda bound: bound - 1)
    return program.case("calls that are likely refused, each before one that isn't")


def spoiled(own: AcceptedRequest) -> Iterator[Message]:
    """Yield the request with one of its numbers or texts so large that it hardly fits."""
    whole = own.fullest
    for way in reachable(own.method.input):
        path, field = path_of(way), way[-1]
        if any(step.is_repeated for step in way) or path in own.references or not is_set(whole, way):
            continue
        if field.cpp_type in _LARGE:
            message = own.fullest
            large = _LARGE[field.cpp_type]
            put(message, path, str(large).encode() if field.type == field.TYPE_BYTES else large)
            yield message


def _filled(own: AcceptedRequest, other: AcceptedRequest, plan: Plan) -> Case | None:
    """Return a call on things in each of which another method has made something; None where it makes nothing there."""
    places = [need.made_by.method.path for need in own.needs]
    shared = next((need.made_by.method.path for need in other.needs if need.made_by.method.path in places), None)
    if shared is None or only_reads(other.method) or not plan.acceptance.may_make(other.method):
        return None
    program = MethodProgram(own.method, plan, f"filled-by-{other.method.name}")
    for number in range(places.count(shared)):
        program.add(other, skip=number, anew=number)
    program.add(own)
    return program.case(f"on things that {other.method.name} has put something into")


def _in_turns(own: AcceptedRequest, other: AcceptedRequest, plan: Plan) -> Case:
    program = MethodProgram(own.method, plan, f"with-{other.method.name}")
    for one in (own, other, own, other, own):
        program.add(one)
    return program.case(f"by turns with {other.method.name}, on the same things")


def _by_chance(own: list[AcceptedRequest], related: list[AcceptedRequest], plan: Plan, number: int) -> Case:
    """Return a program of a method, of which there are requests of several kinds, and of those that are related."""
    method = own[0].method
    program = MethodProgram(method, plan, f"methods-{plan.seed}-{number}")
    source = RandomSource(plan.seed, "stateful/methods", method.full_name, number)
    for _ in range(_STEPS):
        chosen = source.choice(own if not related or source.below(3) == 0 else related)
        program.add(chosen, source.below)
    program.add(own[0], source.below)
    if lists := [one for one in (own[0], *related) if only_lists(one.method) and size_of(one.method)]:
        add_page_walk(program, source.choice(lists))
    return program.case("methods by chance, on the same things")


def are_related(one: AcceptedRequest, other: AcceptedRequest) -> bool:
    """Whether two requests may be about the same thing: one makes what the other names, or both name what one method
    makes. Where neither names anything, a service is all that they have in common."""
    ours, theirs = _makers(one), _makers(other)
    return bool(ours & theirs) or (len(theirs) == len(ours) == 1 and one.method.service == other.method.service)


def _makers(request: AcceptedRequest) -> set[str]:
    return {request.method.path}.union(*(_makers(need.made_by) for need in request.needs))


class MethodProgram:
    """Calls that are being written, which name the same things."""

    def __init__(self, method: Method, plan: Plan, name: str) -> None:
        self._method = method
        self._plan = plan
        self._name = name
        self._calls: list[Call] = []
        self._made: dict[tuple[str, int], int] = {}
        """Which call makes what the others name, by the paths of methods: the first of each, the second, …"""

        self._latest: dict[str, int] = {}

    def add(
        self,
        request: AcceptedRequest,
        choose: Callable[[int], int] = lambda _: 0,
        *,
        more: tuple[Binding, ...] = (),
        skip: int = 0,
        anew: int = 0,
        latest: bool = False,
    ) -> int:
        """Add a call, with *more* that it takes from earlier ones. Returns which one it is.

        *choose* picks among the values that the server takes; 0 is what it took first. It names the first things that
        were made for it, or those after so many that it is to *skip*, or the *latest*; with other numbers for *anew* it
        makes other things.
        """
        contents = [request.with_values(choose)]
        bindings = (*self._bindings(request.naming(contents[0]), skip, latest=latest), *more)
        if request.later:
            contents += map(request.method.request_class.FromString, request.later)
        elif request.method.kind.client_streams:
            count = _STREAM[choose(len(_STREAM))]
            contents += [request.later_in_stream(choose) for _ in range(count - 1)]
        if any(is_there(contents[0], path) for path in request.own) and not choose(2):  # it makes another thing
            request.make_other(contents[0], f"{self._plan.seed} {self._method.full_name} {self._name}{anew or ''}")
        messages = [content.SerializePartialToString(deterministic=True) for content in contents]
        self._calls.append(replace(call_of(request.method, *messages), bindings=bindings))
        self._made.setdefault((request.method.path, 1), len(self._calls) - 1)
        self._latest[request.method.path] = len(self._calls) - 1
        return len(self._calls) - 1

    def _bindings(self, request: AcceptedRequest, skip: int, *, latest: bool) -> tuple[Binding, ...]:
        """Return where a request says what was made before it; what wasn't yet is made now."""
        bindings = []
        used: dict[str, Counter[Path]] = {}
        for need in request.needs:
            path = need.made_by.method.path
            of_source = used.setdefault(path, Counter())  # of one thing, a request may say several things
            of_source[need.source] += 1 + (skip if not of_source[need.source] else 0)
            if latest and path in self._latest:
                bindings.append(Binding(self._latest[path], need.source, need.target))
                continue
            number = of_source[need.source]
            if (index := self._made.get((path, number))) is None:
                if number == 1 and (alike := self._alike(need)) is not None:
                    bindings.append(alike)
                    continue
                index = self.add(need.made_by, anew=number - 1)
                self._made[path, number] = index
            bindings.append(Binding(index, need.source, need.target))
        return tuple(bindings)

    def _alike(self, need: Need) -> Binding | None:
        """Return where a call so far has shown a thing of the kind that is needed, though another method would make it:
        all calls of a program are about the same things."""
        kind, name = need.made_by.method.output, need.source[-1] if need.source else ""
        for step in need.source[:-1]:
            field = kind.fields_by_name.get(str(step))
            if field is None or field.is_repeated or field.message_type is None:
                return None
            kind = field.message_type
        for (path, number), index in self._made.items():
            method = self._plan.registry.methods[path]
            if number != 1 or path == need.made_by.method.path or only_reads(method):
                continue
            if method.output is kind:
                return Binding(index, (name,), need.target)
            held = [one.name for one in method.output.fields if one.message_type is kind and not one.is_repeated]
            if len(held) == 1:
                return Binding(index, (held[0], name), need.target)
        return None

    def request(self, index: int) -> Message:
        """Return what a call that was added says, but for what it takes from earlier ones."""
        call = self._calls[index]
        assert call.method is not None
        return call.method.request_class.FromString(call.messages[0])

    def made(self, method: Method) -> int | None:
        """Return the first call that made what others name; None if there is none."""
        return self._made.get((method.path, 1))

    def wait(self, seconds: float) -> None:
        """Let so many *seconds* go by before the call that was added last."""
        call = self._calls[-1]
        self._calls[-1] = replace(call, actions=(Pause(seconds), *call.actions)) if seconds else call

    def case(self, why: str) -> Case:
        return Case(
            id=f"stateful/{self._method.full_name}/{self._name}",
            phase=Phase.STATEFUL,
            method=self._method,
            calls=tuple(self._calls),
            why=why,
            targets=TARGETS,
        )
