# mypy: disable-error-code="arg-type"
"""Laws that hold through all layers together, from the text of a stub to the stub that is chosen for a call."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import descriptor_pb2, empty_pb2, json_format
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from playbook import engine
from strategies import messages
from support import ROOT, registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.exchange import Exchange
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive, Reset, Truncate
from grpcmock.errors import GrpcmockError, Problems
from grpcmock.schema import Registry, codec, sources, values
from grpcmock.stubs import loader
from grpcmock.tree import Node

LAW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def chosen(mock: Engine, path: str, *requests: bytes, **opened: Any) -> str | None:
    """Make a call to its end, and give the name of the stub that was chosen."""
    exchange: Exchange = mock.open(Open(path, **opened))
    events = iter([*map(Message, requests), HALF_CLOSE])
    step = exchange.resume()
    while not isinstance(step, (Finish, Reset, Truncate)):
        step = exchange.resume(next(events) if isinstance(step, Receive) else None)
    return exchange.call.stub.name if exchange.call.stub else None


def _words(text: str) -> list[str]:
    return text.split()


# No text crashes the loading path ------------------------------------------------------------------

KITCHEN = registry("kitchen_sink.proto")


def loads_or_is_refused(text: str | bytes, protos: Registry = KITCHEN) -> None:
    """Load a text the whole way, from bytes to compiled stubs: it may be refused, but only in our own words."""
    problems = Problems()
    try:
        stubs = loader.load_text(text, "any.yaml", problems)
        Engine(protos, stubs, problems=problems)
    except GrpcmockError as error:
        assert str(error)


@LAW
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text(text: str | bytes) -> None:
    loads_or_is_refused(text)


_INDICATORS = st.sampled_from(
    [*"-:?,[]{}#&*!|>'\"%@` \n\t~$<=", "---\n", "...", "<<: ", "- ", ": ", "&a ", "*a", "!!binary "]
)
_WORDS = st.sampled_from(
    ["method", "request", "response", "each", "defaults", "stubs", "$in", "$regex", "{{ row.a }}", "1e999", "0x",
     ".nan", "KitchenService/Unary", "f_int32", "null", "true", "2024", "\x00", "\ufeff", "😀", "9" * 400]
)  # fmt: skip


@LAW
@given(st.lists(_INDICATORS | _WORDS, max_size=40).map("".join))
def test_any_text_of_the_marks_of_yaml(text: str) -> None:
    loads_or_is_refused(text)


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["1s", "NOT_FOUND", "{{ request.f_int32 }}", "{{ 1 // 0 }}", "{{ 'a' * 10**9 }}", "{% for i in x %}", "{{",
         "last", "forever", "half_close", "finish", "aGk=", "COLOR_RED", "2024-01-01T00:00:00Z", "(((", "9" * 30, "-"]
    ),
)  # fmt: skip
_KEYS = st.sampled_from(
    _words("""
    f_int32 f_string f_self f_message r_int32 r_message m_string_int32 m_bool_bool c_int32 c_string w_any w_struct
    w_value w_timestamp w_field_mask f_enum f_bytes @type value within type pattern code message details trailers
    x-a x-bin rate abort hang garbage oversize min max median sigma send expect on until repeat times every steps
    wait headers error finish half_close request response responses set delay $eq $ne $in $nin $exists $not $and
    $or $gt $lte $approx $regex $glob $prefix $ignoreCase $size $json $message $first $each $some $all $unordered
    $keys $values $only
    """)
) | st.text(max_size=3)
_TREES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=12
)
_STUB_KEYS = st.sampled_from(
    _words("""
    name priority request requests metadata deadline when state times given response responses error script answers
    then headers trailers delay interval set fault each verify
    """)
)
_STUBS = st.builds(
    lambda method, keys: {"method": f"kitchen.KitchenService/{method}", **keys},
    st.sampled_from(["Unary", "ServerStream", "ClientStream", "Bidi", "Nothing"]),
    st.dictionaries(_STUB_KEYS, _TREES, max_size=4),
)


@settings(LAW, max_examples=300)
@given(st.lists(_STUBS, max_size=2), st.none() | _STUBS)
def test_anything_under_the_keys_of_a_stub(stubs: list[Any], defaults: Any) -> None:
    tree = stubs if defaults is None else {"defaults": defaults, "stubs": stubs}
    loads_or_is_refused(json.dumps(tree))


_EXAMPLES = [file.read_text() for file in sorted((ROOT / "stubs").glob("*.yaml"))]
USERS = registry("user.proto")


@LAW
@given(st.data())
def test_any_slip_in_a_good_file(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(_EXAMPLES))
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = begin + data.draw(st.integers(0, 12))
        text = text[:begin] + data.draw(_INDICATORS | _WORDS | st.just("")) + text[end:]
    loads_or_is_refused(text, USERS)


# A stub written from a message matches exactly that message ------------------------------------------


def _every() -> Registry:
    """All messages of all test protos, each the request of a method of its own."""
    declared = sources.load(sorted(file for folder in FOLDERS for file in folder.glob("*.proto")))
    files = descriptor_pb2.FileDescriptorSet()
    files.CopyFrom(declared.files)
    own = files.file.add(name="laws.proto", package="laws", syntax="proto3")
    own.dependency.append("google/protobuf/empty.proto")
    service = own.service.add(name="Laws")
    for file in declared.files.file:
        if file.name.startswith("google/") or file.name.startswith("buf/"):
            continue
        own.dependency.append(file.name)
        for name in _names(file.message_type, file.package):
            number = len(service.method)
            service.method.add(name=f"M{number}", input_type=f".{name}", output_type=".google.protobuf.Empty")
    if not any(file.name == "google/protobuf/empty.proto" for file in files.file):
        empty_pb2.DESCRIPTOR.CopyToProto(files.file.add())
    return Registry(files)


def _names(declared: Iterable[Any], scope: str) -> Iterator[str]:
    for message in declared:
        if not message.options.map_entry:
            yield f"{scope}.{message.name}"
            yield from _names(message.nested_type, f"{scope}.{message.name}")


FOLDERS = (ROOT / "tests" / "protos", ROOT / "protos")
EVERY = _every()
_METHODS = st.sampled_from([method for method in EVERY.methods.values() if method.service == "laws.Laws"])


def test_every_message_has_a_method() -> None:
    assert len(EVERY.methods) > 30


@st.composite
def _pairs(draw: st.DrawFn, message_class: Any) -> tuple[Any, Any]:
    """A message, and another that may differ from it in little."""
    one = draw(messages(message_class))
    other = message_class()
    other.CopyFrom(one)
    change = draw(st.sampled_from(["none", "another", "more", "less"]))
    if change == "another":
        other = draw(messages(message_class))
    elif change == "more":
        other.MergeFrom(draw(messages(message_class)))
    elif change == "less" and (fields := [field for field, _ in one.ListFields() if not field.is_required]):
        field = draw(st.sampled_from(fields))
        other.ClearExtension(field) if field.is_extension else other.ClearField(field.name)
    return one, other


@settings(LAW, max_examples=200)
@given(st.data())
def test_a_stub_from_a_message_matches_exactly_that_message(data: st.DataObject) -> None:
    method = data.draw(_METHODS)
    one, other = data.draw(_pairs(method.request_class))
    if data.draw(st.booleans(), label="by protobuf's own hand"):
        tree = json_format.MessageToDict(one, preserving_proto_field_name=True, descriptor_pool=EVERY.pool)
    else:
        tree = codec.to_tree(one)
    text = json.dumps(
        [{"name": "it", "method": str(method), "request": {"$eq": tree}}],
        ensure_ascii=data.draw(st.booleans(), label="only ASCII"),
    )
    assume(not _holds_template(text))
    mock = of_json(text)
    assert chosen(mock, method.path, one.SerializeToString()) == "it"
    expected = "it" if _meaning(one) == _meaning(other) else None
    assert chosen(mock, method.path, other.SerializeToString()) == expected


@settings(LAW, max_examples=100)
@given(st.data())
def test_a_plain_stub_from_a_message_matches_it(data: st.DataObject) -> None:
    method = data.draw(_METHODS)
    message = data.draw(messages(method.request_class))
    text = json.dumps([{"name": "it", "method": str(method), "request": codec.to_tree(message)}])
    assume("$" not in text and not _holds_template(text))
    assert chosen(of_json(text), method.path, message.SerializeToString()) == "it"


@settings(LAW, max_examples=100)
@given(messages(KITCHEN.message("kitchen.Everything")))
def test_a_message_passes_whole_through_a_template(message: Any) -> None:
    mock = engine(KITCHEN, "[{method: kitchen.KitchenService/Unary, response: '{{ request }}'}]")
    exchange = mock.open(Open("/kitchen.KitchenService/Unary"))
    exchange.resume()
    exchange.resume(Message(message.SerializeToString()))
    exchange.resume(HALF_CLOSE)
    assert exchange.call.responses == [message]


def of_json(text: str) -> Engine:
    problems = Problems()
    return Engine(EVERY, loader.load_text(text, "law.json", problems), problems=problems)


def _holds_template(text: str) -> bool:
    return any(mark in text for mark in ("{{", "{%", "{#"))


def _meaning(message: Any) -> Any:
    """What a message says: a mask's order, the host of a type URL and the sign of zero say nothing."""
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.FieldMask":
        return frozenset(message.paths)
    if name == "google.protobuf.Any" and message.type_url:
        inside = EVERY.message(message.type_url.rpartition("/")[2])
        return inside.DESCRIPTOR.full_name, _meaning(inside.FromString(message.value))
    said: dict[str, Any] = {}
    for field, value in message.ListFields():
        if values.is_map(field):
            said[field.full_name] = {key: _said(value[key]) for key in value}
        elif field.is_repeated:
            said[field.full_name] = [_said(item) for item in value]
        elif field.has_presence or _said(value) != field.default_value:
            said[field.full_name] = _said(value)
    return said


def _said(value: Any) -> Any:
    return value + 0.0 if isinstance(value, float) else _meaning(value) if hasattr(value, "DESCRIPTOR") else value


# The index chooses as a search through all stubs does -------------------------------------------------

_SMALL = st.integers(0, 2)
_LETTERS = st.sampled_from(["", "a", "b"])
_PATTERNS = st.fixed_dictionaries(
    {},
    optional={
        "f_int32": _SMALL | st.builds(lambda n: {"$gt": n}, _SMALL) | st.builds(lambda n: {"$in": n}, st.lists(_SMALL)),
        "f_string": _LETTERS | st.builds(lambda t: {"$ne": t}, _LETTERS),
        "o_int32": _SMALL | st.none(),
        "f_message": st.fixed_dictionaries({}, optional={"name": _LETTERS, "number": _SMALL}),
        "r_int32": st.lists(_SMALL, max_size=2) | st.builds(lambda n: {"$some": n}, _SMALL),
        "m_string_int32": st.dictionaries(_LETTERS, _SMALL, max_size=1),
    },
)
_MANY = st.lists(
    st.builds(
        lambda request, requests, metadata, state, rest: {
            **({"requests": requests} if requests else {"request": request} if request is not None else {}),
            **({"metadata": metadata} if metadata else {}),
            **({"state": state} if state else {}),
            **rest,
        },
        st.none() | _PATTERNS,
        st.none() | st.none() | st.lists(_PATTERNS, min_size=1, max_size=2),
        st.dictionaries(st.just("x-a"), _LETTERS | st.none(), max_size=1),
        st.dictionaries(st.just("s"), st.sampled_from(["started", "two"]), max_size=1),
        st.fixed_dictionaries(
            {},
            optional={
                "priority": st.integers(-1, 1),
                "times": st.integers(1, 2),
                "set": st.dictionaries(st.just("s"), st.sampled_from(["started", "two"]), min_size=1),
                "then": st.just("miss"),
            },
        ),
    ),
    min_size=1,
    max_size=8,
)
_REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "f_int32": _SMALL,
        "f_string": _LETTERS,
        "o_int32": _SMALL,
        "f_message": st.fixed_dictionaries({}, optional={"name": _LETTERS, "number": _SMALL}),
        "r_int32": st.lists(_SMALL, max_size=2),
        "m_string_int32": st.dictionaries(_LETTERS, _SMALL, max_size=1),
    },
)
_CALLS = st.lists(st.tuples(st.lists(_REQUESTS, max_size=2), st.lists(_LETTERS, max_size=2)), min_size=1, max_size=12)


class _Linear:
    """An index that looks at every stub, in the place of one that doesn't."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.first = index.linear

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def __iter__(self) -> Any:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


@settings(LAW, max_examples=100)
@given(_MANY, _CALLS, st.sampled_from(["Unary", "ClientStream", "Bidi"]))
def test_index_and_linear_search_choose_alike_until_all_are_exhausted(
    stubs: list[dict[str, Any]], calls: list[Any], name: str
) -> None:
    method = KITCHEN.method(f"kitchen.KitchenService/{name}")
    for number, stub in enumerate(stubs):
        stub |= {"name": f"s{number}", "method": str(method)}
        if name == "Unary" and "requests" in stub:
            stub["request"] = stub.pop("requests")[0]
        if stub.get("then"):
            stub["answers"] = [{}, {}]
    text = json.dumps(stubs)
    fast, slow = engine(KITCHEN, text), engine(KITCHEN, text)
    for table in slow.store.tables.values():
        table.index = _Linear(table.index)  # type: ignore[assignment]
    seen: Counter[str | None] = Counter()
    for requests, letters in calls:
        trees = requests if name != "Unary" else [*requests, {}][:1]
        data = [_encoded(tree) for tree in trees]
        metadata = tuple(("x-a", value) for value in letters)
        by_index = chosen(fast, method.path, *data, metadata=metadata)
        assert by_index == chosen(slow, method.path, *data, metadata=metadata)
        seen[by_index] += 1
    for entry in fast.store:
        assert entry.count == seen[entry.name]
        assert entry.stub.times is None or entry.count <= entry.stub.times
        assert entry.stub.then != "miss" or entry.count <= 2


def _encoded(tree: Any) -> bytes:
    problems = Problems()
    message = codec.build(Node.of(tree), KITCHEN.message("kitchen.Everything"), KITCHEN, problems)
    assert not len(problems)
    return bytes(message.SerializeToString())
