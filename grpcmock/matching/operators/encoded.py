"""Operators that look into what a string or bytes hold: ``$json`` and ``$message``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grpcmock.errors import SchemaError
from grpcmock.matching.findings import ABSENT
from grpcmock.matching.leaves import JSON, NAN
from grpcmock.matching.matcher import Matcher
from grpcmock.matching.operators.spec import Operand, OperatorSpec
from grpcmock.matching.value_types import Place
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.stubs import arguments
from grpcmock.stubs.operators import Family

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.matching.value_types import ValueType


class Json(Matcher):
    """``$json``: a string that holds JSON which fits a pattern."""

    __slots__ = ("inner",)

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        try:
            return self.inner.test(json.loads(value, parse_constant=_constant))
        except (ValueError, RecursionError):
            return False

    def describe(self) -> str:
        return f"JSON: {self.inner.describe()}"


def _constant(name: str) -> float:
    return NAN if name == "NaN" else float(name)


class Embedded(Matcher):
    """``$message``: bytes that hold a message of a type, which fits a pattern."""

    __slots__ = ("inner", "message_class")

    def __init__(self, kind: ValueType, message_class: type[Message], inner: Matcher | None) -> None:
        super().__init__(kind)
        self.message_class = message_class
        self.inner = inner

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        try:
            message = decode(self.message_class, value)
        except DecodeError:
            return False
        inner = self.inner
        return inner is None or inner.test(message if inner.kind.normalize is None else inner.kind.normalize(message))

    def describe(self) -> str:
        name = self.message_class.DESCRIPTOR.full_name
        return f"a {name}" if self.inner is None else f"a {name}: {self.inner.describe()}"


def _message(operand: Operand) -> Matcher:
    node = operand.node
    if not node.is_mapping or "type" not in node.value or not node.value.keys() <= {"type", "pattern"}:
        return operand.fail("expected {type: package.Message, pattern: …}.")
    kinds, registry = operand.compiler.kinds, operand.compiler.registry
    name = node.value["type"].value
    if not isinstance(name, str):
        return operand.member("type").expected("the name of a message type")
    try:
        message_class = registry.message(name.rpartition("/")[2])
    except SchemaError as error:
        return operand.member("type").fail(str(error), rule="unknown-type")
    if "pattern" not in node.value:
        return Embedded(operand.kind, message_class, None)
    inner = operand.member("pattern").pattern(kinds.of_class(message_class), Place.ROOT)
    return Embedded(operand.kind, message_class, inner)


SPECS = (
    OperatorSpec(
        name="$json",
        families=Family.STRING,
        argument=arguments.anything,
        build=lambda operand: Json(operand.kind, operand.pattern(JSON, Place.ELEMENT)),
        doc="The text is JSON, and this pattern holds for it.",
    ),
    OperatorSpec(
        name="$message",
        families=Family.BYTES,
        argument=arguments.members("type", type=arguments.text, pattern=arguments.anything),
        build=_message,
        doc="The bytes are a message of this `type`, and `pattern` holds for it.",
    ),
)
