"""From a pattern to values that please it: what it fixes as it is, what it leaves open filled in."""

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
from grpcmock.matching.operators.messages import Fields, Opaque, Unpacked
from grpcmock.matching.operators.scalars import Embedded
from grpcmock.matching.value_types import AnyType, DynamicType, ListType, MapType, Place, ScalarType, ValueType
from grpcmock.schema import codec, values
from grpcmock.schema.values import Mismatch
from grpcmock.synthesis import generate
from grpcmock.tree import Node
from grpcmock.verify.goals import Goal, Goals, alternatives, hold, words
from grpcmock.verify.lists import Wish, wishes
from grpcmock.verify.scalars import numbers, pool, sizes, texts

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.matching.matcher import Matcher
    from grpcmock.schema import Registry

_MOST_ALTERNATIVES = 64
_MOST_VARIANTS = 6
"""Other values tried for one field, while its neighbors stay as they are."""

_ANY = "type.googleapis.com/"


class Solver:
    """Finds values of any kind that please goals. They are plain ProtoJSON, or ABSENT for a field to be left unset.

    What is given is likely, not certain, to please: whoever asks tests it, and asks for the next.
    """

    def __init__(self, registry: Registry, seed: int = 0) -> None:
        self._registry = registry
        self._kinds = Kinds.of(registry)
        self._seed = seed
        self._natural: dict[tuple[type[Message], int], Any] = {}
        self.refused: list[tuple[str, str]] = []
        """Where nothing was found, and what was wanted there; the first is the innermost."""

    def natural(self, message_class: type[Message], number: int = 0) -> Any:
        """Give a natural message of a type, as ProtoJSON; for each *number* another one."""
        key = message_class, number
        if key not in self._natural:
            made = generate(message_class, self._registry, self._seed + number, as_request=True)
            self._natural[key] = codec.to_tree(made)
        return self._natural[key]

    def solve(
        self, goals: Iterable[Goal], kind: ValueType, place: Place, path: str, natural: Any = ABSENT
    ) -> Iterator[Any]:
        """Yield values for one place, the plainest first."""
        goals = tuple(goals)
        found = False
        for atoms in islice(alternatives(goals), _MOST_ALTERNATIVES):
            for value in self._solve(atoms, kind, place, path, natural):
                found = True
                yield value
            if place in (Place.FIELD, Place.ENTRY) and hold(atoms, ABSENT):
                found = True
                yield ABSENT
        if not found:
            self.refused.append((path, words(goals)))

    def _solve(self, atoms: Goals, kind: ValueType, place: Place, path: str, natural: Any) -> Iterator[Any]:
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

    def _scalar(self, atoms: Goals, kind: ScalarType, place: Place, natural: Any) -> Iterator[Any]:
        seen = set()
        fixed = any(wanted and isinstance(matcher, (Equals, In)) for matcher, wanted in atoms)
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
            if value in seen or not hold(atoms, value):
                continue
            if place is Place.PLAIN and value == kind.default and not fixed:
                continue  # the last resort: of such a field, it means that nothing was said
            seen.add(value)
            yield plain
        if place is Place.PLAIN and kind.default not in seen and hold(atoms, kind.default):
            yield kind.plain(kind.default)

    def _inside(self, matcher: Matcher) -> Iterator[Any]:
        """Solve what a string of JSON, or bytes that hold a message, must hold."""
        if not isinstance(matcher, Embedded):
            return islice(self.solve([(matcher, True)], JSON, Place.ELEMENT, ""), _MOST_VARIANTS)
        return self._embedded(matcher)

    def _embedded(self, matcher: Embedded) -> Iterator[bytes]:
        goals = [(matcher.inner, True)] if matcher.inner is not None else []
        kind = self._kinds.of_class(matcher.message_class)
        natural = self.natural(matcher.message_class)
        for plain in islice(self.solve(goals, kind, Place.ROOT, "", natural), _MOST_VARIANTS):
            if (message := self.build(plain, matcher.message_class)) is not None:
                yield message.SerializePartialToString(deterministic=True)

    def build(self, plain: Any, message_class: type[Message]) -> Message | None:
        """Build a message of ProtoJSON; None if it isn't one."""
        problems = Problems()
        message = codec.build(Node.of(plain), message_class, self._registry, problems, partial=True)
        return None if problems.errors else message

    # Messages ---------------------------------------------------------------------------------------

    def _message(self, atoms: Goals, kind: MessageKind, path: str, natural: Any) -> Iterator[Any]:
        if any(isinstance(matcher, Exists) and matcher.expected is not wanted for matcher, wanted in atoms):
            return
        fixed: list[tuple[Slot, Goal]] = []
        choices: list[list[tuple[Slot, Goal] | None]] = []
        for matcher, wanted in atoms:
            if isinstance(matcher, Fields):
                goals = [(slot, (part, wanted)) for slot, part in matcher.parts]
                if wanted:
                    fixed += goals
                else:
                    # One field that doesn't fit is enough; with $only, one more will do as well.
                    choices.append([*goals, None] if matcher.only else [*goals])
        if not fixed and not choices:
            likely = natural if isinstance(natural, dict) else {}
            yield from (plain for plain in (likely, {}) if self._pleases(plain, atoms, kind)) if atoms else (likely,)
            return
        for chosen in islice(product(*choices), _MOST_ALTERNATIVES):
            by_slot: dict[int, tuple[Slot, list[Goal]]] = {}
            for slot, goal in (*fixed, *filter(None, chosen)):
                by_slot.setdefault(slot.number, (slot, []))[1].append(goal)
            base = dict(self._others(kind, by_slot, natural)) if None in chosen else {}
            yield from self._fields(by_slot.values(), base, path, natural)

    def _pleases(self, plain: Any, atoms: Goals, kind: MessageKind) -> bool:
        message = self.build(plain, self._registry.message(kind.descriptor.full_name))
        return message is not None and hold(atoms, message)

    def _fields(
        self, wanted: Iterable[tuple[Slot, list[Goal]]], base: dict[str, Any], path: str, natural: Any
    ) -> Iterator[Any]:
        found: list[tuple[str, list[Any]]] = []
        for slot, goals in wanted:
            own = natural.get(slot.name, ABSENT) if isinstance(natural, dict) else ABSENT
            solved = self.solve(goals, slot.kind, slot.place, below(path, slot.name), own)
            options = list(islice(solved, _MOST_VARIANTS))
            if not options:
                return
            found.append((slot.name, options))
        yield from _one_after_the_other(found, base)

    def _others(self, kind: MessageKind, named: Iterable[int], natural: Any) -> Iterator[tuple[str, Any]]:
        """Give one field that isn't named."""
        known = set(named)
        for name, value in natural.items() if isinstance(natural, dict) else ():
            slot = kind.slot(name)
            if slot is not None and slot.number not in known:
                yield name, value
                return

    def _any(self, atoms: Goals, path: str) -> Iterator[Any]:
        inner: list[Goal] = []
        message_class: type[Message] | None = None
        for matcher, wanted in atoms:
            match matcher:
                case Unpacked() if wanted:
                    if message_class not in (None, matcher.message_class):
                        return
                    message_class = matcher.message_class
                    inner += [(matcher.inner, True)] if matcher.inner is not None else []
                case Opaque() if wanted and not matcher.full_name:
                    yield {}
                    return
                case Opaque() if wanted:
                    yield {"@type": _ANY + matcher.full_name, "value": base64.b64encode(matcher.data).decode()}
                    return
                case Exists() if matcher.expected is not wanted:
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

    def _list(self, atoms: Goals, element: ValueType, path: str, natural: Any) -> Iterator[Any]:
        likely = natural if isinstance(natural, list) else []
        for wish in islice(wishes(atoms), _MOST_ALTERNATIVES):
            yield from self._elements(wish, element, path, likely)

    def _elements(self, wish: Wish, element: ValueType, path: str, likely: list[Any]) -> Iterator[Any]:
        for goals in wish.goals():
            found: list[tuple[int, list[Any]]] = []
            for number, own in enumerate(goals):
                natural = likely[number % len(likely)] if likely else ABSENT
                solved = self.solve(own, element, Place.ELEMENT, f"{path}[{number}]", natural)
                options = list(islice(solved, _MOST_VARIANTS if len(goals) < 50 else 1))
                if not options:
                    break
                found.append((number, options))
            else:
                for items in _one_after_the_other(found, {}):
                    yield [items[number] for number in range(len(goals))]

    def _map(self, atoms: Goals, key: ScalarType, value: ValueType, place: Place, path: str) -> Iterator[Any]:
        if any(isinstance(matcher, Exists) and matcher.expected is not wanted for matcher, wanted in atoms):
            yield {}
            return
        keys: list[Goal] = [(m.inner, wanted) for m, wanted in atoms if isinstance(m, Keys)]
        items: list[Goal] = [(m.inner, wanted) for m, wanted in atoms if isinstance(m, Values)]
        fixed: list[tuple[Any, Goal]] = []
        choices: list[list[tuple[Any, Goal] | None]] = []
        for matcher, wanted in atoms:
            if isinstance(matcher, Entries):
                parts = [(name, (part, wanted)) for name, part in matcher.parts]
                if wanted:
                    fixed += parts
                else:
                    choices.append([*parts, None])
        only = any(isinstance(matcher, Entries) and matcher.only and wanted for matcher, wanted in atoms)
        for chosen in islice(product(*choices), _MOST_ALTERNATIVES):
            by_key: dict[Any, list[Goal]] = {}
            for name, goal in (*fixed, *filter(None, chosen)):
                by_key.setdefault(name, list(items)).append(goal)
            least = max(1, len(by_key) + (None in chosen))
            lengths = [len(by_key)] if only else [n for n in sizes(atoms, least) if n >= len(by_key) or not by_key]
            for length in lengths[:_MOST_VARIANTS]:
                spare = self._spare_keys(keys, key, by_key, length - len(by_key))
                wanted_keys = {**by_key, **{name: list(items) for name in spare}}
                yield from self._entries(wanted_keys, value, place, path)

    def _spare_keys(self, goals: list[Goal], kind: ScalarType, taken: Iterable[Any], count: int) -> list[Any]:
        """Give keys that aren't taken yet."""
        found: list[Any] = []
        known = set(taken)
        numbered = (f"key{number}" for number in range(1, count + 1))
        for plain in (*islice(self.solve(goals, kind, Place.ELEMENT, ""), count + len(known)), *numbered):
            if len(found) >= count:
                break
            try:
                name = kind.read(plain)
            except Mismatch:
                continue
            if name not in known and hold(goals, name):
                known.add(name)
                found.append(name)
        return found

    def _entries(self, wanted: dict[Any, list[Goal]], value: ValueType, place: Place, path: str) -> Iterator[Any]:
        found: list[tuple[str, list[Any]]] = []
        for name, goals in wanted.items():
            natural = "value" if value is STRING else ABSENT
            solved = self.solve(goals, value, place, entry(path, name), natural)
            options = list(islice(solved, _MOST_VARIANTS))
            if not options:
                return
            found.append((name if isinstance(name, str) else values.text(name), options))
        yield from _one_after_the_other(found, {})

    # Plain JSON -------------------------------------------------------------------------------------

    def _dynamic(self, atoms: Goals, kind: DynamicType, path: str, natural: Any) -> Iterator[Any]:
        for value in self._json(atoms, path, natural):
            if (kind.type is None or type(value) is kind.type) and hold(atoms, value):
                yield value

    def _json(self, atoms: Goals, path: str, natural: Any) -> Iterator[Any]:
        inner: list[Goal] = []
        types: set[type] = set()
        for matcher, wanted in atoms:
            match matcher:
                case Plain() | Equals() if wanted:
                    yield matcher.expected
                case OfType() if wanted:
                    inner += [(matcher.inner, True)]
                    types = types & set(matcher.types) if types else set(matcher.types)
        negated: list[Goal] = [(m.inner, False) for m, wanted in atoms if isinstance(m, OfType) and not wanted]
        for goals in islice(alternatives([*inner, *negated]), _MOST_ALTERNATIVES) if types else ():
            if types & {*LIST}:
                yield from self._list(goals, JSON, path, natural)
            if types & {*OBJECT}:
                yield from self._map(goals, STRING, JSON, Place.FIELD, path)
            if types & {*TEXT}:
                yield from texts(goals, natural, self._inside)
            if types & {*NUMBER}:
                yield from (number for number in numbers(goals, ABSENT) if DOUBLE.read(number) == number)
        if natural is not ABSENT:
            yield natural
        yield from ("value", 1, True, False, None, 2, "other", {"key": "value"}, ["value"], {}, [])


def _one_after_the_other(found: list[tuple[Any, list[Any]]], base: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    """Yield mappings: the first option of each key, then the others of one key at a time."""
    first = base | {name: options[0] for name, options in found}
    yield _without_absent(first)
    for name, options in found:
        for option in options[1:]:
            yield _without_absent(first | {name: option})


def _without_absent(mapping: dict[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in mapping.items() if value is not ABSENT}
