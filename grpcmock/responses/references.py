"""Check at load what a template refers to: variables, fields of messages, functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.errors import MissingExtraError, did_you_mean
from grpcmock.responses.context import VARIABLES
from grpcmock.responses.functions import RANDOM_FUNCTIONS, fake_names, unknown_fake
from grpcmock.schema import codec, well_known
from grpcmock.schema.values import is_map

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.stubs.template import Template

Mistake = tuple[str, str]
"""What is wrong, and a hint."""

_DYNAMIC = frozenset(f"google.protobuf.{name}" for name in ("Struct", "Value", "ListValue", "Any"))
_ATTRIBUTES = {"call": ("count",), "random": RANDOM_FUNCTIONS}


def check(template: Template, request: Descriptor, row: Mapping[str, Any] | None, *, script: bool) -> list[Mistake]:
    """Give what is wrong with what *template* refers to, for a method that takes *request* messages."""
    mistakes = list(_mistakes(template, request, script))
    if "row" in template.variables:
        if row is None:
            mistakes.append(("'row' is known only to stubs with 'each'.", ""))
        else:
            mistakes += _of_row(template, row)
    return mistakes


# The same template may stand in each of many stubs. Bounded, since descriptors keep their pool alive.
@lru_cache(maxsize=1024)
def _mistakes(template: Template, request: Descriptor, script: bool) -> tuple[Mistake, ...]:
    return tuple(
        mistake
        for found in (_of_variables(template, script), _of_references(template, request), _of_calls(template))
        for mistake in found
    )


def _of_variables(template: Template, script: bool) -> Iterator[Mistake]:
    for name in sorted(template.variables):
        if name not in VARIABLES:
            yield f"there is no variable {name!r}.", did_you_mean(name, VARIABLES, known="The variables")
        elif name == "message" and not script:
            yield "'message' is known in scripts alone.", "Write 'request'."
        elif name == "fake":
            try:
                fake_names()
            except MissingExtraError as error:
                yield str(error), ""


def _of_references(template: Template, request: Descriptor) -> Iterator[Mistake]:
    for name, *parts in template.references:
        first = str(parts[0]) if parts else ""
        if name in ("request", "message"):
            yield from _of_message(request, parts, str(name))
        elif name == "requests":
            if parts and isinstance(parts[0], int):
                yield from _of_message(request, parts[1:], f"requests[{parts[0]}]")
            elif parts:
                yield f"'requests' is a list; it has no {first!r}.", "Write requests[0], or loop over it."
        elif name in ("now", "duration", "uuid") or (name in ("random", "fake") and parts):
            called = f"{name}.{first}" if parts else str(name)
            yield f"{called!r} is a function.", f"Call it: {called}()."
        elif name == "call" and parts and first not in _ATTRIBUTES["call"]:
            yield f"'call' has no {first!r}.", did_you_mean(first, _ATTRIBUTES["call"], known="Its parts")


def _of_calls(template: Template) -> Iterator[Mistake]:
    for chain in template.calls:
        if len(chain) < 2 or chain[0] not in ("random", "fake"):
            continue
        name = str(chain[1])
        if chain[0] == "random" and name not in RANDOM_FUNCTIONS:
            yield f"'random' has no function {name!r}.", did_you_mean(name, RANDOM_FUNCTIONS, known="Its functions")
        elif chain[0] == "fake":
            try:
                if name not in fake_names():
                    yield unknown_fake(name), ""
            except MissingExtraError:
                return  # said once already, with the variable


def _of_row(template: Template, row: Mapping[str, Any]) -> Iterator[Mistake]:
    if any(word in template.text for word in ("default", "defined", "d(")):
        return  # a column that some rows lack, and the template knows it
    for name, *parts in template.references:
        if name == "row" and parts and parts[0] not in row:
            columns = [str(column) for column in row]
            yield f"the row has no column {str(parts[0])!r}.", did_you_mean(str(parts[0]), columns, known="The columns")


def _of_message(descriptor: Descriptor, parts: list[str | int], shown: str) -> Iterator[Mistake]:
    """Follow a chain from a message through its fields."""
    for index, part in enumerate(parts):
        if descriptor.full_name in _DYNAMIC:
            return
        if descriptor.full_name in well_known.WRAPPERS:
            yield from _of_scalar(descriptor.fields_by_name["value"], parts[index:], shown)
            return
        field = descriptor.fields_by_name.get(part) if isinstance(part, str) else None
        if field is None:
            yield _unknown_field(descriptor, part, shown)
            return
        shown = f"{shown}.{field.name}"
        if field.is_repeated or field.message_type is None:
            yield from _of_value(field, parts[index + 1 :], shown)
            return
        descriptor = field.message_type


def _of_value(field: FieldDescriptor, parts: list[str | int], shown: str) -> Iterator[Mistake]:
    if not parts:
        return
    if not field.is_repeated:
        yield from _of_scalar(field, parts, shown)
        return
    if is_map(field):
        assert field.message_type is not None
        field = field.message_type.fields_by_name["value"]
    elif not isinstance(parts[0], int):
        yield f"{shown!r} is a list; it has no {parts[0]!r}.", f"Write {shown}[0], or loop over it."
        return
    below = f"{shown}[{parts[0]!r}]"
    if field.message_type is not None:
        yield from _of_message(field.message_type, parts[1:], below)
    else:
        yield from _of_scalar(field, parts[1:], below)


def _of_scalar(field: FieldDescriptor, parts: list[str | int], shown: str) -> Iterator[Mistake]:
    if not parts or (field.enum_type is not None and parts == ["number"]):
        return
    if isinstance(parts[0], int) and field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        return
    sort = "an enum" if field.enum_type is not None else "a scalar"
    hint = "Write '.number' for its number." if field.enum_type is not None else ""
    yield f"{shown!r} is {sort}; it has no {parts[0]!r}.", hint


def _unknown_field(descriptor: Descriptor, part: str | int, shown: str) -> Mistake:
    written = codec.find_field(descriptor, part) if isinstance(part, str) else None
    text = f"{shown!r} is a {descriptor.full_name}; it has no field {part!r}."
    if written is not None:
        return text, f"Write {written.name!r}: templates use the names of the proto."
    return text, did_you_mean(str(part), [field.name for field in descriptor.fields], known="The fields")


def is_constant(template: Template, row: Mapping[str, Any] | None) -> bool:
    """Whether a template gives the same for every call, so that it can be rendered at load."""
    return template.variables <= _ROW if row is not None else not template.variables


_ROW = frozenset({"row"})
