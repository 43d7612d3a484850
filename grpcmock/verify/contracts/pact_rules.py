"""The matching rules of a Pact, and the patterns that say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grpcmock.matching.leaves import WELL_KNOWN
from grpcmock.matching.messages import MessageKind
from grpcmock.matching.value_types import ListType, MapType, ScalarType, ValueType
from grpcmock.regex import compile_regex
from grpcmock.stubs.operators import Family

Warn = Callable[..., None]

Steps = tuple[str, ...]

_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\.?\*|\[(\d+|\*)\]|\[['\"]([^'\"]*)['\"]\]")
_ANY_NUMBER = {"$or": [{"$gte": 0}, {"$lt": 0}]}
_ANY_BOOL = {"$in": [True, False]}
_SET = {"$exists": True}
_SEMVER = r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
_NUMERIC = {"number": r"^-?\d+(\.\d+)?$", "integer": r"^-?\d+$", "decimal": r"^-?\d+\.\d+$"}
_EQUALITY = ("equality", "equal")
_OF_MESSAGES = frozenset({"type", "notEmpty", "values", *_EQUALITY})
_OF_LISTS = _OF_MESSAGES | {"eachValue", "arrayContains"}
_OF_MAPS = _OF_MESSAGES | {"eachKey", "eachValue"}
_DIGITS = "yuMdHhKkmsSnDF"


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules by the path that they are about."""

    by_path: Mapping[Steps, list[dict[str, Any]]]
    either: frozenset[Steps]
    """The paths at which one rule of several is enough."""

    warn: Callable[[str], None]

    @classmethod
    def read(cls, written: Mapping[str, Any], here: str, warn: Warn) -> Rules:
        """Read rules as a Pact has them: ``{"$.a.b": {"combine": "AND", "matchers": […]}}``."""
        found: dict[Steps, list[dict[str, Any]]] = {}
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
        return any(matcher.get("match") != "equality" for matcher in self.by_path.get(_steps(name), []))

    def at(self, path: Steps) -> tuple[list[dict[str, Any]], bool]:
        """Return the rules of a path, those of the most specific expression, and whether one of them is enough."""
        best: tuple[int, Steps] | None = None
        for steps in self.by_path:
            if len(steps) == len(path) and all(one in ("*", other) for one, other in zip(steps, path, strict=True)):
                weight = sum(step != "*" for step in steps)
                best = max(best or (weight, steps), (weight, steps))
        return (self.by_path[best[1]], best[1] in self.either) if best else ([], False)

    def below(self, path: Steps) -> bool:
        """Whether a wildcard stands for what is right below a path."""
        depth = len(path)
        return any(
            len(steps) > depth
            and steps[depth] == "*"
            and all(one in ("*", other) for one, other in zip(steps, path, strict=False))
            for steps in self.by_path
        )

    def pattern(
        self, example: Any, kind: ValueType, path: Steps = (), *, by_type: bool = False, example_first: bool = False
    ) -> Any:
        """Return the pattern for a value.

        *by_type* says that a rule further up looks at types alone. With *example_first*, the example stands first where
        a rule leaves a choice, so that it is what a client sends.
        """
        matchers, either = self.at(path)
        names = {str(matcher.get("match")) for matcher in matchers}
        by_type = (by_type or "type" in names) and "equality" not in names
        more = {"by_type": by_type, "example_first": example_first}
        if isinstance(kind, MessageKind) and isinstance(example, dict):
            self._check(matchers, kind, path, _OF_MESSAGES)
            parts = {}
            for name, value in example.items():
                slot = kind.slot(name)
                if slot is not None:
                    parts[name] = self.pattern(value, slot.kind, (*path, slot.name), **more)
            return parts
        if isinstance(kind, ListType) and isinstance(example, list):
            return self._list(example, kind, path, matchers, more)
        if isinstance(kind, MapType) and isinstance(example, dict):
            return self._map(example, kind, path, matchers, more)
        found = self._scalar(example, kind, path, matchers, either=either, by_type=by_type)
        if example_first and isinstance(found, dict) and not isinstance(example, dict):
            return {"$or": [example, found]}
        return found

    def _list(
        self, example: list[Any], kind: ListType, path: Steps, matchers: list[dict[str, Any]], more: dict[str, bool]
    ) -> Any:
        self._check(matchers, kind, path, _OF_LISTS)
        for matcher in matchers:
            if matcher.get("match") == "arrayContains":
                return {"$all": self._variants(example, kind, matcher.get("variants"))}
        if not more["by_type"] and any(matcher.get("match") == "notEmpty" for matcher in matchers):
            return _SET
        each = more["by_type"] or self.below(path) or any(m.get("match") in ("eachValue", "values") for m in matchers)
        if not each:
            return [self.pattern(item, kind.element, (*path, str(n)), **more) for n, item in enumerate(example)]
        sizes: dict[str, Any] = {}
        for matcher in matchers:
            sizes |= {op: matcher[key] for key, op in (("min", "$gte"), ("max", "$lte")) if key in matcher}
        made: dict[str, Any] = {"$size": sizes} if sizes else {"$exists": True} if example else {}
        if example:
            inner = self._each_value(example[0], kind.element, (*path, "*"), matchers, more)
            made["$each"] = inner
        return made or {"$size": {"$gte": 0}}

    def _variants(self, example: list[Any], kind: ListType, variants: Any) -> list[Any]:
        """Return a pattern for each of the items that a list must hold somewhere; their rules are written apart."""
        found = []
        for variant in variants if isinstance(variants, list) else []:
            index = variant.get("index") if isinstance(variant, dict) else None
            if isinstance(index, int) and 0 <= index < len(example):
                rules = Rules.read(variant.get("rules") or {}, "arrayContains", lambda text, *_: self.warn(text))
                found.append(rules.pattern(example[index], kind.element))
        return found

    def _map(
        self, example: dict[Any, Any], kind: MapType, path: Steps, matchers: list[dict[str, Any]], more: dict[str, bool]
    ) -> Any:
        self._check(matchers, kind, path, _OF_MAPS)
        names = {matcher.get("match") for matcher in matchers}
        if names == {"notEmpty"}:
            return _SET
        if not (names & {"eachKey", "eachValue", "values"} or self.below(path)):
            return {key: self.pattern(item, kind.value, (*path, str(key)), **more) for key, item in example.items()}
        made: dict[str, Any] = {"$exists": True} if example else {}
        for matcher in matchers:
            if matcher.get("match") == "eachKey":
                made["$keys"] = self._of(matcher.get("rules"), next(iter(example), ""), kind.key, path)
        if example:
            first = next(iter(example.values()))
            made["$values"] = self._each_value(first, kind.value, (*path, "*"), matchers, more)
        return made

    def _each_value(
        self, example: Any, kind: ValueType, path: Steps, matchers: list[dict[str, Any]], more: dict[str, bool]
    ) -> Any:
        for matcher in matchers:
            if matcher.get("match") == "eachValue" and isinstance(kind, ScalarType):
                return self._of(matcher.get("rules"), example, kind, path)
        by_values = any(matcher.get("match") in ("values", "eachValue") for matcher in matchers)
        return self.pattern(example, kind, path, **{**more, "by_type": more["by_type"] or by_values})

    def _of(self, rules: Any, example: Any, kind: ValueType, path: Steps) -> Any:
        listed = [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
        return self._scalar(example, kind, path, listed, either=False, by_type=not listed)

    # Scalars ----------------------------------------------------------------------------------------

    def _scalar(
        self, example: Any, kind: ValueType, path: Steps, matchers: list[dict[str, Any]], *, either: bool, by_type: bool
    ) -> Any:
        found = [made for matcher in matchers if (made := self._one(matcher, example, kind, path)) is not None]
        if not found:
            return _of_type(kind) if by_type else example
        if len(found) == 1:
            return found[0]
        return {"$or" if either else "$and": found}

    def _one(self, matcher: dict[str, Any], example: Any, kind: ValueType, path: Steps) -> Any:
        """Return the pattern that says the same as one rule; without a counterpart, the example, and a warning."""
        name = str(matcher.get("match", ""))
        if name in _EQUALITY:
            return example
        found = _counterpart(name, kind)
        if found is None:
            is_text = kind.family is Family.STRING
            found = _text_counterpart(name, matcher) if is_text else _other_counterpart(name, matcher, kind)
        if found is None:
            self._warn(matcher, kind, path)
        return example if found is None else found

    # What can't be said -----------------------------------------------------------------------------

    def _check(self, matchers: list[dict[str, Any]], kind: ValueType, path: Steps, known: frozenset[str]) -> None:
        """Warn of each rule that has no counterpart for a kind of value; what is inside is compared then."""
        for matcher in matchers:
            if matcher.get("match") not in known:
                self._warn(matcher, kind, path)

    def _warn(self, matcher: dict[str, Any], kind: ValueType, path: Steps) -> None:
        name, shown = matcher.get("match") or matcher, ".".join(path) or "the message"
        self.warn(f"the rule {name!r} of {shown} ({kind.name}) has no counterpart; its example is compared.")


def _counterpart(name: str, kind: ValueType) -> Any:
    """Return the pattern for a rule that needs no more than its name; None if there is none."""
    match name:
        case "type" | "values":
            return _of_type(kind)
        case "notEmpty":
            return _SET
        case "null":
            return {"$exists": False}
        case "boolean":
            return _ANY_BOOL if kind.family is Family.PLAIN else _of_type(kind)
        case "number" | "integer" | "decimal":
            return {"$regex": _NUMERIC[name]} if kind.family is Family.STRING else _of_type(kind)
    return None


def _text_counterpart(name: str, matcher: Mapping[str, Any]) -> Any:
    """Return the pattern for a rule on strings; None if there is none."""
    match name:
        case "regex":
            return {"$regex": matcher["regex"]} if isinstance(matcher.get("regex"), str) else None
        case "include":
            return {"$contains": str(matcher.get("value", ""))}
        case "semver":
            return {"$regex": _SEMVER}
        case "date" | "time" | "timestamp" | "datetime":
            regex = date_regex(str(matcher.get("format") or matcher.get(name) or ""))
            return None if regex is None else {"$regex": regex} if regex else _SET
    return None


def _other_counterpart(name: str, matcher: Mapping[str, Any], kind: ValueType) -> Any:
    """Return the pattern for a rule on strings of the consumer's language that are none here; None if there is none."""
    if name == "regex" and isinstance(kind, ScalarType) and (names := _matching(matcher.get("regex"), kind.names)):
        return {"$in": names}
    return _SET if name in ("timestamp", "datetime") and kind is WELL_KNOWN["google.protobuf.Timestamp"] else None


def _matching(regex: Any, names: tuple[str, ...]) -> list[str]:
    """Return the names of an enum's values that a regular expression matches."""
    try:
        pattern = compile_regex(regex) if isinstance(regex, str) else None
    except ValueError:
        return []
    return [name for name in names if pattern is not None and pattern.search(name)]


def _of_type(kind: ValueType) -> Any:
    """Return the pattern that any value of a kind satisfies; where presence is seen, it has to be there."""
    if kind.family in Family.ORDERED | Family.FLOAT:
        return _ANY_NUMBER
    if kind.family is Family.PLAIN:
        return _ANY_BOOL if getattr(kind, "default", None) is False else _SET
    return _SET


def metadata_pattern(key: str, value: Any, rules: Rules) -> Any:
    """Return the pattern for one key of a request's metadata; its example is what a client sends."""
    text = str(value)
    matchers, _ = rules.at(_steps(key))
    for matcher in matchers:
        name = matcher.get("match")
        if name == "regex" and isinstance(matcher.get("regex"), str):
            return {"$or": [text, {"$regex": matcher["regex"]}]}
        if name not in _EQUALITY:
            return {"$or": [text, {"$exists": True}]}
    return text


def date_regex(written: str) -> str | None:
    """Turn a date format of Java into a regular expression; None if a letter of it isn't known."""
    if not written:
        return ""
    parts = []
    for found in re.finditer(r"'([^']*)'|([A-Za-z])\2*|(.)", written, re.DOTALL):
        quoted, letter, other = found.groups()
        if letter is None:
            parts.append(re.escape(quoted if quoted is not None else other))
        elif letter in "XxZOVz":
            parts.append(r"(Z|[+-]\d{2}:?(\d{2})?|[A-Za-z/_]+)")
        elif letter in _DIGITS and not (letter == "M" and len(found[0]) > 2):
            parts.append(rf"\d{{{len(found[0])}}}" if len(found[0]) > 1 else r"\d+")
        elif letter in "MEaG":
            parts.append(r"[\p{L}.]+")
        else:
            return None
    return f"^{''.join(parts)}$"


def _steps(path: str) -> Steps:
    """Take a path apart: ``$.shapes[0].edges.*`` becomes ``("shapes", "0", "edges", "*")``."""
    rest = path.removeprefix("$")
    found = []
    for match in _STEP.finditer(rest):
        name, index, quoted = match.groups()
        found.append(name or index or quoted or "*")
    return tuple(found)
