"""The stubs of a mock server elsewhere: compiled here, so that errors have their places, and added there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compiled_stub import Layer
from grpcmock.engine.store import States, Store
from grpcmock.errors import ConfigError, StubError
from grpcmock.matching.call_context import STARTED
from grpcmock.stubs import dump

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.store import Snapshot
    from grpcmock.mock.remote.link import Link
    from grpcmock.schema import Method

_LAYERS = {Layer.TEST: 1, Layer.RUNTIME: 2}
"""By their numbers in the admin service."""


class RemoteStates(States):
    """The states as they were when they were asked for; what is changed here is changed there."""

    def __init__(self, link: Link) -> None:
        super().__init__(link.of_session("GetState").states)
        self._link = link

    def copy(self) -> States:
        return States(self)

    def __setitem__(self, scenario: str, state: str) -> None:
        self.update({scenario: state})

    def pop(self, scenario: str, *default: str) -> str:  # type: ignore[override]
        before = super().pop(scenario, *default)
        self._link.of_session("SetState", states={scenario: STARTED})
        return before

    def update(self, states: Mapping[str, str]) -> None:  # type: ignore[override]
        if states:
            self._link.of_session("SetState", states=states)
            super().update(states)

    def clear(self) -> None:
        self._link.of_session("Reset", states=True)
        super().clear()


class RemoteStore(Store):
    """The stubs that were added from here: each a copy of one there, where it is known how often that was chosen."""

    def __init__(self, methods: Iterable[Method], link: Link) -> None:
        self._link = link
        super().__init__(methods)

    @property
    def states(self) -> States:
        return RemoteStates(self._link) if self._link.is_open else States()

    @states.setter
    def states(self, states: States) -> None:
        """Nothing is kept here."""

    def add(self, entries: Iterable[CompiledStub]) -> None:
        __tracebackhide__ = True
        entries = list(entries)
        for layer, number in _LAYERS.items():
            if own := [entry for entry in entries if entry.layer is layer]:
                self._link.of_session("AddStubs", stubs=_written(own), layer=number)
                super().add(own)

    def remove_one(self, entry: CompiledStub) -> None:
        self._link.of_session("RemoveStub", name=entry.name)
        super().remove_one(entry)

    def replace_one(self, entry: CompiledStub, successor: CompiledStub) -> None:
        __tracebackhide__ = True
        if entry.name == successor.name:
            self._link.of_session("ReplaceStub", name=entry.name, stub=_written([successor]), keep_count=True)
            super().remove_one(entry)
            super().add((successor,))
        else:
            self.add((successor,))
            self.remove_one(entry)

    def counted(self, entry: CompiledStub) -> int:
        if entry not in self:
            return 0
        return int(self._link.of_session("GetStub", name=entry.name).count)

    def reset_counts(self) -> None:
        self._link.of_session("Reset", counts=True)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to *snapshot*, save that all counts begin anew: what they were isn't known there."""
        super().restore(snapshot)
        self.reset_counts()


def _written(entries: list[CompiledStub]) -> str:
    """Write stubs in the stub format. Raises :class:`ConfigError` for one with a function in it."""
    __tracebackhide__ = True
    for entry in entries:
        stub = entry.stub
        function: Any = stub.where or next((answer.handler for answer in stub.answers if answer.handler), None)
        if function is not None:
            raise ConfigError(
                f"stub {stub}: {function} is a function in Python, and the mock server runs elsewhere: it can't call "
                "it. Write conditions as patterns or CEL and answers with templates or a script, or use a mock server "
                "in this process: MockServer(…) without target."
            )
    try:
        return dump.to_yaml(entry.stub for entry in entries)
    except StubError as error:
        raise error.with_traceback(None) from None
