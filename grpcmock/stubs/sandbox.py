"""The sandbox that templates run in: nothing can be changed, reached or grown beyond its bounds."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import jinja2
from jinja2 import pass_context
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from grpcmock.errors import RenderError

MAX_TEXT = 16 * 1024 * 1024
"""Characters that a rendered text may have, and any text on the way to it."""

MAX_ROUNDS = 100_000
"""Rounds that all loops of one rendering may make together, and items that a list may have."""

BUDGET = "\0budget"
"""The name in a context, unspeakable in a template, under which the rounds of its loops are counted."""

COUNTED, JOINED = " counted", " joined"
"""The names of filters that the compiler puts in: around what a loop runs over, and in the place of ``~``."""

_STRING_METHODS = (
    "capitalize casefold count decode encode endswith find hex index isalnum isalpha isascii isdecimal isdigit "
    "islower isnumeric isspace istitle isupper lower lstrip partition removeprefix removesuffix rfind rindex "
    "rpartition rsplit rstrip split splitlines startswith strip swapcase title upper"
)
_FILTERS = (
    "abs attr capitalize count d default dictsort e escape filesizeformat first float groupby int items last length "
    "list lower map max min reject rejectattr reverse select selectattr sort string striptags sum title trim "
    "truncate unique upper urlencode wordcount"
)


_METHODS = frozenset(_STRING_METHODS.split())
"""What may be called on strings: the others pad or multiply without a bound."""


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, with bounds on what a short expression could blow up."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, (str, bytes)):
            return _format(left, *(right if isinstance(right, tuple) else (right,)))
        if operator == "*":
            for sequence, times in ((left, right), (right, left)):
                if isinstance(sequence, (str, bytes, list, tuple)) and isinstance(times, int):
                    _bound(len(sequence) * times, sequence)
        elif operator == "+" and isinstance(left, (str, bytes, list, tuple)) and isinstance(right, type(left)):
            _bound(len(left) + len(right), left)
        if operator in ("*", "**") and isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
            if bits > 4096:
                raise RenderError("a number grows beyond 4096 bits.")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> None:
        """Give ``str.format`` no wrapper, so that it is refused with the other methods that pad without a bound."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, (str, bytes)) and hasattr(str, attr):
            return attr in _METHODS
        if isinstance(obj, (int, float)) and hasattr(int, attr):
            return attr not in {"to_bytes", "from_bytes"} and super().is_safe_attribute(obj, attr, value)
        return super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        # A column or key named like a method of dict (``items``, ``count``) means the data.
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@lru_cache(maxsize=1)
def environment() -> Sandbox:
    """The one environment of all templates: undefined names raise, and only bounded filters are there."""
    sandbox = Sandbox(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=as_text, cache_size=0
    )
    known = sandbox.filters
    sandbox.filters = {name: known[name] for name in _FILTERS.split()} | {
        "b64decode": _filter_b64decode,
        "b64encode": _filter_b64encode,
        "format": _format,
        "join": _filter_join,
        "replace": _filter_replace,
        "round": _filter_round,
        "tojson": _filter_tojson,
        COUNTED: _counted,
        JOINED: _joined,
    }
    for name in ("lipsum", "cycler", "joiner"):
        del sandbox.globals[name]
    return sandbox


def _bound(size: int, sequence: Any = "") -> None:
    limit, unit = (MAX_TEXT, "characters") if isinstance(sequence, (str, bytes)) else (MAX_ROUNDS, "items")
    if size > limit:
        raise RenderError(f"a value of {size} {unit} is over the limit of {limit}.")


def as_text(value: Any) -> Any:
    """Give a value inside a longer text its ProtoJSON look, rather than Python's."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (list, tuple, dict)):
        return _filter_tojson(value)
    return value


def join(pieces: Iterable[str]) -> str:
    """Join *pieces*, as long as the text stays within its bound."""
    parts: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        _bound(size)
        parts.append(piece)
    return "".join(parts)


def finished(value: Any) -> Any:
    """Give the value of a whole expression as a reply can use it: undefined raises, an iterator becomes a list."""
    if isinstance(value, Undefined):
        str(value)  # raises, with the reason
    if isinstance(value, (FunctionType, MethodType, BuiltinFunctionType)):
        raise RenderError(f"{value.__name__} is a function: call it, {value.__name__}(…).")
    if isinstance(value, (Iterator, range)):  # ``requests | map(attribute="id")`` means the list
        found = list(itertools.islice(value, MAX_ROUNDS + 1))
        _bound(len(found), found)
        return found
    return value


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    budget = context.parent[BUDGET]
    for item in items:
        if next(budget) > MAX_ROUNDS:
            raise RenderError(f"its loops make more than {MAX_ROUNDS} rounds.")
        yield item


@pass_context
def _joined(_: Context, items: list[Any]) -> str:
    return join(str(as_text(item)) for item in items)


_WIDTH = re.compile(r"\*|\d{6,}")


def _format(text: str | bytes, *values: Any, **named: Any) -> Any:
    if values and named:
        raise RenderError("format takes values by place or by name, not both.")
    if _WIDTH.search(text.decode("latin-1") if isinstance(text, bytes) else text):
        raise RenderError("a format has a width over the limit of 99999, or a '*'.")
    return text % (named or values)


@jinja2.pass_environment
def _filter_join(environment: jinja2.Environment, items: Iterable[Any], d: str = "", attribute: Any = None) -> str:
    if attribute is not None:
        items = (environment.getitem(item, attribute) for item in items)
    first = True

    def parts() -> Iterator[str]:
        nonlocal first
        for item in items:
            if not first:
                yield str(d)
            first = False
            yield str(as_text(item))

    return join(parts())


def _filter_b64encode(value: Any) -> str:
    """In base64: bytes, and the UTF-8 of any text."""
    data = value if isinstance(value, bytes) else str(as_text(value)).encode()
    _bound(len(data) * 4 // 3)
    return base64.b64encode(data).decode()


def _filter_b64decode(value: Any) -> bytes:
    """The bytes of a text in base64, in the standard alphabet or that of URLs."""
    text = str(value).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise RenderError(f"{str(value)[:60]!r} is not base64.") from None


def _filter_replace(text: Any, old: Any, new: Any) -> str:
    text, old, new = str(text), str(old), str(new)
    _bound(len(text) + text.count(old) * (len(new) - len(old)))
    replaced: str = text.replace(old, new)
    return replaced


def _filter_round(value: Any, precision: int = 0) -> Any:
    if not -400 < precision < 400:
        raise RenderError("round takes a precision between -400 and 400.")
    return round(value, precision) if precision else round(value)


def _filter_tojson(value: Any) -> str:
    """As JSON on one line. Not Jinja's own: that one escapes for HTML."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_json_default)


def _json_default(value: Any) -> Any:
    if hasattr(value, "__proto_json__"):  # messages, and what stands for those that aren't set
        return value.__proto_json__()
    if isinstance(value, Undefined):
        str(value)  # raises, with the reason
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(itertools.islice(value, MAX_ROUNDS))
    return str(value)
