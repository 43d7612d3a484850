"""The matching rules of a Pact, and the patterns that say the same.

Which rule counts, and what it says of a list or a map, is as in Pact's own library (`pact_matching`) and its plugin for
Protobuf.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grpcmock.matching.leaves import STRING
from grpcmock.matching.messages import MessageKind
from grpcmock.matching.value_types import ListType, MapType, ValueType
from grpcmock.stubs.operators import Family
from grpcmock.verify.contracts.pact_dates import DEFAULTS
from grpcmock.verify.contracts.pact_scalars import (
    ANY,
    EQUALITY,
    NOT_INHERITED,
    TYPES,
    Matcher,
    inner_step,
    joined,
    scalar_pattern,
    united,
)

Warn = Callable[..., None]

Steps = tuple[str, ...]

_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\.?(\*)|\[(\d+|\*)\]|\[['\"]([^'\"]*)['\"]\]")
_ANY_STEP, _ANY_INDEX = "*", "[*]"
_OF_MAPS = TYPES | NOT_INHERITED | {"regex", "notEmpty", "arrayContains"}
_OF_LISTS = _OF_MAPS | {"include", "number", "integer", "decimal", "real", "boolean", "semver", *DEFAULTS}
"""Rules that a list or a map takes for its parts, which inherit them."""


@dataclass(frozen=True, slots=True)
class _Selected:
    """The rules that count for a value."""

    matchers: Sequence[Matcher] = ()
    either: bool = False
    """Whether one of them is enough."""

    inherited: bool = False
    """Whether they are those of what holds the value."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules by the path that they are about."""

    by_path: Mapping[Steps, Sequence[Matcher]]
    either: frozenset[Steps]
    """The paths at which one rule of several is enough."""

    warn: Callable[[str], None]

    @classmethod
    def read(cls, written: Mapping[str, Any], here: str, warn: Warn) -> Rules:
        """Read rules as a Pact has them: ``{"$.a.b": {"combine": "AND", "matchers": […]}}``."""
        found: dict[Steps, list[Matcher]] = {}
        either = set()
        for path, rule in written.items():
            matchers = rule.get("matchers") if isinstance(rule, dict) else None
            if not isinstance(matchers, list):
                warn("this rule has no matchers.", f"{here}[{path!r}]")
                continue
            steps = _steps(path)
            found[steps] = [matcher for matcher in matchers if isinstance(matcher, dict)]
            if str(rule.get("combine", "AND")).upper() == "OR":
                either.add(steps)
        return cls(found, frozenset(either), lambda text: warn(text, here))

    def has(self, name: str) -> bool:
        """Whether there is a rule for a key that leaves its value open."""
        return any(matcher.get("match") not in EQUALITY for matcher in self.by_path.get(_steps(name), []))

    def _select(self, path: Steps) -> _Selected:
        """Return the rules that count for a path: of those on it, and on what holds it, the most specific ones."""
        weighed = [(weight, steps) for steps in self.by_path if (weight := _weight(steps, path))]
        if not weighed:
            return _Selected()
        _, best = max(weighed)
        return _Selected(self.by_path[best], best in self.either, len(best) != len(path))

    def _only(self, path: Steps, matcher: Matcher) -> Rules:
        """Return the rules inside of one on each value, which are the only ones for what is below."""
        rules = matcher.get("rules")
        listed = [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
        return Rules({(*path, _ANY_STEP): listed or [{"match": "type"}]}, frozenset(), self.warn)

    def pattern(self, example: Any, kind: ValueType, path: Steps = (), *, example_first: bool = False) -> Any:
        """Return the pattern for a value.

        With *example_first*, the example stands first where a rule leaves a choice, so that it is what a client sends.
        """
        if isinstance(kind, MessageKind) and isinstance(example, dict):
            return self._message(example, kind, path, example_first=example_first)
        if isinstance(kind, ListType) and isinstance(example, list):
            found = self._list(example, kind, path)
        elif isinstance(kind, MapType) and isinstance(example, dict):
            found = self._map(example, kind, path)
        else:
            found = self.scalar(example, kind, (*path, *inner_step(kind)))
        return {"$or": [example, found]} if example_first and found != example else found

    def _message(self, example: dict[str, Any], kind: MessageKind, path: Steps, *, example_first: bool) -> Any:
        selected = self._select(path)
        for matcher in () if selected.inherited else selected.matchers:
            if matcher.get("match") == "eachValue":
                self._tell(matcher, kind, path)
        parts = {}
        for name, value in example.items():
            slot = kind.slot(name)
            if slot is not None:
                parts[name] = self.pattern(value, slot.kind, (*path, slot.name), example_first=example_first)
        # What isn't sent is at its default, of which such rules hold as well.
        return ANY if path and parts and all(part == ANY for part in parts.values()) else parts

    # Lists and maps ---------------------------------------------------------------------------------

    def _list(self, example: list[Any], kind: ListType, path: Steps) -> Any:
        selected = self._select(path)
        if not selected.matchers:
            return self.items(example, kind, path)
        return joined(
            one for matcher in selected.matchers for one in self._of_list(matcher, selected, example, kind, path)
        )

    def items(self, example: list[Any], kind: ListType, path: Steps) -> list[Any]:
        """Return the pattern of each item of a list."""
        return [self.pattern(item, kind.element, (*path, str(n))) for n, item in enumerate(example)]

    def _of_list(
        self, matcher: Matcher, selected: _Selected, example: list[Any], kind: ListType, path: Steps
    ) -> Iterator[Any]:
        name = matcher.get("match")
        if name == "arrayContains":
            yield {"$all": self._variants(example, kind, matcher.get("variants"))}
        elif name == "eachValue":
            if not selected.inherited:
                yield _each("$each", self._only(path, matcher).items(example, kind, path))
        elif name in EQUALITY:
            yield example
        elif name in _OF_LISTS:
            yield _size(matcher, inherited=selected.inherited)
            yield _each("$each", self.items(example, kind, path))
        else:
            self._tell(matcher, kind, path)
            yield example

    def _variants(self, example: list[Any], kind: ListType, variants: Any) -> list[Any]:
        """Return a pattern for each of the items that a list must hold somewhere; their rules are written apart."""
        found = []
        given: list[Any] = [{"index": number} for number in range(len(example))]
        if isinstance(variants, list) and variants:
            given = variants
        for variant in given:
            index = variant.get("index", 0) if isinstance(variant, dict) else None
            if isinstance(index, int) and 0 <= index < len(example):
                rules = Rules.read(variant.get("rules") or {}, "arrayContains", lambda text, *_: self.warn(text))
                found.append(rules.pattern(example[index], kind.element))
        return found

    def _map(self, example: dict[Any, Any], kind: MapType, path: Steps) -> Any:
        selected = self._select(path)
        if not selected.matchers:
            return self.entries(example, kind, path)
        return joined(
            one for matcher in selected.matchers for one in self._of_map(matcher, selected, example, kind, path)
        )

    def entries(self, example: dict[Any, Any], kind: MapType, path: Steps) -> dict[Any, Any]:
        """Return the pattern of each value of a map, by its key."""
        return {key: self.pattern(item, kind.value, (*path, str(key))) for key, item in example.items()}

    def _of_map(
        self, matcher: Matcher, selected: _Selected, example: dict[Any, Any], kind: MapType, path: Steps
    ) -> Iterator[Any]:
        name = matcher.get("match")
        if name == "eachKey":
            yield self._keys(matcher, kind, path)
        elif name in ("eachValue", "values") and not selected.inherited:
            of_value = self._only(path, matcher) if name == "eachValue" else self
            yield _each("$values", list(of_value.entries(example, kind, path).values()))
        elif name in EQUALITY:
            yield example
        elif name in _OF_MAPS:
            yield _size(matcher, inherited=selected.inherited)
            if selected.inherited or not any(one.get("match") in NOT_INHERITED for one in selected.matchers):
                entries = self.entries(example, kind, path)
                yield {key: {"$exists": True} if one == ANY else one for key, one in entries.items()}
        else:
            self._tell(matcher, kind, path)
            yield example

    def _keys(self, matcher: Matcher, kind: MapType, path: Steps) -> Any:
        if kind.key.family is not Family.STRING:
            self._tell(matcher, kind, path)
            return ANY
        found = self._only(path, matcher).scalar("", kind.key, (*path, _ANY_STEP))
        return ANY if found == ANY else {"$keys": found}

    # Scalars, and what can't be said ----------------------------------------------------------------

    def scalar(self, example: Any, kind: ValueType, path: Steps) -> Any:
        """Return the pattern for a value without parts."""
        selected = self._select(path)
        if not selected.matchers:
            return example
        return scalar_pattern(
            selected.matchers,
            example,
            kind,
            either=selected.either,
            inherited=selected.inherited,
            told=lambda matcher: self._tell(matcher, kind, path),
        )

    def _tell(self, matcher: Matcher, kind: ValueType, path: Steps) -> None:
        name, shown = matcher.get("match") or matcher, ".".join(path) or "the message"
        self.warn(f"the rule {name!r} of {shown} ({kind.name}) has no counterpart; its example is compared.")


def _each(operator: str, patterns: list[Any]) -> Any:
    found = united(patterns) if patterns else ANY
    return ANY if found == ANY else {operator: found}


def _size(matcher: Matcher, *, inherited: bool) -> Any:
    """Return what a rule says of how many there are."""
    if matcher.get("match") == "notEmpty":
        return {"$size": {"$gte": 1}}
    if inherited or matcher.get("match") not in TYPES:
        return ANY
    bounds = {op: int(matcher[key]) for key, op in (("min", "$gte"), ("max", "$lte")) if key in matcher}
    return {"$size": bounds} if bounds else ANY


def metadata_pattern(key: str, value: Any, rules: Rules) -> Any:
    """Return the pattern for one key of a request's metadata; its example is what a client sends."""
    text = str(value)
    found = rules.scalar(text, STRING, _steps(key))
    return text if found == text else {"$or": [text, {"$exists": True} if found == ANY else found]}


def _weight(steps: Steps, path: Steps) -> int:
    """Return how well the path of a rule fits that of a value, or of what holds it; 0 if it doesn't."""
    if len(steps) > len(path):
        return 0
    weight = 2 * (len(steps) + 1)
    for one, other in zip(steps, path, strict=False):
        if one == other:
            weight *= 2
        elif one != _ANY_STEP and not (one == _ANY_INDEX and other.isdecimal()):
            return 0
    return weight


def _steps(path: str) -> Steps:
    """Take a path apart: ``$.shapes[0].edges.*`` becomes ``("shapes", "0", "edges", "*")``."""
    found = []
    for match in _STEP.finditer(path.removeprefix("$")):
        name, star, index, quoted = match.groups()
        found.append(name or star or (_ANY_INDEX if index == "*" else index) or quoted)
    return tuple(found)
