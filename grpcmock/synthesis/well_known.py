"""The well-known types that are made whole, not field by field: moments, durations, masks, JSON values, Any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grpcmock.errors import SchemaError
from grpcmock.synthesis import numbers, words
from grpcmock.synthesis.values import ValueRequest

if TYPE_CHECKING:
    from grpcmock.schema import Registry
    from grpcmock.synthesis.keyed_random import KeyedRandom

_SECOND = 10**9
_DAY = 86_400 * _SECOND
_FIRST, _LAST = -62_135_596_800 * _SECOND, 253_402_300_799 * _SECOND + _SECOND - 1
_LONGEST = 315_576_000_000 * _SECOND
_FUTURE = int(datetime(2035, 1, 1, tzinfo=UTC).timestamp()) * _SECOND

Filler = Callable[[Any, ValueRequest, "Registry", datetime], bool]
"""Fills a message; False says that it is better left unset."""


def _fill_timestamp(message: Any, wish: ValueRequest, _: Registry, now: datetime) -> bool:
    rules = dict(wish.rules.values)
    moment = wish.context.moment(frozenset(wish.plan.label.split("_")))
    if moment is None and not wish.plan.must:
        return False
    likely = (wish.context.created if moment is None else moment) * _SECOND
    today = int(now.timestamp()) * _SECOND
    if rules.pop("lt_now", False):
        rules["lt"] = today
    if rules.pop("gt_now", False):
        rules["gt"] = today + _DAY
        likely = max(likely, _FUTURE)
    if "within" in rules:
        reach = _nanos(rules.pop("within"))
        rules |= {"gte": today - reach * 3 // 4, "lte": today + reach * 3 // 4}
    spread = 0 if not wish.refused else 10**wish.refused * _SECOND
    kind = numbers.Range(_FIRST, _LAST, max(_FIRST, likely - spread), min(_LAST, likely + spread), _SECOND)
    _set_nanos(message, numbers.integer(_as_nanos(rules), kind, wish.random))
    return True


def _fill_duration(message: Any, wish: ValueRequest, _: Registry, __: datetime) -> bool:
    low, high = wish.plan.span or (1, 120)
    if wish.refused:
        low, high = 0, 10**wish.refused
    kind = numbers.Range(-_LONGEST, _LONGEST, int(low) * _SECOND, int(high) * _SECOND, _SECOND)
    nanos = numbers.integer(_as_nanos(wish.rules.values), kind, wish.random)
    message.seconds = abs(nanos) // _SECOND * (1 if nanos >= 0 else -1)
    message.nanos = abs(nanos) % _SECOND * (1 if nanos >= 0 else -1)
    return True


def _as_nanos(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Turn rules about timestamps or durations into rules about integers."""
    found: dict[str, Any] = {}
    for name, value in rules.items():
        if name in ("in", "not_in", "example"):
            found[name] = [_nanos(item) for item in value]
        else:
            found[name] = value if isinstance(value, int) else _nanos(value)
    return found


def _nanos(value: Any) -> int:
    return int(value.seconds) * _SECOND + int(value.nanos)


def _set_nanos(message: Any, nanos: int) -> None:
    message.seconds, message.nanos = divmod(nanos, _SECOND)


def _fill_mask(message: Any, wish: ValueRequest, _: Registry, __: datetime) -> bool:
    rules, random = wish.rules.values, wish.random
    if "const" in rules:
        message.paths.extend(rules["const"].paths)
        return True
    around = wish.plan.descriptor.containing_type
    siblings = [field.name for field in around.fields if field.name != wish.plan.name] if around is not None else []
    refused = rules.get("not_in", ())
    allowed = [p for p in rules.get("in") or siblings if not any(p == n or p.startswith(f"{n}.") for n in refused)]
    if allowed:
        message.paths.append(random.choice(allowed))
    return True


def _fill_any(message: Any, wish: ValueRequest, registry: Registry, _: datetime) -> bool:
    """Put an empty message of an allowed type inside; without rules, a string that every client can read."""
    rules = wish.rules.values
    if allowed := rules.get("in"):
        message.type_url = wish.random.choice([url for url in allowed if url not in rules.get("not_in", ())] or allowed)
        return True
    for name in ("google.protobuf.StringValue", "google.protobuf.Duration", "google.protobuf.Empty"):
        url = f"type.googleapis.com/{name}"
        if url in rules.get("not_in", ()):
            continue
        message.type_url = url
        try:
            content = registry.message(name)()
        except SchemaError:
            continue
        if name.endswith("StringValue"):
            content.value = wish.random.choice(words.SENTENCES)  # type: ignore[attr-defined]
        message.value = content.SerializeToString(deterministic=True)
        return True
    return wish.plan.must or bool(message.type_url)


def _fill_struct(message: Any, wish: ValueRequest, _: Registry, __: datetime) -> bool:
    random = wish.random
    for key, text in _labels(random):
        message.fields[key].string_value = text
    message.fields["count"].number_value = random.between(1, 20)
    message.fields["enabled"].bool_value = True
    return True


def _fill_json(message: Any, wish: ValueRequest, _: Registry, __: datetime) -> bool:
    message.string_value = wish.random.choice(words.NOUNS)
    return True


def _fill_json_list(message: Any, wish: ValueRequest, _: Registry, __: datetime) -> bool:
    for word in (wish.random.choice(words.TAGS), wish.random.choice(words.COLORS)):
        message.values.add().string_value = word
    return True


def _labels(random: KeyedRandom) -> list[tuple[str, str]]:
    first = random.below(len(words.LABELS) - 1)
    return list(words.LABELS[first : first + 2])


FILLERS: dict[str, Filler] = {
    "google.protobuf.Timestamp": _fill_timestamp,
    "google.protobuf.Duration": _fill_duration,
    "google.protobuf.FieldMask": _fill_mask,
    "google.protobuf.Any": _fill_any,
    "google.protobuf.Struct": _fill_struct,
    "google.protobuf.Value": _fill_json,
    "google.protobuf.ListValue": _fill_json_list,
    "google.protobuf.Empty": lambda *_: True,
}
