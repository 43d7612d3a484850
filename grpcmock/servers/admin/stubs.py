"""Stubs: added, listed, removed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compiled_stub import Layer
from grpcmock.errors import Problem, Problems, StubError, did_you_mean
from grpcmock.servers.admin.behaviors import BYTES_LIMIT, PAGE
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code
from grpcmock.stubs import dump, loader

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.servers.admin.behaviors import Behaviors, Steered

_LAYERS = {Layer.TEST: 1, Layer.RUNTIME: 2, Layer.FILE: 3}


def behaviors(steered: Steered) -> Behaviors:
    """Give what adds, lists and removes stubs."""
    stubs = _Stubs(steered)
    return {"AddStubs": stubs.add, "ListStubs": stubs.list, "RemoveStubs": stubs.remove}


class _Stubs:
    def __init__(self, steered: Steered) -> None:
        self._steered = steered
        self._engine = steered.engine

    async def add(self, request: Any, response: Any) -> None:
        source = request.source or f"added[{next(self._steered.texts)}]"
        problems = Problems()
        # In a thread, since a text of megabytes would keep other calls waiting.
        stubs = await asyncio.to_thread(loader.load_text, request.stubs, source, problems, lone=True)
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

    def list(self, request: Any, response: Any) -> None:
        path = self._engine.registry.method(request.method).path if request.method else ""
        layers = {number: layer for layer, number in _LAYERS.items()}
        if request.layer and request.layer not in layers:
            raise RefusedError(Code.INVALID_ARGUMENT, f"layer: there is no layer {request.layer}.")
        if request.page_token and not (request.page_token.isascii() and request.page_token.isdecimal()):
            raise RefusedError(Code.INVALID_ARGUMENT, "page_token: this is not a token that a response gave.")
        begin = int(request.page_token[:18] or 0)
        limit = min(request.page_size, PAGE) if request.page_size > 0 else PAGE
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

    def remove(self, request: Any, response: Any) -> None:
        path = self._engine.registry.method(request.method).path if request.method else ""
        wanted = set(request.names)
        everything = request.all or not (wanted or path)
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
                and (everything or entry.name in wanted or (bool(path) and entry.method.path == path))
            )
        )
        response.names.extend(entry.name for entry in removed)


def _write_stub(info: Any, entry: CompiledStub, *, with_yaml: bool) -> None:
    info.name, info.method, info.layer = entry.name, entry.method.full_name, _LAYERS[entry.layer]
    info.priority, info.conditions = entry.stub.priority, entry.conditions.count
    info.count, info.exhausted = entry.count, entry.exhausted
    info.location = str(entry.stub.location or "")
    if with_yaml:
        info.yaml = dump.to_yaml([entry.stub])
