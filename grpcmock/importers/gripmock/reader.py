"""Stubs of GripMock as drafts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.importers.draft import Context, Draft
from grpcmock.importers.fields import unknown_types
from grpcmock.importers.go_templates import Scope
from grpcmock.importers.gripmock import conversations
from grpcmock.importers.gripmock.answers import Answers
from grpcmock.importers.gripmock.effects import Written, with_states
from grpcmock.importers.gripmock.matching import Matchers, NeverHolds, headers
from grpcmock.importers.gripmock.ranking import rank
from grpcmock.importers.gripmock.templating import Renderer
from grpcmock.importers.naming import title
from grpcmock.importers.precedence import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema import Method
    from grpcmock.tree import Node

_SESSION = "x-gripmock-session"
_KEYS = frozenset(
    ("id", "service", "method", "session", "priority", "options", "headers", "input", "inputs", "output", "effects")
)
_MORE_KEYS = frozenset(("name", "description", "source", "used", "$schema", "enabled"))
_HEALTH = "grpc.health.v1.Health"
_ITSELF = "gripmock"


def read(documents: Iterable[Node], context: Context) -> list[Draft]:
    """Write the stubs of GripMock's files; *context* gets what can't be said."""
    nodes = [node for document in documents for node in (document.value if document.is_list else [document])]
    written = []
    for node in nodes:
        if not node.is_mapping or not {"service", "method"} <= node.value.keys():
            context.warn("This is no stub of GripMock: it has no service and method.", node.location)
        else:
            written.append(Written(node, node.plain()))
    older = any(_is_older(one.plain) for one in written)
    drafts: list[Draft] = []
    talks: dict[str, list[_Stub]] = defaultdict(list)
    written, health = _health(written, context)
    drafts += health
    for number, one in enumerate(with_states(written)):
        with context.reading(one.node):
            stub = _Stub(one, context, number, older=older)
            if stub.converses:
                talks[stub.path].append(stub)
            else:
                drafts += list(stub.drafts())
    for stubs in talks.values():
        with context.reading(stubs[0].written.node):
            drafts += list(_conversations(stubs))
    for draft in (ordered := in_order(drafts)):
        draft.keys["name"] = context.name(title(draft.method, draft.keys))
    return ordered


def _health(stubs: list[Written], context: Context) -> tuple[list[Written], list[Draft]]:
    """Give the stubs without those of the health service that can't be, and what GripMock says of health besides."""
    own = [stub for stub in stubs if stub.plain["service"] == _HEALTH]
    if not own:
        return stubs, []
    if context.registry is not None and context.method(f"{_HEALTH}/Check") is None:
        context.warn(
            "The stubs of the health service are left out: the server itself answers for its health.",
            own[0].node.location,
            hint="Name health.proto among the protos, then they are taken.",
        )
        return [stub for stub in stubs if stub not in own], []
    fixed = [stub for stub in own if _name_of_service(stub) in ("", _ITSELF)]
    for stub in fixed:
        context.warn("This stub is left out, as by GripMock: its own health is no stub's matter.", stub.node.location)
    method = f"{_HEALTH}/Check"
    serving = {"request": {"service": {"$in": ["", _ITSELF]}}, "response": {"status": "SERVING"}}
    unknown = {"error": {"code": "NOT_FOUND", "message": "unknown service"}}
    said = "What the health service of GripMock says by itself."
    more = [Draft({"method": method, **keys}, own[0].node.location, [said], (9,)) for keys in (serving, unknown)]
    return [stub for stub in stubs if stub not in fixed], more


def _name_of_service(stub: Written) -> str | None:
    given = stub.plain.get("input") or {}
    found = {**(given.get("contains") or {}), **(given.get("equals") or {})}.get("service")
    return None if found is None else str(found)


def _is_older(plain: dict[str, Any]) -> bool:
    """Whether a stub is one of GripMock 1: it has matchers of headers in its input, or of lists in any order."""
    written = plain.get("input")
    return isinstance(written, dict) and ("equals_unordered" in written or "headers" in written)


@dataclass(frozen=True, slots=True)
class _Matched:
    """When a stub holds: one of its pieces of metadata, and the pattern for its messages."""

    metadata: list[dict[str, Any]]
    patterns: list[Any]


class _Stub:
    """One stub on its way to a draft."""

    def __init__(self, written: Written, context: Context, number: int, *, older: bool) -> None:
        self.written = written
        self.plain = written.plain
        self.context = context
        self.number = number
        self.older = older
        self.comments = list(written.comments)
        name = f"{self.plain['service']}/{self.plain['method']}"
        self.method: Method | None = self._found(name)
        self.path = str(self.method) if self.method is not None else name
        output = self.plain.get("output")
        self.output: dict[str, Any] = output if isinstance(output, dict) else {}
        inputs = self.plain.get("inputs")
        self.inputs: list[Any] | None = inputs if isinstance(inputs, list) else None

    def _found(self, name: str) -> Method | None:
        """Find the method; the older GripMock has the names that Go gives to methods: ``clientStream`` is capital."""
        service, _, method = name.rpartition("/")
        found = self.context.method(name) or self.context.method(f"{service}/{method[:1].lower()}{method[1:]}")
        return found or self.context.knows(name, self.written.node.location)

    @property
    def client_streams(self) -> bool:
        return self.method.kind.client_streams if self.method is not None else bool(self.inputs)

    @property
    def server_streams(self) -> bool:
        return self.method.kind.server_streams if self.method is not None else "stream" in self.output

    @property
    def converses(self) -> bool:
        return self.client_streams and self.server_streams

    @property
    def message(self) -> Descriptor | None:
        return self.method.input if self.method is not None else None

    def warn(self, text: str, key: str = "") -> None:
        """Warn of something at a key of the stub, and say so beside it."""
        node = self.written.node
        self.context.warn(text, node.key_location(key) if key else node.location, f"{self.plain['method']}")
        self.comments.append(f"Not as in GripMock: {text}")

    def matched(self) -> _Matched | None:
        """Write all matchers; None, with a warning, where no call can ever fit them."""
        matchers = self.matchers()
        given = self.plain.get("input") or {}
        of_headers = dict(self.plain.get("headers") or {})
        if self.older and isinstance(given, dict) and isinstance(given.get("headers"), dict):
            of_headers |= given["headers"]
        try:
            if self.inputs is not None:
                if not self.inputs:
                    raise NeverHolds("`inputs` is empty")
                patterns = [matchers.pattern(one) if isinstance(one, dict) else None for one in self.inputs]
            else:
                patterns = [matchers.pattern(given)]
            metadata = headers(of_headers, lambda text: self.warn(text, "headers"))
        except NeverHolds as reason:
            self.context.warn(
                f"This stub is left out, since no call fits it in GripMock either: {reason}.",
                self.written.node.location,
            )
            return None
        if matchers.when:
            self.comments.append("GripMock compares the text of a number; this is what `when` does.")
        self.when = matchers.when
        session = self.plain.get("session")
        if session:
            metadata = [{**one, _SESSION: str(session)} for one in metadata]
        return _Matched(metadata, patterns)

    def matchers(self) -> Matchers:
        registry = self.context.registry
        warn = lambda text: self.warn(text, "input" if self.inputs is None else "inputs")  # noqa: E731
        cel = not self.client_streams
        return Matchers(self.message, registry, warn, exact=self.older, cel=cel)

    def answers(self, scope: Scope) -> Answers:
        renderer = Renderer(scope, lambda text: self.warn(text, "output"))
        return Answers(self.output, renderer, lambda text: self.warn(text, "output"))

    def scope(self, request: str, index: str = "0", count: int = 0) -> Scope:
        times = str((self.plain.get("options") or {}).get("times") or 0)
        constants = {"StubID": f'"{self.written.id}"', "RequestID": f'"{self.written.id}"'}
        return Scope(request, index, count, {**constants, "MaxAttempts": times, "TotalAttempts": times})

    def told(self) -> None:
        """Warn of what isn't looked at: keys that nobody knows, effects without a counterpart."""
        for key in self.plain.keys() - _KEYS - _MORE_KEYS:
            self.warn(f"the key {key!r} is not known.", key)
        for reason in self.written.left_out:
            self.warn(f"its effects are left out: {reason}. A script or a handler in Python may do it.", "effects")

    def drafts(self) -> Iterator[Draft]:
        """Yield the drafts of a method that doesn't converse: one, or one for each alternative of its headers."""
        matched = self.matched()
        if matched is None:
            return
        self.told()
        count = len(self.inputs) if self.inputs is not None and len(self.inputs) > 1 else 0
        answers = self.answers(self.scope("requests[-1]" if self.client_streams else "request", "0", count))
        keys = {key: value for key, value in answers.keys(streams=self.server_streams).items() if value is not None}
        for name in unknown_types(self.output, self.context.registry):
            self.warn(
                f"an Any of the type {name} is sent by its bytes; GripMock fails the call, as it knows no such type."
            )
        if answers.renderer.translated:
            self.comments.append(f"Templates of Go, translated: {answers.renderer.translated[0]}")
        times = (self.plain.get("options") or {}).get("times")
        conditions = list(self._messages(matched.patterns))
        if times and len(conditions) * len(matched.metadata) > 1:
            self.warn("`times` is counted for each of the stubs that this one becomes.", "options")
        for metadata in matched.metadata:
            for nth, when in enumerate(conditions):
                base: dict[str, Any] = {"method": self.path, **when, **keys}
                if metadata:
                    base["metadata"] = metadata
                self._state(base)
                if times:
                    base["times"] = times
                position = (nth, *rank(self.plain, self.message))
                yield Draft(base, self.written.node.location, list(self.comments), position)

    def _state(self, keys: dict[str, Any]) -> None:
        if self.written.state:
            keys["state"] = dict(self.written.state)
        if self.written.set:
            keys["set"] = dict(self.written.set)

    def _messages(self, patterns: list[Any]) -> Iterator[dict[str, Any]]:
        """Yield the conditions on messages, those that win first."""
        (first, *_) = patterns
        if not self.client_streams:
            if len(patterns) > 1:
                self.context.warn(
                    "This stub is left out, since no call fits it in GripMock either: `inputs` are several, but the "
                    "client of this method sends one message.",
                    self.written.node.key_location("inputs"),
                )
                return
            yield {**({"request": first} if first is not None else {}), **self._when()}
        elif self.inputs is None:
            if first is None:
                yield {}
            else:
                # The later a message that fits, the more it counts.
                self.comments.append(
                    "In GripMock, `input` holds if it fits any message; of several stubs the last one wins."
                )
                yield {"requests": {"$last": first}}
                yield {"requests": {"$some": first}}
        elif len(patterns) > 1:
            yield {"requests": [{} if pattern is None else pattern for pattern in patterns]}
        else:
            each = {} if first is None else {"$each": first}
            yield {"requests": {**each, "$size": {"$gte": 1}}}

    def _when(self) -> dict[str, str]:
        return {"when": " && ".join(self.when)} if self.when else {}


def _conversations(stubs: Sequence[_Stub]) -> Iterator[Draft]:
    """Yield the drafts of a bidirectional method: stubs of ``inputs`` as scripts, those of ``input`` as arms of one."""
    arms: dict[str, list[tuple[_Stub, dict[str, Any], Any, Answers]]] = defaultdict(list)
    scripts: dict[str, list[tuple[_Stub, dict[str, Any], list[Any], Answers]]] = defaultdict(list)
    for stub in sorted(stubs, key=lambda one: (*rank(one.plain, one.message, by_message=True), one.number)):
        matched = stub.matched()
        if matched is None:
            continue
        stub.told()
        answers = stub.answers(stub.scope("message", "(requests | length) - 1"))
        apart = str(stub.number) if stub.written.state or stub.written.set or stub.plain.get("options") else ""
        for metadata in matched.metadata:
            if stub.inputs is not None and stub.output.get("stream"):
                key = f"{metadata}{matched.patterns[0]}{apart}"
                scripts[key].append((stub, metadata, matched.patterns, answers))
            else:
                every = conversations.every(matched.patterns)
                arms[f"{metadata}{apart}"].append((stub, metadata, every, answers))
    for of_script in scripts.values():
        stub, metadata, patterns, answers = of_script[0]
        turns = [conversations.turns(one[2], one[3]) for one in of_script]
        keys: dict[str, Any] = {"request": patterns[0]} if patterns[0] is not None else {}
        yield _conversation(
            stub, keys | {"script": conversations.script(turns)}, metadata, [one[3] for one in of_script]
        )
    for of_arms in arms.values():
        stub, metadata, _, answers = of_arms[0]
        keys = {}
        if len(of_arms) == 1 and (stub.written.state or stub.plain.get("options")) and of_arms[0][2] is not None:
            keys["request"] = of_arms[0][2]
        script = [{"on": [conversations.arm(pattern, one) for _, _, pattern, one in of_arms]}]
        yield _conversation(stub, keys | {"script": script}, metadata, [one[3] for one in of_arms])


def _conversation(stub: _Stub, keys: dict[str, Any], metadata: dict[str, Any], answers: Sequence[Answers]) -> Draft:
    keys = {"method": stub.path, **keys}
    if metadata:
        keys["metadata"] = metadata
    if len(answers) == 1:
        keys |= answers[0].metadata()
    elif any(one.metadata() for one in answers):
        stub.warn("headers and trailers are left out, where stubs become the arms of one script.", "output")
    stub._state(keys)  # noqa: SLF001 - of the same module
    times = (stub.plain.get("options") or {}).get("times")
    if times:
        keys["times"] = times
    position = (0, *rank(stub.plain, stub.message, by_message=True))
    return Draft(keys, stub.written.node.location, stub.comments, position)
