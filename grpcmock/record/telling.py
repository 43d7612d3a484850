"""From a call that passed to the keys of a stub: what it asked as a pattern, what was said as an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.unknown_fields import UnknownFieldSet

from grpcmock.errors import Problems
from grpcmock.record.marks import Marker
from grpcmock.record.metadata import MetadataTeller, Values
from grpcmock.record.passage import BYTES_KEPT, EVENTS_KEPT, What
from grpcmock.record.stubs import refusal
from grpcmock.record.timing import Timing
from grpcmock.schema import Kind, any_types
from grpcmock.schema.codec import DecodeError, build, decode, to_tree
from grpcmock.status import DETAILS_KEY, Code
from grpcmock.stubs.dump import plain_value
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.client.target import Metadata
    from grpcmock.record.marks import Marked
    from grpcmock.record.passage import Passage
    from grpcmock.record.rules import Rules
    from grpcmock.schema import Method, Registry

MATCHING = ("request", "requests", "metadata")
"""The keys that a recorded stub may hold a call to."""

_OWN_SERVICES = ("grpc.reflection.", "grpc.health.", "grpcmock.")


@dataclass(frozen=True, slots=True)
class Told:
    """A call in the keys of the stub format."""

    method: Method
    matching: dict[str, Any]
    """Those that say when the stub holds."""
    answer: dict[str, Any]
    asked: str
    """Tells requests apart: equal for calls that one stub would answer."""
    said: str
    """Tells answers apart."""
    opening: str
    """Tells the first request messages apart."""
    conversation: str
    """Tells apart all that the client sent, where a script waits for it; empty elsewhere."""
    eagerness: int = 0
    """How much the server waited for before it sent what it sent: the less, the more eager."""
    ignored: tuple[str, ...] = ()
    """Fields of the answer that a real server can't be held to, since rules have changed them."""
    notes: tuple[str, ...] = ()
    """What passed that the stub doesn't say."""


class Untold(NamedTuple):
    """A call that becomes no stub."""

    name: str
    reason: str


class Teller:
    """Tells calls as stubs."""

    def __init__(
        self,
        registry: Registry,
        rules: Rules,
        *,
        match_metadata: Sequence[str] = (),
        timing: bool = False,
        before: Teller | None = None,
    ) -> None:
        """*before* is one of another registry, in whose place this one goes on counting."""
        self._registry = registry
        self._rules = rules
        self._match_metadata = tuple(key.lower() for key in match_metadata)
        self._timing = timing
        self.marker = Marker(rules, registry)
        self.metadata = MetadataTeller(rules)
        if before is not None:
            self.marker.suspects = before.marker.suspects
            self.metadata = before.metadata

    def tell(self, passage: Passage) -> Told | Untold:
        """Tell one call; it says what of it can't be told."""
        method = self._registry.methods.get(passage.path)
        if passage.name.startswith(_OWN_SERVICES):
            return Untold(passage.name, "it belongs to gRPC's own services")
        if method is None:
            return Untold(passage.name, "no proto declares it")
        if passage.cut:
            return Untold(passage.name, passage.cut)
        if passage.is_too_long:
            return Untold(passage.name, f"it has more than {BYTES_KEPT >> 20} MiB or {EVENTS_KEPT:,} messages")
        try:
            told = _Telling(self, passage, method).told()
            reason = refusal(told, self._registry)
            if reason and self.marker.uses_templates:
                # A template may fit one method and not another; there, what was recorded stands.
                told = _Telling(self, passage, method, templates=False).told(f"a template doesn't fit, {reason}")
                reason = refusal(told, self._registry)
        except DecodeError as error:
            return Untold(passage.name, f"a message can't be read: {error}")
        except _CantSay as error:
            return Untold(passage.name, str(error))
        return Untold(passage.name, f"no stub can say it: {reason}") if reason else told

    # What a telling needs -------------------------------------------------------------------------

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

    def asked_metadata(self, passage: Passage) -> dict[str, Any]:
        """Give the pattern for the request metadata that calls are to be told apart by."""
        return {key: self.metadata.pattern(key, passage.metadata) for key in self._match_metadata}


class _CantSay(Exception):  # noqa: N818 - it carries a reason
    """A call has something in it that no stub can say."""


class _Telling:
    """One call while it is told."""

    def __init__(self, teller: Teller, passage: Passage, method: Method, *, templates: bool = True) -> None:
        self._teller = teller
        self._templates = templates
        self._passage = passage
        self._method = method
        self._notes: list[str] = []
        self._ignored: set[str] = set()
        self._timing = Timing(passage) if teller.timing else None
        self._asks = [self._marked(data, method.request_class) for data in passage.messages(What.REQUEST)]
        self._replies = [self._marked(data, method.response_class) for data in passage.messages(What.RESPONSE)]

    def _marked(self, data: bytes, message_class: Any) -> Marked:
        message = decode(message_class, data)
        tree = to_tree(message)
        self._check_exact(message, tree)
        if self._teller.may_hide_details and (unknown := any_types.unknown_in(message)):
            raise _CantSay(f"it holds a {min(unknown)}, a type that isn't known, in which there may be a secret")
        return self._teller.marker.mark(tree, message_class.DESCRIPTOR, templates=self._templates)

    def _check_exact(self, message: Message, tree: Any) -> None:
        """See that the tree says all of the message: read back, it must give the same."""
        problems = Problems()
        again = build(Node.of(tree), type(message), self._teller.registry, problems)
        if problems.errors:
            problem = problems.errors[0]
            where = f"{message.DESCRIPTOR.name}.{problem.path}" if problem.path else message.DESCRIPTOR.name
            raise _CantSay(f"{where} can't be written as ProtoJSON: {problem.message}")
        if again.SerializePartialToString(deterministic=True) == message.SerializePartialToString(deterministic=True):
            return
        if _holds_unknown(message):
            self._notes.append(f"a {message.DESCRIPTOR.name} holds fields that its proto doesn't know")
        elif _text(to_tree(again)) != _text(tree):
            raise _CantSay(f"a {message.DESCRIPTOR.name} can't be written as ProtoJSON so that it stays the same")

    def told(self, note: str = "") -> Told:
        """Tell it; *note* is one thing more that the stub doesn't say. Raises :class:`_CantSay`."""
        script = self._needs_script
        matching = self._matching(script=script)
        answer, key = self._scripted() if script else self._plain()
        if metadata := self._teller.asked_metadata(self._passage):
            matching["metadata"] = metadata
        asked = [ask.pattern() for ask in self._asks]
        return Told(
            method=self._method,
            matching=matching,
            answer=answer,
            asked=_text(matching),
            said=_text(key),
            opening=_text(asked[:1]),
            conversation=_text(asked) if script else "",
            eagerness=self._eagerness() if script else 0,
            ignored=tuple(sorted({*self._ignored, *(path for marked in self._replies for path in marked.paths)})),
            notes=tuple(dict.fromkeys([*self._notes, *([note] if note else [])])),
        )

    def _eagerness(self) -> int:
        waited = total = 0
        for what, _, _ in self._passage.events:
            if what in (What.REQUEST, What.HALF_CLOSE):
                waited += 1
            else:
                total += waited
        return total

    @property
    def _needs_script(self) -> bool:
        """Whether plain keys can't say in which order things passed."""
        kind = self._method.kind
        if kind is Kind.BIDI_STREAMING:
            return True
        if kind is Kind.CLIENT_STREAMING:
            # Told plainly, the answer waits for half-close.
            order = [what for what, _, _ in self._passage.events]
            return What.HALF_CLOSE not in order or What.RESPONSE in order[: order.index(What.HALF_CLOSE)]
        return kind is Kind.SERVER_STREAMING and self._timing is not None and not self._timing.is_even

    # What was asked -------------------------------------------------------------------------------

    def _matching(self, *, script: bool) -> dict[str, Any]:
        kind, asks = self._method.kind, self._asks
        if not kind.client_streams:
            if len(asks) != 1:
                raise _CantSay(f"the client sent {len(asks)} messages to a method that takes one")
            return {"request": asks[0].pattern()}
        if kind is Kind.CLIENT_STREAMING and not script:
            return {"requests": [ask.pattern() for ask in asks]}
        first = next((what for what, _, _ in self._passage.events if what in (What.REQUEST, What.RESPONSE)), None)
        # A server that speaks first must not wait for a request.
        return {"request": asks[0].pattern()} if first is What.REQUEST else {}

    # What was said --------------------------------------------------------------------------------

    def _plain(self) -> tuple[dict[str, Any], Any]:
        keys: dict[str, Any] = {}
        key: dict[str, Any] = {}
        if headers := self._metadata("headers", self._passage.headers):
            keys["headers"], key["headers"] = headers.keys, headers.key
        if self._timing is not None:
            keys |= self._timing.keys(streams=self._method.kind.server_streams)
        if self._method.kind.server_streams:
            keys["responses"] = [reply.answer() for reply in self._replies]
            key["responses"] = [reply.key() for reply in self._replies]
        elif self._replies:
            if len(self._replies) > 1:
                raise _CantSay(f"the server sent {len(self._replies)} messages where it may send one")
            keys["response"], key["response"] = self._replies[0].answer(), self._replies[0].key()
        ending, ending_key = self._ending()
        return keys | ending, key | ending_key

    def _ending(self) -> tuple[dict[str, Any], dict[str, Any]]:
        passage = self._passage
        if passage.code is not Code.OK:
            error, error_key = self._error()
            return {"error": error}, {"error": error_key}
        if not self._method.kind.server_streams and not self._replies:
            raise _CantSay("the server ended it with OK, and without the message that is due")
        if trailers := self._metadata("trailers", passage.trailers):
            return {"trailers": trailers.keys}, {"trailers": trailers.key}
        return {}, {}

    def _metadata(self, part: str, metadata: Metadata) -> Values:
        values = self._teller.metadata.answer(metadata)
        self._ignored |= {f"{part}.{key}" for key in values.hidden}
        return values

    def _error(self) -> tuple[dict[str, Any], dict[str, Any]]:
        passage = self._passage
        error: dict[str, Any] = {"code": passage.code.name}
        key = dict(error)
        if passage.message:
            error["message"], key["message"] = self._teller.metadata.text(passage.message)
            if self._teller.metadata.hides(passage.message):
                self._ignored.add("error.message")
        details = self._details()
        if details:
            self._ignored |= {f"error.details.{path}" for detail in details for path in detail.paths}
            error["details"] = [detail.answer() for detail in details]
            key["details"] = [detail.key() for detail in details]
        rest = [(name, value) for name, value in passage.trailers if name != DETAILS_KEY]
        trailers = self._metadata("trailers", tuple(rest))
        if details is None:
            raw = next(value for name, value in passage.trailers if name == DETAILS_KEY)
            if self._teller.may_hide_details:
                self._notes.append("its status details are left out: they can't be read, and may hold a secret")
            else:
                trailers.add(DETAILS_KEY, plain_value(raw))
        if trailers:
            error["trailers"], key["trailers"] = trailers.keys, trailers.key
        return error, key

    def _details(self) -> list[Marked] | None:
        """Give the rich details; None if there are some that a list of details can't say."""
        from google.protobuf.message import DecodeError as ProtobufDecodeError
        from google.rpc.status_pb2 import Status

        raw = next((value for key, value in self._passage.trailers if key == DETAILS_KEY), None)
        if raw is None:
            return []
        try:
            status = Status.FromString(raw if isinstance(raw, bytes) else raw.encode())
        except ProtobufDecodeError:
            return None
        if (status.code, status.message) != (int(self._passage.code), self._passage.message) or not status.details:
            return None
        any_class = self._teller.registry.message("google.protobuf.Any")
        details = []
        for packed in status.details:
            message = any_class.FromString(packed.SerializeToString())
            tree = to_tree(message)
            try:
                self._check_exact(message, tree)
            except _CantSay:
                return None
            if self._teller.may_hide_details and any_types.unknown_in(message):
                return None
            details.append(self._teller.marker.mark(tree, any_class.DESCRIPTOR))
        return details

    # In which order -------------------------------------------------------------------------------

    def _scripted(self) -> tuple[dict[str, Any], Any]:
        steps = list(self._steps())
        # What came from both sides at once came in one order now, and may come in another the next time.
        own, other = [key for key in steps if _is_own(key[0])], [key for key in steps if not _is_own(key[0])]
        keys = [[key for _, key in part if key is not None] for part in (own, other)]
        return {"script": [step for step, _ in steps]}, keys

    def _steps(self) -> Iterator[tuple[Any, Any]]:
        """Give each step of a script, and what tells it from others; None for pauses."""
        asks, replies = iter(self._asks), iter(self._replies)
        takes_many = self._method.kind.client_streams
        events = self._passage.events
        for number, (what, payload, _) in enumerate(events):
            if self._timing is not None and (pause := self._timing.before(number)):
                yield {"wait": pause}, None
            if what is What.REQUEST and takes_many:
                pattern = next(asks).pattern()
                yield {"expect": pattern}, {"expect": pattern}
            elif what is What.HALF_CLOSE and takes_many:
                yield "half_close", "half_close"
            elif what is What.HEADERS:
                if headers := self._metadata("headers", payload):
                    yield {"headers": headers.keys}, {"headers": headers.key}
            elif what is What.RESPONSE:
                reply = next(replies)
                yield {"send": reply.answer()}, {"send": reply.key()}
        ending, key = self._ending()
        if "error" in ending:
            yield ending, key
        elif ending:
            yield {"finish": ending}, {"finish": key}


def _is_own(step: Any) -> bool:
    """Whether a step is what the server does, not what it waits for."""
    return step != "half_close" and "expect" not in step


def _holds_unknown(message: Any) -> bool:
    """Whether a message, or one inside of it, has fields that its type doesn't declare."""
    if len(UnknownFieldSet(message)):
        return True
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if not descriptor.is_repeated:
            inner = [value]
        elif descriptor.message_type.GetOptions().map_entry:
            holds = descriptor.message_type.fields_by_name["value"].message_type is not None
            inner = list(value.values()) if holds else []
        else:
            inner = list(value)
        if any(map(_holds_unknown, inner)):
            return True
    return False


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)  # the order of a map's entries means nothing
