"""A stub made of a call in the journal, to be edited and added: of an answered one, or of a miss."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grpcmock.drafting import request_metadata
from grpcmock.drafting.assembly import make_stub
from grpcmock.drafting.captured_call import CapturedCall, EventKind
from grpcmock.drafting.naming import draft_name
from grpcmock.drafting.recorded_stub import SkippedCall
from grpcmock.drafting.redaction.rules import Rules
from grpcmock.drafting.rehearsal import rehearse
from grpcmock.drafting.rewriting import loosened, repeating
from grpcmock.drafting.stub_writer import StubWriter
from grpcmock.errors import GrpcmockError, Problems, RenderError
from grpcmock.schema.codec import decode
from grpcmock.status import Code
from grpcmock.stubs.dump import to_yaml
from grpcmock.synthesis.examples import example_answer

if TYPE_CHECKING:
    from grpcmock.drafting.recorded_stub import RecordedStub
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub


class NoDraftError(GrpcmockError):
    """A call has something in it that no stub can say, or too little is known of it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A stub in the stub format, as YAML, and what is worth a second look in it."""

    text: str
    warnings: tuple[str, ...]


def draft_of(
    call: CallRecord, registry: Registry, *, name: str = "", taken: Collection[str] = (), looked_at: Iterable[str] = ()
) -> Draft:
    """Write a stub that answers *call* as it was answered; a miss, as the protos suggest.

    The stub is called *name*, or else by its method and request, and by none of the names that are *taken*. The keys of
    metadata that stubs of this method *looked_at* are part of the pattern. Values are written as they came, but for
    secrets; where an answer repeats the request, it is a template. Raises :class:`NoDraftError`.
    """
    captured = captured_of(call)
    matching = [key for key in dict.fromkeys(looked_at) if any(key == sent for sent, _ in call.metadata)]
    writer = StubWriter(registry, Rules(), match_metadata=matching)
    recorded = writer.write(captured)
    if isinstance(recorded, SkippedCall):
        raise NoDraftError(f"Call {call.id} of {call.name} makes no stub: {recorded.reason}.")
    requests = [decode(recorded.method.request_class, data) for data in captured.messages(EventKind.REQUEST)]
    suggests = not _is_answered(call)
    if suggests:
        try:
            recorded = replace(recorded, answer=example_answer(recorded.method, registry, requests), ignored=())
        except RenderError as error:
            raise NoDraftError(f"Call {call.id} of {call.name} makes no stub: {error}") from None
    stub = _best(recorded, captured, registry, name or draft_name(recorded, taken))
    if stub is None:
        raise NoDraftError(
            f"Call {call.id} of {call.name} makes no stub: one that says what passed doesn't hold for it."
        )
    return Draft(to_yaml([stub]), tuple(_warnings(call, recorded, writer, matching, suggests=suggests)))


def captured_of(call: CallRecord) -> CapturedCall:
    """Return a call of the journal as if it had passed through a proxy; where nobody answered it, without an answer."""
    captured = CapturedCall(call.path, call.metadata, call.started)
    is_answered = _is_answered(call)
    if call.headers and is_answered:
        captured.add(EventKind.HEADERS, call.headers, call.started)
    # When a client half-closed is not known. In a conversation the order of messages says enough; where the server
    # answers but once, it came after the last request.
    closes = call.half_closed and call.method is not None and not call.method.kind.server_streams
    requests = sum(frame.direction == "request" for frame in call.frames)
    if closes and not requests:
        captured.add(EventKind.HALF_CLOSE, None, call.started)
    for frame in call.frames:
        if frame.direction == "request":
            captured.add(EventKind.REQUEST, frame.data, frame.time)
            requests -= 1
            if closes and not requests:
                captured.add(EventKind.HALF_CLOSE, None, frame.time)
        elif is_answered:
            captured.add(EventKind.RESPONSE, frame.data, frame.time)
    if not is_answered:
        captured.code = Code.UNIMPLEMENTED
    elif call.code is not None and not call.cancelled:
        captured.code, captured.message, captured.trailers = call.code, call.message, call.trailers
    return captured


def _is_answered(call: CallRecord) -> bool:
    """Whether there is an answer to be repeated: one that has ended, or messages of one that goes on."""
    if call.miss is not None:
        return False
    is_whole = call.code is not None and not call.cancelled
    streams = call.method is not None and call.method.kind.server_streams
    return is_whole or (streams and any(frame.direction == "response" for frame in call.frames))


def _best(recorded: RecordedStub, captured: CapturedCall, registry: Registry, name: str) -> Stub | None:
    """Return the most readable of the stubs that do the same in this call: it is to be edited. None if none holds."""
    plain = _made(recorded, name)
    expected = rehearse(plain, captured, registry)
    if expected is None:
        return None
    readable = loosened(recorded)
    for better in (repeating(readable, captured), readable, repeating(recorded, captured)):
        stub = _made(better, name)
        if rehearse(stub, captured, registry) == expected:
            return stub
    return plain


def _made(recorded: RecordedStub, name: str) -> Stub:
    problems = Problems()
    stub = make_stub(name, recorded, [recorded], problems)
    problems.raise_errors()
    assert stub is not None
    return stub


def _warnings(
    call: CallRecord, recorded: RecordedStub, writer: StubWriter, matching: Collection[str], *, suggests: bool
) -> Iterator[str]:
    if suggests:
        yield "Nobody has answered this call: the answer is one that the protos suggest. Write the one that is wanted."
    elif call.under_way:
        yield "The call is still under way: the answer is what was sent so far."
    elif call.cancelled:
        yield "The client went away before the end: the answer is what was sent until then, and ends with OK."
    if call.frames_dropped:
        yield f"The journal didn't keep {call.frames_dropped:,} messages of this call, so they are missing here, too."
    yield from request_metadata.warnings(call.metadata, matching)
    for key in writer.metadata.left_out:
        yield f"The answer's metadata {key} is left out, since it is secret."
    for path in recorded.ignored:
        yield f"{path} of the answer is secret by the protos, so something else of its type stands there."
    for field in sorted(writer.redactor.suspects):
        yield f"{field} sounds secret, and is written as it came. Change it before the stub is kept."
    for note in recorded.notes:
        yield f"The stub doesn't say all: {note}."
