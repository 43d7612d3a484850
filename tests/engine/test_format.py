# mypy: disable-error-code="arg-type"
"""The stub format, sentence by sentence: each row is a stub as a user writes it, a call, and what must come of it.

The sections are those of the specification. Stubs go the whole way: text, loader, compiler, engine; only the network is
left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from playbook import engine
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Open, Receive, Reset, Send, Truncate, Wait
from grpcmock.errors import GrpcmockError, Problems, StubError
from grpcmock.responses.faults import FAULTS
from grpcmock.schema import sources
from grpcmock.schema.codec import build
from grpcmock.stubs import loader
from grpcmock.stubs.yaml import parse

REGISTRY = registry("kitchen_sink.proto", "user.proto", "legacy.proto")
KITCHEN = "kitchen.KitchenService"
UNARY, STREAM, COLLECT, BIDI = (f"{KITCHEN}/{name}" for name in ("Unary", "ServerStream", "ClientStream", "Bidi"))


@dataclass
class Outcome:
    """What a client would see of a call."""

    replies: list[Any] = field(default_factory=list)
    headers: list[tuple[str, str | bytes]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    code: str = ""
    message: str = ""
    trailers: tuple[tuple[str, str | bytes], ...] = ()
    stub: str | None = None
    last: object = None
    order: list[str] = field(default_factory=list)

    @property
    def missed(self) -> bool:
        return ("grpcmock-miss", "1") in self.trailers


def to_plain(message: Any) -> Any:
    """Give ProtoJSON by protobuf's own hand, with the names of the proto."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=REGISTRY.pool)


def load(text: str, protos: Any = REGISTRY, **options: Any) -> Engine:
    return engine(protos, text, **options)


def trees(text: str) -> list[Any]:
    """Read a YAML list of messages."""
    problems = Problems()
    [node] = parse(text, "messages.yaml", problems)
    assert not len(problems), [str(problem) for problem in problems]
    assert node.is_list
    return node.value


def call(mock: Engine, method: str, requests: str = "[{}]", **opened: Any) -> Outcome:
    """Make a call: send all requests as the engine takes them, then half-close; do what it says until it ends."""
    described = mock.registry.method(method)
    problems = Problems()
    messages = [build(node, described.request_class, mock.registry, problems) for node in trees(requests)]
    assert not len(problems), [str(problem) for problem in problems]
    events = iter([*(Message(message.SerializeToString()) for message in messages), HALF_CLOSE])
    exchange = mock.open(Open(described.path, **opened))
    outcome = Outcome()
    step = exchange.resume()
    for _ in range(200):
        outcome.order.append(type(step).__name__)
        match step:
            case Receive():
                step = exchange.resume(next(events))
                continue
            case Send():
                try:
                    reply = described.response_class.FromString(step.data)
                except DecodeError:
                    outcome.replies.append(step.data)
                else:
                    outcome.replies.append(to_plain(reply))
            case Headers():
                outcome.headers += step.metadata
            case Wait():
                outcome.waits.append(step.seconds)
                if step.seconds == math.inf:
                    break
            case Finish():
                outcome.code, outcome.message, outcome.trailers = step.code.name, step.message, step.trailers
                break
            case Reset() | Truncate():
                break
        step = exchange.resume()
    outcome.last = step
    exchange.cancel()
    outcome.stub = exchange.call.stub.name if exchange.call.stub else None
    return outcome


def errors(text: str, **options: Any) -> list[str]:
    """Load stubs that are wrong, and give what is said of them."""
    with pytest.raises(StubError) as caught:
        load(text, **options)
    return [str(problem) for problem in caught.value.problems]


# Patterns: each with messages that it must match, and messages that it must not --------------------

PATTERNS = [
    # ProtoJSON on both sides.
    ("snake_case and lowerCamelCase", "{fInt32: 1, f_string: a}", "[{f_int32: 1, f_string: a}]", "[{f_int32: 1}]"),
    ("a json_name of one's own", "{another-name: a}", "[{renamed: a}]", "[{}]"),
    ("enum by name", "{f_enum: COLOR_RED}", "[{f_enum: 1}]", "[{f_enum: 2}, {}]"),
    ("enum by number", "{f_enum: 5}", "[{f_enum: COLOR_BLUE}]", "[{}]"),
    ("enum by an undeclared number", "{f_enum: 77}", "[{f_enum: 77}]", "[{f_enum: 78}]"),
    ("enum by an alias", "{size: SIZE_LARGE}", "[{size: SIZE_BIG}]", "[{}]"),
    (
        "64 bits are exact as a number",
        "{f_int64: 9007199254740993}",
        "[{f_int64: '9007199254740993'}]",
        "[{f_int64: 9007199254740992}]",
    ),
    ("64 bits are exact as a string", "{f_uint64: '18446744073709551615'}", "[{f_uint64: 18446744073709551615}]", "[]"),
    ("bytes as base64", "{f_bytes: aGk=}", "[{f_bytes: aGk=}]", "[{f_bytes: aGo=}, {}]"),
    ("bytes as URL-safe base64 without padding", "{f_bytes: _-8}", "[{f_bytes: /+8=}]", "[]"),
    (
        "Timestamp as RFC 3339, whatever the offset",
        "{w_timestamp: '2024-01-01T01:00:00+01:00'}",
        "[{w_timestamp: '2024-01-01T00:00:00Z'}]",
        "[{w_timestamp: '2024-01-01T00:00:00.001Z'}]",
    ),
    ("an unquoted Timestamp", "{w_timestamp: 2024-01-01T00:00:00Z}", "[{w_timestamp: '2024-01-01T00:00:00Z'}]", "[]"),
    ("Duration", "{w_duration: 1.5s}", "[{w_duration: 1.500s}]", "[{w_duration: 1s}, {}]"),
    ("wrappers as plain values", "{w_int64: '5'}", "[{w_int64: 5}]", "[{w_int64: 6}, {}]"),
    ("a wrapper of the default is set", "{w_string: ''}", "[{w_string: ''}]", "[{}]"),
    (
        "Struct as plain YAML",
        "{w_struct: {a: {b: [1, x, null]}}}",
        "[{w_struct: {a: {b: [1, x, null]}, c: 1}}]",
        "[{w_struct: {a: {b: [1, x]}}}]",
    ),
    ("Value", "{w_value: [1, a]}", "[{w_value: [1, a]}]", "[{w_value: [1]}, {}]"),
    ("ListValue", "{w_list: [1, {a: b}]}", "[{w_list: [1, {a: b}]}]", "[{w_list: [1]}, {}]"),
    ("FieldMask", "{w_field_mask: 'a,b.c'}", "[{w_field_mask: 'b.c,a'}]", "[{w_field_mask: a}]"),
    (
        "Any",
        "{w_any: {'@type': type.googleapis.com/kitchen.Nested, name: a}}",
        "[{w_any: {'@type': type.googleapis.com/kitchen.Nested, name: a, number: 1}}]",
        "[{w_any: {'@type': x/kitchen.Nested, name: b}}, {w_any: {'@type': x/google.protobuf.Duration, value: 1s}}]",
    ),
    ("float at its own width", "{f_float: 0.1}", "[{f_float: 0.1}]", "[{f_float: 0.2}]"),
    ("keys of a map are integers", "{m_int32_string: {-7: a}}", "[{m_int32_string: {'-7': a}}]", "[{}]"),
    ("keys of a map are bools", "{m_bool_bool: {true: false}}", "[{m_bool_bool: {'true': false}}]", "[{}]"),
    ("YAML 1.2: no is a string", "{f_string: no}", "[{f_string: 'no'}]", "[{}]"),
    ("YAML 1.2: on and yes are strings", "{r_string: [on, yes]}", "[{r_string: ['on', 'yes']}]", "[{}]"),
    # Patterns.
    ("a mapping is a subset", "{f_message: {name: a}}", "[{f_message: {name: a, number: 1}, f_int32: 1}]", "[{}]"),
    ("a list matches element by element", "{r_int32: [1, 2]}", "[{r_int32: [1, 2]}]", "[{r_int32: [2, 1]}]"),
    ("a list has the same length", "{r_int32: [1]}", "[{r_int32: [1]}]", "[{r_int32: [1, 1]}, {}]"),
    ("elements are patterns", "{r_int32: [{$gt: 1}]}", "[{r_int32: [2]}]", "[{r_int32: [1]}]"),
    (
        "the named keys of a map",
        "{m_string_int32: {a: 1}}",
        "[{m_string_int32: {a: 1, b: 2}}]",
        "[{m_string_int32: {a: 2}}, {m_string_int32: {b: 1}}]",
    ),
    ("null: absent", "{o_int32: null}", "[{}]", "[{o_int32: 0}]"),
    ("null without presence: at the default", "{f_int32: null}", "[{}, {f_int32: 0}]", "[{f_int32: 1}]"),
    ("null on a message", "{f_message: null}", "[{}]", "[{f_message: {}}]"),
    ("null on a list", "{r_int32: null}", "[{}]", "[{r_int32: [0]}]"),
    ("several operators are AND-ed", "{f_int32: {$gt: 1, $lt: 3}}", "[{f_int32: 2}]", "[{f_int32: 1}, {f_int32: 3}]"),
    ("an empty pattern", "{}", "[{}, {f_int32: 1}]", "[]"),
    # On anything.
    ("$eq", "{f_int32: {$eq: 1}}", "[{f_int32: 1}]", "[{}]"),
    ("$ne", "{f_int32: {$ne: 1}}", "[{}, {f_int32: 2}]", "[{f_int32: 1}]"),
    ("$in", "{f_string: {$in: [a, b]}}", "[{f_string: a}, {f_string: b}]", "[{}, {f_string: c}]"),
    ("$in on a message", "{f_message: {$in: [{name: a}]}}", "[{f_message: {name: a}}]", "[{f_message: {name: b}}]"),
    ("$nin", "{f_string: {$nin: [a, b]}}", "[{}, {f_string: c}]", "[{f_string: a}]"),
    ("$nin of nothing", "{f_string: {$nin: []}}", "[{}, {f_string: c}]", "[]"),
    ("$in of nothing", "{f_string: {$in: []}}", "[]", "[{}, {f_string: c}]"),
    ("$exists", "{o_int32: {$exists: true}}", "[{o_int32: 0}]", "[{}]"),
    ("$exists: false", "{o_int32: {$exists: false}}", "[{}]", "[{o_int32: 0}]"),
    ("$not", "{f_int32: {$not: {$gt: 3}}}", "[{}, {f_int32: 3}]", "[{f_int32: 4}]"),
    ("$not of a plain value", "{f_message: {$not: {name: a}}}", "[{}, {f_message: {}}]", "[{f_message: {name: a}}]"),
    ("$and", "{f_int32: {$and: [{$gt: 1}, {$ne: 3}]}}", "[{f_int32: 2}]", "[{f_int32: 3}]"),
    ("$or", "{f_int32: {$or: [1, {$gt: 5}]}}", "[{f_int32: 1}, {f_int32: 6}]", "[{f_int32: 2}]"),
    ("$or at the root", "{$or: [{f_int32: 1}, {f_string: a}]}", "[{f_int32: 1}, {f_string: a}]", "[{}]"),
    # Order.
    ("$gt on int64 is exact", "{f_int64: {$gt: 9007199254740992}}", "[{f_int64: '9007199254740993'}]", "[{}]"),
    ("$gte and $lte on strings", "{f_string: {$gte: b, $lte: c}}", "[{f_string: bz}]", "[{f_string: a}, {}]"),
    ("enums by number", "{f_enum: {$gt: COLOR_RED}}", "[{f_enum: COLOR_BLUE}]", "[{f_enum: COLOR_RED}]"),
    ("enums against a number", "{f_enum: {$lt: 0}}", "[{f_enum: COLOR_NEGATIVE}]", "[{}]"),
    (
        "Timestamp",
        "{w_timestamp: {$gte: '2024-01-01T00:00:00Z'}}",
        "[{w_timestamp: '2024-01-01T00:00:00Z'}]",
        "[{w_timestamp: '2023-12-31T23:59:59.999999999Z'}, {}]",
    ),
    ("Duration is ordered", "{w_duration: {$lt: 1s}}", "[{w_duration: 0.999s}, {w_duration: -5s}]", "[{}]"),
    ("$approx", "{f_double: {$approx: {value: 1, within: 0.1}}}", "[{f_double: 1.05}]", "[{f_double: 1.2}]"),
    # Strings.
    ("$regex searches", "{f_string: {$regex: b+}}", "[{f_string: abba}]", "[{f_string: a}]"),
    ("$glob is about the whole", "{f_string: {$glob: 'a*'}}", "[{f_string: a/b/c}]", "[{f_string: ba}]"),
    ("$glob with ? and […]", "{f_string: {$glob: '?[xy]'}}", "[{f_string: ax}]", "[{f_string: az}, {f_string: x}]"),
    ("$prefix", "{f_string: {$prefix: ab}}", "[{f_string: abc}]", "[{f_string: cab}]"),
    ("$suffix", "{f_string: {$suffix: ab}}", "[{f_string: cab}]", "[{f_string: abc}]"),
    ("$contains", "{f_string: {$contains: b}}", "[{f_string: abc}]", "[{f_string: ac}]"),
    ("$ignoreCase folds Unicode", "{f_string: {$ignoreCase: STRASSE}}", "[{f_string: straße}]", "[{f_string: s}]"),
    ("$size counts code points", "{f_string: {$size: 2}}", "[{f_string: ä😈}]", "[{f_string: ä}]"),
    ("$size takes a pattern", "{f_string: {$size: {$gt: 2}}}", "[{f_string: abc}]", "[{f_string: ab}]"),
    (
        "$json",
        "{f_string: {$json: {a: {$gt: 1}}}}",
        """[{f_string: '{"a": 2, "b": 1}'}]""",
        """[{f_string: '{"a": 1}'}, {f_string: '{'}, {}]""",
    ),
    # Bytes.
    ("$size counts bytes", "{f_bytes: {$size: 2}}", "[{f_bytes: aGk=}]", "[{}]"),
    ("$prefix on bytes", "{f_bytes: {$prefix: aA==}}", "[{f_bytes: aGk=}]", "[{f_bytes: aWg=}]"),
    (
        "$message",
        "{f_bytes: {$message: {type: kitchen.Nested, pattern: {name: hi}}}}",
        "[{f_bytes: CgJoaQ==}]",
        "[{f_bytes: CgJobw==}, {f_bytes: CgJo}]",
    ),
    # Lists.
    ("$size on lists", "{r_int32: {$size: 2}}", "[{r_int32: [1, 1]}]", "[{}]"),
    ("$first", "{r_int32: {$first: 1}}", "[{r_int32: [1, 2]}]", "[{r_int32: [2, 1]}, {}]"),
    ("$last", "{r_int32: {$last: 1}}", "[{r_int32: [2, 1]}]", "[{r_int32: [1, 2]}, {}]"),
    ("$each", "{r_int32: {$each: {$gt: 1}}}", "[{r_int32: [2, 3]}, {}]", "[{r_int32: [2, 1]}]"),
    ("$some", "{r_int32: {$some: 1}}", "[{r_int32: [2, 1]}]", "[{r_int32: [2]}, {}]"),
    ("$all", "{r_int32: {$all: [1, {$gt: 5}]}}", "[{r_int32: [6, 1, 2]}]", "[{r_int32: [1]}]"),
    ("one element may serve several of $all", "{r_int32: {$all: [{$gt: 1}, {$lt: 5}]}}", "[{r_int32: [3]}]", "[{}]"),
    (
        "$unordered is a permutation",
        "{r_int32: {$unordered: [1, {$gt: 0}]}}",
        "[{r_int32: [2, 1]}, {r_int32: [1, 2]}, {r_int32: [1, 1]}]",
        "[{r_int32: [2, 2]}, {r_int32: [1]}, {r_int32: [1, 2, 3]}]",
    ),
    # Maps.
    ("$size on maps", "{m_string_int32: {$size: 1}}", "[{m_string_int32: {a: 1}}]", "[{}]"),
    ("$keys", "{m_string_int32: {$keys: {$prefix: a}}}", "[{m_string_int32: {a: 1, ab: 2}}, {}]",
     "[{m_string_int32: {a: 1, b: 2}}]"),
    ("$values", "{m_string_int32: {$values: {$gt: 1}}}", "[{m_string_int32: {a: 2}}, {}]",
     "[{m_string_int32: {a: 1}}]"),
    # Messages and oneofs.
    (
        "$only",
        "{f_message: {$only: {name: a}}}",
        "[{f_message: {name: a}}]",
        "[{f_message: {name: a, number: 1}}, {f_message: {}}, {}]",
    ),
    ("$only at the root", "{$only: {f_int32: 1}}", "[{f_int32: 1}]", "[{f_int32: 1, f_string: a}]"),
    (
        "$only is exact at its own level",
        "{$only: {f_message: {deeper: {text: a}}}}",
        "[{f_message: {deeper: {text: a, big: 1}, name: b}}]",
        "[{f_message: {deeper: {text: a}}, f_int32: 1}]",
    ),
    ("$only {}", "{f_message: {$only: {}}}", "[{f_message: {}}]", "[{f_message: {name: a}}, {}]"),
    ("a member of a oneof", "{c_int32: 0}", "[{c_int32: 0}]", "[{}, {c_string: ''}]"),
    ("member: null", "{c_int32: null}", "[{}, {c_string: a}]", "[{c_int32: 0}]"),
    # Fine print: presence.
    ("a plain default needs the field to be set", "{o_int32: 0}", "[{o_int32: 0}]", "[{}]"),
    ("{} on a message means set", "{f_message: {}}", "[{f_message: {}}, {f_message: {name: a}}]", "[{}]"),
    ("$exists without presence", "{f_int32: {$exists: true}}", "[{f_int32: 1}]", "[{f_int32: 0}, {}]"),
    ("$exists on lists", "{r_int32: {$exists: true}}", "[{r_int32: [0]}]", "[{}]"),
    ("$exists on maps", "{m_string_int32: {$exists: false}}", "[{}]", "[{m_string_int32: {a: 0}}]"),
    ("$ne on an absent field", "{o_int32: {$ne: 0}}", "[{}, {o_int32: 1}]", "[{o_int32: 0}]"),
    ("$nin on an absent field", "{o_int32: {$nin: [0]}}", "[{}]", "[{o_int32: 0}]"),
    ("$not on an absent field", "{o_int32: {$not: {$lt: 5}}}", "[{}, {o_int32: 5}]", "[{o_int32: 4}]"),
    ("comparisons on an absent field", "{o_int32: {$lt: 5}}", "[{o_int32: 0}]", "[{}]"),
    ("null on Value is the JSON null", "{w_value: null}", "[{w_value: null}]", "[{}, {w_value: 1}]"),
    ("$exists: false on Value", "{w_value: {$exists: false}}", "[{}]", "[{w_value: null}]"),
    ("null inside Struct", "{w_struct: {a: null}}", "[{w_struct: {a: null}}]", "[{w_struct: {}}, {w_struct: {a: 1}}]"),
    ("null inside $json", "{f_string: {$json: {a: null}}}", """[{f_string: '{"a": null}'}]""", "[{f_string: '{}'}]"),
    # Fine print: operators.
    ("$eq with a mapping is exact and deep", "{f_message: {$eq: {deeper: {text: a}}}}",
     "[{f_message: {deeper: {text: a}}}]",
     "[{f_message: {deeper: {text: a, big: 1}}}, {f_message: {deeper: {text: a}, name: b}}]"),
    ("$eq with a map is exact", "{m_string_int32: {$eq: {a: 1}}}", "[{m_string_int32: {a: 1}}]",
     "[{m_string_int32: {a: 1, b: 2}}]"),
    ("$in with a mapping is exact", "{f_message: {$in: [{name: a}]}}", "[{f_message: {name: a}}]",
     "[{f_message: {name: a, number: 1}}]"),
    ("operators on wrappers", "{w_int64: {$gt: 5}}", "[{w_int64: 6}]", "[{w_int64: 5}, {}]"),
    ("operators in Struct", "{w_struct: {a: {$gt: 1}}}", "[{w_struct: {a: 2}}]",
     "[{w_struct: {a: b}}, {w_struct: {}}]"),
    ("operators on Value", "{w_value: {$prefix: a}}", "[{w_value: ab}]", "[{w_value: 1}, {}]"),
    (
        "operators in an Any",
        "{w_any: {'@type': type.googleapis.com/kitchen.Nested, number: {$gt: 1}}}",
        "[{w_any: {'@type': type.googleapis.com/kitchen.Nested, number: 2}}]",
        "[{w_any: {'@type': type.googleapis.com/kitchen.Nested, number: 1}}]",
    ),
    ("NaN equals NaN", "{f_double: NaN}", "[{f_double: NaN}]", "[{f_double: 1}, {}]"),
    ("$ne NaN", "{f_double: {$ne: NaN}}", "[{f_double: 1}, {}]", "[{f_double: NaN}]"),
    ("infinities", "{f_float: -Infinity}", "[{f_float: -Infinity}]", "[{f_float: Infinity}]"),
    ("a string for a number", "{f_int32: '1'}", "[{f_int32: 1}]", "[{}]"),
    ("a FieldMask is a set", "{w_field_mask: 'b,a,a'}", "[{w_field_mask: 'a,b'}]", "[{w_field_mask: 'a'}]"),
    ("-0.0 is 0.0", "{f_double: 0}", "[{f_double: -0.0}, {}]", "[{f_double: 1}]"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "matching", "others"), [row[1:] for row in PATTERNS], ids=[r[0] for r in PATTERNS])
def test_patterns(pattern: str, matching: str, others: str) -> None:
    mock = load(f"- name: it\n  method: {UNARY}\n  request: {pattern}\n")
    for verdict, messages in (("it", matching), (None, others)):
        for node in trees(messages):
            problems = Problems()
            message = build(node, REGISTRY.message("kitchen.Everything"), REGISTRY, problems)
            assert not len(problems), [str(problem) for problem in problems]
            exchange = mock.open(Open(f"/{UNARY}"))
            exchange.resume()
            exchange.resume(Message(message.SerializeToString()))
            exchange.resume(HALF_CLOSE)
            chosen = exchange.call.stub
            assert (chosen.name if chosen else None) == verdict, node.plain()
            exchange.cancel()


# Messages of answers: each as YAML, and as the ProtoJSON that protobuf itself reads -----------------

ANSWERS = [
    ("{fInt32: 1, f_string: a}", {"f_int32": 1, "f_string": "a"}),
    ("{f_enum: COLOR_RED, r_enum: [1, COLOR_BLUE, 99]}", {"f_enum": "COLOR_RED", "r_enum": [1, 5, 99]}),
    ("{f_int64: 9007199254740993, f_uint64: '18446744073709551615'}",
     {"f_int64": "9007199254740993", "f_uint64": "18446744073709551615"}),
    ("{f_int32: '7', f_double: '1.5', f_uint32: 1e3}", {"f_int32": 7, "f_double": 1.5, "f_uint32": 1000}),
    ("{f_double: NaN, f_float: -Infinity}", {"f_double": "NaN", "f_float": "-Infinity"}),
    ("{f_double: .nan, f_float: -.inf}", {"f_double": "NaN", "f_float": "-Infinity"}),
    ("{f_bytes: _-8}", {"f_bytes": "/+8="}),
    ("{w_timestamp: 2024-02-29T12:00:00.5+02:00}", {"w_timestamp": "2024-02-29T10:00:00.5Z"}),
    ("{w_duration: -1.5s}", {"w_duration": "-1.5s"}),
    ("{w_int64: 5, w_string: '', w_bool: false, w_bytes: aGk=}",
     {"w_int64": "5", "w_string": "", "w_bool": False, "w_bytes": "aGk="}),
    ("{w_struct: {a: [1, x, null, {b: true}]}, w_list: [1], w_value: null}",
     {"w_struct": {"a": [1, "x", None, {"b": True}]}, "w_list": [1], "w_value": None}),
    ("{w_field_mask: 'a,b.c'}", {"w_field_mask": "a,b.c"}),
    ("{w_any: {'@type': type.googleapis.com/google.protobuf.Duration, value: 1s}}",
     {"w_any": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}}),
    ("{m_string_int32: {a: 1, no: 2}, m_int32_string: {1: a, -2: b}, m_bool_bool: {true: false}}",
     {"m_string_int32": {"a": 1, "no": 2}, "m_int32_string": {"1": "a", "-2": "b"}, "m_bool_bool": {"true": False}}),
    ("{f_string: no, r_string: [yes, on, ~x]}", {"f_string": "no", "r_string": ["yes", "on", "~x"]}),
    ("{o_int32: 0, o_string: ''}", {"o_int32": 0, "o_string": ""}),
    ("{o_int32: null, f_message: null}", {}),
    ("{f_message: {}}", {"f_message": {}}),
    ("{c_null: null}", {"c_null": None}),
    ("{another-name: a, camelCase: b, class: c}", {"another-name": "a", "camelCase": "b", "class": "c"}),
]  # fmt: skip


@pytest.mark.parametrize(("written", "json"), ANSWERS, ids=[row[0][:50] for row in ANSWERS])
def test_messages_of_answers(written: str, json: Any) -> None:
    mock = load(f"- method: {UNARY}\n  response: {written}\n")
    exchange = mock.open(Open(f"/{UNARY}"))
    exchange.resume()
    exchange.resume(Message(b""))
    step = exchange.resume(HALF_CLOSE)
    assert isinstance(step, Send)
    message_class = REGISTRY.message("kitchen.Everything")
    expected = json_format.ParseDict(json, message_class(), descriptor_pool=REGISTRY.pool)
    got = message_class.FromString(step.data)
    if got != expected:  # NaN is not equal to itself
        assert str(got) == str(expected)


# What is an error at load --------------------------------------------------------------------------

U = "user.UserService"
LOAD_ERRORS = [
    # Typed.
    ("an unknown field, with its place and the nearest", "- {method: M, request: {f_int3: 1}}",
     ["stubs.yaml:1:", "request", "f_int3", "f_int32"]),
    ("an unknown field of an answer", "- {method: M, response: {f_message: {nam: x}}}",
     ["response.f_message", "'name'"]),
    ("a wrong type", "- {method: M, request: {f_int32: [1]}}", ["request.f_int32", "int32", "list"]),
    ("an unknown enum name", "- {method: M, response: {f_enum: COLOR_RDE}}", ["COLOR_RDE", "COLOR_RED"]),
    ("an unknown method", f"- {{method: {KITCHEN}/Unray}}", ["Unray", "Unary"]),
    ("several messages on a unary method", "- {method: M, responses: [{}, {}]}", ["unary", "one message"]),
    ("an unknown operator", "- {method: M, request: {f_int32: {$gtt: 1}}}", ["$gtt", "$gt"]),
    ("an operator that the type doesn't have", "- {method: M, request: {f_int32: {$prefix: a}}}", ["$prefix", "int32"]),
    ("an order on bools", "- {method: M, request: {f_bool: {$gt: false}}}", ["$gt", "bool"]),
    ("an order on messages", "- {method: M, request: {f_message: {$gt: {}}}}", ["$gt"]),
    ("$approx on an integer", "- {method: M, request: {f_int32: {$approx: {value: 1, within: 1}}}}", ["$approx"]),
    ("$regex on bytes", "- {method: M, request: {f_bytes: {$regex: a}}}", ["$regex"]),
    ("an unknown key of a stub", "- {method: M, respnse: {}}", ["respnse", "response"]),
    ("no method", "- {response: {}}", ["method"]),
    # YAML.
    ("duplicate keys", "- {method: M, response: {f_int32: 1, f_int32: 2}}", ["stubs.yaml:1:", "f_int32"]),
    ("both names of one field", "- {method: M, response: {f_int32: 1, fInt32: 2}}", ["f_int32"]),
    ("both names in a pattern", "- {method: M, request: {f_int32: 1, fInt32: 2}}", ["f_int32"]),
    ("no YAML", "- {method: M", ["stubs.yaml:2:1", "YAML"]),
    # Keys.
    ("a name twice", "- {name: a, method: M}\n- {name: a, method: M}", ["'a'", "stubs.yaml:1"]),
    ("a priority that is no integer", "- {method: M, priority: high}", ["priority"]),
    ("times: 0", "- {method: M, times: 0}", ["times"]),
    ("two answers", "- {method: M, response: {}, script: []}", ["response", "script"]),
    ("an error beside a unary response", "- {method: M, response: {}, error: {code: ABORTED}}", ["error"]),
    ("requests of a unary method", "- {method: M, requests: [{}]}", ["requests", "request"]),
    ("`then` without answers", "- {method: M, then: cycle, response: {}}", ["then"]),
    ("an unknown `then`", "- {method: M, answers: [{}], then: lst}", ["last"]),
    ("a delay that is none", "- {method: M, delay: soon}", ["delay"]),
    ("an operator beside a field", "- {method: M, request: {f_message: {$size: 1, name: a}}}", ["operators", "$and"]),
    # Presence.
    ("null as a map's value", "- {method: M, request: {m_string_int32: {a: null}}}", ["null", "$exists"]),
    ("a scalar on a repeated field", "- {method: M, request: {r_int32: 1}}", ["$some"]),
    ("two members of a oneof in a pattern", "- {method: M, request: {c_int32: 1, c_string: a}}", ["choice"]),
    ("two members of a oneof in a message", "- {method: M, response: {c_int32: 1, c_string: a}}", ["choice"]),
    # Operators.
    ("operators in $in", "- {method: M, request: {f_int32: {$in: [{$gt: 1}]}}}", ["$or"]),
    ("operators in $nin", "- {method: M, request: {f_int32: {$nin: [{$gt: 1}]}}}", ["$or"]),
    ("a number for a string field", "- {method: M, request: {f_string: 1}}", ["string", "1"]),
    ("a number for a string field of an answer", "- {method: M, response: {f_string: 1}}", ["string", "1"]),
    ("a number out of range", "- {method: M, request: {f_int32: 2147483648}}", ["int32"]),
    ("a broken regex", "- {method: M, request: {f_string: {$regex: '('}}}", ["("]),
    # Templates.
    ("a syntax error", "- {method: M, response: {f_string: '{{ request. }}'}}", ["response.f_string"]),
    ("an unknown variable", "- {method: M, response: {f_string: '{{ reqest.f_int32 }}'}}", ["reqest", "request"]),
    ("an unknown field in a template", "- {method: M, response: {f_string: '{{ request.f_int3 }}'}}", ["f_int3"]),
    ("row without each", "- {method: M, response: {f_string: '{{ row.a }}'}}", ["row", "each"]),
    ("row without each in a pattern", "- {method: M, request: {f_string: '{{ row.a }}'}}", ["each"]),
    ("a column that no row has", "- {method: M, each: [{a: 1}], response: {f_string: '{{ row.b }}'}}", ["'b'"]),
    # Errors.
    ("error without a code", "- {method: M, error: {message: a}}", ["code"]),
    ("error with OK", "- {method: M, error: {code: OK}}", ["OK"]),
    ("error with 0", "- {method: M, error: {code: 0}}", ["OK"]),
    ("a detail of an unknown type", "- {method: M, error: {code: 5, details: [{'@type': x/no.Such}]}}",
     ["error.details[0]", "no.Such"]),
    ("a code that doesn't exist", "- {method: M, error: {code: NOT_FUND}}", ["NOT_FOUND"]),
    ("a proto2 required field", "- {method: legacy.LegacyService/Get, response: {needed: {note: a}}}", ["id"]),
    ("a closed enum", "- {method: legacy.LegacyService/Get, response: {level: 7}}", ["level", "7"]),
    ("a closed enum in a pattern", "- {method: K/Unary, request: {w_any: {'@type': x/legacy.Old, level: 7}}}", ["7"]),
    # Faults.
    ("an unknown fault", "- {method: M, fault: {abrt: ABORTED}}", ["abort"]),
    ("a fault of another engine", "- {method: M, fault: {reset: true}}", ["reset", "can"]),
    ("a rate above 1", "- {method: M, fault: {hang: true, rate: 2}}", ["rate"]),
    ("two faults", "- {method: M, fault: {hang: true, garbage: 1}}", ["one fault"]),
    # Scripts.
    ("an unknown step", f"- {{method: {BIDI}, script: [{{sned: {{}}}}]}}", ["sned", "send"]),
    ("an unknown field in a step", f"- {{method: {BIDI}, script: [{{send: {{f_int3: 1}}}}]}}",
     ["script[0]", "f_int32"]),
    ("a pattern in a step", f"- {{method: {BIDI}, script: [{{expect: {{f_int3: 1}}}}]}}", ["script[0]", "f_int32"]),
    ("a unary script without a message", "- {method: M, script: [finish]}", ["without a message"]),
    ("a unary script with two", "- {method: M, script: [{send: {}}, {send: {}}]}", ["script[1]", "second message"]),
    # Files.
    ("name in defaults", "defaults: {name: a}\nstubs: [{method: M}]", ["name", "defaults"]),
    ("each in defaults", "defaults: {each: [{}]}\nstubs: [{method: M}]", ["each", "defaults"]),
    ("an unknown key of a file", "default: {}\nstubs: []", ["defaults"]),
    ("an ambiguous row name", "- {name: '{{ row.a }}', method: M, each: [{a: x}, {a: x}]}", ["'x'"]),
    ("a table of a text that is no file", "- {method: M, each: nowhere.csv}", ["each", "list"]),
    # Metadata.
    ("a key in upper case in headers", "- {method: M, headers: {X-A: b}}", ["x-a"]),
    ("no base64 for a -bin key", "- {method: M, trailers: {x-bin: '!'}}", ["base64"]),
    ("no base64 in a pattern", "- {method: M, metadata: {x-bin: '!'}}", ["base64"]),
    ("a reserved key", "- {method: M, trailers: {grpc-status: '0'}}", ["grpc-status"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in LOAD_ERRORS], ids=[row[0] for row in LOAD_ERRORS])
def test_load_errors(text: str, said: list[str]) -> None:
    found = errors(text.replace("method: M", f"method: {UNARY}").replace("method: K/", f"method: {KITCHEN}/"))
    assert any(all(word in line for word in said) for line in found), found
    assert all(line.startswith("stubs.yaml:") for line in found), found


def test_all_errors_of_all_files_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"- {{method: {UNARY}, request: {{x: 1}}, response: {{y: 2}}}}\n- {{metod: a}}\n")
    (tmp_path / "b.yml").write_text("- {method: nothing/Here}\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.json").write_text('[{"method": "kitchen.KitchenService/Unary", "times": -1}]')
    problems = Problems()
    stubs = loader.load([tmp_path], problems)
    with pytest.raises(StubError) as caught:
        Engine(REGISTRY, stubs, problems=problems)
    places = [str(problem.location).removeprefix(f"{tmp_path}/").split(":")[0] for problem in caught.value.problems]
    assert places == ["a.yaml", "a.yaml", "a.yaml", "a.yaml", "b.yml", "deep/c.json"]


# Files ---------------------------------------------------------------------------------------------


def names(mock: Engine) -> list[str]:
    return sorted(entry.name for entry in mock.store)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"- {{name: a, method: {UNARY}}}", ["a"]),
        (f"stubs: [{{name: a, method: {UNARY}}}]", ["a"]),
        (f"- {{name: a, method: {UNARY}}}\n---\nstubs: [{{name: b, method: {UNARY}}}]", ["a", "b"]),
        (f"---\n---\n- {{name: a, method: {UNARY}}}\n...\n", ["a"]),
        (f'[{{"name": "a", "method": "{UNARY}"}}]', ["a"]),
        (f"\n- method: {UNARY}\n", ["stubs.yaml:2"]),
        (f"- {{name: a, method: {UNARY}, each: [{{x: 1}}, {{x: 2}}]}}", ["a[1]", "a[2]"]),
        (f"- {{name: 'a-{{{{ row.x }}}}', method: {UNARY}, each: [{{x: 1}}, {{x: 2}}]}}", ["a-1", "a-2"]),
        (f"- {{method: {UNARY}, each: [{{x: 1}}]}}", ["stubs.yaml:1[1]"]),
        (f"- &one {{name: a, method: {UNARY}}}\n- {{<<: *one, name: b}}", ["a", "b"]),
        ("", []),
    ],
)
def test_files(text: str, expected: list[str]) -> None:
    assert names(load(text)) == expected


@pytest.mark.parametrize(
    "method", [UNARY, f"{KITCHEN}.Unary", "KitchenService/Unary"], ids=["a slash", "a dot", "a part"]
)
def test_method_names(method: str) -> None:
    assert call(load(f"- {{name: a, method: {method}}}"), UNARY).stub == "a"


TWO_SERVICES = """
syntax = "proto3";
package {package};
message M {{}}
service S {{ rpc Do(M) returns (M); }}
"""


def test_a_part_of_a_name_that_fits_two_services_is_an_error_that_lists_them(tmp_path: Path) -> None:
    for package in ("a.x", "b.x"):
        (tmp_path / f"{package}.proto").write_text(TWO_SERVICES.format(package=package))
    protos = sources.load([tmp_path])
    [line] = errors("- {method: S/Do}", protos=protos)
    assert "a.x.S/Do" in line
    assert "b.x.S/Do" in line
    assert "a.x.S/Do" in errors("- {method: x.S/Do}", protos=protos)[0]
    assert len(load("- {method: a.x.S/Do}", protos).store) == 1
    assert "did you mean" in errors("- {method: y.S/Do}", protos=protos)[0].lower()


def test_defaults_lie_under_every_stub() -> None:
    mock = load(f"""
defaults:
  method: {UNARY}
  request: {{f_message: {{name: a}}, f_int32: 1}}
  metadata: {{x-a: b}}
  response: {{f_string: default}}
stubs:
  - {{name: plain}}
  - {{name: deep, priority: 1, request: {{f_message: {{number: 2}}}}}}
  - {{name: own, priority: 2, request: {{f_int32: 5}}, error: {{code: ABORTED}}}}
""")
    metadata = (("x-a", "b"),)
    assert call(mock, UNARY, "[{f_int32: 1, f_message: {name: a}}]", metadata=metadata).replies == [
        {"f_string": "default"}
    ]
    assert call(mock, UNARY, "[{f_int32: 1, f_message: {name: a, number: 2}}]", metadata=metadata).stub == "deep"
    own = call(mock, UNARY, "[{f_int32: 5, f_message: {name: a}}]", metadata=metadata)
    assert (own.stub, own.code, own.replies) == ("own", "ABORTED", [])
    assert call(mock, UNARY, "[{f_int32: 1, f_message: {name: a}}]").missed


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("t.csv", "id,name\n1,Ann\n2,no\n"),
        ("t.json", '[{"id": 1, "name": "Ann"}, {"id": 2, "name": "no"}]'),
        ("t.jsonl", '{"id": 1, "name": "Ann"}\n{"id": 2, "name": "no"}\n'),
    ],
)
def test_tables_beside_the_stub(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / file).write_text(content)
    (tmp_path / "s.yaml").write_text(
        f"- {{name: t, method: {UNARY}, each: {file}, request: {{f_int32: '{{{{ row.id }}}}'}}, "
        "response: {f_string: '{{ row.name }}', f_int32: '{{ row.id }}'}}\n"
    )
    problems = Problems()
    mock = Engine(REGISTRY, loader.load([tmp_path], problems), problems=problems)
    assert names(mock) == ["t[1]", "t[2]"], "the table is data, and not read as stubs"
    assert call(mock, UNARY, "[{f_int32: 2}]").replies == [{"f_int32": 2, "f_string": "no"}]


# Matching: who wins --------------------------------------------------------------------------------

META = (("x-a", "1"), ("x-a", "2"), ("x-bin", b"hi"))
WHO = [
    ("metadata: any of several values", "metadata: {x-a: '2'}", {"metadata": META}, True),
    ("metadata: keys in any case", "metadata: {X-A: '2'}", {"metadata": META}, True),
    ("metadata: none of the values", "metadata: {x-a: '3'}", {"metadata": META}, False),
    ("metadata: -bin keys compare bytes", "metadata: {x-bin: aGk=}", {"metadata": META}, True),
    ("metadata: a positive operator", "metadata: {x-a: {$regex: '[2-9]'}}", {"metadata": META}, True),
    ("metadata: $ne holds if no value fits", "metadata: {x-a: {$ne: '2'}}", {"metadata": META}, False),
    ("metadata: $ne on other values", "metadata: {x-a: {$ne: '3'}}", {"metadata": META}, True),
    ("metadata: $ne on an absent key", "metadata: {x-b: {$ne: '3'}}", {"metadata": META}, True),
    ("metadata: $nin", "metadata: {x-a: {$nin: ['7', '1']}}", {"metadata": META}, False),
    ("metadata: $not", "metadata: {x-a: {$not: {$prefix: '2'}}}", {"metadata": META}, False),
    ("metadata: $exists", "metadata: {x-a: {$exists: true}}", {"metadata": META}, True),
    ("metadata: null", "metadata: {x-b: null}", {"metadata": META}, True),
    ("metadata: null on a key that is there", "metadata: {x-a: null}", {"metadata": META}, False),
    ("deadline", "deadline: {$lte: 2}", {"deadline": 2.0}, True),
    ("deadline: too long", "deadline: {$lte: 2}", {"deadline": 2.5}, False),
    ("deadline: comparisons are false without one", "deadline: {$lte: 2}", {}, False),
    ("deadline: $exists", "deadline: {$exists: true}", {"deadline": 5.0}, True),
    ("deadline: $exists without one", "deadline: {$exists: true}", {}, False),
    ("deadline: $exists: false", "deadline: {$exists: false}", {}, True),
    ("state: started is where scenarios begin", "state: {login: started}", {}, True),
    ("state: another", "state: {login: done}", {}, False),
    ("all that are present must hold", "request: {f_int32: 1}\n  metadata: {x-a: '1'}", {"metadata": META}, False),
]


@pytest.mark.parametrize(("keys", "opened", "holds"), [row[1:] for row in WHO], ids=[row[0] for row in WHO])
def test_conditions_of_the_opening(keys: str, opened: dict[str, Any], holds: bool) -> None:
    outcome = call(load(f"- name: it\n  method: {UNARY}\n  {keys}\n"), UNARY, **opened)
    assert (outcome.stub == "it") is holds
    assert outcome.missed is not holds


REQUESTS = [
    ("one pattern for each", "[{f_int32: 1}, {f_int32: {$gt: 1}}]", "[{f_int32: 1}, {f_int32: 2}]", True),
    ("exact count: too many", "[{f_int32: 1}]", "[{f_int32: 1}, {}]", False),
    ("exact count: too few", "[{}, {}]", "[{}]", False),
    ("exact count: none", "[]", "[]", True),
    ("$each", "{$each: {f_int32: 1}}", "[{f_int32: 1}, {f_int32: 1}]", True),
    ("$each on the empty stream", "{$each: {f_int32: 1}}", "[]", True),
    ("$some", "{$some: {f_int32: 1}}", "[{}, {f_int32: 1}]", True),
    ("$some on the empty stream", "{$some: {}}", "[]", False),
    ("$size", "{$size: {$gte: 2}}", "[{}, {}]", True),
    ("$first", "{$first: {f_int32: 1}}", "[{f_int32: 1}, {}]", True),
    ("$last", "{$last: {f_int32: 1}}", "[{f_int32: 1}, {}]", False),
    ("$unordered", "{$unordered: [{f_int32: 1}, {f_int32: 2}]}", "[{f_int32: 2}, {f_int32: 1}]", True),
]


@pytest.mark.parametrize(("pattern", "sent", "holds"), [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
@pytest.mark.parametrize("method", [COLLECT, BIDI])
def test_requests(method: str, pattern: str, sent: str, holds: bool) -> None:
    outcome = call(load(f"- {{name: it, method: {method}, requests: {pattern}}}"), method, sent)
    assert (outcome.stub == "it") is holds


@pytest.mark.parametrize("method", [COLLECT, BIDI])
def test_request_is_about_the_first_message(method: str) -> None:
    mock = load(f"- {{name: it, method: {method}, request: {{f_int32: 1}}}}")
    assert call(mock, method, "[{f_int32: 1}, {f_int32: 2}]").stub == "it"
    assert call(mock, method, "[{f_int32: 2}, {f_int32: 1}]").missed
    assert call(mock, method, "[]").missed


def test_when_is_cel() -> None:
    pytest.importorskip("cel_expr_python")
    mock = load(f"""
- name: it
  method: {UNARY}
  when: request.f_int32 > 1 && 'b' in metadata['x-a'] && (deadline == null || deadline < duration('2s'))
""")
    meta = (("x-a", "a"), ("x-a", "b"))
    assert call(mock, UNARY, "[{f_int32: 2}]", metadata=meta).stub == "it"
    assert call(mock, UNARY, "[{f_int32: 2}]", metadata=meta, deadline=1.0).stub == "it"
    assert call(mock, UNARY, "[{f_int32: 2}]", metadata=meta, deadline=3.0).missed
    assert call(mock, UNARY, "[{f_int32: 1}]", metadata=meta).missed
    assert call(mock, UNARY, "[{f_int32: 2}]").missed
    streams = load(f"- {{name: it, method: {COLLECT}, when: 'requests.all(r, r.f_int32 > 0) && size(requests) == 2'}}")
    assert call(streams, COLLECT, "[{f_int32: 1}, {f_int32: 2}]").stub == "it"
    assert call(streams, COLLECT, "[{f_int32: 1}]").missed
    for wrong in ("request.f_int3 == 1", "request.f_int32", "request.f_int32 == 'a'", "1 +"):
        assert "when" in errors(f'- {{method: {UNARY}, when: "{wrong}"}}')[0]


PRECEDENCE = [
    ("the higher priority", "request: {f_int32: 1, f_string: a}", "priority: 1", "second"),
    ("a negative priority", "priority: -1\n  request: {f_int32: 1}", "", "second"),
    ("more conditions", "request: {f_int32: 1}", "request: {f_int32: 1, f_string: a}", "second"),
    ("the earlier declaration", "request: {f_int32: 1}", "request: {f_string: a}", "first"),
    ("null counts", "request: {f_int32: 1}", "request: {f_int32: 1, o_int32: null}", "second"),
    ("$in is one", "request: {f_int32: {$in: [1, 2, 3]}}", "request: {f_int32: {$gt: 0, $lt: 5}}", "second"),
    ("$or is one", "request: {$or: [{f_int32: 1}, {f_string: a}]}", "request: {f_int32: 1, f_string: a}", "second"),
    ("$or is one, whatever is inside", "request: {f_int32: 1}",
     "request: {$or: [{f_int32: 1, f_string: a}, {f_int32: 7}]}", "first"),
    ("$and counts what is inside", "request: {f_int32: 1}", "request: {$and: [{f_int32: 1}, {f_string: a}]}", "second"),
    ("$not counts what is inside", "request: {f_int32: 1}", "request: {$not: {f_int32: 3, f_string: b}}", "second"),
    ("$only counts what is inside", "request: {f_int32: 1, f_string: a}",
     "request: {$only: {f_int32: 1, f_string: a, r_int32: [5], o_int32: null}}", "second"),
    ("$all counts what is inside", "request: {f_int32: 1}", "request: {r_int32: {$all: [5, {$gt: 1}]}}", "second"),
    ("$each counts what is inside", "request: {f_int32: 1}", "request: {r_int32: {$each: {$gt: 1, $lt: 9}}}", "second"),
    ("$eq of a mapping is one operator", "request: {f_int32: 1, f_string: a}",
     "request: {f_message: {$eq: {name: n, number: 3, tags: [x]}}}", "first"),
    ("a list of plain leaves", "request: {f_int32: 1}", "request: {f_message: {tags: [x], name: n}}", "second"),
    ("a metadata leaf", "request: {f_int32: 1}", "request: {f_int32: 1}\n  metadata: {x-a: '1'}", "second"),
    ("a state entry", "request: {f_int32: 1}", "request: {f_int32: 1}\n  state: {s: started}", "second"),
    ("an operator under deadline", "request: {f_int32: 1}", "request: {f_int32: 1}\n  deadline: {$gt: 1}", "second"),
    ("two operators under deadline", "request: {f_int32: 1}", "deadline: {$gt: 1, $lt: 100}", "second"),
    ("none for times", "request: {f_int32: 1}", "times: 5\n  request: {f_int32: 1}", "first"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "two", "winner"), [row[1:] for row in PRECEDENCE], ids=[row[0] for row in PRECEDENCE])
def test_precedence(one: str, two: str, winner: str) -> None:
    stubs = f"- name: first\n  method: {UNARY}\n  {one}\n- name: second\n  method: {UNARY}\n  {two}\n"
    request = "[{f_int32: 1, f_string: a, r_int32: [5], f_message: {name: n, number: 3, tags: [x]}}]"
    if "$only" in two:
        request = "[{f_int32: 1, f_string: a, r_int32: [5]}]"
    assert call(load(stubs), UNARY, request, metadata=META, deadline=10.0).stub == winner


# Answering -----------------------------------------------------------------------------------------


def test_a_stub_without_an_answer() -> None:
    mock = load("".join(f"- {{method: {method}}}\n" for method in (UNARY, STREAM, COLLECT, BIDI)))
    for method, replies in ((UNARY, [{}]), (STREAM, []), (COLLECT, [{}]), (BIDI, [])):
        outcome = call(mock, method)
        assert (outcome.replies, outcome.code) == (replies, "OK"), method


@pytest.mark.parametrize("method", [STREAM, BIDI])
def test_response_on_a_streaming_method_is_a_stream_of_one(method: str) -> None:
    outcome = call(load(f"- {{method: {method}, response: {{f_int32: 1}}}}"), method)
    assert (outcome.replies, outcome.code) == ([{"f_int32": 1}], "OK")


@pytest.mark.parametrize("method", [STREAM, BIDI])
@pytest.mark.parametrize("answer", ["response: {f_int32: 1}", "responses: [{f_int32: 1}]"])
def test_an_error_may_follow_the_messages_of_a_stream(method: str, answer: str) -> None:
    outcome = call(load(f"- {{method: {method}, {answer}, error: {{code: DATA_LOSS}}}}"), method)
    assert (outcome.replies, outcome.code) == ([{"f_int32": 1}], "DATA_LOSS")


@pytest.mark.parametrize("code", ["NOT_FOUND", 5])
def test_codes_by_name_or_number(code: object) -> None:
    assert call(load(f"- {{method: {UNARY}, error: {{code: {code}}}}}"), UNARY).code == "NOT_FOUND"


def test_details_are_sent_as_google_rpc_status() -> None:
    from google.rpc import error_details_pb2, status_pb2

    outcome = call(
        load(f"""
- method: {UNARY}
  error:
    code: INVALID_ARGUMENT
    message: wrong
    details: [{{"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: R}}]
    trailers: {{x-t: [a, b], y-bin: aGk=}}
"""),
        UNARY,
    )
    assert (outcome.code, outcome.message) == ("INVALID_ARGUMENT", "wrong")
    data = dict(outcome.trailers)["grpc-status-details-bin"]
    assert isinstance(data, bytes)
    status = status_pb2.Status.FromString(data)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (status.code, status.message, info.reason) == (3, "wrong", "R")
    assert [pair for pair in outcome.trailers if pair[0] != "grpc-status-details-bin"] == [
        ("x-t", "a"),
        ("x-t", "b"),
        ("y-bin", b"hi"),
    ]


@pytest.mark.parametrize(
    ("then", "expected"), [("", "1222"), ("then: last, ", "1222"), ("then: cycle, ", "1212"), ("then: miss, ", "12--")]
)
def test_answers_are_given_in_turn(then: str, expected: str) -> None:
    mock = load(f"""
- {{method: {UNARY}, {then}answers: [{{response: {{f_string: '1'}}}}, {{response: {{f_string: '2'}}}}]}}
""")
    got = [call(mock, UNARY) for _ in range(4)]
    assert "".join("-" if outcome.missed else outcome.replies[0]["f_string"] for outcome in got) == expected


def test_headers_and_trailers_go_with_any_answer() -> None:
    keys = "headers: {x-h: [a, b], h-bin: aGk=}, trailers: {x-t: c}"
    wanted = [("x-h", "a"), ("x-h", "b"), ("h-bin", b"hi")]
    for answer in (
        "response: {}",
        "error: {code: ABORTED, trailers: {x-e: d}}",
        f"answers: [{{response: {{}}, {keys}}}]",
    ):
        stub = f"- {{method: {UNARY}, {answer}}}" if "answers" in answer else f"- {{method: {UNARY}, {answer}, {keys}}}"
        outcome = call(load(stub), UNARY)
        assert outcome.headers == wanted, answer
        assert ("x-t", "c") in outcome.trailers
        assert ("error" in answer) == (("x-e", "d") in outcome.trailers)


@pytest.mark.parametrize(
    ("delay", "low", "high"),
    [
        ("200ms", 0.2, 0.2),
        ("1.5s", 1.5, 1.5),
        ("{min: 10ms, max: 50ms}", 0.01, 0.05),
        ("{median: 30ms, sigma: 0.4}", 0.003, 0.3),
    ],
)
def test_delays_are_seeded(delay: str, low: float, high: float) -> None:
    text = f"- {{method: {STREAM}, delay: {delay}, interval: {delay}, responses: [{{}}, {{}}, {{}}]}}"
    first, again = (call(load(text, seed=3), STREAM) for _ in range(2))
    assert first.waits == again.waits
    assert len(first.waits) == 3, "one before the first message, one between each two"
    assert first.order[-7:] == ["Wait", "Send"] * 3 + ["Finish"]
    assert all(low <= seconds <= high for seconds in first.waits)
    if low != high:
        assert call(load(text, seed=4), STREAM).waits != first.waits


def test_set_takes_effect_when_chosen_and_templates_see_the_state_before() -> None:
    mock = load(f"""
- {{name: a, method: {UNARY}, state: {{s: started}}, set: {{s: two}}, response: {{f_string: "{{{{ state.s }}}}"}}}}
- {{name: b, method: {UNARY}, state: {{s: two}}, set: {{s: three}}, delay: 1s}}
- {{name: c, method: {UNARY}, state: {{s: three}}}}
""")
    assert call(mock, UNARY).replies == [{"f_string": "started"}]
    exchange = mock.open(Open(f"/{UNARY}"))
    exchange.resume()
    exchange.resume(Message(b""))
    assert isinstance(exchange.resume(HALF_CLOSE), Wait)
    exchange.cancel()
    assert call(mock, UNARY).stub == "c", "it stays if the call is cancelled"


def test_an_exhausted_stub_steps_aside_and_shows_so_in_a_miss() -> None:
    mock = load(f"""
- {{name: once, method: {UNARY}, priority: 1, times: 1}}
- {{name: twice, method: {UNARY}, times: 2}}
""")
    assert [call(mock, UNARY).stub for _ in range(3)] == ["once", "twice", "twice"]
    missed = call(mock, UNARY)
    assert missed.missed
    assert missed.message.count("exhausted") == 2


def test_a_count_and_a_row_are_seen_by_templates() -> None:
    mock = load(f"""
- method: {UNARY}
  each: [{{id: 1, name: Ann}}]
  request: {{f_int32: "{{{{ row.id }}}}"}}
  response: {{f_string: "{{{{ row.name }}}} {{{{ call.count }}}}"}}
""")
    assert [call(mock, UNARY, "[{f_int32: 1}]").replies for _ in range(2)] == [
        [{"f_string": "Ann 1"}],
        [{"f_string": "Ann 2"}],
    ]


def test_given_and_verify_are_kept() -> None:
    mock = load(f"""
- {{name: a, method: {UNARY}, given: a user exists, verify: {{ignore: [f_int32], compare: exact}}}}
- {{name: b, method: {UNARY}, verify: false}}
""")
    a, b = sorted(mock.store, key=lambda entry: entry.name)
    assert (a.stub.given, a.stub.verify.ignore, a.stub.verify.compare) == ("a user exists", ("f_int32",), "exact")
    assert b.stub.verify.enabled is False


# Streams and scripts -------------------------------------------------------------------------------


def test_responses_of_a_bidirectional_method_come_at_once_and_ok_after_half_close() -> None:
    mock = load(f"- {{method: {BIDI}, responses: [{{f_int32: 1}}]}}")
    assert call(mock, BIDI, "[{}, {}]").order == ["Send", "Receive", "Receive", "Receive", "Finish"]
    broken = load(f"- {{method: {BIDI}, responses: [{{f_int32: 1}}], error: {{code: ABORTED}}}}")
    assert call(broken, BIDI).order == ["Send", "Finish"]


def test_a_stub_that_looks_at_no_message_can_be_chosen_as_the_call_opens() -> None:
    speaks = f"- {{name: open, method: {BIDI}, metadata: {{x-a: '1'}}, script: [{{send: {{f_int32: 1}}}}]}}\n"
    assert call(load(speaks), BIDI, "[]", metadata=META).order == ["Send", "Finish"]
    # Another that is earlier in precedence, and could still win by the first message, is waited for.
    earlier = f"- {{name: first, method: {BIDI}, priority: 1, request: {{f_int32: 7}}}}\n"
    waiting = call(load(speaks + earlier), BIDI, "[{}]", metadata=META)
    assert (waiting.stub, waiting.order) == ("open", ["Receive", "Send", "Finish"])
    assert call(load(speaks + earlier), BIDI, "[{f_int32: 7}]", metadata=META).stub == "first"
    # One that is later is not; nor is one whose metadata have refused the call already.
    for other in (
        earlier.replace("priority: 1", "priority: -1"),
        earlier.replace("priority", "metadata: {x-a: z}, priority"),
    ):
        assert call(load(speaks + other), BIDI, "[{f_int32: 7}]", metadata=META).order == ["Send", "Finish"]


def test_a_client_streaming_answer_comes_after_half_close() -> None:
    outcome = call(load(f"- {{method: {COLLECT}, headers: {{a: b}}, response: {{f_int32: 1}}}}"), COLLECT, "[{}, {}]")
    assert outcome.order[:3] == ["Receive"] * 3
    assert outcome.replies == [{"f_int32": 1}]
    failed = call(load(f"- {{method: {COLLECT}, error: {{code: ABORTED}}}}"), COLLECT, "[{}, {}]")
    assert (failed.code, failed.order) == ("ABORTED", ["Receive", "Receive", "Receive", "Finish"])


SCRIPTS = [
    ("the server may speak first", "[{send: {f_int32: 1}}, {expect: {}}]", "[{}]", [1], "OK"),
    ("request doesn't consume", "[{expect: {f_int32: 7}}, {send: {f_int32: 1}}]", "[{f_int32: 7}]", [1], "OK"),
    (
        "an expectation not met is a miss",
        "[{expect: {f_int32: 1}}, {send: {}}]",
        "[{f_int32: 2}]",
        [],
        "MISS script[0]",
    ),
    ("an expect that meets half-close", "[{expect: {}}, {expect: {}}]", "[{}]", [], "MISS script[1]"),
    ("half_close waits", "[half_close, {send: {f_int32: '{{ requests | length }}'}}]", "[{}, {}]", [2], "OK"),
    ("half_close with a colon", "[{half_close: }, {send: {f_int32: 4}}]", "[{}]", [4], "OK"),
    ("an error", "[{send: {f_int32: 1}}, {error: {code: ABORTED}}]", "[]", [1], "ABORTED"),
    ("finish", "[{send: {f_int32: 1}}, finish]", "[{}]", [1], "OK"),
    ("the end is finish", "[{send: {f_int32: 1}}]", "[{}]", [1], "OK"),
    ("a loop", "[{repeat: {times: 3, steps: [{send: {f_int32: 1}}]}}]", "[]", [1, 1, 1], "OK"),
    (
        "message is the last one",
        "[{expect: {}}, {expect: {}}, {send: {f_int32: '{{ message.f_int32 }}'}}]",
        "[{f_int32: 1}, {f_int32: 2}]",
        [2],
        "OK",
    ),
    (
        "request is the first one",
        "[{expect: {}}, {expect: {}}, {send: {f_int32: '{{ request.f_int32 }}'}}]",
        "[{f_int32: 1}, {f_int32: 2}]",
        [1],
        "OK",
    ),
    (
        "on: the first arm that matches, as often as they come",
        "[{on: [{request: {f_int32: {$gt: 1}}, send: [{f_int32: 8}, {f_int32: 9}]}, {send: {f_int32: 5}}]}]",
        "[{f_int32: 1}, {f_int32: 2}, {f_int32: 1}]",
        [5, 8, 9, 5],
        "OK",
    ),
    (
        "on: until half_close, then the rest",
        "[{on: [{request: {}, send: {f_int32: 1}}], until: half_close}, {send: {f_int32: 3}}]",
        "[{}, {}]",
        [1, 1, 3],
        "OK",
    ),
    (
        "on: until the first message, whatever it is, then the rest",
        "[{on: [{send: {f_int32: 1}}], until: {}}, {on: [{send: {f_int32: 2}}]}]",
        "[{f_int32: 7}, {}, {}]",
        [1, 2, 2],
        "OK",
    ),
    (
        "on: a message that no arm takes",
        "[{on: [{request: {f_int32: 1}, send: {f_int32: 1}}]}]",
        "[{f_int32: 1}, {f_int32: 2}]",
        [1],
        "MISS script[0]",
    ),
    (
        "on: an error of an arm",
        "[{on: [{request: {f_int32: 2}, error: {code: ABORTED}}, {send: {f_int32: 1}}]}]",
        "[{}, {f_int32: 2}, {}]",
        [1],
        "ABORTED",
    ),
]


@pytest.mark.parametrize(
    ("script", "sent", "replies", "end"), [row[1:] for row in SCRIPTS], ids=[row[0] for row in SCRIPTS]
)
def test_scripts(script: str, sent: str, replies: list[int], end: str) -> None:
    outcome = call(load(f"- name: talk\n  method: {BIDI}\n  script: {script}\n"), BIDI, sent)
    assert [reply.get("f_int32") for reply in outcome.replies] == replies
    if end.startswith("MISS"):
        assert outcome.missed
        assert end[5:] in outcome.message
        assert "talk" in outcome.message
    else:
        assert outcome.code == end


def test_every_is_the_pause_between_rounds_and_forever_lasts() -> None:
    bounded = call(
        load(f"- {{method: {BIDI}, script: [{{repeat: {{times: 3, every: 1s, steps: [{{send: {{}}}}]}}}}]}}"), BIDI
    )
    assert bounded.order == ["Send", "Wait", "Send", "Wait", "Send", "Finish"]
    assert bounded.waits == [1.0, 1.0]
    endless = call(
        load(f"- {{method: {BIDI}, script: [{{repeat: {{times: forever, every: 1s, steps: [{{send: {{}}}}]}}}}]}}"),
        BIDI,
    )
    assert len(endless.replies) == 100


def test_wait_and_headers_are_steps() -> None:
    outcome = call(
        load(f"- {{method: {BIDI}, script: [{{wait: 200ms}}, {{headers: {{x-a: b}}}}, {{send: {{}}}}]}}"), BIDI
    )
    assert outcome.order == ["Wait", "Headers", "Send", "Finish"]
    assert (outcome.waits, outcome.headers) == ([0.2], [("x-a", "b")])


def test_headers_before_an_immediate_error() -> None:
    outcome = call(load(f"- {{method: {BIDI}, script: [{{headers: {{x-a: b}}}}, {{error: {{code: ABORTED}}}}]}}"), BIDI)
    assert (outcome.headers, outcome.code) == ([("x-a", "b")], "ABORTED")


def test_a_script_on_a_unary_method() -> None:
    outcome = call(load(f"- {{method: {UNARY}, script: [{{wait: 1s}}, {{send: {{f_int32: 1}}}}]}}"), UNARY)
    assert (outcome.replies, outcome.waits) == ([{"f_int32": 1}], [1.0])


# Templates -----------------------------------------------------------------------------------------

REQUEST = (
    "[{f_int32: 7, f_int64: 9007199254740993, f_string: Ann, f_enum: COLOR_BLUE, f_bool: true, f_bytes: aGk=, "
    "f_double: 1.5, f_message: {name: n, tags: [x, y]}, r_int32: [1, 2], m_string_int32: {k: 4}, o_int32: 0, "
    "w_timestamp: '2024-01-01T00:00:00Z', w_struct: {a: 1}}]"
)
TEMPLATES = [
    ("a whole expression keeps its type", "f_int32: '{{ request.f_int32 }}'", {"f_int32": 7}),
    ("64 bits are exact", "f_int64: '{{ request.f_int64 }}'", {"f_int64": "9007199254740993"}),
    ("arithmetic", "f_int32: '{{ request.f_int32 + 1 }}'", {"f_int32": 8}),
    ("text around", "f_string: 'Hi {{ request.f_string }}!'", {"f_string": "Hi Ann!"}),
    ("any scalar becomes text: a number", "f_string: '{{ request.f_int32 }}'", {"f_string": "7"}),
    ("any scalar becomes text: a bool", "f_string: '{{ request.f_bool }}'", {"f_string": "true"}),
    ("an enum is its name", "f_string: '{{ request.f_enum }}'", {"f_string": "COLOR_BLUE"}),
    ("an enum for an enum", "f_enum: '{{ request.f_enum }}'", {"f_enum": "COLOR_BLUE"}),
    ("an enum has a number", "f_int32: '{{ request.f_enum.number }}'", {"f_int32": 5}),
    ("a message whole", "f_message: '{{ request.f_message }}'", {"f_message": {"name": "n", "tags": ["x", "y"]}}),
    ("a list whole", "r_int32: '{{ request.r_int32 }}'", {"r_int32": [1, 2]}),
    ("a map whole", "m_string_int32: '{{ request.m_string_int32 }}'", {"m_string_int32": {"k": 4}}),
    ("a Struct whole", "w_struct: '{{ request.w_struct }}'", {"w_struct": {"a": 1.0}}),
    ("bytes", "f_bytes: '{{ request.f_bytes }}'", {"f_bytes": "aGk="}),
    ("a Timestamp", "w_timestamp: '{{ request.w_timestamp }}'", {"w_timestamp": "2024-01-01T00:00:00Z"}),
    ("now()", "w_timestamp: '{{ now() }}'", {"w_timestamp": "2001-09-09T01:46:40Z"}),
    ("none leaves the field unset", "o_int32: '{{ none }}'", {}),
    ("a loop", "f_string: '{% for t in request.f_message.tags %}{{ t }};{% endfor %}'", {"f_string": "x;y;"}),
    ("a filter", "f_int32: '{{ request.r_int32 | length }}'", {"f_int32": 2}),
    ("an element", "f_int32: '{{ request.r_int32[1] }}'", {"f_int32": 2}),
    ("a metadata key is its first value", "f_string: '{{ metadata[\"x-a\"] }}'", {"f_string": "1"}),
    ("metadata.all", "r_string: '{{ metadata.all(\"x-a\") }}'", {"r_string": ["1", "2"]}),
    ("inside a nested message", "f_message: {deeper: {text: '{{ request.f_string }}'}}",
     {"f_message": {"deeper": {"text": "Ann"}}}),
    ("inside a list", "r_string: ['{{ request.f_string }}', b]", {"r_string": ["Ann", "b"]}),
    ("inside a map", "m_string_int32: {a: '{{ request.f_int32 }}'}", {"m_string_int32": {"a": 7}}),
    ("inside a Struct", "w_struct: {a: '{{ request.f_int32 }}'}", {"w_struct": {"a": 7.0}}),
    ("in an Any", "w_any: {'@type': type.googleapis.com/kitchen.Nested, name: '{{ request.f_string }}'}",
     {"w_any": {"@type": "type.googleapis.com/kitchen.Nested", "name": "Ann"}}),
    ("call.count starts at 1", "f_int32: '{{ call.count }}'", {"f_int32": 1}),
    ("a string for an int64", "f_int64: '{{ \"12\" }}'", {"f_int64": "12"}),
    ("a state", "f_string: '{{ state.nothing }}'", {"f_string": "started"}),
    ("any scalar becomes text: a float", "f_string: '{{ request.f_double }}'", {"f_string": "1.5"}),
    ("any scalar becomes text: bytes are base64", "f_string: '{{ request.f_bytes }}'", {"f_string": "aGk="}),
    ("and so they are in the midst of text", "f_string: 'x{{ request.f_bytes }}'", {"f_string": "xaGk="}),
    ("and in a StringValue", "w_string: '{{ request.f_bytes }}'", {"w_string": "aGk="}),
    ("and in a Struct", "w_struct: {a: '{{ request.f_bytes }}'}", {"w_struct": {"a": "aGk="}}),
    ("a key of a map", "m_string_int32: {'{{ request.f_string }}': 1}", {"m_string_int32": {"Ann": 1}}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "expected"), [row[1:] for row in TEMPLATES], ids=[row[0] for row in TEMPLATES])
def test_templates(field: str, expected: Any) -> None:
    mock = load(f"- name: it\n  method: {UNARY}\n  response:\n    {field}\n")
    outcome = call(mock, UNARY, REQUEST, metadata=META)
    assert (outcome.code, outcome.message) == ("OK", "")
    assert outcome.replies == [expected]


UNRENDERABLE = [
    ("a division by zero", "f_int32: '{{ 1 // request.o_int32 }}'", "f_int32"),
    ("what doesn't fit its field", "f_int32: '{{ request.f_string }}'", "f_int32"),
    ("out of range", "f_int32: '{{ request.f_int64 }}'", "f_int32"),
    ("a key that didn't come", "f_string: '{{ metadata[\"nothing\"] }}'", "f_string"),
    ("an element that isn't there", "f_message: {number: '{{ request.r_int32[9] }}'}", "f_message.number"),
    ("a list for a scalar", "f_int32: '{{ request.r_int32 }}'", "f_int32"),
]


@pytest.mark.parametrize(("field", "path"), [row[1:] for row in UNRENDERABLE], ids=[row[0] for row in UNRENDERABLE])
def test_what_cannot_be_rendered_is_internal_and_named(field: str, path: str) -> None:
    outcome = call(load(f"- name: the-stub\n  method: {UNARY}\n  response:\n    {field}\n"), UNARY, REQUEST)
    assert (outcome.code, outcome.replies) == ("INTERNAL", [])
    assert "the-stub" in outcome.message
    assert path in outcome.message


def test_randomness_derives_from_the_seed_and_the_number_of_the_call() -> None:
    text = f"- {{method: {UNARY}, response: {{f_string: '{{{{ uuid() }}}} {{{{ random.int(1, 1000000) }}}}'}}}}"

    def run(seed: int) -> list[Any]:
        mock = load(text, seed=seed)
        return [call(mock, UNARY).replies[0]["f_string"] for _ in range(3)]

    assert run(1) == run(1)
    assert len({*run(1), *run(2)}) == 6


# Faults --------------------------------------------------------------------------------------------

FAULT_ROWS = [
    ("{abort: UNAVAILABLE}", ["Finish"], "UNAVAILABLE"),
    ("{hang: true}", ["Wait"], ""),
    ("{drip: 10ms}", ["Send", "Wait", "Send", "Finish"], "OK"),
    ("{garbage: 32}", ["Send", "Send", "Finish"], "OK"),
    ("{truncate: true}", ["Truncate"], ""),
    ("{reset: true}", ["Reset"], ""),
    ("{oversize: 5KiB}", ["Send", "Send", "Finish"], "OK"),
    ("{extra_messages: 2}", ["Send"] * 4 + ["Finish"], "OK"),
    ("{drop_trailers: true}", ["Send", "Send", "Finish"], "OK"),
    ("{abort: UNAVAILABLE, rate: 0}", ["Send", "Send", "Finish"], "OK"),
]


@pytest.mark.parametrize(("fault", "order", "code"), FAULT_ROWS, ids=[row[0] for row in FAULT_ROWS])
@pytest.mark.parametrize("where", ["stub", "answer"])
def test_faults(fault: str, order: list[str], code: str, where: str) -> None:
    answer = f"responses: [{{f_int32: 1}}, {{f_int32: 2}}], fault: {fault}"
    if where == "answer":
        answer = f"answers: [{{{answer}}}]"
    outcome = call(load(f"- {{method: {STREAM}, {answer}}}", faults=FAULTS), STREAM)
    assert [step for step in outcome.order if step != "Receive"] == order
    assert outcome.code == code
    if "garbage" in fault:
        assert len(outcome.replies[0]) == 32
    if "oversize" in fault:
        assert len(outcome.replies[0]) == 5 << 10
    if "drop_trailers" in fault:
        assert isinstance(outcome.last, Finish)
        assert outcome.last.drop


# Misses --------------------------------------------------------------------------------------------


def test_a_miss_names_method_request_and_the_three_nearest() -> None:
    stubs = "".join(
        f"- {{name: stub-{number}, method: {UNARY}, request: {{f_int32: {number}, f_string: a, f_bool: true}}}}\n"
        for number in range(5)
    )
    outcome = call(load(stubs), UNARY, "[{f_int32: 9, f_string: a, f_bool: true}]")
    assert outcome.code == "UNIMPLEMENTED"
    assert ("grpcmock-miss", "1") in outcome.trailers
    text = outcome.message
    assert UNARY in text
    assert '"f_int32":9' in text.replace(" ", "")
    assert text.count("stub-") == 3
    assert text.count("stubs.yaml:") == 3
    assert text.count("2 of 3") == 3
    assert text.count("request.f_int32") == 3


def test_a_method_without_stubs_says_so_and_names_those_with() -> None:
    outcome = call(load(f"- {{method: {STREAM}}}"), UNARY)
    assert UNARY in outcome.message
    assert STREAM in outcome.message


def test_auto_answers_a_miss_the_same_for_the_same_request_and_seed() -> None:
    text = f"- {{method: {UNARY}, request: {{f_int32: 1}}, response: {{f_int32: 1}}}}"

    def run(seed: int, request: str) -> list[Any]:
        mock = Engine(
            REGISTRY, loader.load_text(text, "s.yaml", Problems()), options=EngineOptions(auto=True, seed=seed)
        )
        exchange = mock.open(Open(f"/{UNARY}"))
        exchange.resume()
        [node] = trees(request)
        message = build(node, REGISTRY.message("kitchen.Everything"), REGISTRY, Problems())
        exchange.resume(Message(message.SerializeToString()))
        step = exchange.resume(HALF_CLOSE)
        assert isinstance(step, Send)
        return [step.data]

    assert run(1, "[{f_int32: 5}]") == run(1, "[{f_int32: 5}]")
    assert run(1, "[{f_int32: 5}]") != run(2, "[{f_int32: 5}]")
    assert run(1, "[{f_int32: 1}]") == [b"\x18\x01"], "a stub that holds goes before"


# Whatever is wrong is told in the project's own words ------------------------------------------------


def test_a_deep_stub_is_an_error_not_a_crash() -> None:
    depth = 300
    deep = "{f_self: " * depth + "{}" + "}" * depth
    for key in ("request", "response"):
        with pytest.raises(GrpcmockError, match="deep"):
            load(f"- {{method: {UNARY}, {key}: {deep}}}")
