"""What a mock has seen: its calls, and the conditions that they are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Location, Problems
from grpcmock.matching.conditions import Conditions, compile_conditions
from grpcmock.mock.calls import Call, CallLog
from grpcmock.mock.keywords import stub_of
from grpcmock.servers.admin.counting import context_of

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.running import Running
    from grpcmock.schema import Method


class CallStore:
    """The calls of a mock."""

    def __init__(self, running: Running | RemoteRunning) -> None:
        self.running = running

    def log(
        self, method: Method | None = None, only: Callable[[CallRecord], bool] | None = None, title: str = ""
    ) -> CallLog[Any, Any]:
        """Give the calls: of one method, or those that *only* says."""
        engine = self.running.engine
        held = self.running.call(engine.journal.contents)
        records: tuple[CallRecord, ...] = (*held.calls, *held.under_way)
        if method is not None:
            records = tuple(record for record in records if record.path == method.path)
        if only is not None:
            records = tuple(record for record in records if only(record))
        methods = (method,) if method is not None else ()
        return CallLog(map(Call, records), engine.registry, methods, title=title, dropped=held.lost)

    def conditions(
        self, method: Method, keys: Mapping[str, Any], where: Callable[[Any], object] | None, location: Location
    ) -> Conditions:
        """Compile conditions. Raises :class:`StubError` with all that is wrong."""
        __tracebackhide__ = True
        stub = stub_of({**keys, "method": method.full_name}, location, where=where)

        def compile_() -> Conditions:
            problems = Problems()
            conditions = compile_conditions(stub, method, self.running.engine.registry, problems)
            problems.raise_errors()
            return conditions

        return self.running.call(compile_)

    def holds(
        self, method: Method, keys: Mapping[str, Any], where: Callable[[Any], object] | None
    ) -> Callable[[Call[Any, Any]], bool]:
        """Give a function that says whether a call holds these conditions."""
        conditions = self.conditions(method, keys, where, Location(""))

        def holds(call: Call[Any, Any]) -> bool:
            context = context_of(call.record, method)
            return context is not None and conditions.holds(context)

        return holds
