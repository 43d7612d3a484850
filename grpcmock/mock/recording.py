"""Records what a real server answers where no stub does, and writes it down as stubs."""

from __future__ import annotations

import os
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.client.channel import connect
from grpcmock.client.details import decode_details
from grpcmock.client.target import Target
from grpcmock.engine.store import Layer
from grpcmock.errors import ConfigError, Location, Problems
from grpcmock.mock.keywords import stub_of
from grpcmock.mock.relay import Relay
from grpcmock.schema import Kind
from grpcmock.schema.codec import to_tree
from grpcmock.status import DETAILS_KEY, Code
from grpcmock.stubs import loader
from grpcmock.stubs.dump import literals, plain_value, to_yaml
from grpcmock.stubs.model import Answer, Stub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcmock.client.target import Metadata
    from grpcmock.engine.journal import Call as Record
    from grpcmock.mock.stock import Stock
    from grpcmock.schema import Registry

_LAST = -(1 << 31)
"""The priority of the stubs that relay: whatever else holds comes before them."""

_SECRET = ("authorization", "cookie", "token", "secret", "password", "session", "credential", "api-key", "apikey")
"""Answers with such keys in their metadata are written without these."""

_MATCHING = ("request", "requests")


class Recorder:
    """Relays the calls that no stub accepts, and keeps what was said.

    Raises :class:`ConfigError` or :class:`TargetError` when made, if *target* can't be called.
    """

    def __init__(self, stock: Stock, target: str) -> None:
        self._stock = stock
        self._running = stock.running
        self._engine = stock.running.engine
        self.target = Target.parse(target)
        self.left_out: list[str] = []
        """Calls that were relayed but are not written, and why."""
        self._found: dict[str, list[dict[str, Any]]] = {}
        """By method: the keys of its stubs."""
        self._stack = AsyncExitStack()
        channel = self._running.run(self._stack.enter_async_context(connect(self.target)))
        self._relay = Relay(channel, str(self.target))
        self._unsubscribe = self._running.call(self._begin)

    def _begin(self) -> Any:
        self._cover()
        self._stock.renewed = self._cover
        return self._engine.journal.subscribe(self._keep)

    def _cover(self) -> None:
        """Give each method that has none a stub that relays, behind all others."""
        covered = {entry.stub.method for entry in self._engine.store if self._relays(entry.stub)}
        names = [method.full_name for method in self._engine.registry.methods.values()]
        answers = (Answer(handler=self._relay),)
        self._engine.add(
            [
                Stub(method=name, name=f"the server at {self.target}: {name}", priority=_LAST, answers=answers)
                for name in names
                if name not in covered
            ],
            Layer.FILE,
        )

    def _relays(self, stub: Stub) -> bool:
        return stub.answers[0].handler is self._relay

    def stop(self) -> None:
        """Relay no more."""

        def stop() -> None:
            self._unsubscribe()
            self._stock.renewed = lambda: None
            self._engine.store.remove(lambda entry: self._relays(entry.stub))

        self._running.call(stop)
        self._running.run(self._stack.aclose())

    # What was said --------------------------------------------------------------------------------

    def _keep(self, call: Record) -> None:
        if call.stub is None or not self._relays(call.stub.stub):
            return
        headers, half_closed, lost = self._relay.answered.pop(call.id, ((), False, ""))
        why = ""
        if call.cancelled:
            why = "the client went away, or its deadline passed, before the answer was complete"
        elif lost:
            why = f"there is no connection to {self.target} any more: {lost}"
        elif call.error is not None:
            why = f"what it answered can't be read: {call.error}"
        elif call.frames_dropped:
            why = "it is too long"
        elif any((tree := to_tree(message)) != literals(tree) for message in call.requests):
            why = "its request holds braces that a pattern would take for a template"
        if why:
            self.left_out.append(f"{call.name}: {why}")
            return
        known = self._found.setdefault(call.name, [])
        keys = _keys(call, headers, half_closed, self._engine.registry)
        matching = {key: keys.pop(key) for key in _MATCHING if key in keys}
        for stub in known:
            if stub["matching"] == matching:
                if keys not in stub["answers"]:
                    stub["answers"].append(keys)
                return
        known.append({"matching": matching, "answers": [keys]})

    def stubs(self) -> dict[str, list[Stub]]:
        """Give the stubs of all that was said, by method."""
        found = self._running.call(lambda: {name: list(stubs) for name, stubs in self._found.items()})
        return {name: list(_stubs(name, stubs)) for name, stubs in sorted(found.items())}

    def write(self, folder: Path) -> list[Path]:
        """Write the stubs, a file for each method; give the files.

        Of a file that is there already, those stubs are kept whose requests were not made again. Raises
        :class:`StubError` or :class:`ConfigError` if a file can't be read or written.
        """
        return [_write(folder / f"{name.replace('/', '.')}.yaml", stubs) for name, stubs in self.stubs().items()]


def _keys(call: Record, headers: Metadata, half_closed: bool, registry: Registry) -> dict[str, Any]:
    """Write one call in the keys of the stub format. The metadata of the request has no place there."""
    assert call.method is not None
    kind = call.method.kind
    requests = [{"$eq": to_tree(message)} for message in call.requests]
    keys: dict[str, Any] = {}
    if kind is Kind.CLIENT_STREAMING and half_closed:
        keys["requests"] = requests
    elif requests and call.frames[0].direction == "request":
        # A server that speaks first must not wait for a request.
        keys["request"] = requests[0]
    error = _error(call, registry)
    ending = _metadata(call.trailers)
    if kind is Kind.BIDI_STREAMING:
        keys["script"] = list(_script(call, _metadata(headers), error, ending, half_closed=half_closed))
        return keys
    if first := _metadata(headers):
        keys["headers"] = first
    responses = [literals(to_tree(message)) for message in call.responses]
    if kind.server_streams:
        keys["responses"] = responses
    elif responses:
        keys["response"] = responses[0]
    if error is not None:
        keys["error"] = error
    elif ending:
        keys["trailers"] = ending
    return keys


def _script(
    call: Record, headers: dict[str, Any], error: dict[str, Any] | None, trailers: dict[str, Any], *, half_closed: bool
) -> Iterator[Any]:
    requests, responses = iter(call.requests), iter(call.responses)
    pending = headers
    for frame in call.frames:
        if frame.direction == "request":
            yield {"expect": {"$eq": to_tree(next(requests))}}
            continue
        if pending:
            yield {"headers": pending}
            pending = {}
        yield {"send": literals(to_tree(next(responses)))}
    if pending:
        yield {"headers": pending}
    if half_closed:
        yield "half_close"
    if error is not None:
        yield {"error": error}
    elif trailers:
        yield {"finish": {"trailers": trailers}}


def _error(call: Record, registry: Registry) -> dict[str, Any] | None:
    if call.code is None or call.code is Code.OK:
        return None
    error: dict[str, Any] = {"code": call.code.name}
    if call.message:
        error["message"] = literals(call.message)
    rich = decode_details(call.trailers, registry)
    if rich is not None and rich.details:
        # One of an unknown type could not be told in a stub.
        error["details"] = [literals(detail.tree()) for detail in rich.details if detail.message is not None]
    if trailers := _metadata(call.trailers):
        error["trailers"] = trailers
    return error


def _metadata(pairs: Metadata) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key != DETAILS_KEY and not any(word in key for word in _SECRET):
            found.setdefault(key, []).append(literals(plain_value(value)))
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def _stubs(method: str, found: list[dict[str, Any]]) -> Iterator[Stub]:
    for number, stub in enumerate(found, 1):
        keys = {"method": method, "name": f"{method}, recorded {number}", **stub["matching"]}
        answers = stub["answers"]
        yield stub_of({**keys, **(answers[0] if len(answers) == 1 else {"answers": answers})}, Location("recorded"))


def _write(file: Path, stubs: list[Stub]) -> Path:
    """Write a file whole or not at all, with what it has of its own."""
    kept: list[Stub] = []
    if file.exists():
        problems = Problems()
        kept = loader.load([file], problems)
        problems.raise_errors()
        kept = [old for old in kept if all((old.request, old.requests) != (new.request, new.requests) for new in stubs)]
    taken = {stub.name for stub in kept}
    for stub in stubs:
        name, number = stub.name, 1
        while name in taken:
            number += 1
            name = f"{stub.method}, recorded {number}"
        taken.add(name)
        kept.append(replace(stub, name=name))
    text = f"# Recorded by grpcmock.\n{to_yaml(kept)}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".recording-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                opened.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise ConfigError(f"{file} can't be written: {error.strerror or error}.") from None
    return file
