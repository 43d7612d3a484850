"""Messages as they travel: protobuf as it is, or ProtoJSON, checked like whatever else users write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

from grpcmock.errors import Problems
from grpcmock.protocols.interface import WireError
from grpcmock.schema.codec import DecodeError, build, decode, to_tree
from grpcmock.status import Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

CodecName = Literal["proto", "json"]

_MAX_SHOWN = 5
"""Problems of one message that are told."""


class Codec(Protocol):
    """Between the messages of one method on the wire, and the bytes that the engine takes and gives."""

    def request(self, data: bytes) -> bytes:
        """Return a request in protobuf. Raises :class:`WireError`."""

    def response(self, data: bytes) -> bytes:
        """Return a response as it travels. What is no message travels as it is: it is meant to be wrong."""


class ProtoCodec:
    """Protobuf, which the engine reads itself."""

    def request(self, data: bytes) -> bytes:
        return data

    def response(self, data: bytes) -> bytes:
        return data


class JsonCodec:
    """ProtoJSON."""

    def __init__(self, method: Method, registry: Registry) -> None:
        self._method = method
        self._registry = registry

    def request(self, data: bytes) -> bytes:
        return message_of(parse(data), self._method, self._registry).SerializePartialToString()

    def response(self, data: bytes) -> bytes:
        try:
            return dump(to_tree(decode(self._method.response_class, data), json_names=True))
        except DecodeError:
            return data


def codec_of(name: str, method: Method | None, registry: Registry) -> Codec:
    """Return the codec of this name; without a method, nothing is read or written, and any will do."""
    return JsonCodec(method, registry) if name == "json" and method is not None else ProtoCodec()


def dump(tree: Any) -> bytes:
    """Return a tree as JSON, in as few bytes as it takes."""
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def parse(data: bytes, where: str = "the body") -> Any:
    """Return the plain values of a JSON text. Raises :class:`WireError`, which says where it is wrong."""
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise WireError(Code.INVALID_ARGUMENT, f"{where} is no UTF-8: byte {error.start + 1} can't be read.") from None
    except json.JSONDecodeError as error:
        what = f"{where} is no JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        raise WireError(Code.INVALID_ARGUMENT, what if data.strip() else f"{where} is empty; JSON is needed.") from None
    except ValueError as error:
        raise WireError(Code.INVALID_ARGUMENT, f"{where} is no JSON that can be taken: {error}") from None
    except RecursionError:
        raise WireError(Code.INVALID_ARGUMENT, f"{where} is nested too deeply.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"the key {twice!r} stands twice in one object.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not among JSON's numbers; ProtoJSON writes it as a string.")


def message_of(tree: Any, method: Method, registry: Registry, what: str = "the request") -> Message:
    """Return the request message of a tree. Raises :class:`WireError` with all that is wrong, each with its path."""
    problems = Problems()
    message = build(Node.of(tree), method.request_class, registry, problems, partial=True)
    if problems:
        raise misfit(method, what, map(str, problems))
    return message


def misfit(method: Method, what: str, reasons: Iterable[str]) -> WireError:
    """Return the error of JSON that isn't the message that a method takes."""
    found = list(reasons)
    more = f" … and {len(found) - _MAX_SHOWN} more." if len(found) > _MAX_SHOWN else ""
    text = f"{method}: {what} is no {method.input.full_name}: {' '.join(found[:_MAX_SHOWN])}{more}"
    return WireError(Code.INVALID_ARGUMENT, text)
