"""From a captured call to the keys of a stub: the request as a pattern, the answer of the server as an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.drafting.assembly import why_refused
from grpcmock.drafting.captured_call import BYTES_KEPT, EVENTS_KEPT, EventKind
from grpcmock.drafting.exactness import canonical, lost_in
from grpcmock.drafting.recorded_stub import NotExpressibleError, RecordedStub, SkippedCall
from grpcmock.drafting.redaction.metadata import MetadataRedactor, RedactedMetadata
from grpcmock.drafting.redaction.redactor import Redactor
from grpcmock.drafting.timing import Timing
from grpcmock.schema import MethodKind, any_types
from grpcmock.schema.codec import DecodeError, decode, to_tree
from grpcmock.status import DETAILS_KEY, Code
from grpcmock.stubs import steps
from grpcmock.stubs.dump import plain_value

if TYPE_CHECKING:
    from grpcmock.drafting.captured_call import CapturedCall
    from grpcmock.drafting.redaction.redactor import RedactedMessage
    from grpcmock.drafting.redaction.rules import Rules
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata

OWN_SERVICES = ("grpc.reflection.", "grpc.health.", "grpcmock.")


class StubWriter:
    """Writes captured calls as stubs."""

    def __init__(
        self,
        registry: Registry,
        rules: Rules,
        *,
        match_metadata: Sequence[str] = (),
        timing: bool = False,
        before: StubWriter | None = None,
    ) -> None:
        """*before* is one of another registry, in whose place this one goes on counting."""
        self._registry = registry
        self._rules = rules
        self._match_metadata = tuple(key.lower() for key in match_metadata)
        self._timing = timing
        self.redactor = Redactor(rules, registry)
        self.metadata = MetadataRedactor(rules)
        if before is not None:
            self.redactor.suspects = before.redactor.suspects
            self.metadata = before.metadata

    def write(self, captured: CapturedCall) -> RecordedStub | SkippedCall:
        """Write one call, or return why it can't be written."""
        method = self._registry.methods.get(captured.path)
        if method is None:
            return SkippedCall(captured.name, "no proto declares it")
        if captured.incomplete:
            return SkippedCall(captured.name, captured.incomplete)
        if captured.is_too_long:
            return SkippedCall(captured.name, f"it has more than {BYTES_KEPT >> 20} MiB or {EVENTS_KEPT:,} messages")
        try:
            stub = _CallWriter(self, captured, method).stub()
            reason = why_refused(stub, self._registry)
            if reason and self.redactor.uses_templates:
                # A template may fit one method and not another; there, what was recorded stands.
                stub = _CallWriter(self, captured, method, templates=False).stub(f"a template doesn't fit, {reason}")
                reason = why_refused(stub, self._registry)
        except DecodeError as error:
            return SkippedCall(captured.name, f"a message can't be read: {error}")
        except NotExpressibleError as error:
            return SkippedCall(captured.name, str(error))
        return SkippedCall(captured.name, f"no stub can say it: {reason}") if reason else stub

    # What the writer of one call needs ------------------------------------------------------------

    @property
    def timing(self) -> bool:
        return self._timing

    @property
    def registry(self) -> Registry:
        return self._registry

    @property
    def may_hide_details(self) -> bool:
        """Whether there are rules that bytes which nobody can read might fall under."""
        return any(rule.on != "metadata" for rule in self._rules.redact)

    def request_metadata(self, captured: CapturedCall) -> dict[str, Any]:
        """Return the patterns for the request metadata that calls are to be told apart by."""
        return {key: self.metadata.pattern(key, captured.metadata) for key in self._match_metadata}


class _CallWriter:
    """One call while it is written."""

    def __init__(self, writer: StubWriter, captured: CapturedCall, method: Method, *, templates: bool = True) -> None:
        self._writer = writer
        self._templates = templates
        self._captured = captured
        self._method = method
        self._notes: list[str] = []
        self._ignored: set[str] = set()
        self._timing = Timing(captured) if writer.timing else None
        self._requests = [self._redacted(data, method.request_class) for data in captured.messages(EventKind.REQUEST)]
        self._responses = [
            self._redacted(data, method.response_class) for data in captured.messages(EventKind.RESPONSE)
        ]

    def _redacted(self, data: bytes, message_class: Any) -> RedactedMessage:
        message = decode(message_class, data)
        tree = to_tree(message)
        if lost := lost_in(tree, message, self._writer.registry):
            self._notes.append(lost)
        if self._writer.may_hide_details and (unknown := any_types.unknown_in(message)):
            text = f"it holds a {min(unknown)}, a type that isn't known, in which there may be a secret"
            raise NotExpressibleError(text)
        return self._writer.redactor.redact(tree, message_class.DESCRIPTOR, templates=self._templates)

    def stub(self, note: str = "") -> RecordedStub:
        """Write it; *note* is one thing more that the stub doesn't say. Raises :class:`NotExpressibleError`."""
        script = self._needs_script
        matching = self._matching(script=script)
        answer, key = self._scripted() if script else self._plain()
        if metadata := self._writer.request_metadata(self._captured):
            matching["metadata"] = metadata
        requests = [request.pattern() for request in self._requests]
        return RecordedStub(
            method=self._method,
            matching=matching,
            answer=answer,
            request_key=canonical(matching),
            answer_key=canonical(key),
            opening_key=canonical(requests[:1]),
            conversation_key=canonical(requests) if script else "",
            eagerness=self._eagerness() if script else 0,
            ignored=tuple(sorted({*self._ignored, *(path for response in self._responses for path in response.paths)})),
            notes=tuple(dict.fromkeys([*self._notes, *([note] if note else [])])),
        )

    def _eagerness(self) -> int:
        waited = total = 0
        for what, _, _ in self._captured.events:
            if what in (EventKind.REQUEST, EventKind.HALF_CLOSE):
                waited += 1
            else:
                total += waited
        return total

    @property
    def _needs_script(self) -> bool:
        """Whether plain keys can't say in which order things passed."""
        kind = self._method.kind
        if kind is MethodKind.BIDI_STREAMING:
            return True
        if kind is MethodKind.CLIENT_STREAMING:
            # Written plainly, the answer waits for half-close.
            order = [what for what, _, _ in self._captured.events]
            return EventKind.HALF_CLOSE not in order or EventKind.RESPONSE in order[: order.index(EventKind.HALF_CLOSE)]
        return kind is MethodKind.SERVER_STREAMING and self._timing is not None and not self._timing.is_even

    # The request ----------------------------------------------------------------------------------

    def _matching(self, *, script: bool) -> dict[str, Any]:
        kind, requests = self._method.kind, self._requests
        if not kind.client_streams:
            if len(requests) != 1:
                raise NotExpressibleError(f"the client sent {len(requests)} messages to a method that takes one")
            return {"request": requests[0].pattern()}
        if kind is MethodKind.CLIENT_STREAMING and not script:
            return {"requests": [request.pattern() for request in requests]}
        first = next(
            (what for what, _, _ in self._captured.events if what in (EventKind.REQUEST, EventKind.RESPONSE)), None
        )
        # A server that speaks first must not wait for a request.
        return {"request": requests[0].pattern()} if first is EventKind.REQUEST else {}

    # The answer -----------------------------------------------------------------------------------

    def _plain(self) -> tuple[dict[str, Any], Any]:
        keys: dict[str, Any] = {}
        key: dict[str, Any] = {}
        if headers := self._metadata("headers", self._captured.headers):
            keys["headers"], key["headers"] = headers.keys, headers.key
        if self._timing is not None:
            keys |= self._timing.keys(streams=self._method.kind.server_streams)
        if self._method.kind.server_streams:
            keys["responses"] = [response.answer() for response in self._responses]
            key["responses"] = [response.key() for response in self._responses]
        elif self._responses:
            if len(self._responses) > 1:
                raise NotExpressibleError(f"the server sent {len(self._responses)} messages where it may send one")
            keys["response"], key["response"] = self._responses[0].answer(), self._responses[0].key()
        ending, ending_key = self._ending()
        return keys | ending, key | ending_key

    def _ending(self) -> tuple[dict[str, Any], dict[str, Any]]:
        captured = self._captured
        if captured.code is not Code.OK:
            error, error_key = self._error()
            return {"error": error}, {"error": error_key}
        if not self._method.kind.server_streams and not self._responses:
            raise NotExpressibleError("the server ended it with OK, and without the message that is due")
        if trailers := self._metadata("trailers", captured.trailers):
            return {"trailers": trailers.keys}, {"trailers": trailers.key}
        return {}, {}

    def _metadata(self, part: str, metadata: Metadata) -> RedactedMetadata:
        values = self._writer.metadata.answer(metadata)
        self._ignored |= {f"{part}.{key}" for key in values.hidden}
        return values

    def _error(self) -> tuple[dict[str, Any], dict[str, Any]]:
        captured = self._captured
        error: dict[str, Any] = {"code": captured.code.name}
        key = dict(error)
        if captured.message:
            error["message"], key["message"] = self._writer.metadata.text(captured.message)
            if self._writer.metadata.hides(captured.message):
                self._ignored.add("error.message")
        details = self._details()
        if details:
            self._ignored |= {f"error.details.{path}" for detail in details for path in detail.paths}
            error["details"] = [detail.answer() for detail in details]
            key["details"] = [detail.key() for detail in details]
        rest = [(name, value) for name, value in captured.trailers if name != DETAILS_KEY]
        trailers = self._metadata("trailers", tuple(rest))
        if details is None:
            raw = next(value for name, value in captured.trailers if name == DETAILS_KEY)
            if self._writer.may_hide_details:
                self._notes.append("its status details are left out: they can't be read, and may hold a secret")
            else:
                trailers.add(DETAILS_KEY, plain_value(raw))
        if trailers:
            error["trailers"], key["trailers"] = trailers.keys, trailers.key
        return error, key

    def _details(self) -> list[RedactedMessage] | None:
        """Return the rich details; None if there are some that a list of details can't say."""
        from google.protobuf.message import DecodeError as ProtobufDecodeError
        from google.rpc.status_pb2 import Status

        raw = next((value for key, value in self._captured.trailers if key == DETAILS_KEY), None)
        if raw is None:
            return []
        try:
            status = Status.FromString(raw if isinstance(raw, bytes) else raw.encode())
        except ProtobufDecodeError:
            return None
        if (status.code, status.message) != (int(self._captured.code), self._captured.message) or not status.details:
            return None
        any_class = self._writer.registry.message("google.protobuf.Any")
        details = []
        for packed in status.details:
            message = any_class.FromString(packed.SerializeToString())
            tree = to_tree(message)
            try:
                lost = lost_in(tree, message, self._writer.registry)
            except NotExpressibleError:
                return None
            if self._writer.may_hide_details and any_types.unknown_in(message):
                return None
            self._notes += [lost] if lost else []
            details.append(self._writer.redactor.redact(tree, any_class.DESCRIPTOR))
        return details

    # In which order -------------------------------------------------------------------------------

    def _scripted(self) -> tuple[dict[str, Any], Any]:
        written = list(self._steps())
        # What came from both sides at once came in one order now, and may come in another the next time.
        own = [key for step, key in written if _is_own(step)]
        other = [key for step, key in written if not _is_own(step)]
        keys = [[key for key in part if key is not None] for part in (own, other)]
        return {"script": [step for step, _ in written]}, keys

    def _steps(self) -> Iterator[tuple[Any, Any]]:
        """Yield each step of a script, and what tells it from others; None for pauses."""
        requests, responses = iter(self._requests), iter(self._responses)
        takes_many = self._method.kind.client_streams
        events = self._captured.events
        for number, (what, payload, _) in enumerate(events):
            if self._timing is not None and (pause := self._timing.before(number)):
                yield {steps.WAIT: pause}, None
            if what is EventKind.REQUEST and takes_many:
                step = {steps.EXPECT: next(requests).pattern()}
                yield step, step
            elif what is EventKind.HALF_CLOSE and takes_many:
                yield steps.HALF_CLOSE, steps.HALF_CLOSE
            elif what is EventKind.HEADERS:
                if headers := self._metadata("headers", payload):
                    yield {steps.HEADERS: headers.keys}, {steps.HEADERS: headers.key}
            elif what is EventKind.RESPONSE:
                response = next(responses)
                yield {steps.SEND: response.answer()}, {steps.SEND: response.key()}
        ending, key = self._ending()
        if steps.ERROR in ending:
            yield ending, key
        elif ending:
            yield {steps.FINISH: ending}, {steps.FINISH: key}


def _is_own(step: Any) -> bool:
    """Whether a step is what the server does, not what it waits for."""
    return step != steps.HALF_CLOSE and steps.EXPECT not in step
