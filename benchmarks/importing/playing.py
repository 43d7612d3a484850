"""Cases of grpctestify, played against a server: what came otherwise than it says."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2 as _  # noqa: F401 - what errors may hold
from google.rpc import status_pb2

from grpcmock.status import Code

if TYPE_CHECKING:
    from benchmarks.importing.gctf import GctfCall, Step
    from grpcmock.schema import Registry
    from grpcmock.schema.method import Method

_DEADLINE = 10.0


def play(calls: Iterable[GctfCall], channel: grpc.Channel, registry: Registry) -> str:
    """Make the calls of a case; nothing if all came as it says, else the first difference."""
    for call in calls:
        difference = _Call(call, registry.method(call.endpoint), registry).made(channel)
        if difference:
            return f"{call.endpoint}: {difference}"
    return ""


class _Call:
    """One call, as its steps have it."""

    def __init__(self, call: GctfCall, method: Method, registry: Registry) -> None:
        self.call = call
        self.method = method
        self.registry = registry
        self.received: list[Any] = []
        self.error: grpc.RpcError | None = None
        self.last: list[Any] = []
        self.scopes = 0
        self.started = time.monotonic()
        self.stream: Any = None

    def made(self, channel: grpc.Channel) -> str:
        # Sent at once, and read in order: with flow control as it is, no server here minds.
        messages = [
            self._parsed(message, self.method.request_class)
            for step in self.call.steps
            if step.kind == "REQUEST"
            for message in step.messages
        ]
        if not messages and not self.method.kind.client_streams:
            messages = [self.method.request_class()]
        start = channel.stream_stream(
            self.method.path,
            request_serializer=lambda one: one.SerializeToString(),
            response_deserializer=self.method.response_class.FromString,
        )
        self.stream = start(iter(messages), metadata=self.call.headers, timeout=_DEADLINE)
        for step in self.call.steps:
            difference = self._step(step)
            if difference:
                return difference
        return self._rest()

    def _step(self, step: Step) -> str:
        match step.kind:
            case "RESPONSE":
                self.scopes += 1
                self.last = []
                for expected in step.messages:
                    got = self._next()
                    if got is None:
                        return f"expected {json.dumps(expected)}, but {self._ended()}"
                    if difference := self._difference(expected, got, step):
                        return difference
            case "ERROR":
                got = self._next()
                if got is not None:
                    return f"expected an error, got {self._tree(got)}"
                return self._status(step.messages[0] if step.messages else {}, step)
            case "ASSERTS":
                if not self.last and self.error is None:
                    self._next()
                return next((difference for line in step.lines if (difference := self._assert(line))), "")
        return ""

    def _rest(self) -> str:
        asserted = any(step.kind in ("RESPONSE", "ERROR") for step in self.call.steps)
        if not asserted or self.error is not None:
            return ""
        got = self._next()
        if got is not None:
            return f"one message more came: {self._tree(got)}"
        return "" if self.error is None else f"then {self._ended()}"

    def _next(self) -> Any:
        try:
            got = next(self.stream)
        except StopIteration:
            return None
        except grpc.RpcError as error:
            self.error = error
            return None
        self.last.append(got)
        self.received.append(got)
        return got

    def _ended(self) -> str:
        if self.error is None:
            return "the call ended with OK"
        error: Any = self.error
        return f"{error.code().name}: {str(error.details())[:300]}"

    def _parsed(self, tree: Any, of: Any) -> Any:
        return json_format.ParseDict(_assembled(tree), of(), descriptor_pool=self.registry.pool)

    def _tree(self, message: Any) -> Any:
        try:
            return json_format.MessageToDict(
                message, preserving_proto_field_name=True, descriptor_pool=self.registry.pool
            )
        except TypeError:  # an Any of a type that nobody knows
            return {"": str(message)}

    def _difference(self, expected: Any, got: Any, step: Step) -> str:
        tree = self._tree(got)
        if "partial" in step.options:
            return "" if _is_part(expected, tree, step.tolerance) else f"expected {expected}, got {tree}"
        try:
            wanted = self._tree(self._parsed(expected, self.method.response_class))
        except json_format.ParseError:
            wanted = expected
        if _alike(wanted, tree, step.tolerance):
            return ""
        return f"expected {json.dumps(wanted)}, got {json.dumps(tree)}"

    def _status(self, expected: Any, step: Step) -> str:
        if self.error is None:
            return "expected an error, but the call ended with OK"
        error: Any = self.error
        code, message = error.code(), error.details()
        if "code" in expected and Code.parse(expected["code"]).name != code.name:
            return f"expected {Code.parse(expected['code']).name}, got {self._ended()}"
        wanted = expected.get("message")
        # What is said where nothing fits is each tool's own.
        if wanted and not wanted.startswith("No matching stub found"):
            fits = wanted in message if "partial" in step.options else wanted == message
            if not fits:
                return f"expected {wanted!r}, got {message!r}"
        details = [_untyped(detail) for detail in expected.get("details", ())]
        if details and not _alike(details, found := self._details(error), 0.0):
            return f"expected details {details}, got {found}"
        return ""

    def _details(self, error: Any) -> list[Any]:
        data = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
        return [_untyped(self._tree(detail)) for detail in status_pb2.Status.FromString(data).details]

    def _assert(self, line: str) -> str:
        if any(word in line for word in ("elapsed_ms", "message_count", "@scope")):
            return self._of_scope(line)
        trailer = re.fullmatch(r'@trailer\("([\w-]+)"\) == "(.*)"', line)
        if trailer:
            # What comes before an error counts as its trailers, too.
            before = self.stream.initial_metadata() if self.error is not None else ()
            found = {**dict(before or ()), **dict(self.stream.trailing_metadata() or ())}
            return "" if found.get(trailer[1]) == trailer[2] else f"{line}: {found}"
        tree = self._tree(self.last[-1]) if self.last else {}
        if self.error is not None:
            error: Any = self.error
            tree = {"code": error.code().value[0], "message": error.details()}
        if "first_account_id" in line:  # of EXTRACT, which compares two calls
            return ""
        expression = re.sub(r"@has_value\((.*?)\)", r'(\1 != null and \1 != "")', line)
        if expression.startswith("@"):
            return f"{line}: not understood"
        return "" if _jq(expression, tree) else f"{line}: not of {json.dumps(tree)}"

    def _of_scope(self, line: str) -> str:
        count = re.search(r"message_count\(\) == (\d+)", line)
        if count and int(count[1]) != len(self.last):
            return f"{line}: {len(self.last)}"
        elapsed = re.search(r"elapsed_ms\(\) >= (\d+)", line)
        if elapsed and (time.monotonic() - self.started) * 1000 < int(elapsed[1]):
            return f"{line}: too soon"
        return ""


def _jq(expression: str, tree: Any) -> bool:
    program = shutil.which("jq")
    if program is None:
        raise SystemExit("Some cases assert with jq, which isn't installed.")
    made = subprocess.run(
        [program, "-e", expression], input=json.dumps(tree), capture_output=True, text=True, check=False
    )
    return made.returncode == 0


def _assembled(tree: Any) -> Any:
    """Write a FieldMask given as ``{paths: […]}`` as JSON has it."""
    if isinstance(tree, dict):
        if tree.keys() == {"paths"} and isinstance(tree["paths"], list):
            return ",".join(tree["paths"])
        return {key: _assembled(value) for key, value in tree.items()}
    return [_assembled(value) for value in tree] if isinstance(tree, list) else tree


def _untyped(detail: dict[str, Any]) -> dict[str, Any]:
    """Give a detail with its type under one key, and its fields by their names in the proto."""
    kind = str(detail.get("@type") or detail.get("type") or "").rpartition("/")[2]
    return {"type": kind, **{_snake(key): value for key, value in detail.items() if key not in ("@type", "type")}}


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key], tolerance) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_alike(a, b, tolerance) for a, b in zip(one, other, strict=True))
    numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
    if numbers and not isinstance(one, bool):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=tolerance)
    return bool(one == other)


def _is_part(part: Any, whole: Any, tolerance: float) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(_is_part(value, whole.get(key), tolerance) for key, value in part.items())
    return _alike(part, whole, tolerance)
