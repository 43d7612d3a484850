"""The stubs of a mock server that a test run has used: what a contract promises."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grpcmock.client.keys import error_keys, metadata_keys
from grpcmock.errors import Location, Problems, StubError
from grpcmock.schema.codec import to_tree
from grpcmock.status import Code
from grpcmock.stubs.dump import literals, to_plain
from grpcmock.stubs.parser import parse_stub
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord as Record
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub

_PLACE = Location("exported")


@dataclass(slots=True)
class UsedStubs:
    """The stubs that were used, each once; whatever was used besides can't be promised, and is reported."""

    stubs: list[Stub] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Calls that are in no stub of the contract, and why."""

    _known: dict[str, Any] = field(default_factory=dict)
    """What each stub says but its name, by its name."""

    def add(self, stub: Stub) -> None:
        """Take in a stub that was used; one that says the same as another is taken once.

        Raises :class:`StubError` for one that the format can't say.
        """
        said = {key: value for key, value in to_plain(stub).items() if key != "name"}
        name, number = stub.name, 1
        while name in self._known:
            if self._known[name] == said:
                return
            number += 1
            name = f"{stub.name} ({number})"
        self._known[name] = said
        self.stubs.append(replace(stub, name=name))

    def leave_out(self, text: str) -> None:
        if text not in self.left_out:
            self.left_out.append(text)

    def add_call(self, call: Record, registry: Registry) -> None:
        """Take in the stub that answered a call; where the format can't say it, what was asked and answered."""
        name = call.name
        if call.method is None:
            self.leave_out(f"{name}: no proto declares it")
        elif call.auto:
            self.leave_out(f"{name}: the answer was generated, and nobody has promised it")
        elif call.is_struck_down:
            self.leave_out(f"{name}: a fault profile ended the call")
        elif call.stub is None:
            self.leave_out(f"{name}: no stub answered")
        else:
            try:
                self.add(call.stub.stub)
            except StubError:
                stub = _of_call(call, registry)
                if stub is None:
                    self.leave_out(f"{name}: {call.stub} is a function, and its conversation can't be written down")
                else:
                    self.add(stub)


def _of_call(call: Record, registry: Registry) -> Stub | None:
    """Return what was asked and answered as a stub; None for a conversation, whose turns a list can't say."""
    assert call.method is not None
    assert call.stub is not None
    kind = call.method.kind
    if (kind.client_streams and kind.server_streams) or call.cancelled or call.frames_dropped:
        return None
    requests = [{"$eq": to_tree(message)} for message in call.requests]
    keys: dict[str, Any] = {"name": call.stub.name, "method": call.name}
    if kind.client_streams:
        keys["requests"] = requests
    elif requests:
        keys["request"] = requests[0]
    if given := call.stub.stub.given:
        keys["given"] = given
    responses = [literals(to_tree(message)) for message in call.responses]
    if kind.server_streams:
        keys["responses"] = responses
    elif responses:
        keys["response"] = responses[0]
    if call.code not in (None, Code.OK):
        assert call.code is not None
        keys["error"] = error_keys(call.code.name, call.message, call.trailers, registry)
    elif trailers := metadata_keys(call.trailers):
        keys["trailers"] = trailers
    return parse_stub(Node.of(keys, _PLACE), Problems(), name=call.stub.name)
