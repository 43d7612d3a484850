# mypy: disable-error-code="arg-type, attr-defined, return-value"
"""An operator is all in its spec: whatever knows operators knows one that was added to the table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from jsonschema import Draft202012Validator
from support import ROOT, registry

from grpcmock import MockServer, not_
from grpcmock.errors import Problems, StubError
from grpcmock.matching import operators
from grpcmock.matching.findings import ABSENT
from grpcmock.matching.leaves import INT
from grpcmock.matching.matcher import Matcher, Never
from grpcmock.matching.operators import OPERATORS, Operand, OperatorSpec
from grpcmock.matching.patterns import Pattern, compile_pattern
from grpcmock.matching.value_types import ValueType
from grpcmock.mock.pattern import Operator
from grpcmock.stubs import arguments
from grpcmock.stubs.json_schema import for_registry
from grpcmock.stubs.operators import Family
from grpcmock.tree import Node

GET = "user.UserService/GetUser"


class MultipleOf(Matcher):
    __slots__ = ("factor",)

    def __init__(self, kind: ValueType, factor: int) -> None:
        super().__init__(kind)
        self.factor = factor

    def test(self, value: Any) -> bool:
        return value is not ABSENT and value % self.factor == 0

    def describe(self) -> str:
        return f"a multiple of {self.factor}"


def _multiple_of(operand: Operand) -> Matcher:
    factor = operand.read(INT)
    if factor is ABSENT:
        return Never(operand.kind)
    return MultipleOf(operand.kind, factor) if factor > 0 else operand.fail("expected a factor above 0.")


MULTIPLE_OF = OperatorSpec(
    name="$multipleOf",
    families=Family.ORDERED | Family.FLOAT,
    argument=arguments.fixed({"type": "integer", "minimum": 1}),
    build=_multiple_of,
    doc="A multiple of this number.",
)


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[OperatorSpec]:
    monkeypatch.setitem(OPERATORS, MULTIPLE_OF.name, MULTIPLE_OF)
    return MULTIPLE_OF


def multiple_of(factor: int) -> Operator:
    return Operator({MULTIPLE_OF.name: factor})


def compiled(pattern: Any, message: str, file: str) -> tuple[Pattern, list[str]]:
    known = registry(file)
    problems = Problems()
    descriptor: Any = known.message(message).DESCRIPTOR
    return compile_pattern(Node.of(pattern), descriptor, known, problems), [str(error) for error in problems.errors]


def kitchen(pattern: Any) -> tuple[Pattern, list[str]]:
    return compiled(pattern, "kitchen.Everything", "kitchen_sink.proto")


# One more operator ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "message", "held"),
    [
        ({"f_int32": {"$multipleOf": 5}}, {"f_int32": 10}, True),
        ({"f_int32": {"$multipleOf": 5}}, {"f_int32": 12}, False),
        ({"f_int32": {"$multipleOf": 5, "$gt": 10}}, {"f_int32": 10}, False),
        ({"f_int32": {"$not": {"$multipleOf": 5}}}, {"f_int32": 12}, True),
        ({"f_double": {"$multipleOf": 2}}, {"f_double": 4.0}, True),
        ({"m_string_int32": {"$values": {"$multipleOf": 2}}}, {"m_string_int32": {"a": 2, "b": 4}}, True),
        # Of plain JSON, it sees the values that it is for.
        ({"w_value": {"$multipleOf": 2}}, {"w_value": 4}, True),
        ({"w_value": {"$multipleOf": 2}}, {"w_value": "four"}, False),
        ({"w_struct": {"level": {"$multipleOf": 2}}}, {"w_struct": {"level": [4]}}, False),
        ({"w_struct": {"level": {"$multipleOf": 2}}}, {"w_struct": {}}, False),
    ],
)
def test_it_matches(added: OperatorSpec, pattern: Any, message: Any, held: bool) -> None:
    from google.protobuf.json_format import ParseDict

    found, problems = kitchen(pattern)
    assert problems == []
    assert found.holds(ParseDict(message, registry("kitchen_sink.proto").message("kitchen.Everything")())) is held


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ({"f_int32": {"$multipleof": 5}}, "there is no operator $multipleof. Did you mean '$multipleOf'?"),
        ({"f_string": {"$multipleOf": 5}}, "a string has no operator $multipleOf. It has $and, "),
        ({"f_bool": {"$gt": 5}}, "a bool has no operator $gt. It has $and, $eq, $exists, $in, $ne, $nin, $not, $or."),
        ({"f_int32": {"$prefix": 5}}, "an int32 has no operator $prefix. It has $and, $eq, $exists, $gt, $gte, $in, "),
        ({"f_int32": {"$prefix": 5}}, "$lte, $multipleOf, $ne"),
        ({"f_int32": {"$in": [{"$multipleOf": 5}]}}, "the items are values; there can't be operators in them."),
        ({"f_int32": 1, "$multipleOf": 5}, "operators can't stand beside plain names."),
        ({"f_int32": {"$multipleOf": 0}}, "request.f_int32.$multipleOf: expected a factor above 0."),
        ({"f_int32": {"$multipleOf": "x"}}, "request.f_int32.$multipleOf: expected an int64"),
    ],
)
def test_errors_know_it(added: OperatorSpec, pattern: Any, words: str) -> None:
    _, problems = kitchen(pattern)
    assert len(problems) == 1
    assert words in problems[0]


def test_an_operator_for_elements_is_suggested_there(added: OperatorSpec) -> None:
    known = registry("kitchen_sink.proto").message("kitchen.Everything").DESCRIPTOR
    name = next(f.name for f in known.fields if f.is_repeated and f.type == f.TYPE_INT32 and not f.message_type)
    _, (problem,) = kitchen({name: {"$multipleOf": 2}})
    assert "To apply $multipleOf to an element, write {$some: {$multipleOf: …}}." in problem


def test_the_json_schema_has_it_where_it_applies(added: OperatorSpec) -> None:
    schema = for_registry(registry("kitchen_sink.proto"), OPERATORS.values())
    offered = {name for name, definition in schema["$defs"].items() if added.name in definition.get("properties", {})}
    assert {"pattern:int32", "pattern:uint64", "pattern:double", "pattern:timestamp"} <= offered
    assert not {"pattern:string", "pattern:bytes", "pattern:bool", "pattern:kitchen.Everything"} & offered
    assert schema["$defs"]["pattern:int32"]["properties"][added.name]["description"] == added.doc
    int32 = Draft202012Validator({"$ref": "#/$defs/pattern:int32", "$defs": schema["$defs"]})
    assert int32.is_valid({"$multipleOf": 5})
    assert not int32.is_valid({"$multipleOf": 0})
    assert not int32.is_valid({"$multipleOff": 5})


def test_python_writes_it_and_a_miss_tells_of_it(added: OperatorSpec) -> None:
    known = registry("user.proto")
    ask = known.message("user.GetUserRequest")
    with MockServer(known) as mock, mock.channel() as channel:
        mock.on(GET).when(id=multiple_of(5) & not_(multiple_of(10))).returns(name="five")
        call = channel.unary_unary(f"/{GET}", ask.SerializeToString, known.message("user.UserResponse").FromString)
        assert call(ask(id=15)).name == "five"
        with pytest.raises(grpc.RpcError) as refused:
            call(ask(id=7))
        assert re.search(r"request\.id +expected a multiple of 5 +actual 7", refused.value.details())
        with pytest.raises(StubError, match="expected a factor above 0"):
            mock.on(GET).when(id=multiple_of(0)).returns(name="none")


def test_what_is_not_in_the_table_is_no_operator() -> None:
    _, (problem,) = kitchen({"f_int32": {"$multipleOf": 5}})
    assert "there is no operator $multipleOf." in problem


# All operators --------------------------------------------------------------------------------------

FORMAT = (ROOT / "docs" / "stub-format.md").read_text()
ROWS = {
    "anything": Family.ANY,
    "numbers, strings, enums (by number), Timestamp, Duration": Family.COMPARABLE,
    "strings": Family.STRING,
    "bytes": Family.BYTES,
    "repeated fields, `requests`": Family.LIST,
    "maps": Family.MAP,
    "messages": Family.MESSAGE,
}


def test_the_table_of_the_docs_says_which_value_types_have_which_operators() -> None:
    table = FORMAT.split("| on | operators |\n|---|---|\n")[1].split("\n\n")[0]
    told = dict.fromkeys(OPERATORS, Family(0))
    for line in table.splitlines():
        row, names = line.strip("| ").split(" | ")
        plain, _, floats = names.partition("floats also")
        for name in re.findall(r"\$\w+", plain):
            told[name] |= ROWS[row]
        for name in re.findall(r"\$\w+", floats):
            told[name] |= Family.FLOAT
    assert told == {name: spec.families for name, spec in OPERATORS.items()}


@pytest.mark.parametrize("spec", OPERATORS.values(), ids=lambda spec: spec.name)
def test_each_spec_is_whole(spec: OperatorSpec) -> None:
    assert OPERATORS[spec.name] is spec
    assert re.fullmatch(r"\$[a-z][A-Za-z]*", spec.name)
    assert spec.doc[0].isupper()
    assert spec.doc.endswith(".")
    schema = spec.schema(arguments.Schemas({}, {}, dict))
    Draft202012Validator.check_schema(schema)
    assert schema["description"] == spec.doc


@pytest.mark.parametrize("module", sorted(Path(operators.__file__).parent.glob("*.py")), ids=lambda module: module.stem)
def test_operators_know_the_compiler_by_what_they_need_of_it(module: Path) -> None:
    """So that neither must be read to understand the other, not even for its types."""
    assert "grpcmock.matching.compiler" not in module.read_text()
