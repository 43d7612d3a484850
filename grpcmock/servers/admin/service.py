"""The admin service ``grpcmock.admin.v1``: steers a running server, and tells what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from grpcmock._version import __version__
from grpcmock.engine.compiled_stub import Layer
from grpcmock.errors import Problem, Problems, StubError, did_you_mean
from grpcmock.schema import admin
from grpcmock.servers.admin import counting
from grpcmock.servers.admin.access import Access, RefusedError, guarded
from grpcmock.servers.admin.journal import BYTES_LIMIT, CallWriter, after, filter_of
from grpcmock.servers.health import RELOAD_SERVICE, Health
from grpcmock.status import Code
from grpcmock.stubs import dump, loader

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.engine import Engine
    from grpcmock.schema import Method

_PAGE = 1_000
"""Stubs or calls in one response, at most."""

_WAITING = 1_000
"""Calls that may wait for a watcher that reads slowly; what comes then is skipped."""

_LAYERS = {Layer.TEST: 1, Layer.RUNTIME: 2, Layer.FILE: 3}


class Admin:
    """The admin service of one server. Touched by the server's loop only.

    Without a *token*, it answers only programs on the same machine; with one, all who present it. Raises
    :class:`ConfigError` for a token that metadata can't carry.
    """

    def __init__(self, engine: Engine, health: Health, *, token: str | None = None) -> None:
        self._engine = engine
        self._health = health
        self._access = Access(token)
        self._draining = asyncio.Event()
        self._texts = count(1)
        self.registry = admin.registry()
        """The descriptors of the service, for reflection."""

    def handlers(self) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
        """Give the handlers of a ``grpc.aio`` server, by path."""
        unary: dict[str, Callable[[Any, Any], Any]] = {
            "GetStatus": self._get_status,
            "AddStubs": self._add_stubs,
            "ListStubs": self._list_stubs,
            "RemoveStubs": self._remove_stubs,
            "GetJournal": self._get_journal,
            "VerifyCalls": self._verify_calls,
            "GetState": self._get_state,
            "SetState": self._set_state,
            "SetHealth": self._set_health,
            "Reset": self._reset,
        }
        return {
            path: guarded(
                method, self._access, self._watch_journal if method.kind.server_streams else unary[method.name]
            )
            for path, method in self.registry.methods.items()
        }

    def drain(self) -> None:
        """End the streams of those who watch, so that they don't hold up the server's end."""
        self._draining.set()

    # Stubs ------------------------------------------------------------------------------------------

    async def _add_stubs(self, request: Any, response: Any) -> None:
        source = request.source or f"added[{next(self._texts)}]"
        problems = Problems()
        # In a thread, since a text of megabytes would keep other calls waiting.
        stubs = await asyncio.to_thread(loader.load_text, request.stubs, source, problems)
        problems.raise_errors()
        if not stubs:
            raise StubError([Problem("There is no stub in the text.", rule="no-stubs")])
        added = {entry.name: entry for entry in self._engine.store if entry.layer is Layer.RUNTIME}
        taken = [stub.name for stub in stubs if stub.name in added]
        if taken and not request.replace:
            names = ", ".join(map(repr, taken[:5])) + (", …" if len(taken) > 5 else "")
            raise RefusedError(
                Code.ALREADY_EXISTS, f"There are added stubs named {names}. Set 'replace' to put these in their place."
            )
        entries = self._engine.add(stubs, Layer.RUNTIME)
        if taken:
            replaced = {id(added[name]) for name in taken}
            self._engine.store.remove(lambda entry: id(entry) in replaced)
        response.names.extend(entry.name for entry in entries)
        response.warnings.extend(map(str, problems.warnings))

    def _list_stubs(self, request: Any, response: Any) -> None:
        path = self._engine.registry.method(request.method).path if request.method else ""
        layers = {number: layer for layer, number in _LAYERS.items()}
        if request.layer and request.layer not in layers:
            raise RefusedError(Code.INVALID_ARGUMENT, f"layer: there is no layer {request.layer}.")
        if request.page_token and not (request.page_token.isascii() and request.page_token.isdecimal()):
            raise RefusedError(Code.INVALID_ARGUMENT, "page_token: this is not a token that a response gave.")
        begin = int(request.page_token[:18] or 0)
        limit = min(request.page_size, _PAGE) if request.page_size > 0 else _PAGE
        tables = self._engine.store.tables
        entries = tables[path].index if path else self._engine.store
        size = 0
        chosen = (
            entry
            for entry in entries
            if (not request.layer or entry.layer is layers[request.layer]) and not (request.unused and entry.count)
        )
        for number, entry in enumerate(chosen):
            if number < begin:
                continue
            if number - begin >= limit or size > BYTES_LIMIT:
                response.next_page_token = str(number)
                return
            info = response.stubs.add()
            _write_stub(info, entry, with_yaml=request.with_yaml)
            size += info.ByteSize()

    def _remove_stubs(self, request: Any, response: Any) -> None:
        if not (request.names or request.method or request.all):
            raise RefusedError(Code.INVALID_ARGUMENT, "Say which stubs to remove: names, method, or all.")
        path = self._engine.registry.method(request.method).path if request.method else ""
        wanted = set(request.names)
        layers = {entry.name: entry.layer for entry in self._engine.store}
        runtime = {name for name, layer in layers.items() if layer is Layer.RUNTIME}
        if missing := sorted(wanted - runtime):
            name = missing[0]
            if name in layers:
                hint = "It stands in a file or a test; only stubs that were added can be removed."
            else:
                hint = did_you_mean(name, runtime, known="The added stubs")
            raise RefusedError(Code.NOT_FOUND, f"There is no added stub {name!r}. {hint}".rstrip())
        removed = self._engine.store.remove(
            lambda entry: (
                entry.layer is Layer.RUNTIME
                and (request.all or entry.name in wanted or (bool(path) and entry.method.path == path))
            )
        )
        response.names.extend(entry.name for entry in removed)

    # The journal ------------------------------------------------------------------------------------

    def _get_journal(self, request: Any, response: Any) -> None:
        journal = self._engine.journal
        holds = filter_of(request.filter, self._engine.registry, journal)
        limit = min(request.limit, _PAGE) if request.limit > 0 else _PAGE
        found = [call for call in after(journal, request.after_id) if holds(call)]
        response.dropped = journal.dropped
        response.more = len(found) > limit and not request.newest
        writer = CallWriter(self.registry, request.view)
        size = 0
        # From the end that is wanted, so that what doesn't fit into one response is left out at the other end.
        for call in reversed(found[-limit:]) if request.newest else found[:limit]:
            told = writer.write(call)
            size += told.ByteSize()
            if size > BYTES_LIMIT and response.calls:
                response.more = not request.newest
                break
            response.calls.append(told)
        if request.newest:
            response.calls.reverse()

    async def _watch_journal(self, request: Any, context: Any, response_class: type[Message]) -> AsyncIterator[Message]:
        journal = self._engine.journal
        holds = filter_of(request.filter, self._engine.registry, journal)
        writer = CallWriter(self.registry, request.view)
        waiting: asyncio.Queue[CallRecord] = asyncio.Queue(_WAITING)
        skipped = 0

        def listen(call: CallRecord) -> None:
            nonlocal skipped
            if not holds(call):
                return
            try:
                waiting.put_nowait(call)
            except asyncio.QueueFull:
                skipped += 1

        past = [call for call in journal if holds(call)] if request.replay else []
        end = journal.subscribe(listen)
        ending = asyncio.ensure_future(self._draining.wait())
        try:
            await context.send_initial_metadata(())
            for call in past:
                yield response_class(call=writer.write(call))
            while not self._draining.is_set():
                taking = asyncio.ensure_future(waiting.get())
                await asyncio.wait((taking, ending), return_when=asyncio.FIRST_COMPLETED)
                if not taking.done():
                    taking.cancel()
                    break
                skipped_before, skipped = skipped, 0
                yield response_class(call=writer.write(taking.result()), skipped=skipped_before)
            raise RefusedError(Code.UNAVAILABLE, "The server is shutting down.")
        finally:
            end()
            ending.cancel()

    def _verify_calls(self, request: Any, response: Any) -> None:
        method = self._method(request.method)
        expected = _expectation(request)
        problems = Problems()
        conditions = counting.read_conditions(request.match, method, self._engine.registry, problems)
        problems.raise_errors()
        assert conditions is not None
        counted = counting.count(self._engine.journal, method, conditions, expected)
        response.satisfied = counted.satisfied
        response.matched = len(counted.matched)
        response.of_method = counted.of_method
        response.explanation = str(counted)
        response.call_ids.extend(counted.matched[:_PAGE])

    def _method(self, name: str) -> Method:
        if not name:
            raise RefusedError(Code.INVALID_ARGUMENT, "method: a method is needed: package.Service/Method.")
        return self._engine.registry.method(name)

    # The rest ---------------------------------------------------------------------------------------

    def _get_status(self, _: Any, response: Any) -> None:
        engine = self._engine
        response.version = __version__
        response.services.extend(sorted(engine.registry.services))
        response.added_stubs = sum(entry.layer is Layer.RUNTIME for entry in engine.store)
        response.file_stubs = sum(entry.layer is Layer.FILE for entry in engine.store)
        response.calls, response.journal_bytes = len(engine.journal), engine.journal.size
        response.dropped_calls = engine.journal.dropped
        if self._health.reload_error is not None:
            response.reload_error = self._health.reload_error
        response.auto = engine.options.auto
        response.seed = str(engine.options.seed)
        for note in engine.journal.notes:
            told = response.notes.add(level=note.level, text=note.text)
            told.time.FromMicroseconds(round(note.time * 1e6))

    def _get_state(self, _: Any, response: Any) -> None:
        response.states.update(self._engine.store.states)

    def _set_state(self, request: Any, response: Any) -> None:
        if not request.states:
            raise RefusedError(Code.INVALID_ARGUMENT, "states: there is no state to set.")
        for scenario, state in request.states.items():
            if not scenario or not state:
                raise RefusedError(
                    Code.INVALID_ARGUMENT, f"states[{scenario!r}]: scenarios and their states have names."
                )
        known = _scenarios(self._engine)
        for scenario in sorted(set(request.states) - known):
            hint = did_you_mean(scenario, known, known="The scenarios")
            response.warnings.append(f"No stub mentions the scenario {scenario!r}. {hint}".rstrip())
        self._engine.store.states.update(request.states)
        response.states.update(self._engine.store.states)

    def _set_health(self, request: Any, _: Any) -> None:
        if request.service == RELOAD_SERVICE:
            raise RefusedError(Code.INVALID_ARGUMENT, f"service: {RELOAD_SERVICE} tells how the last reload went.")
        self._health.set(request.service, request.serving if request.HasField("serving") else None)

    def _reset(self, request: Any, _: Any) -> None:
        everything = not request.ListFields()
        store = self._engine.store
        if request.journal or everything:
            self._engine.journal.clear()
        if request.stubs or everything:
            store.remove(lambda entry: entry.layer is Layer.RUNTIME)
        if request.counts or everything:
            store.reset_counts()
        if request.states or everything:
            store.states.clear()
        if request.health or everything:
            self._health.reset()


def _write_stub(info: Any, entry: CompiledStub, *, with_yaml: bool) -> None:
    info.name, info.method, info.layer = entry.name, entry.method.full_name, _LAYERS[entry.layer]
    info.priority, info.conditions = entry.stub.priority, entry.conditions.count
    info.count, info.exhausted = entry.count, entry.exhausted
    info.location = str(entry.stub.location or "")
    if with_yaml:
        info.yaml = dump.to_yaml([entry.stub])


def _expectation(request: Any) -> counting.Expectation:
    given = {key: getattr(request, key) for key in ("at_least", "at_most", "exactly") if request.HasField(key)}
    for key, number in given.items():
        if number < 0:
            raise RefusedError(Code.INVALID_ARGUMENT, f"{key}: a number of calls can't be {number}.")
    if "exactly" in given:
        if len(given) > 1:
            raise RefusedError(Code.INVALID_ARGUMENT, "exactly: this can't stand beside at_least or at_most.")
        return counting.Expectation(given["exactly"], given["exactly"])
    least, most = given.get("at_least", 0 if given else 1), given.get("at_most")
    if most is not None and most < least:
        raise RefusedError(Code.INVALID_ARGUMENT, f"at_most: {most} is less than at_least, {least}.")
    return counting.Expectation(least, most)


def _scenarios(engine: Engine) -> set[str]:
    known = set(engine.store.states)
    for entry in engine.store:
        known.update(entry.stub.state)
        for answer in entry.stub.answers:
            known.update(answer.set)
    return known
