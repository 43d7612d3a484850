"""The stubs there are: listed with what became of them, shown, disabled and enabled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compiled_stub import Layer
from grpcmock.errors import did_you_mean
from grpcmock.servers.admin.behaviors import BYTES_LIMIT, PAGE
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code
from grpcmock.stubs import dump

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.session import Session
    from grpcmock.engine.store import Store
    from grpcmock.servers.admin.behaviors import Behaviors, Steered

_LAYERS = {Layer.TEST: 1, Layer.RUNTIME: 2, Layer.FILE: 3}


def behaviors(steered: Steered) -> Behaviors:
    """Give what lists, shows, disables and enables stubs."""
    stubs = _StubList(steered)
    return {
        "ListStubs": stubs.list_stubs,
        "GetStub": stubs.get,
        "DisableStub": stubs.disable,
        "EnableStub": stubs.enable,
    }


class _StubList:
    def __init__(self, steered: Steered) -> None:
        self._steered = steered
        self._engine = steered.engine
        self._shadows: dict[str, tuple[tuple[CompiledStub, ...], dict[int, str]]] = {}
        """By path: the stubs of a method, and by which of them others are hidden."""

    async def list_stubs(self, request: Any, response: Any) -> None:
        path = self._engine.registry.method(request.method).path if request.method else ""
        layers = {number: layer for layer, number in _LAYERS.items()}
        if request.layer and request.layer not in layers:
            raise RefusedError(Code.INVALID_ARGUMENT, f"layer: there is no layer {request.layer}.")
        if request.page_token and not (request.page_token.isascii() and request.page_token.isdecimal()):
            raise RefusedError(Code.INVALID_ARGUMENT, "page_token: this is not a token that a response gave.")
        begin = int(request.page_token[:18] or 0)
        limit = min(request.page_size, PAGE) if request.page_size > 0 else PAGE
        session, stubs = self._steered.session(request.session), self._steered.stubs(request.session)
        chosen = [
            entry
            for entry in self._all(session, path)
            if (not request.layer or entry.layer is layers[request.layer])
            and not (request.unused and stubs.counted(entry))
        ]
        size = 0
        for number, entry in enumerate(chosen[begin : begin + limit], begin):
            info = response.stubs.add()
            await self._write(info, entry, session, with_yaml=request.with_yaml)
            size += info.ByteSize()
            if size > BYTES_LIMIT and number + 1 < len(chosen):
                response.next_page_token = str(number + 1)
                return
        if begin + limit < len(chosen):
            response.next_page_token = str(begin + limit)

    async def get(self, request: Any, response: Any) -> None:
        session = self._steered.session(request.session)
        await self._write(response, self._find(request.name, session), session, with_yaml=True)

    async def disable(self, request: Any, response: Any) -> None:
        session, stubs = self._steered.session(request.session), self._steered.stubs(request.session)
        entry = self._find(request.name, session)
        if not stubs.is_disabled(entry):
            stubs.disable(entry)
            self._steered.note(f"Disabled the stub {entry.name!r}.", request.session)
        await self._write(response, entry, session)

    async def enable(self, request: Any, response: Any) -> None:
        session, stubs = self._steered.session(request.session), self._steered.stubs(request.session)
        entry = self._find(request.name, session)
        if stubs.is_disabled(entry):
            stubs.enable(entry)
            self._steered.note(f"Enabled the stub {entry.name!r}.", request.session)
        await self._write(response, entry, session)

    def _all(self, session: Session | None, path: str = "") -> list[CompiledStub]:
        """Give the stubs of all methods, or of one, each in its order of precedence, with those that are disabled.

        The stubs of the session stand before those that are common to all.
        """
        own = [] if session is None else self._in_order(session.own, path)
        return own + self._in_order(self._engine.store, path)

    def _in_order(self, store: Store, path: str) -> list[CompiledStub]:
        table = store.tables.get(path)
        found = list(store) if not path else [] if table is None else list(table.index)
        if aside := [entry for entry in store.disabled if not path or entry.method.path == path]:
            order = {path: number for number, path in enumerate(store.tables)}
            found = sorted([*found, *aside], key=lambda entry: (order[entry.method.path], entry.rank))
        return found

    def _find(self, name: str, session: Session | None) -> CompiledStub:
        """Give the stub of this name; of several, the one that is tried first. Raises :class:`RefusedError`."""
        own: list[CompiledStub] = [] if session is None else [*session, *session.disabled]
        for stubs in (own, self._all(None)):
            if found := [entry for entry in stubs if entry.name == name]:
                return min(found, key=lambda entry: entry.rank)
        hint = did_you_mean(name, (entry.name for entry in self._all(session)))
        raise RefusedError(Code.NOT_FOUND, f"There is no stub {name!r}. {hint}".rstrip())

    async def _write(self, info: Any, entry: CompiledStub, session: Session | None, *, with_yaml: bool = False) -> None:
        stubs = self._engine.store if session is None else session
        info.name, info.method, info.layer = entry.name, entry.method.full_name, _LAYERS[entry.layer]
        info.priority, info.conditions = entry.stub.priority, entry.conditions.count
        info.count = stubs.counted(entry)
        info.exhausted = entry.exhausted_after(info.count)
        info.location = str(entry.stub.location or "")
        info.disabled = stubs.is_disabled(entry) or self._engine.store.is_disabled(entry)
        if session is not None and (entry in session.own or session.own.is_disabled(entry)):
            info.session = session.name
        elif not info.disabled:
            info.shadowed_by = (await self._hidden(entry.method.path)).get(id(entry), "")
        if with_yaml:
            info.yaml = dump.to_yaml([entry.stub])

    async def _hidden(self, path: str) -> dict[int, str]:
        """Give the names of the stubs that hide others of a method, by the identity of what they hide."""
        entries = tuple(self._engine.store.tables[path].index)
        known = self._shadows.get(path)
        if known is None or known[0] != entries:
            registry = self._engine.registry

            def look() -> dict[int, str]:
                from grpcmock.lint.rules import shadows

                return {id(entry): hiding.name for entry, hiding in shadows(entries, registry)}

            # In a thread, since each of thousands of stubs may be held against others.
            known = self._shadows[path] = entries, await asyncio.to_thread(look)
        return known[1]
