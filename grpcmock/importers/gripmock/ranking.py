"""Which stub wins in GripMock: the one that names more fields, then by score and priority, then by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_KINDS = ("equals", "contains", "matches", "glob")
_DEFAULTS = (None, "", 0, False)
_PRIORITY = 10.0
_HEADERS = 5
"""About how many headers a call has; GripMock's score divides by it."""

_OF_INPUTS = 1000.0
_EQUAL = 1100.0
_ALL_EQUAL = 10_000.0
_MATCHER = 50.0
"""What GripMock adds for several messages: for each that has to be equal, for all of them, for each field."""


def rank(plain: dict[str, Any], message: Descriptor | None, *, by_message: bool = False) -> tuple[Any, ...]:
    """Give what orders a stub among those of its method, the winner first, for a call that fits all of them.

    *by_message* says that messages are matched one by one, as in a conversation, where the number of fields that are
    named doesn't come first.
    """
    inputs = plain.get("inputs")
    blocks = inputs if isinstance(inputs, list) else [plain.get("input") or {}]
    blocks = [block for block in blocks if isinstance(block, dict)]
    headers = plain.get("headers") or {}
    specificity = 0 if by_message else sum(map(_specificity, blocks))
    score = _of_messages(blocks) if len(blocks) > 1 else sum(_score(block, message) for block in blocks)
    score += _PRIORITY * _number(plain.get("priority")) + (_OF_INPUTS if isinstance(inputs, list) else 0)
    score += _of_headers(headers)
    fields = sum(map(_fields, [*blocks, headers]))
    telling = sum(_telling(block) for block in blocks)
    return -specificity, -round(score, 6), -telling, -fields, str(plain.get("id") or "~")


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) else 0


def _specificity(block: dict[str, Any]) -> int:
    """Count the fields that a block names. GripMock leaves out those that are at their default in the request."""
    own = sum(len(block.get(kind) or ()) for kind in _KINDS)
    return own + sum(_specificity(one) for one in block.get("anyOf") or () if isinstance(one, dict))


def _telling(block: dict[str, Any]) -> int:
    return sum(value not in _DEFAULTS for value in (block.get("equals") or {}).values())


def _of_messages(blocks: list[dict[str, Any]]) -> float:
    equal = [block for block in blocks if block.get("equals")]
    matchers = sum(len(block.get(kind) or ()) for block in blocks for kind in _KINDS[:3])
    return _EQUAL * len(equal) + _ALL_EQUAL * (len(equal) == len(blocks)) + _MATCHER * matchers


def _fields(block: dict[str, Any]) -> int:
    own = sum(len(block.get(kind) or ()) for kind in _KINDS)
    return own + sum(_fields(one) for one in block.get("anyOf") or () if isinstance(one, dict))


def _score(block: dict[str, Any], message: Descriptor | None) -> float:
    if block.get("equals") and not any(block.get(kind) for kind in (*_KINDS[1:], "anyOf")):
        return 1.0
    size = len(message.fields) if message is not None else 0
    own = sum(_share(len(block.get(kind) or ()), size) for kind in _KINDS)
    arms = [_score(one, message) for one in block.get("anyOf") or () if isinstance(one, dict)]
    return own + max(arms, default=0.0)


def _share(named: int, size: int) -> float:
    return named / max(named, size) if named else 0.1


def _of_headers(headers: dict[str, Any]) -> float:
    if not _fields(headers):
        return 0.0
    return sum(_share(len(headers.get(kind) or ()), _HEADERS) for kind in _KINDS)
