# mypy: disable-error-code="arg-type"
"""The index finds what a search through all stubs would find, and looks at few of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import registry

from grpcmock.errors import Problems
from grpcmock.matching import CallContext, Conditions, Index, Stage, compile_conditions
from grpcmock.stubs.model import Stub
from grpcmock.tree import Node

KITCHEN = registry("kitchen_sink.proto")
METHOD = KITCHEN.method("kitchen.KitchenService/Bidi")
EVERYTHING = KITCHEN.message("kitchen.Everything")


@dataclass(eq=False)
class Entry:
    conditions: Conditions
    rank: tuple[Any, ...]
    accepted: bool = True


def conditions(**keys: Any) -> Conditions:
    state = keys.pop("state", {})
    nodes: dict[str, Any] = {key: Node.of(value) for key, value in keys.items()}
    problems = Problems()
    compiled = compile_conditions(Stub(method="x", name="s", state=state, **nodes), METHOD, KITCHEN, problems)
    problems.raise_errors()
    return compiled


def accepted(entry: Entry) -> bool:
    return entry.accepted


# --- The law ----------------------------------------------------------------------------------------------------------

_SMALL = st.integers(0, 2)
_TEXT = st.sampled_from(["", "a", "b", "A"])
_DOUBLES = st.sampled_from([0.0, 1.5, float("nan")])
_COLORS = st.sampled_from(["COLOR_UNSPECIFIED", "COLOR_RED", 7])
_BYTES = st.sampled_from([b"", b"a"])
_TIMES = st.sampled_from(["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"])
_NESTED = st.fixed_dictionaries({}, optional={"name": _TEXT, "number": _SMALL, "tags": st.lists(_TEXT, max_size=2)})
_JSON = st.sampled_from([None, True, False, 0, 1, 1.5, "a"])
_ANY = st.fixed_dictionaries({"@type": st.just("type.googleapis.com/kitchen.Nested")}, optional={"number": _SMALL})

_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "f_int32": _SMALL,
    "f_int64": _SMALL,
    "f_string": _TEXT,
    "f_bool": st.booleans(),
    "f_double": _DOUBLES,
    "f_float": _DOUBLES,
    "f_bytes": _BYTES,
    "f_enum": _COLORS,
    "o_int32": _SMALL,
    "o_string": _TEXT,
    "c_string": _TEXT,
    "f_message": _NESTED,
    "f_self": st.fixed_dictionaries({}, optional={"f_int32": _SMALL, "f_message": _NESTED}),
    "r_int32": st.lists(_SMALL, max_size=2),
    "r_double": st.lists(_DOUBLES, max_size=2),
    "r_message": st.lists(_NESTED, max_size=2),
    "m_string_int32": st.dictionaries(st.sampled_from("ab"), _SMALL, max_size=2),
    "m_string_message": st.dictionaries(st.sampled_from("ab"), _NESTED, max_size=2),
    "w_timestamp": _TIMES,
    "w_int64": _SMALL,
    "w_field_mask": st.sampled_from(["a", "a,b", "b,a"]),
    "w_struct": st.dictionaries(st.sampled_from("ab"), _JSON, max_size=2),
    "w_value": _JSON | st.lists(_JSON, max_size=2),
    "w_any": _ANY,
}

_LISTS = {"r_int32": _SMALL, "r_double": _DOUBLES, "r_message": _NESTED}
_ONE_VALUE = [name for name in _FIELDS if name not in _LISTS and not name.startswith("m_") and name != "w_any"]


@st.composite
def _patterns(draw: st.DrawFn) -> dict[str, Any]:
    """Patterns of messages: plain values, and operators that the index looks up, or can't."""
    names = draw(st.lists(st.sampled_from(list(_FIELDS)), max_size=3, unique=True))
    pattern = {name: draw(_field_patterns(name)) for name in names}
    wrap = draw(st.integers(0, 19))
    return {"$only": pattern} if wrap == 0 else {"$or": [pattern, {}]} if wrap == 1 else pattern


def _field_patterns(name: str) -> st.SearchStrategy[Any]:
    plain = _FIELDS[name]
    several = st.lists(plain, max_size=3)
    forms = {"plain": plain}
    element = _LISTS.get(name)
    if element is not None:
        forms |= {operator: _applied(operator, element) for operator in ("$first", "$last", "$some")}
        forms |= {operator: _applied(operator, st.lists(element, max_size=2)) for operator in ("$all", "$unordered")}
        forms["$size"] = _applied("$size", _SMALL)
    elif name in _ONE_VALUE:
        forms |= {operator: _applied(operator, plain) for operator in ("$eq", "$ne", "$not")}
        forms |= {"$in": _applied("$in", several), "$and": _applied("$and", several.filter(len))}
        forms |= {"null": st.none(), "$exists": _applied("$exists", st.booleans())}
    if name == "f_string":
        forms["$ignoreCase"] = _applied("$ignoreCase", _TEXT)
    return plain | st.sampled_from(list(forms)).flatmap(forms.__getitem__)


def _applied(operator: str, operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return operands.map(lambda operand: {operator: operand})


_METADATA_VALUES = (
    _TEXT
    | st.builds(lambda values: {"$in": values}, st.lists(_TEXT, max_size=2))
    | st.lists(_TEXT, max_size=2)
    | st.none()
)
_STUBS = st.fixed_dictionaries(
    {},
    optional={
        "request": _patterns(),
        "requests": st.lists(_patterns(), max_size=2) | st.builds(lambda p: {"$some": p}, _patterns()),
        "metadata": st.dictionaries(st.sampled_from("kl"), _METADATA_VALUES, max_size=2),
        "state": st.dictionaries(st.just("s"), st.sampled_from(["started", "x"])),
        "deadline": st.just({"$gt": 1}),
    },
)


@st.composite
def _entries(draw: st.DrawFn) -> list[Entry]:
    drawn = draw(st.lists(st.tuples(_STUBS, st.integers(-1, 1), st.integers(0, 3)), min_size=1, max_size=12))
    entries = []
    for order, (keys, priority, spent) in enumerate(drawn):
        compiled = conditions(**keys)
        entries.append(Entry(compiled, (-priority, -compiled.count, order), accepted=spent > 0))
    return entries


def _message(tree: dict[str, Any]) -> Any:
    from grpcmock.schema import codec

    problems = Problems()
    built = codec.build(Node.of(tree), EVERYTHING, KITCHEN, problems)
    problems.raise_errors()
    return built


_MESSAGES = st.fixed_dictionaries({}, optional=_FIELDS).map(_message)
_FACTS = st.builds(
    lambda metadata, deadline, state, messages, half: CallContext(
        metadata, deadline, state, messages[0] if messages else None, messages, half
    ),
    st.dictionaries(st.sampled_from("kl"), st.lists(_TEXT, min_size=1, max_size=2)),
    st.sampled_from([None, 0.5, 2.0]),
    st.dictionaries(st.just("s"), st.sampled_from(["started", "x"])),
    st.lists(_MESSAGES, max_size=2),
    st.just(True),
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(_entries(), st.lists(_FACTS, min_size=1, max_size=4), st.data())
def test_index_and_linear_search_always_choose_the_same_stub(
    entries: list[Entry], calls: list[CallContext], data: st.DataObject
) -> None:
    index: Index[Entry] = Index()
    for entry in data.draw(st.permutations(entries)):
        index.add(entry)
    gone = data.draw(st.lists(st.sampled_from(entries), unique=True, max_size=3))

    def agree() -> None:
        for context in calls:
            for stage in Stage:
                assert index.first(context, accepted, stage) is index.linear(context, accepted, stage)

    agree()
    for entry in gone:
        index.remove(entry)
    agree()
    assert list(index) == sorted((e for e in entries if e not in gone), key=lambda entry: entry.rank)
    for entry in gone:
        index.add(entry)
    agree()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_STUBS, _FACTS)
def test_what_a_lookup_finds_exactly_needs_no_test(keys: dict[str, Any], context: CallContext) -> None:
    """One stub alone, so that neither rank nor other stubs hide a wrong look-up."""
    compiled = conditions(**keys)
    index: Index[Entry] = Index()
    index.add(Entry(compiled, (0,)))
    assert (index.first(context, accepted, Stage.ALL) is not None) is compiled.holds(context)


# --- Every shape is looked up -----------------------------------------------------------------------------------------

MANY = 300


def _key(number: int) -> str:
    return f"key-{number}"


SHAPES = {
    "string": (
        lambda n: {"request": {"f_string": _key(n)}},
        lambda n: CallContext(request=EVERYTHING(f_string=_key(n))),
    ),
    "int64": (lambda n: {"request": {"f_int64": n}}, lambda n: CallContext(request=EVERYTHING(f_int64=n))),
    "bytes": (
        lambda n: {"request": {"f_bytes": b"%d" % n}},
        lambda n: CallContext(request=EVERYTHING(f_bytes=b"%d" % n)),
    ),
    "float": (lambda n: {"request": {"f_float": n / 10}}, lambda n: CallContext(request=EVERYTHING(f_float=n / 10))),
    "enum": (
        lambda n: {"request": {"f_enum": "COLOR_RED", "f_int32": n}},
        lambda n: CallContext(request=EVERYTHING(f_enum=1, f_int32=n)),
    ),
    "bool": (
        lambda n: {"request": {"f_bool": True, "f_int32": n}},
        lambda n: CallContext(request=EVERYTHING(f_bool=True, f_int32=n)),
    ),
    "optional": (lambda n: {"request": {"o_int32": n}}, lambda n: CallContext(request=EVERYTHING(o_int32=n))),
    "nested": (
        lambda n: {"request": {"f_message": {"deeper": {"big": n}}}},
        lambda n: CallContext(request=EVERYTHING(f_message={"deeper": {"big": n}})),
    ),
    "whole list": (
        lambda n: {"request": {"r_int32": [n, 1]}},
        lambda n: CallContext(request=EVERYTHING(r_int32=[n, 1])),
    ),
    "list element": (
        lambda n: {"request": {"r_message": [{}, {"number": n}]}},
        lambda n: CallContext(request=EVERYTHING(r_message=[{}, {"number": n}])),
    ),
    "first": (
        lambda n: {"request": {"r_int32": {"$first": n}}},
        lambda n: CallContext(request=EVERYTHING(r_int32=[n, 1])),
    ),
    "some": (
        lambda n: {"request": {"r_int32": {"$some": n}}},
        lambda n: CallContext(request=EVERYTHING(r_int32=[-1, n])),
    ),
    "some message": (
        lambda n: {"request": {"r_message": {"$some": {"number": n, "name": "x"}}}},
        lambda n: CallContext(request=EVERYTHING(r_message=[{"number": n, "name": "x"}])),
    ),
    "map value": (
        lambda n: {"request": {"m_string_int32": {"a": n}}},
        lambda n: CallContext(request=EVERYTHING(m_string_int32={"a": n})),
    ),
    "wrapper": (lambda n: {"request": {"w_int64": n}}, lambda n: CallContext(request=EVERYTHING(w_int64={"value": n}))),
    "timestamp": (
        lambda n: {"request": {"w_timestamp": f"2020-01-01T00:00:00.{n:03}Z"}},
        lambda n: CallContext(request=EVERYTHING(w_timestamp={"seconds": 1577836800, "nanos": n * 10**6})),
    ),
    "struct": (
        lambda n: {"request": {"w_struct": {"a": _key(n)}}},
        lambda n: CallContext(request=_message({"w_struct": {"a": _key(n)}})),
    ),
    "any": (
        lambda n: {"request": {"w_any": {"@type": "kitchen.Nested", "number": n}}},
        lambda n: CallContext(request=_message({"w_any": {"@type": "x/kitchen.Nested", "number": n}})),
    ),
    "in": (
        lambda n: {"request": {"f_int32": {"$in": [2 * n, 2 * n + 1]}}},
        lambda n: CallContext(request=EVERYTHING(f_int32=2 * n + 1)),
    ),
    "ignoring case": (
        lambda n: {"request": {"f_string": {"$ignoreCase": f"KEY-{n}"}}},
        lambda n: CallContext(request=EVERYTHING(f_string=_key(n))),
    ),
    "equality with a rest": (
        lambda n: {"request": {"f_int32": n, "f_string": {"$prefix": "a"}}},
        lambda n: CallContext(request=EVERYTHING(f_int32=n, f_string="ab")),
    ),
    "metadata": (
        lambda n: {"metadata": {"k": _key(n), "tenant": "t"}},
        lambda n: CallContext({"k": ["other", _key(n)], "tenant": ["t"]}),
    ),
    "binary metadata": (lambda n: {"metadata": {"k-bin": b"%d" % n}}, lambda n: CallContext({"k-bin": [b"%d" % n]})),
    "message of a stream": (
        lambda n: {"requests": [{"f_int32": 1}, {"f_int32": n}]},
        lambda n: CallContext(requests=[EVERYTHING(f_int32=1), EVERYTHING(f_int32=n)]),
    ),
    "state": (lambda n: {"state": {"login": _key(n)}}, lambda n: CallContext(state={"login": _key(n)})),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_hit_looks_at_one_stub_among_many(shape: str) -> None:
    write, call = SHAPES[shape]
    index: Index[Entry] = Index()
    entries = [Entry(conditions(**write(number)), (number,)) for number in range(MANY)]
    for entry in entries:
        index.add(entry)
    looked_at = []

    def accept(entry: Entry) -> bool:
        looked_at.append(entry)
        return True

    for number in (0, 5, MANY - 1):
        context = call(number)
        looked_at.clear()
        assert index.first(context, accept, Stage.ALL) is entries[number]
        assert looked_at == [entries[number]]
        assert sum(len(bucket) if type(bucket) is list else 1 for bucket in _buckets(index, context)) == 1


def _buckets(index: Index[Entry], context: CallContext) -> list[Any]:
    found = []
    for shape in index.shapes:
        found += shape.find(context) if shape.get is None else [shape.table[shape.get(context)]]
    return found


def test_stubs_that_need_more_than_is_known_wait() -> None:
    index: Index[Entry] = Index()
    late = Entry(conditions(requests=[{"f_int32": 1}]), (0,))
    first = Entry(conditions(request={"f_int32": 1}), (1,))
    early = Entry(conditions(metadata={"k": "a"}), (2,))
    both = Entry(conditions(metadata={"k": "a"}, request={"f_int32": {"$gt": 0}}), (3,))
    for entry in (both, early, first, late):
        index.add(entry)
    message = EVERYTHING(f_int32=1)
    context = CallContext({"k": ["a"]}, None, {}, message, [message], True)
    found = [index.first(context, accepted, stage) for stage in Stage]
    assert found == [early, first, late]


def test_a_shape_that_leads_with_a_better_stub_may_still_answer_with_a_worse_one() -> None:
    index: Index[Entry] = Index()
    leader = Entry(conditions(request={"f_int32": 9}), (0,))
    middle = Entry(conditions(request={"f_string": "a"}), (1,))
    last = Entry(conditions(request={"f_int32": 1}), (2,))
    for entry in (leader, middle, last):
        index.add(entry)
    assert index.first(CallContext(request=EVERYTHING(f_int32=1, f_string="a")), accepted, Stage.ALL) is middle


@pytest.mark.parametrize(("wanted", "came"), [(1, True), (True, 1), (0, False), (False, 0.0)])
def test_a_bool_is_not_found_where_a_number_is_sought(wanted: Any, came: Any) -> None:
    index: Index[Entry] = Index()
    index.add(Entry(conditions(request={"w_value": wanted}), (0,)))
    assert index.first(CallContext(request=_message({"w_value": came})), accepted, Stage.ALL) is None
    assert index.first(CallContext(request=_message({"w_value": wanted})), accepted, Stage.ALL) is not None


def test_many_values_on_both_sides_do_not_multiply() -> None:
    """Two keys with a thousand values each would be a million look-ups; there are but few stubs."""
    index: Index[Entry] = Index()
    wanted = Entry(conditions(metadata={"k": "7", "l": "8"}), (0,))
    index.add(wanted)
    many = [str(number) for number in range(3000)]
    assert index.first(CallContext({"k": many, "l": many}), accepted, Stage.ALL) is wanted


def test_what_is_not_there_can_not_be_removed() -> None:
    with pytest.raises(KeyError):
        Index().remove(Entry(conditions(), (0,)))
