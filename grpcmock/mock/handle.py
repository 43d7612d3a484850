"""The handle of a stub that a test declared: what is said of it after its answer, and the calls that it answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self

from grpcmock.mock.answer_builders import failure
from grpcmock.mock.call_site import caller
from grpcmock.mock.functions import Q
from grpcmock.mock.keywords import changed
from grpcmock.mock.modifiers import Modifiers
from grpcmock.mock.waiting import Waits

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.mock.call_store import CallStore
    from grpcmock.mock.calls import CallLog
    from grpcmock.stubs.model import Stub


class StubOwner(Protocol):
    """What holds the stubs of a mock, as their handles see it."""

    calls: CallStore

    def know(self, messages: Iterable[Any]) -> None:
        """Learn the types of these messages, so that they can be told in an ``Any``."""

    def counted(self, entry: CompiledStub) -> int:
        """How often a stub has answered."""

    def change(self, handle: StubHandle[Any], change: Callable[[Stub], Stub]) -> None:
        """Put what *change* makes of a handle's stub in its place."""

    def remove(self, handle: StubHandle[Any]) -> None:
        """Take a handle's stub out."""


class StubHandle(Modifiers, Waits, Generic[Q]):
    """A stub that a mock holds. The stub itself is immutable: each word puts another one in its place."""

    def __init__(self, stubs: StubOwner, entry: CompiledStub, *, declared: bool, optional: bool = False) -> None:
        self._stubs = stubs
        self._call_store = stubs.calls
        self.entry: CompiledStub | None = entry
        """What the engine holds; None once it is gone. For the mock alone."""
        self.declared = declared
        """Whether the test declared it by itself, rather than load it from a file."""
        self.may_be_unused = optional
        self.used_before = False
        """Whether it answered inside a snapshot that has ended, where its count went back."""
        self._stub = entry.stub

    @property
    def stub(self) -> Stub:
        """The stub as it is now."""
        return self._stub

    @property
    def name(self) -> str:
        """The name, which messages show: the place of its declaration, unless it was given one."""
        return self._stub.name

    @property
    def count(self) -> int:
        """How often it has answered."""
        return self._stubs.counted(self.entry) if self.entry is not None else 0

    @property
    def was_used(self) -> bool:
        """Whether it has answered at all."""
        return self.used_before or self.count > 0

    @property
    def left_over(self) -> str:
        """What the test said to calls of this stub, and no call has taken; empty if nothing."""
        return ""

    def optional(self) -> Self:
        """Say that the stub may well go unused."""
        self.may_be_unused = True
        return self

    def fails(
        self,
        code: Any,
        message: str = "",
        *,
        details: Iterable[Message | Mapping[str, Any]] = (),
        trailers: Mapping[str, Any] | None = None,
    ) -> Self:
        """Break the stream with this status after its messages."""
        __tracebackhide__ = True
        details = list(details)
        self._stubs.know(details)
        return self._with(**failure(code, message, details=details, trailers=trailers).keys)

    def remove(self) -> None:
        """Take the stub out of the mock; it need not have been used."""
        self._stubs.remove(self)

    def _with(self, **keys: Any) -> Self:
        __tracebackhide__ = True
        location = caller()
        self._stubs.change(self, lambda stub: changed(stub, keys, location))
        return self

    def stand_for(self, entry: CompiledStub | None) -> None:
        """Take what the engine holds now; None if it is gone. For the mock alone."""
        self.entry = entry
        if entry is not None:
            self._stub = entry.stub

    # Calls ----------------------------------------------------------------------------------------

    @property
    def calls(self) -> CallLog[Any, Any]:
        """The calls that this stub answered."""
        method = self._call_store.running.engine.registry.method(self._stub.method)
        return self._call_store.log(method, self._answered, title=f"stub {self._stub}")

    def _answered(self, call: CallRecord) -> bool:
        return call.stub is not None and call.stub.name == self.name

    def __repr__(self) -> str:
        return f"<StubHandle {self._stub.method} {self._stub}>"
