"""What can be made to go wrong with an answer, on purpose."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from grpcmock.errors import did_you_mean
from grpcmock.responses.delays import Delay, parse_delay
from grpcmock.status import Code

if TYPE_CHECKING:
    from random import Random

    from grpcmock.errors import Problems
    from grpcmock.tree import Node


class FaultKind(StrEnum):
    """The sorts of fault, by the name that stubs write."""

    ABORT = "abort"
    HANG = "hang"
    DRIP = "drip"
    GARBAGE = "garbage"
    TRUNCATE = "truncate"
    RESET = "reset"
    OVERSIZE = "oversize"
    EXTRA_MESSAGES = "extra_messages"
    DROP_TRAILERS = "drop_trailers"


FAULTS = frozenset(kind.value for kind in FaultKind)
"""Every kind, as a server of full control over HTTP produces them."""

AIO_FAULTS = frozenset({"abort", "hang", "drip", "garbage", "oversize", "extra_messages"})
"""The kinds that need nothing below gRPC's own interface: a server on ``grpc.aio`` produces these."""

WIRE_FAULTS = FAULTS | {"wrong_status", "goaway", "close"}
"""Every fault that can be put on the wire: fault profiles have more of them than stubs."""

HTTP_FAULTS = WIRE_FAULTS - {"goaway"}
"""Those that a port for HTTP beside ``aio`` can put on the wire."""

TRANSPORT_FAULTS = {"aio": AIO_FAULTS, "native": WIRE_FAULTS}
"""The faults that each transport can put on the wire."""

WAY_OUT = "The transport native can: pip install 'grpcmock[native]' makes it the default."

MOST_BYTES = 1 << 30
MOST_EXTRA = 1_000_000

_SIZE = re.compile(r"([0-9]+)\s*(B|KB|MB|GB|KiB|MiB|GiB)?")
_SIZES = {None: 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an answer."""

    kind: FaultKind

    value: Code | Delay | int | None = None
    """The code of ``abort``, the pause of ``drip``, the bytes of ``garbage`` and ``oversize``, the number of
    ``extra_messages``; None for the others."""

    rate: float = 1.0
    """The share of calls that it strikes."""

    def strikes(self, random: Random) -> bool:
        """Decide whether this call is struck. A rate of 1 takes nothing from *random*."""
        return self.rate >= 1 or random.random() < self.rate


def parse_fault(
    node: Node, problems: Problems, path: str = "fault", *, faults: Collection[str] = FAULTS
) -> Fault | None:
    """Read a ``fault``; None if it is wrong, with every problem noted, or switched off (``hang: false``).

    *faults* holds the kinds that the transport at hand can produce on the wire.
    """
    if not node.is_mapping:
        problems.error(
            f"expected a mapping such as {{abort: UNAVAILABLE}}, not {node.kind}.", node.location, path, rule="fault"
        )
        return None
    kinds = [key for key in node.value if key in FAULTS]
    before = len(problems.errors)
    for key in node.value:
        if key not in FAULTS and key != "rate":
            hint = did_you_mean(str(key), {*FAULTS, "rate"}, known="The faults")
            problems.error(f"unknown fault {key!r}.", node.key_location(key), path, hint=hint, rule="unknown-key")
    if len(kinds) != 1 and len(problems.errors) == before:
        found = f"found {' and '.join(kinds)}" if kinds else "found none"
        problems.error(f"expected exactly one fault, {found}.", node.location, path, rule="fault")
    rate = _rate(node.value["rate"], problems, f"{path}.rate") if "rate" in node.value else 1.0
    parsed = [_one(FaultKind(key), node.value[key], problems, f"{path}.{key}", rate or 0.0) for key in kinds]
    for key in kinds:
        if key not in faults:
            problems.error(
                f"the transport aio can't put {key!r} on the wire.",
                node.key_location(key),
                path,
                hint=WAY_OUT,
                rule="fault",
            )
    if len(problems.errors) > before or not parsed or rate == 0:
        return None
    return parsed[0]


def _one(kind: FaultKind, node: Node, problems: Problems, path: str, rate: float) -> Fault | None:
    """Read the value of one fault; None if it is wrong or switched off."""
    match kind:
        case FaultKind.ABORT:
            code = _abort(node, problems, path)
            return None if code is None else Fault(kind, code, rate)
        case FaultKind.DRIP:
            delay = parse_delay(node, problems, path)
            return None if delay is None else Fault(kind, delay, rate)
        case FaultKind.GARBAGE | FaultKind.OVERSIZE:
            size = _size(node, problems, path)
            return None if size is None else Fault(kind, size, rate)
        case FaultKind.EXTRA_MESSAGES:
            value = node.value
            if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_EXTRA:
                return Fault(kind, value, rate)
            problems.error(f"expected a number from 1 to {MOST_EXTRA}, not {_shown(node)}.", node.location, path)
        case _:
            if node.value is True:
                return Fault(kind, None, rate)
            if node.value is not False:
                problems.error(f"expected true, not {_shown(node)}.", node.location, path, rule="fault")
    return None


def _abort(node: Node, problems: Problems, path: str) -> Code | None:
    try:
        code = Code.parse(node.value)
    except ValueError as error:
        problems.error(str(error), node.location, path, rule="status-code")
        return None
    if code is Code.OK:
        problems.error("OK is no error; abort needs another code.", node.location, path, rule="status-code")
        return None
    return code


def _size(node: Node, problems: Problems, path: str) -> int | None:
    value = node.value
    if not isinstance(value, bool) and isinstance(value, (int, str)) and (found := _SIZE.fullmatch(str(value).strip())):
        size = int(found[1][:20]) * _SIZES[found[2]]  # more digits are too much in any unit
        if 1 <= size <= MOST_BYTES:
            return size
        problems.error(f"expected a size from 1 byte to 1GiB, not {value}.", node.location, path, rule="fault")
        return None
    problems.error(f"expected a size such as 32 or 5MiB, not {_shown(node)}.", node.location, path, rule="fault")
    return None


def _rate(node: Node, problems: Problems, path: str) -> float | None:
    value = node.value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    problems.error(f"expected a number from 0 to 1, not {_shown(node)}.", node.location, path, rule="fault")
    return None


def _shown(node: Node) -> str:
    return node.kind if node.is_mapping or node.is_list or node.value is None else repr(node.value)
