"""Compare what ``buf.validate`` demands of two fields, or messages: is more refused than before, or less?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.drift.differences import COMPATIBLE, JSON, WIRE, Use
from grpcmock.schema.annotations import Rules

if TYPE_CHECKING:
    from grpcmock.drift.comparison import Comparison
    from grpcmock.drift.views import Field, Message

_LOWER = frozenset({"gt", "gte", "min_len", "min_bytes", "min_items", "min_pairs"})
_UPPER = frozenset({"lt", "lte", "max_len", "max_bytes", "max_items", "max_pairs"})
_ALLOWED = frozenset({"in"})
_FORBIDDEN = frozenset({"not_in"})

_TIGHTER, _LOOSER, _OTHER = "tighter", "looser", "other"


def compare(comparison: Comparison, old: Field, new: Field, touches: Iterable[Use]) -> None:
    """Note whether the rules of a field have become tighter or looser, as far as that can be told."""
    changes = dict(_changes(old.options.rules, new.options.rules))
    if not changes or old.type != new.type or old.cardinality != new.cardinality:
        return
    _note(comparison, old, new, ", ".join(sorted(changes)), set(changes.values()), touches)


def compare_messages(comparison: Comparison, old: Message, new: Message) -> None:
    """Note whether what is demanded of the fields of a message together has become more or less."""
    gone, fresh = old.demands - new.demands, new.demands - old.demands
    if gone or fresh:
        # Where something is demanded instead of something else, only the rules themselves tell which is more.
        kinds = {_OTHER if gone and fresh else _TIGHTER if fresh else _LOOSER}
        touches: set[Use] = {("message", old.full_name), ("message", new.full_name)}
        _note(comparison, old, new, ", ".join(sorted(gone | fresh)), kinds, touches)


def _note(
    comparison: Comparison,
    old: Field | Message,
    new: Field | Message,
    named: str,
    kinds: set[str],
    touches: Iterable[Use],
) -> None:
    if kinds == {_LOOSER}:
        rule, breaks = "rules-loosened", COMPATIBLE
        why = "What was valid still is; who checks by the stricter rules refuses what the other side may write."
    elif kinds == {_OTHER}:
        rule, breaks = "rules-changed", COMPATIBLE
        why = "Whether more is refused than before can't be told from here: look at the rules."
    else:
        rule, breaks = "rules-tightened", WIRE | JSON
        why = "Requests that were valid are refused, mostly with INVALID_ARGUMENT."
    message = f"its buf.validate rules differ {comparison.now} ({named})"
    hint = "Send values that the stricter rules allow." if breaks else ""
    comparison.found(rule, old, new, breaks, message, why, hint, touches)


def _changes(old: Rules, new: Rules, prefix: str = "") -> Iterable[tuple[str, str]]:
    """Give the rules that differ, by name, each with what it has become."""
    if old == new:
        return
    if old.required != new.required:
        yield f"{prefix}required", _TIGHTER if new.required else _LOOSER
    if old.zero_is_free != new.zero_is_free:
        yield f"{prefix}ignore", _LOOSER if new.zero_is_free else _TIGHTER
    if old.cel != new.cel:
        yield f"{prefix}cel", _TIGHTER if {*old.cel} < {*new.cel} else _LOOSER if {*old.cel} > {*new.cel} else _OTHER
    yield from ((prefix + name, kind) for name, kind in _value_changes(old.values, new.values))
    for part in ("items", "keys", "entries"):
        yield from _changes(getattr(old, part) or Rules(), getattr(new, part) or Rules(), f"{prefix}{part}.")


def _value_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name in {*old, *new}:
        before, after = _value(name, old), _value(name, new)
        if before == after:
            continue
        if before is None:
            yield name, _TIGHTER
        elif after is None:
            yield name, _LOOSER
        else:
            yield name, _direction(name, before, after)


def _direction(name: str, before: Any, after: Any) -> str:
    try:
        if name in _LOWER:
            return _TIGHTER if after > before else _LOOSER
        if name in _UPPER:
            return _TIGHTER if after < before else _LOOSER
        if name in _ALLOWED | _FORBIDDEN:
            fewer, more = set(after) < set(before), set(after) > set(before)
            if name in _FORBIDDEN:
                fewer, more = more, fewer
            return _TIGHTER if fewer else _LOOSER if more else _OTHER
    except TypeError:  # messages, such as durations, have no order
        return _OTHER
    return _OTHER


def _value(name: str, rules: Mapping[str, Any]) -> Any:
    """Give the value of a rule; None if there is none, or if it is switched off."""
    value = _plain(rules.get(name))
    return None if value is False and name != "const" else value


def _plain(value: Any) -> Any:
    """Give a value in a form that compares across descriptor pools."""
    if hasattr(value, "SerializeToString"):
        return value.SerializeToString(deterministic=True)
    if not isinstance(value, (str, bytes)) and hasattr(value, "__iter__"):
        return tuple(_plain(item) for item in value)
    return value
