"""The conditions of a whole stub: request, requests, metadata, deadline, when, state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from grpcmock.matching.call_context import STARTED, CallContext
from grpcmock.matching.compiler import Compiler
from grpcmock.matching.findings import ABSENT, Finding, cut
from grpcmock.matching.leaves import DOUBLE
from grpcmock.matching.metadata import MetadataPattern, compile_metadata
from grpcmock.matching.paths import Stage, state_path
from grpcmock.matching.value_types import Place, ValueType

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from grpcmock.errors import Problems
    from grpcmock.matching.cel import When
    from grpcmock.matching.matcher import Equalities, Matcher
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Stub

__all__ = ["Conditions", "Stage", "compile_conditions"]


class Conditions:
    """What must hold of a call for a stub to answer it."""

    __slots__ = ("count", "deadline", "kind", "metadata", "request", "requests", "stage", "state", "when", "where")

    def __init__(
        self,
        kind: ValueType,
        *,
        request: Matcher | None = None,
        requests: Matcher | None = None,
        metadata: MetadataPattern | None = None,
        deadline: Matcher | None = None,
        when: When | None = None,
        where: Callable[[Message], object] | None = None,
        state: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        """The kind of the request messages."""
        self.request = request
        self.requests = requests
        self.metadata = metadata
        self.deadline = deadline
        self.when = when
        self.where = where
        self.state = state or None
        self.stage = Stage.ALL if requests else Stage.FIRST if request or where is not None else Stage.OPEN
        """What must be known of a call before it can be said whether they hold."""
        if when is not None:
            self.stage = max(self.stage, when.stage)
        self.count = (
            (request.count if request else 0)
            + (requests.count if requests else 0)
            + (metadata.count if metadata else 0)
            + (deadline.count if deadline else 0)
            + (1 if when else 0)
            + (1 if where is not None else 0)
            + (len(state) if state else 0)
        )
        """How many conditions there are, for precedence."""

    def holds(self, context: CallContext) -> bool:
        """Whether all conditions hold; what they look at must be known."""
        if not self._opening_holds(context):
            return False
        if self.request is not None and (context.request is None or not self.request.test(self._seen(context.request))):
            return False
        if self.requests is not None and (context.requests is None or not self.requests.test(self._all(context))):
            return False
        if self.where is not None and self._said(context) is not True:
            return False
        return self.when is None or self.when.holds(context)

    def _said(self, context: CallContext) -> object:
        """Ask ``where``: True or False, or in words why it can't say."""
        assert self.where is not None
        if context.request is None:
            return "no message"
        try:
            return bool(self.where(context.request))
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises
            return f"{type(error).__name__}: {error}"

    def open_holds(self, context: CallContext) -> bool:
        """Whether those conditions hold that are about the opening of the call: metadata, deadline, states."""
        return self._opening_holds(context) and (
            self.when is None or self.when.stage > Stage.OPEN or self.when.holds(context)
        )

    def _opening_holds(self, context: CallContext) -> bool:
        if self.state is not None:
            for scenario, state in self.state.items():
                if context.state.get(scenario, STARTED) != state:
                    return False
        if self.metadata is not None and not self.metadata.test(context.metadata):
            return False
        return self.deadline is None or self.deadline.test(_deadline(context))

    def _seen(self, message: Message) -> object:
        normalize = self.kind.normalize
        return message if normalize is None else normalize(message)

    def _all(self, context: CallContext) -> object:
        assert self.requests is not None
        normalize = self.requests.kind.normalize
        return context.requests if normalize is None else normalize(context.requests)

    def explain(self, context: CallContext) -> list[Finding]:
        """Tell of each condition whether it holds."""
        return list(self._explain(context))

    def _explain(self, context: CallContext) -> Iterator[Finding]:
        for scenario, expected in (self.state or {}).items():
            actual = context.state.get(scenario, STARTED)
            yield Finding(f"state.{scenario}", expected, actual, actual == expected)
        if self.metadata is not None:
            yield from self.metadata.explain(context.metadata)
        if self.deadline is not None:
            yield from self.deadline.explain(_deadline(context), "deadline")
        if (request := self.request) is not None:
            if context.request is None:
                yield Finding("request", cut(request.describe()), "no message", False, request.count)
            else:
                yield from request.explain(self._seen(context.request), "request")
        if (requests := self.requests) is not None:
            if context.requests is None:
                yield Finding("requests", cut(requests.describe()), "not all of them yet", False, requests.count)
            else:
                yield from requests.explain(self._all(context), "requests")
        if self.where is not None:
            said = self._said(context)
            actual = str(said).lower() if isinstance(said, bool) else str(said)
            yield Finding("where", cut(str(self.where)), cut(actual), said is True)
        if self.when is not None:
            value = self.when.value(context)
            actual = "false" if value is False else "true" if value is True else str(value)
            yield Finding("when", cut(self.when.text), cut(actual), value is True)

    def matched_count(self, context: CallContext) -> int:
        """How many of the conditions hold."""
        count = 0
        for scenario, state in (self.state or {}).items():
            count += context.state.get(scenario, STARTED) == state
        if self.metadata is not None:
            count += self.metadata.matched_count(context.metadata)
        if self.deadline is not None:
            count += self.deadline.matched_count(_deadline(context))
        if self.request is not None and context.request is not None:
            count += self.request.matched_count(self._seen(context.request))
        if self.requests is not None and context.requests is not None:
            count += self.requests.matched_count(self._all(context))
        count += 1 if self.where is not None and self._said(context) is True else 0
        return count + (1 if self.when is not None and self.when.holds(context) else 0)

    @property
    def equalities(self) -> tuple[Equalities, bool]:
        """What the index can look up, and whether that is all there is."""
        found: Equalities = []
        exact = self.deadline is None and self.when is None and self.where is None
        if self.state is not None:
            found.extend((state_path(scenario), (state,)) for scenario, state in self.state.items())
        if self.metadata is not None:
            exact &= self.metadata.equalities(found)
        if self.request is not None:
            exact &= self.request.equalities(self.kind.path, found)
        if self.requests is not None:
            exact &= self.requests.equalities(self.requests.kind.path, found)
        return found, exact


def _deadline(context: CallContext) -> object:
    return ABSENT if context.deadline is None else context.deadline


def compile_conditions(stub: Stub, method: Method, registry: Registry, problems: Problems) -> Conditions:
    """Compile the conditions of a stub; what is wrong with them goes to *problems*, all of it."""
    compiler = Compiler(registry, problems, stub.name, rendered=stub.row is not None)
    kind = compiler.kinds.message(method.input)
    request = requests = metadata = deadline = when = None
    if stub.request is not None:
        request = compiler.pattern(stub.request, kind, Place.ROOT, "request")
    if stub.requests is not None:
        if method.kind.client_streams:
            stream = compiler.kinds.stream(method.input)
            requests = compiler.pattern(stub.requests, stream, Place.ROOT, "requests")
        else:
            problems.error(
                f"{method} is a {method.kind.value} method: its client sends one message.",
                stub.requests.location,
                "requests",
                stub=stub.name,
                hint="Write request: …",
                rule="wrong-kind",
            )
    if stub.metadata is not None:
        metadata = compile_metadata(compiler, stub.metadata)
    if stub.deadline is not None:
        deadline = compiler.pattern(stub.deadline, DOUBLE, Place.FIELD, "deadline")
    if stub.when is not None:
        from grpcmock.matching.cel import compile_when  # an extra that most stubs don't need

        when = compile_when(stub.when, method, registry, problems, stub=stub.name)
    return Conditions(
        kind,
        request=request,
        requests=requests,
        metadata=metadata,
        deadline=deadline,
        when=when,
        where=stub.where,
        state=stub.state,
    )
