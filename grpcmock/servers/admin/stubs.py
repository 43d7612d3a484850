"""Stubs: added, checked, replaced, removed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compile import compile_stubs
from grpcmock.engine.compiled_stub import Layer
from grpcmock.errors import Problem, Problems, StubError, did_you_mean, in_order
from grpcmock.servers.admin.behaviors import named
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code
from grpcmock.stubs import loader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.session import Session
    from grpcmock.servers.admin.behaviors import Behaviors, Steered
    from grpcmock.stubs.model import Stub

_LAYER_TEST = 1


def behaviors(steered: Steered) -> Behaviors:
    """Give what adds, checks, replaces and removes stubs."""
    stubs = _Stubs(steered)
    return {
        "AddStubs": stubs.add,
        "CheckStubs": stubs.check,
        "ReplaceStub": stubs.replace,
        "RemoveStub": stubs.remove_one,
        "RemoveStubs": stubs.remove,
    }


class _Stubs:
    def __init__(self, steered: Steered) -> None:
        self._steered = steered
        self._engine = steered.engine

    async def add(self, request: Any, response: Any) -> None:
        problems = Problems()
        stubs = await self._read(request.stubs, request.source, problems)
        problems.raise_errors()
        if not stubs:
            raise StubError([Problem("There is no stub in the text.", rule="no-stubs")])
        session = self._steered.session(request.session)
        added = self._added(session)
        taken = [stub.name for stub in stubs if stub.name in added]
        if taken and not request.replace:
            what = f"There are added stubs named {named(taken)}."
            raise RefusedError(Code.ALREADY_EXISTS, f"{what} Set 'replace' to put these in their place.")
        of_test = session is not None and request.layer == _LAYER_TEST
        self._put(stubs, Layer.TEST if of_test else Layer.RUNTIME, session, response)
        response.warnings.extend(map(str, problems.warnings))

    async def check(self, request: Any, response: Any) -> None:
        problems = Problems()
        source = request.source or "stubs"
        stubs = await self._read(request.stubs, source, problems)
        registry, faults = self._engine.registry, self._engine.options.faults
        session = self._steered.session(request.session)
        beside = [*(session or ()), *self._engine.store]

        def look() -> None:
            from grpcmock.lint.rules import lint

            compiled = compile_stubs(stubs, registry, problems, layer=Layer.RUNTIME, orders=count(), faults=faults)
            for problem in lint([*beside, *compiled], registry):
                if problem.location is not None and problem.location.file == source:
                    problems.add(problem)

        await asyncio.to_thread(look)
        for problem in in_order(problems):
            told = response.problems.add(severity=problem.severity, path=problem.path, rule=problem.rule)
            told.message = f"{problem.message} {problem.hint}".rstrip()
            if problem.location is not None:
                told.line, told.column = problem.location.line, problem.location.column

    async def replace(self, request: Any, response: Any) -> None:
        problems = Problems()
        name = request.name
        stubs = await self._read(request.stub, name, problems)
        problems.raise_errors()
        if len(stubs) != 1:
            raise RefusedError(Code.INVALID_ARGUMENT, f"stub: one stub is needed; there are {len(stubs)} in the text.")
        (stub,) = stubs
        if stub.name != name and not stub.name.startswith(f"{name}:"):  # which is how one without a name is called
            raise RefusedError(Code.INVALID_ARGUMENT, f"stub: its name is {stub.name!r}, not {name!r}; leave it out.")
        session = self._steered.session(request.session)
        self._put([replace(stub, name=name)], Layer.RUNTIME, session, response, keep_count=request.keep_count)
        response.warnings.extend(map(str, problems.warnings))

    def remove_one(self, request: Any, response: Any) -> None:
        session = self._steered.session(request.session)
        self._check_added([request.name], session)
        self._take_out({request.name}, "", session, response)

    def remove(self, request: Any, response: Any) -> None:
        path = self._engine.registry.method(request.method).path if request.method else ""
        wanted = set(request.names)
        session = self._steered.session(request.session)
        self._check_added(wanted, session)
        self._take_out(None if request.all or not (wanted or path) else wanted, path, session, response)

    async def _read(self, text: str, source: str, problems: Problems) -> list[Stub]:
        # In a thread, since a text of megabytes would keep other calls waiting.
        source = source or f"added[{next(self._steered.texts)}]"
        return await asyncio.to_thread(loader.load_text, text, source, problems, lone=True)

    def _added(self, session: Session | None) -> dict[str, CompiledStub]:
        """The stubs by name that were added: those of a session, or the common ones."""
        added = (
            (entry for entry in self._engine.store.besides if entry.layer is Layer.RUNTIME)
            if session is None
            else (*session, *session.disabled)
        )
        return {entry.name: entry for entry in added}

    def _put(
        self, stubs: Iterable[Stub], layer: Layer, session: Session | None, response: Any, *, keep_count: bool = False
    ) -> None:
        """Add stubs, in the place of those of their names, which give them their layer and their rank."""
        old = self._added(session)
        owner = self._engine.store if session is None else session
        entries = self._engine.add(stubs, layer, session)
        names = [entry.name for entry in entries]
        for entry in entries:
            if entry.name in old:
                owner.remove_one(entry)
                successor = self._engine.replace(old[entry.name], entry.stub, session)
                if not keep_count:
                    owner.reset_count(successor)
        response.names.extend(names)
        replaced = len(old.keys() & set(names))
        instead = f", in the place of {replaced:,}" if replaced else ""
        where = session.name if session is not None else ""
        self._steered.note(f"Added {_stubs(len(names))}{instead}: {named(names)}.", where)

    def _check_added(self, names: Iterable[str], session: Session | None) -> None:
        """Raise :class:`RefusedError` for the first of the names that isn't that of an added stub."""
        added = self._added(session)
        for name in sorted(set(names) - added.keys()):
            others = {entry.name for entry in self._engine.store}
            where = "It stands in a file or a test" if session is None else "It is none of the session"
            where += "; only stubs that were added can be removed."
            if name in others:
                hint = where
            elif not (hint := did_you_mean(name, added)) and (near := did_you_mean(name, others)):
                hint = f"{near} {where}"
            hint = hint or did_you_mean(name, added, known="The added stubs")
            raise RefusedError(Code.NOT_FOUND, f"There is no added stub {name!r}. {hint}".rstrip())

    def _take_out(self, wanted: set[str] | None, path: str, session: Session | None, response: Any) -> None:
        """Remove the added stubs with the names that are wanted, and those of the method; all of them without names."""
        added = set(self._added(session).values())
        removed = (self._engine.store if session is None else session).remove(
            lambda entry: entry in added and (wanted is None or entry.name in wanted or entry.method.path == path)
        )
        names = [entry.name for entry in removed]
        response.names.extend(names)
        if names:
            where = session.name if session is not None else ""
            self._steered.note(f"Removed {_stubs(len(names))}: {named(names)}.", where)


def _stubs(number: int) -> str:
    return "1 stub" if number == 1 else f"{number:,} stubs"
