"""What the rules let through and what they refuse, field by field: candidates, each checked in a message of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation import rule_candidates, well_known_types
from grpcmock.fuzz.generation.message_classes import bytes_of, message_class_of, message_of
from grpcmock.fuzz.generation.violation import EVALUATION
from grpcmock.schema.annotations import Rules
from grpcmock.synthesis.planning import FieldPlan, Planner, Shape

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.minimal_messages import MinimalMessages
    from grpcmock.fuzz.generation.rule_validator import RuleValidator

_MOST_CANDIDATES = 600
_MOST_GOOD = 64
_MOST_BAD = 24
_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Sorted:
    """Candidates for a field, sorted. Each is the bytes of a message that holds the field alone."""

    good: tuple[bytes, ...] = ()
    """Those that break no rule of the field: the shortest first."""

    bad: dict[tuple[str, str], tuple[bytes, ...]] = field(default_factory=dict)
    """Those that break exactly one, by its path, from the field on, and its id."""


class Constraints:
    """The sorted candidates of all fields that have rules, each found when first asked for."""

    def __init__(
        self,
        planner: Planner,
        validator: RuleValidator,
        minimal: MinimalMessages,
        natural: Callable[[FieldPlan, int, int], list[Any]],
    ) -> None:
        """Take *natural*, which gives so many values that the rules of a field suggest, some passed over."""
        self._planner = planner
        self._validator = validator
        self._minimal = minimal
        self._natural = natural
        self._sorted: dict[int, tuple[FieldPlan, Sorted]] = {}

    def must(self, plan: FieldPlan) -> bool:
        """Whether a field has to be set."""
        return self._validator.must(plan)

    def pool(self, plan: FieldPlan, *, chosen: bool = False) -> list[bytes]:
        """Give ready-made values for a field whose rules are about values; empty where it can be made freely.

        *chosen*: one of them is to be there.
        """
        if not _is_ruled(plan) or (_holds_messages(plan) and not plan.rules.cel):
            return []
        good = self.sorted(plan).good
        if self._validator.must(plan) or chosen:
            good = tuple(filter(None, good)) or good
        return _spread(good, _MOST_GOOD)

    def sorted(self, plan: FieldPlan) -> Sorted:
        """Give the candidates for a field, sorted by what the validator says."""
        found = self._sorted.get(id(plan))
        if found is None:
            found = self._sorted[id(plan)] = plan, self._sort(plan)
        return found[1]

    def judged(self, plan: FieldPlan, value: Any) -> tuple[bytes, list[tuple[str, str]]]:
        """Give the bytes of a message with this value alone, and the path and id of each rule of the field it breaks.

        Raises what protobuf raises for a value that the field can't hold.
        """
        owner: Any = plan.descriptor.containing_type
        message_class = message_class_of(owner)
        alone: Any = message_class()
        put(alone, plan, value)
        data = bytes_of(alone)
        # Where all else is valid, the validator has less to tell.
        message: Any = message_of(message_class, self._minimal.least(message_class))
        name = plan.name
        message.ClearField(name)
        message.MergeFromString(data)
        broken = [
            (violation.path, violation.rule)
            for violation in self._validator.violations(message)
            if violation.rule == EVALUATION or _is_about(name, violation.path)
        ]
        return data, broken

    def _sort(self, plan: FieldPlan) -> Sorted:
        good: dict[bytes, None] = {}
        bad: dict[tuple[str, str], dict[bytes, None]] = {}
        for number, value in enumerate(self._candidates(plan)):
            if number >= _MOST_CANDIDATES:
                break
            try:
                data, broken = self.judged(plan, value)
            except (ValueError, TypeError, UnicodeEncodeError):  # no value of this field at all
                continue
            if not broken:
                good[data] = None
            elif len(broken) == 1 and broken[0][1] != EVALUATION:
                bad.setdefault(broken[0], {})[data] = None
        return Sorted(
            tuple(sorted(good, key=lambda data: (len(data), data))),
            {rule: tuple(found)[:_MOST_BAD] for rule, found in bad.items()},
        )

    # Candidates ------------------------------------------------------------------------------------

    def _candidates(self, plan: FieldPlan) -> Iterator[Any]:
        yield None
        made = list(self._made(plan))
        if plan.key is not None and plan.entry is not None:
            yield from self._maps(plan, plan.key, plan.entry, [dict(one) for one in made])
        elif plan.is_list:
            yield from self._lists(plan, [list(one) for one in made])
        elif plan.shape is Shape.WRAPPER:
            inner = self._planner.wrapped(plan)
            wrapper = message_class_of(plan.message_type)
            naturals = self._natural(inner, 6, 0)
            yield from (
                wrapper(value=value) for value in rule_candidates.values(inner, plan.rules, naturals) if _fits(value)
            )
        elif plan.shape is Shape.MESSAGE:
            yield from made
            yield from self._whole(plan, plan.rules)
        else:
            naturals = [*self._natural(plan, 12, 0), *self._natural(plan, 6, 3), *filter(_is_set, made)]
            yield from rule_candidates.values(plan, plan.rules, naturals)

    def _maps(
        self, plan: FieldPlan, key: FieldPlan, entry: FieldPlan, made: list[dict[Any, Any]]
    ) -> Iterator[dict[Any, Any]]:
        known = [content for one in made for content in one.values()]
        if entry.shape in (Shape.MESSAGE, Shape.WRAPPER):
            held = message_class_of(entry.message_type)
            known = [message_of(held, self._minimal.least(held)), *known]
        good_contents, bad_contents = known, list[Any]()
        if entry.shape not in (Shape.MESSAGE, Shape.WRAPPER):
            good_contents, bad_contents = self._split(plan, 1, _unique(self._values(entry)), self._values(key))
        good_keys, bad_keys = self._split(plan, 0, _unique(self._values(key)), iter(good_contents))
        yield from rule_candidates.maps(plan, (good_keys, good_contents), (bad_keys, bad_contents), made)

    def _values(self, part: FieldPlan) -> Iterator[Any]:
        """Yield keys or values of a map."""
        return rule_candidates.values(part, part.rules, self._natural(part, 6, 0))

    def _lists(self, plan: FieldPlan, made: list[list[Any]]) -> Iterator[list[Any]]:
        rules = plan.rules.items or Rules()
        if plan.shape is Shape.WRAPPER:
            inner = self._planner.wrapped(plan)
            wrapper = message_class_of(plan.message_type)
            items: list[Any] = [
                wrapper(value=value) for value in rule_candidates.values(inner, rules, []) if _fits(value)
            ]
        elif plan.shape is Shape.MESSAGE:
            items = list(self._whole(plan, rules))
        else:
            items = list(_unique(rule_candidates.values(plan, rules, self._natural(plan, 6, 0))))
        items = [*(item for one in made for item in one), *items]
        good, bad = self._split_by(plan, items, lambda item: [item])
        yield from rule_candidates.lists(plan, good, bad, made)

    def _split(
        self, plan: FieldPlan, side: int, items: Iterable[Any], others: Iterator[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Tell good from bad keys (*side* 0) or values (1) of a map, each beside the first of the *others*."""
        beside = next(others, None)
        return self._split_by(plan, items, lambda item: {beside: item} if side else {item: beside})

    def _split_by(
        self, plan: FieldPlan, items: Iterable[Any], make: Callable[[Any], Any]
    ) -> tuple[list[Any], list[Any]]:
        """Tell items apart by how many rules about items are broken where they stand: the fewest, or more."""
        below = f"{plan.name}[]"
        counted: list[tuple[int, Any]] = []
        for item in items:
            try:
                _, broken = self.judged(plan, make(item))
            except (ValueError, TypeError, UnicodeEncodeError):
                continue
            counted.append((sum(path.startswith(below) for path, _ in broken), item))
        fewest = min((count for count, _ in counted), default=0)
        good = [item for count, item in counted if count == fewest]
        return good, [item for count, item in counted if count > fewest]

    def _made(self, plan: FieldPlan) -> Iterator[Any]:
        """Yield what natural messages have in this field."""
        owner: Any = plan.descriptor.containing_type
        message_class = message_class_of(owner)
        for data in self._minimal.naturals(message_class):
            message: Any = message_of(message_class, data)
            if plan.descriptor.is_repeated or not plan.descriptor.has_presence or message.HasField(plan.name):
                yield getattr(message, plan.name)

    def _whole(self, plan: FieldPlan, rules: Rules) -> Iterator[Message]:
        """Yield messages of a well-known type around the bounds that rules set; of any other, what can be had."""
        message_class = message_class_of(plan.message_type)
        name = plan.message_type.full_name
        if name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
            yield from (_of_nanos(message_class, nanos) for nanos in _moments(name, rules))
        elif name == "google.protobuf.FieldMask":
            paths = [
                *rules.values.get("in", ()),
                *rules.values.get("not_in", ()),
                *well_known_types.mask_paths(plan.descriptor),
            ]
            yield from (message_class(paths=[path]) for path in (*dict.fromkeys(paths), "no_such_field"))
            if "const" in rules.values:
                yield message_class(paths=[*rules.values["const"].paths, "no_such_field"])
                yield message_class(paths=rules.values["const"].paths)
        elif name == "google.protobuf.Any":
            urls = [*rules.values.get("in", ()), *rules.values.get("not_in", ())]
            yield from (message_class(type_url=url) for url in (*urls, "type.googleapis.com/nobody.Knows"))
        for fields, _, allowed in well_known_types.unusual_samples(name):
            if allowed:
                yield message_class(**fields)
        yield from (message_of(message_class, data) for data in self._minimal.naturals(message_class))
        yield message_class()


def _is_about(name: str, path: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))


def put(message: Any, plan: FieldPlan, value: Any) -> None:
    """Set a field to a scalar, a message, a list, a mapping; None leaves it unset. Raises as protobuf does."""
    if value is None:
        return
    target = getattr(message, plan.name)
    if plan.key is not None and plan.entry is not None:
        for key, item in value.items():
            if plan.entry.shape in (Shape.MESSAGE, Shape.WRAPPER):
                target[key].CopyFrom(item)
            else:
                target[key] = item
    elif plan.is_list:
        target.extend(value)
    elif plan.shape in (Shape.MESSAGE, Shape.WRAPPER):
        target.CopyFrom(value)
        target.SetInParent()
    else:
        setattr(message, plan.name, value)


def _is_ruled(plan: FieldPlan) -> bool:
    """Whether rules or annotations speak of the values of a field, not only of its presence."""
    rules = plan.rules
    about_values = rules.values or rules.cel or rules.items or rules.keys or rules.entries
    return bool(about_values or plan.options.format or (plan.options.patterns and not plan.options.own_name))


def _holds_messages(plan: FieldPlan) -> bool:
    """Whether a field holds messages that are made field by field."""
    held = plan.entry or plan
    return held.shape is Shape.MESSAGE and not held.message_type.full_name.startswith("google.protobuf.")


def _spread(values: Sequence[bytes], most: int) -> list[bytes]:
    """Keep at most so many: the first ones, and others from everywhere."""
    if len(values) <= most:
        return list(values)
    kept, rest = values[: most // 2], values[most // 2 :]
    step = len(rest) / (most - len(kept))
    return [*kept, *(rest[int(index * step)] for index in range(most - len(kept)))]


def _unique(values: Iterable[Any]) -> Iterator[Any]:
    seen = set()
    for value in values:
        key = (type(value), repr(value))
        if key not in seen:
            seen.add(key)
            yield value


def _fits(value: Any) -> bool:
    return not isinstance(value, str) or value.isascii() or not any(0xD800 <= ord(char) <= 0xDFFF for char in value)


def _is_set(value: Any) -> bool:
    return value not in ("", b"", 0)


def _moments(name: str, rules: Rules) -> Iterator[int]:
    """Yield moments or lengths in nanoseconds, at and around the bounds that rules set."""
    low, high = (
        (well_known_types.FIRST_SECOND * _SECOND, well_known_types.LAST_SECOND * _SECOND + well_known_types.LAST_NANO)
        if name.endswith("Timestamp")
        else (-well_known_types.LONGEST_SECONDS * _SECOND, well_known_types.LONGEST_SECONDS * _SECOND)
    )
    named = [rules.values[bound] for bound in ("gt", "gte", "lt", "lte", "const") if bound in rules.values]
    named += [*rules.values.get("in", ()), *rules.values.get("not_in", ())]
    wanted = [
        nanos + step
        for nanos in (int(one.seconds) * _SECOND + int(one.nanos) for one in named if hasattr(one, "seconds"))
        for step in (0, -1, 1, -_SECOND, _SECOND)
    ]
    wanted += [0, _SECOND, -_SECOND, low, high]
    yield from (nanos for nanos in dict.fromkeys(wanted) if low <= nanos <= high)


def _of_nanos(message_class: Any, nanos: int) -> Message:
    message: Message = message_class()
    if message.DESCRIPTOR.name == "Timestamp":
        message.seconds, message.nanos = divmod(nanos, _SECOND)  # type: ignore[attr-defined]
    else:
        sign = 1 if nanos >= 0 else -1
        message.seconds, message.nanos = sign * (abs(nanos) // _SECOND), sign * (abs(nanos) % _SECOND)  # type: ignore[attr-defined]
    return message
