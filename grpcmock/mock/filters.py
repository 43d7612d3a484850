"""What narrows a log of calls down: patterns for the request and the metadata, a status, a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.engine.environment import grouped
from grpcmock.errors import Problems, StubError
from grpcmock.matching.call_context import CallContext
from grpcmock.matching.conditions import Conditions, compile_conditions
from grpcmock.matching.findings import shown_json
from grpcmock.mock.call_site import caller
from grpcmock.mock.functions import described
from grpcmock.mock.protojson import code, tree
from grpcmock.mock.protojson import metadata as of_metadata
from grpcmock.status import Code
from grpcmock.stubs.model import Stub
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.mock.call import Call
    from grpcmock.schema import Method, Registry


class Filter:
    """What :meth:`CallLog.where` was given, compiled for each method that it is about; for all if none is named."""

    def __init__(
        self,
        registry: Registry,
        methods: Sequence[Method],
        fields: Mapping[str, Any],
        metadata: Mapping[str, Any],
        status: Any,
        where: Callable[[Any], object] | None,
        of_call: Callable[[Call[Any, Any]], object] | None,
    ) -> None:
        self._fields = tree(fields)
        self._metadata = {key.lower(): value for key, value in of_metadata(metadata).items()}
        self._status = None if status is None else Code.parse(code(status))
        self._where = where
        self._of_call = of_call
        self._conditions: dict[str, Conditions] = {}
        if fields or metadata:
            self._compile(registry, methods or tuple(registry.methods.values()))

    def _compile(self, registry: Registry, methods: Sequence[Method]) -> None:
        """Compile the patterns for every method; at least one of them must have such fields."""
        first: StubError | None = None
        where = caller()
        request = Node.of(self._fields, where) if self._fields else None
        metadata = Node.of(self._metadata, where) if self._metadata else None
        for method in methods:
            problems = Problems()
            stub = Stub(method=method.full_name, name="", request=request, metadata=metadata)
            conditions = compile_conditions(stub, method, registry, problems)
            try:
                problems.raise_errors()
            except StubError as error:
                first = first or error
            else:
                self._conditions[method.full_name] = conditions
        if first is not None and not self._conditions:
            raise first

    @property
    def reads_requests(self) -> bool:
        """Whether the requests of a call decide."""
        return bool(self._fields) or self._where is not None or self._of_call is not None

    def holds(self, call: Call[Any, Any]) -> bool:
        if self._status is not None and call.code != self._status:
            return False
        if self._fields or self._metadata:
            conditions = self._conditions.get(call.method)
            if conditions is None or not conditions.holds(_context(call)):
                return False
        return self._functions_hold(call)

    def _functions_hold(self, call: Call[Any, Any]) -> bool:
        if self._where is not None and not (call.requests and self._where(call.request)):
            return False
        return self._of_call is None or bool(self._of_call(call))

    def refused(self, call: Call[Any, Any]) -> list[str]:
        """Say what of a call was not as wanted, in lines."""
        lines = []
        if self._status is not None and call.code != self._status:
            lines.append(f"status  expected {self._status.name}  actual {call.status}")
        if (conditions := self._conditions.get(call.method)) is not None:
            lines += [
                f"{finding.path}  expected {finding.expected}  actual {finding.actual}"
                for finding in conditions.explain(_context(call))
                if not finding.matched
            ]
        if not lines:
            lines.append("the function does not hold")
        return lines

    def __str__(self) -> str:
        parts = [f"{name}={shown_value(value)}" for name, value in self._fields.items()]
        if self._metadata:
            parts.append(f"metadata={shown_value(self._metadata)}")
        if self._status is not None:
            parts.append(f"status {self._status.name}")
        parts += [described(function) for function in (self._where, self._of_call) if function is not None]
        return ", ".join(parts) or "anything"


def shown_value(value: Any) -> str:
    """Show a value of a pattern as one line."""
    return shown_json(tree(value))


def _context(call: Call[Any, Any]) -> CallContext:
    # From the record: the patterns are compiled for the messages of the registry, not for generated classes.
    requests = call.record.requests
    return CallContext(
        grouped(call.record.metadata), call.deadline, {}, requests[0] if requests else None, requests, half_closed=True
    )


def fields_of(message: Message | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Give the fields that a message or a mapping names."""
    given = {} if message is None else tree(message)
    return {str(name): value for name, value in given.items()}
