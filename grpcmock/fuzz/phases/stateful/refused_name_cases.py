"""Names of things that were refused for something else in the request: they are as free as if nobody had asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_paths import path_of, reachable
from grpcmock.fuzz.learning.accepted_requests import is_there, varied
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import REFUSED_NAMES, Case, Expect, Phase
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST = 5
_CONTROLS = 2
_SMALL = 1_000_000
"""Below it there are so few numbers that another one may well be taken by what came before."""

_UNDECLARED = 4_711
_ENDLESS = "x" * 70_000
_SPOILS = {
    FieldDescriptor.CPPTYPE_ENUM: _UNDECLARED,
    FieldDescriptor.CPPTYPE_STRING: _ENDLESS,
    FieldDescriptor.CPPTYPE_INT32: -1,
    FieldDescriptor.CPPTYPE_INT64: -1,
    FieldDescriptor.CPPTYPE_DOUBLE: float("nan"),
    FieldDescriptor.CPPTYPE_FLOAT: float("nan"),
}
"""Values that servers refuse, as a rule, by the types of fields; a kind of field after the other is tried."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the case of a method whose things the server tells apart by one value: requests with other mistakes, each
    of its own value, two right ones of others, and then right ones of the values that came with mistakes.

    The values are others in each run: an earlier one may have left what it made.
    """
    own = plan.acceptance.first.get(method.path)
    if own is None or own.own_id is None or method.kind is not MethodKind.UNARY or own.later:
        return
    base = own.message if is_there(own.message, own.own_id) else own.fullest
    if not is_there(base, own.own_id) or not plan.acceptance.may_make(method):
        return
    wrong = list(islice(_spoiled(own, base), _MOST))
    salt, key = token_hex(8), value_at(base, own.own_id)
    if isinstance(key, int) and abs(key) < _SMALL:
        return
    keys = [_other(key, f"{salt} {number}") for number in range(len(wrong) + _CONTROLS)]
    if not wrong or len(set(keys)) < len(keys):
        return
    right = [_named(base, own.own_id, one) for one in (*keys[len(wrong) :], *keys[: len(wrong)])]
    bad = [_named(one, own.own_id, name) for one, name in zip(wrong, keys, strict=False)]
    calls = own.calls(*bad, *right, salt="refused names")
    yield Case(
        id=f"stateful/{method.full_name}/refused-names",
        phase=Phase.STATEFUL,
        method=method,
        calls=calls,
        setup=len(calls) - len(bad) - len(right),
        why=f"{'.'.join(map(str, own.own_id))} that came with a mistake, and then without one",
        expect=Expect.ANY,
        path=".".join(map(str, own.own_id)),
        rule=REFUSED_NAMES,
        targets=frozenset({"leak_on_failure"}),
        shrinks_as_one=True,
    )


def _spoiled(own: AcceptedRequest, base: Message) -> Iterator[Message]:
    """Yield the request with one field as a server may well refuse it: first one of each type, then the others."""
    assert own.own_id is not None
    seen: set[int] = set()
    ways = [way for way in reachable(own.method.input) if len(way) <= 2 and not any(step.is_repeated for step in way)]
    first: list[Message] = []
    others: list[Message] = []
    for way in ways:
        path, field = path_of(way), way[-1]
        if path == own.own_id or path in own.references or field.type == field.TYPE_BYTES:
            continue
        if field.cpp_type not in _SPOILS or (len(way) > 1 and not base.HasField(path[0])):
            continue
        message: Any = type(base)()
        message.CopyFrom(base)
        with suppress(TypeError, ValueError):
            put(message, path, _SPOILS[field.cpp_type])
            (others if field.cpp_type in seen else first).append(message)
            seen.add(field.cpp_type)
    yield from (*first, *others)


def _other(key: Any, salt: str) -> Any:
    """Return another value of the same form; a number is less than the one that was taken: that may be near a limit."""
    other = varied(key, salt)
    return key // 10 + other % (key - key // 10) if isinstance(key, int) and key > 0 else other


def _named(message: Message, path: Path, name: Any) -> bytes:
    named = type(message)()
    named.CopyFrom(message)
    put(named, path, name)
    return named.SerializePartialToString(deterministic=True)
