"""Fault profiles: what goes wrong with calls whichever stub answers them, and with which of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.errors import did_you_mean
from grpcmock.responses.delays import Delay, parse_delay
from grpcmock.responses.faults import WAY_OUT
from grpcmock.responses.messages import standard_any
from grpcmock.responses.plan import CallStatus, status_of
from grpcmock.schema import codec
from grpcmock.status import Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.errors import Problems
    from grpcmock.schema import Registry

H2_ERRORS: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        (
            *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT"),
            *("STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR"),
            *("CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
        )
    )
}
"""The errors of HTTP/2 by their names (RFC 9113, section 7)."""

ON_THE_WIRE: Mapping[str, str] = {
    "drop_status": "drop_trailers",
    "wrong_status": "wrong_status",
    "reset": "reset",
    "goaway": "goaway",
    "close": "close",
}
"""The effects that not every transport can put on the wire, and the fault that it has to be able to make for each."""

ENDINGS = ("status", "drop_status", "wrong_status", "reset", "close")
"""The effects that say how a call ends: of these there can be one."""

EFFECTS = (*ENDINGS, "latency", "abort_after", "goaway")
_WHEN = ("methods", "probability", "seed", "first", "after", "quota", "ttl")
KEYS = (*EFFECTS, *_WHEN)
"""The keys of a profile."""

_RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+)\s*")
_MOST = (1 << 63) - 1
_STATUS_KEYS = ("code", "message", "details")


@dataclass(frozen=True, slots=True)
class Quota:
    """At most ``count`` calls are struck: in each ``window`` of so many seconds, or in all without one."""

    count: int
    window: float | None = None


@dataclass(frozen=True, slots=True)
class FaultProfile:
    """What goes wrong, and with which calls: with those for which all of it holds."""

    methods: tuple[str, ...] = ()
    """Patterns of methods; all methods if there are none."""

    # Effects
    status: CallStatus | None = None
    latency: Delay | None = None
    abort_after: int | None = None
    """The number of response messages after which the call breaks off."""
    drop_status: bool = False
    wrong_status: str = ""
    """What goes to the wire as ``grpc-status``."""
    reset: int | None = None
    """The error of HTTP/2 that the stream is reset with."""
    goaway: bool = False
    close: bool = False

    # When
    probability: float = 1.0
    seed: int | None = None
    first: int | None = None
    after: int = 0
    quota: Quota | None = None
    ttl: float | None = None
    """Seconds after which it ends by itself."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The effects that not every transport can put on the wire."""
        given = {"reset": self.reset is not None}
        return tuple(name for name in ON_THE_WIRE if given.get(name, bool(getattr(self, name))))

    @property
    def ends_at_once(self) -> bool:
        """Whether a struck call ends before a stub is asked."""
        if self.abort_after is not None:
            return not self.abort_after
        return self.status is not None or self.reset is not None or self.close


def parse_profile(node: Node, registry: Registry, problems: Problems, can: Collection[str]) -> FaultProfile | None:
    """Read a profile from its keys; None if it is wrong, with every problem noted.

    *can* holds the faults that the server can put on the wire.
    """
    before = len(problems.errors)
    if not node.is_mapping:
        problems.error(f"expected a mapping of effects, not {node.kind}.", node.location, rule="fault")
        return None
    given: dict[str, Any] = {}
    reader = _Reader(registry, problems)
    for key, value in node.value.items():
        if key not in KEYS:
            hint = did_you_mean(str(key), KEYS, known="The keys of a fault profile")
            problems.error(f"unknown key {key!r}.", node.key_location(key), str(key), hint=hint, rule="unknown-key")
        elif (read := reader.read(key, value)) is not None:
            given[key] = read
    if len(problems.errors) > before:
        return None
    profile = FaultProfile(**given)
    endings = [name for name in ENDINGS if name in given and name in (*profile.needs, "status")]
    if not endings and profile.latency is None and profile.abort_after is None and not profile.goaway:
        hint = f"The effects are {', '.join(EFFECTS)}."
        problems.error("it needs an effect: what shall go wrong?", node.location, hint=hint, rule="fault")
    if len(endings) > 1:
        problems.error(f"a call ends in one way, not by {' and '.join(endings)}.", node.location, rule="fault")
    for name in profile.needs:
        if ON_THE_WIRE[name] not in can:
            text = f"this server's transport can't put {name!r} on the wire."
            problems.error(text, node.key_location(name), name, hint=WAY_OUT, rule="fault")
    return None if len(problems.errors) > before else profile


class _Reader:
    """Reads one key after the other. What is wrong is noted, and None returned; so it is for what is switched off."""

    def __init__(self, registry: Registry, problems: Problems) -> None:
        self._registry = registry
        self._problems = problems

    def read(self, key: str, node: Node) -> Any:
        match key:
            case "methods":
                return self._methods(node)
            case "status":
                return self._status(node)
            case "latency":
                return self._latency(node)
            case "reset":
                return self._reset(node)
            case "drop_status" | "goaway" | "close":
                return self._checked(node, key, "true or false", lambda value: isinstance(value, bool))
            case "wrong_status":
                return self._wrong_status(node)
            case "probability":
                share = self._checked(node, key, "a number from 0 to 1", _is_share)
                return None if share is None else float(share)
            case "seed":
                return self._checked(node, key, "a whole number", _is_whole)
            case "quota":
                return self._quota(node)
            case "ttl":
                return self._seconds(node, key)
            case _:  # abort_after, first, after
                return self._checked(node, key, "a number from 0", _is_count)

    def _checked(self, node: Node, path: str, expected: str, holds: Callable[[Any], bool]) -> Any:
        if holds(node.value):
            return node.value
        shown = node.kind if node.is_mapping or node.is_list else repr(node.value)
        self._problems.error(f"expected {expected}, not {shown}.", node.location, path, rule="fault")
        return None

    def _methods(self, node: Node) -> tuple[str, ...] | None:
        names = [one.value for one in (node.value if node.is_list else [node])]
        if all(isinstance(name, str) and name for name in names):
            return tuple(names)
        text = "expected patterns of methods such as users.v1.UserService/*."
        self._problems.error(text, node.location, "methods", rule="fault")
        return None

    def _status(self, node: Node) -> CallStatus | None:
        given = node.value if node.is_mapping else {"code": node}
        for key in given:
            if key not in _STATUS_KEYS:
                hint = did_you_mean(str(key), _STATUS_KEYS, known="The keys")
                where = node.key_location(key)
                self._problems.error(f"unknown key {key!r}.", where, "status", hint=hint, rule="unknown-key")
        code = Code.UNKNOWN
        if "code" in given:
            try:
                code = Code.parse(given["code"].value)
            except ValueError as error:
                self._problems.error(str(error), given["code"].location, "status.code", rule="status-code")
        if "code" not in given or code is Code.OK:
            text = "a status that calls fail with needs a code other than OK."
            self._problems.error(text, node.location, "status.code", rule="status-code")
        message = given["message"].value if "message" in given else "failed by a fault profile"
        if not isinstance(message, str):
            self._problems.error("expected a text.", given["message"].location, "status.message", rule="fault")
            message = ""
        return status_of(code, message, self._details(given["details"]) if "details" in given else (), ())

    def _details(self, node: Node) -> tuple[Any, ...]:
        if not node.is_list:
            text = f"expected a list of messages with '@type', not {node.kind}."
            self._problems.error(text, node.location, "status.details", rule="fault")
            return ()
        any_class = self._registry.message("google.protobuf.Any")
        paths = (f"status.details[{index}]" for index in range(len(node.value)))
        return tuple(
            standard_any(codec.build(item, any_class, self._registry, self._problems, path))
            for item, path in zip(node.value, paths, strict=True)
        )

    def _latency(self, node: Node) -> Delay | None:
        if isinstance(node.value, str) and (found := _RANGE.fullmatch(node.value)):
            node = Node.of({"min": found[1], "max": found[2]}, node.location)
        return parse_delay(node, self._problems, "latency")

    def _reset(self, node: Node) -> int | None:
        if node.value is True:
            return H2_ERRORS["CANCEL"]
        if node.value is False:
            return None
        name = str(node.value).upper()
        if name not in H2_ERRORS:
            text = f"{node.value!r} is no error of HTTP/2."
            hint = did_you_mean(name, H2_ERRORS, known="The errors")
            self._problems.error(text, node.location, "reset", hint=hint, rule="fault")
        return H2_ERRORS.get(name)

    def _wrong_status(self, node: Node) -> str | None:
        value = node.value
        text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        if text.isascii() and text.isprintable() and text.strip() == text != "":
            return text
        message = "expected what the trailer grpc-status shall hold: 99, banana."
        self._problems.error(message, node.location, "wrong_status", rule="fault")
        return None

    def _quota(self, node: Node) -> Quota | None:
        given = node.value if node.is_mapping else {"count": node}
        for key in given:
            if key not in ("count", "window"):
                hint = did_you_mean(str(key), ("count", "window"), known="The keys")
                where = node.key_location(key)
                self._problems.error(f"unknown key {key!r}.", where, "quota", hint=hint, rule="unknown-key")
        count = self._checked(given.get("count", Node.of(None)), "quota.count", "a number from 0", _is_count)
        window = self._seconds(given["window"], "quota.window") if "window" in given else None
        return None if count is None else Quota(count, window)

    def _seconds(self, node: Node, path: str) -> float | None:
        delay = parse_delay(node, self._problems, path)
        if delay is None:
            return None
        if delay.high is None and delay.sigma is None and delay.low > 0:
            return delay.low
        self._problems.error("expected a time longer than nothing, such as 1m.", node.location, path, rule="fault")
        return None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and 0 <= value <= _MOST


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
