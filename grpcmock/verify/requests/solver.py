"""From a pattern to values that satisfy it: what it fixes as it is, what it leaves open filled in."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Problems
from grpcmock.matching.findings import ABSENT, below, entry
from grpcmock.matching.leaves import DOUBLE, JSON, STRING
from grpcmock.matching.matcher import Equals, Exists, In
from grpcmock.matching.messages import Kinds, MessageKind, Slot
from grpcmock.matching.operators.collections import Entries, Keys, Values
from grpcmock.matching.operators.dynamic import LIST, NUMBER, OBJECT, TEXT, OfType, Plain
from grpcmock.matching.operators.encoded import Embedded
from grpcmock.matching.operators.messages import Fields, Opaque, Unpacked
from grpcmock.matching.value_types import AnyType, DynamicType, ListType, MapType, Place, ScalarType, ValueType
from grpcmock.schema import codec, values
from grpcmock.schema.values import Mismatch
from grpcmock.synthesis import generate
from grpcmock.tree import Node
from grpcmock.verify.requests.constraints import Constraint, Constraints, alternatives, described, must, satisfied
from grpcmock.verify.requests.lists import ListPlan, list_plans
from grpcmock.verify.requests.scalars import numbers, pool, sizes, texts

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.matching.matcher import Matcher
    from grpcmock.schema import Registry

_MAX_ALTERNATIVES = 64
_MAX_VARIANTS = 6
"""Other values tried for one field, while its neighbors stay as they are."""

_LONG = 50
"""Elements from which on a list is tried with one value for each."""

_ANY = "type.googleapis.com/"


class ConstraintSolver:
    """Finds values of any kind that satisfy constraints: plain ProtoJSON, or ABSENT for a field to be left unset.

    What is found is likely, not certain, to satisfy them: whoever asks tests it, and asks for the next.
    """

    def __init__(self, registry: Registry, seed: int = 0) -> None:
        self._registry = registry
        self._kinds = Kinds.of(registry)
        self._seed = seed
        self._natural: dict[tuple[type[Message], int], Any] = {}
        self.refused: list[tuple[str, str]] = []
        """Where nothing was found, and what was expected there; the first is the innermost."""

    def natural(self, message_class: type[Message], number: int = 0) -> Any:
        """Return a natural message of a type, as ProtoJSON; for each *number* another one."""
        key = message_class, number
        if key not in self._natural:
            made = generate(message_class, self._registry, self._seed + number, as_request=True)
            self._natural[key] = codec.to_tree(made)
        return self._natural[key]

    def solve(
        self, constraints: Iterable[Constraint], kind: ValueType, place: Place, path: str, natural: Any = ABSENT
    ) -> Iterator[Any]:
        """Yield values for one place, the plainest first."""
        constraints = tuple(constraints)
        found = False
        for atoms in islice(alternatives(constraints), _MAX_ALTERNATIVES):
            for value in self._solve(atoms, kind, place, path, natural):
                found = True
                yield value
            if place in (Place.FIELD, Place.ENTRY) and satisfied(atoms, ABSENT):
                found = True
                yield ABSENT
        if not found:
            self.refused.append((path, described(constraints)))

    def _solve(self, atoms: Constraints, kind: ValueType, place: Place, path: str, natural: Any) -> Iterator[Any]:
        match kind:
            case ScalarType():
                return self._scalar(atoms, kind, place, natural)
            case MessageKind():
                return self._message(atoms, kind, path, natural)
            case ListType():
                return self._list(atoms, kind.element, path, natural)
            case MapType():
                return self._map(atoms, kind.key, kind.value, Place.ENTRY, path)
            case AnyType():
                return self._any(atoms, path)
            case _:
                assert isinstance(kind, DynamicType)
                return self._dynamic(atoms, kind, path, natural)

    # Scalars ----------------------------------------------------------------------------------------

    def _scalar(self, atoms: Constraints, kind: ScalarType, place: Place, natural: Any) -> Iterator[Any]:
        seen = set()
        is_named = any(wanted and isinstance(matcher, (Equals, In)) for matcher, wanted in atoms)
        if natural is not ABSENT and natural is not None:
            try:
                natural = kind.read(natural)
            except Mismatch:
                natural = ABSENT
        for value in pool(atoms, kind, natural, self._inside):
            try:
                plain = kind.plain(value)
                value = kind.read(plain)
            except (Mismatch, TypeError, ValueError, OverflowError):
                continue
            if value in seen or not satisfied(atoms, value):
                continue
            if place is Place.PLAIN and value == kind.default and not is_named:
                continue  # the last resort: of such a field, it means that nothing was said
            seen.add(value)
            yield plain
        if place is Place.PLAIN and kind.default not in seen and satisfied(atoms, kind.default):
            yield kind.plain(kind.default)

    def _inside(self, matcher: Matcher) -> Iterator[Any]:
        """Solve what a string of JSON, or bytes that hold a message, must hold."""
        if not isinstance(matcher, Embedded):
            return islice(self.solve(must(matcher), JSON, Place.ELEMENT, ""), _MAX_VARIANTS)
        return self._embedded(matcher)

    def _embedded(self, matcher: Embedded) -> Iterator[bytes]:
        constraints = must(matcher.inner) if matcher.inner is not None else ()
        kind = self._kinds.of_class(matcher.message_class)
        natural = self.natural(matcher.message_class)
        for plain in islice(self.solve(constraints, kind, Place.ROOT, "", natural), _MAX_VARIANTS):
            if (message := self.build(plain, matcher.message_class)) is not None:
                yield message.SerializePartialToString(deterministic=True)

    def build(self, plain: Any, message_class: type[Message]) -> Message | None:
        """Build a message of ProtoJSON; None if it isn't one."""
        problems = Problems()
        message = codec.build(Node.of(plain), message_class, self._registry, problems, partial=True)
        return None if problems.errors else message

    # Messages ---------------------------------------------------------------------------------------

    def _message(self, atoms: Constraints, kind: MessageKind, path: str, natural: Any) -> Iterator[Any]:
        if _must_be_absent(atoms):
            return
        fixed, choices = _parts_of(atoms, Fields)
        if not fixed and not choices:
            likely = natural if isinstance(natural, dict) else {}
            yield from (plain for plain in (likely, {}) if self._satisfies(plain, atoms, kind)) if atoms else (likely,)
            return
        for chosen in islice(product(*choices), _MAX_ALTERNATIVES):
            by_slot: dict[int, tuple[Slot, list[Constraint]]] = {}
            for slot, constraint in (*fixed, *filter(None, chosen)):
                by_slot.setdefault(slot.number, (slot, []))[1].append(constraint)
            base = dict(self._others(kind, by_slot, natural)) if None in chosen else {}
            yield from self._fields(by_slot.values(), base, path, natural)

    def _satisfies(self, plain: Any, atoms: Constraints, kind: MessageKind) -> bool:
        message = self.build(plain, self._registry.message(kind.descriptor.full_name))
        return message is not None and satisfied(atoms, message)

    def _fields(
        self, by_slot: Iterable[tuple[Slot, list[Constraint]]], base: dict[str, Any], path: str, natural: Any
    ) -> Iterator[Any]:
        found: list[tuple[str, list[Any]]] = []
        for slot, constraints in by_slot:
            own = natural.get(slot.name, ABSENT) if isinstance(natural, dict) else ABSENT
            solved = self.solve(constraints, slot.kind, slot.place, below(path, slot.name), own)
            options = list(islice(solved, _MAX_VARIANTS))
            if not options:
                return
            found.append((slot.name, options))
        yield from _one_after_the_other(found, base)

    def _others(self, kind: MessageKind, named: Iterable[int], natural: Any) -> Iterator[tuple[str, Any]]:
        """Yield one field that isn't named, if the natural message has one."""
        known = set(named)
        for name, value in natural.items() if isinstance(natural, dict) else ():
            slot = kind.slot(name)
            if slot is not None and slot.number not in known:
                yield name, value
                return

    def _any(self, atoms: Constraints, path: str) -> Iterator[Any]:
        if _must_be_absent(atoms):
            return
        inner: list[Constraint] = []
        message_class: type[Message] | None = None
        for matcher, wanted in atoms:
            match matcher:
                case Unpacked() if wanted:
                    if message_class not in (None, matcher.message_class):
                        return
                    message_class = matcher.message_class
                    inner += must(matcher.inner) if matcher.inner is not None else ()
                case Opaque() if wanted and not matcher.full_name:
                    yield {}
                    return
                case Opaque() if wanted:
                    yield {"@type": _ANY + matcher.full_name, "value": base64.b64encode(matcher.data).decode()}
                    return
        if message_class is None:
            yield {"@type": f"{_ANY}google.protobuf.Empty", "value": {}}
            yield {"@type": f"{_ANY}google.protobuf.StringValue", "value": "value"}
            return
        inner += [
            (matcher.inner, False)
            for matcher, wanted in atoms
            if isinstance(matcher, Unpacked) and not wanted and matcher.message_class is message_class and matcher.inner
        ]
        kind = self._kinds.of_class(message_class)
        url = _ANY + message_class.DESCRIPTOR.full_name
        for plain in self.solve(inner, kind, Place.ROOT, path, self.natural(message_class)):
            is_plain = isinstance(kind, MessageKind) and isinstance(plain, dict)
            yield {"@type": url, **plain} if is_plain else {"@type": url, "value": plain}

    # Lists and maps ---------------------------------------------------------------------------------

    def _list(self, atoms: Constraints, element: ValueType, path: str, natural: Any) -> Iterator[Any]:
        likely = natural if isinstance(natural, list) else []
        for plan in islice(list_plans(atoms), _MAX_ALTERNATIVES):
            yield from self._elements(plan, element, path, likely)

    def _elements(self, plan: ListPlan, element: ValueType, path: str, likely: list[Any]) -> Iterator[Any]:
        for layout in plan.layouts():
            found: list[tuple[int, list[Any]]] = []
            for number, own in enumerate(layout):
                natural = likely[number % len(likely)] if likely else ABSENT
                solved = self.solve(own, element, Place.ELEMENT, f"{path}[{number}]", natural)
                options = list(islice(solved, _MAX_VARIANTS if len(layout) < _LONG else 1))
                if not options:
                    break
                found.append((number, options))
            else:
                for items in _one_after_the_other(found, {}):
                    yield [items[number] for number in range(len(layout))]

    def _map(self, atoms: Constraints, key: ScalarType, value: ValueType, place: Place, path: str) -> Iterator[Any]:
        if _must_be_absent(atoms):
            yield {}
            return
        keys = [(matcher.inner, wanted) for matcher, wanted in atoms if isinstance(matcher, Keys)]
        every = [(matcher.inner, wanted) for matcher, wanted in atoms if isinstance(matcher, Values)]
        closed = any(wanted and isinstance(matcher, Entries) and matcher.only for matcher, wanted in atoms)
        fixed, choices = _parts_of(atoms, Entries)
        for chosen in islice(product(*choices), _MAX_ALTERNATIVES):
            by_key: dict[Any, list[Constraint]] = {}
            for named, constraint in (*fixed, *filter(None, chosen)):
                by_key.setdefault(named.name, [*every]).append(constraint)
            count = len(by_key)
            # What the entries named don't fill is filled with others: with one at least where a choice asks for it.
            sufficient = [size for size in sizes(atoms, max(1, count + (None in chosen))) if size >= count or not count]
            for size in [count] if closed else sufficient[:_MAX_VARIANTS]:
                spare = self._spare_keys(keys, key, by_key, size - count)
                yield from self._entries({**by_key, **{name: [*every] for name in spare}}, value, place, path)

    def _spare_keys(
        self, constraints: list[Constraint], kind: ScalarType, taken: Iterable[Any], count: int
    ) -> list[Any]:
        """Return keys that aren't taken yet, as many as can be found up to *count*."""
        found: list[Any] = []
        known = set(taken)
        numbered = (f"key{number}" for number in range(1, count + 1))
        for plain in (*islice(self.solve(constraints, kind, Place.ELEMENT, ""), count + len(known)), *numbered):
            if len(found) >= count:
                break
            try:
                name = kind.read(plain)
            except Mismatch:
                continue
            if name not in known and satisfied(constraints, name):
                known.add(name)
                found.append(name)
        return found

    def _entries(self, by_key: dict[Any, list[Constraint]], value: ValueType, place: Place, path: str) -> Iterator[Any]:
        found: list[tuple[str, list[Any]]] = []
        for name, constraints in by_key.items():
            natural = "value" if value is STRING else ABSENT
            solved = self.solve(constraints, value, place, entry(path, name), natural)
            options = list(islice(solved, _MAX_VARIANTS))
            if not options:
                return
            found.append((name if isinstance(name, str) else values.text(name), options))
        yield from _one_after_the_other(found, {})

    # Plain JSON -------------------------------------------------------------------------------------

    def _dynamic(self, atoms: Constraints, kind: DynamicType, path: str, natural: Any) -> Iterator[Any]:
        for value in self._json(atoms, path, natural):
            if (kind.type is None or type(value) is kind.type) and satisfied(atoms, value):
                yield value

    def _json(self, atoms: Constraints, path: str, natural: Any) -> Iterator[Any]:
        inner: list[Constraint] = []
        types: set[type] = set()
        for matcher, wanted in atoms:
            match matcher:
                case Plain() | Equals() if wanted:
                    yield matcher.expected
                case OfType() if wanted:
                    inner += must(matcher.inner)
                    types = types & set(matcher.types) if types else set(matcher.types)
        negated: list[Constraint] = [(m.inner, False) for m, wanted in atoms if isinstance(m, OfType) and not wanted]
        for inside in islice(alternatives([*inner, *negated]), _MAX_ALTERNATIVES) if types else ():
            if types & {*LIST}:
                yield from self._list(inside, JSON, path, natural)
            if types & {*OBJECT}:
                yield from self._map(inside, STRING, JSON, Place.FIELD, path)
            if types & {*TEXT}:
                yield from texts(inside, natural, self._inside)
            if types & {*NUMBER}:
                yield from (number for number in numbers(inside, ABSENT) if DOUBLE.read(number) == number)
        if natural is not ABSENT:
            yield natural
        yield from ("value", 1, True, False, None, 2, "other", {"key": "value"}, ["value"], {}, [])


def _must_be_absent(atoms: Constraints) -> bool:
    return any(isinstance(matcher, Exists) and matcher.expected is not wanted for matcher, wanted in atoms)


_Part = tuple[Any, Constraint]
"""A field or key, and a constraint on its value."""


def _parts_of(atoms: Constraints, of: type[Fields | Entries]) -> tuple[list[_Part], list[list[_Part | None]]]:
    """Return the constraints on named parts: those that hold in any case, and choices of which one each is enough.

    A pattern is violated by one part that doesn't fit. One that allows no other parts is violated by one more, too:
    that is the choice None.
    """
    fixed: list[_Part] = []
    choices: list[list[_Part | None]] = []
    for matcher, wanted in atoms:
        if not isinstance(matcher, of):
            continue
        parts = [(name, (part, wanted)) for name, part in matcher.parts]
        if wanted:
            fixed += parts
        else:
            choices.append([*parts, None] if matcher.only else [*parts])
    return fixed, choices


def _one_after_the_other(found: list[tuple[Any, list[Any]]], base: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    """Yield mappings: the first option of each key, then the others of one key at a time."""
    first = base | {name: options[0] for name, options in found}
    yield _without_absent(first)
    for name, options in found:
        for option in options[1:]:
            yield _without_absent(first | {name: option})


def _without_absent(mapping: dict[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in mapping.items() if value is not ABSENT}
