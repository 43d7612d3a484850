"""What a stub expects of a real server: its answer as patterns; a template stands for any value of its type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.errors import GrpcmockError
from grpcmock.matching.messages import Kinds
from grpcmock.matching.patterns import Pattern, compile_pattern
from grpcmock.matching.value_types import Place, ValueType
from grpcmock.responses.context import RenderContext
from grpcmock.responses.metadata import compile_metadata
from grpcmock.responses.templates import Scope, compile_tree
from grpcmock.tree import Node
from grpcmock.verify.expectations import ignored
from grpcmock.verify.expectations.expected import ExpectedMessage, ExpectedMetadata, ExpectedStatus
from grpcmock.verify.expectations.message_patterns import MessagePatterns, overlaid, without_messages

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.responses.plan import FinishStep
    from grpcmock.verify.expectations.consumer import ConsumerExpectation
    from grpcmock.verify.expectations.ignored import IgnoredPaths


class ExpectationBuilder:
    """Turns the answers of one stub into expectations."""

    def __init__(self, scope: Scope, consumer: ConsumerExpectation | None = None) -> None:
        """*consumer* is what a consumer expects where that is less than the answers say."""
        self._scope = scope
        self._consumer = consumer
        self._kinds = Kinds.of(scope.registry)
        self._verify = scope.stub.verify
        self._ignored = ignored.read(scope)

    @property
    def is_exact(self) -> bool:
        return self._verify.compare == "exact"

    # Messages ---------------------------------------------------------------------------------------

    def message(self, node: Node, path: str, context: RenderContext, number: int = 0) -> ExpectedMessage:
        """ExpectStep a response message like *node*, the one of this *number*."""
        if self._consumer is not None and number < len(self._consumer.responses):
            pattern = self._consumer.responses[number]
            return ExpectedMessage(path, self._compiled(pattern.plain(), pattern, self._scope.method.output, path))
        output = self._scope.method.output
        kind = self._kinds.message(output)
        own = self._verify.response
        return ExpectedMessage(path, self._pattern(node, output, kind, path, context, self._ignored.responses, own))

    def anything(self, path: str, context: RenderContext) -> ExpectedMessage:
        """ExpectStep a response message, whatever it holds; an empty one, where all must be equal."""
        return self.message(Node.of({}), path, context)

    def _pattern(
        self,
        node: Node,
        descriptor: Descriptor,
        kind: ValueType,
        path: str,
        context: RenderContext,
        without: IgnoredPaths,
        own: Node | None = None,
    ) -> Pattern:
        """Return the pattern of a message as written; what *own*, a pattern of the user, says goes first."""
        part = compile_tree(Node.of(without_messages(node), node.location), self._scope, path)
        patterns = MessagePatterns(context, without, self._kind_of, exact=self.is_exact)
        plain = patterns.of(part, kind, Place.ROOT, ())
        if own is not None:
            plain = overlaid(plain, own.plain(), kind)
        return self._compiled(plain, node, descriptor, path)

    def _compiled(self, plain: Any, node: Node, descriptor: Descriptor, path: str) -> Pattern:
        # What was a template is rendered by now: braces are mere characters.
        scope = self._scope
        return compile_pattern(
            Node.of(plain, node.location),
            descriptor,
            scope.registry,
            scope.problems,
            path,
            stub=scope.stub.name,
            rendered=True,
        )

    def _kind_of(self, type_url: str) -> ValueType | None:
        """Return the kind of what an Any holds; None if its type isn't known."""
        try:
            return self._kinds.of_class(self._scope.registry.message(type_url.rpartition("/")[2]))
        except GrpcmockError:
            return None

    # Metadata and status ----------------------------------------------------------------------------

    def metadata(self, node: Node | None, path: str) -> ExpectedMetadata:
        """ExpectStep headers or trailers."""
        found: list[tuple[str, tuple[str | bytes, ...] | None]] = []
        part = path.rpartition(".")[2]
        for key, child in node.value.items() if node is not None and node.is_mapping else ():
            if (part, str(key).lower()) in self._ignored.metadata:
                continue
            one = Node({key: child}, node.file, node.line, node.column) if node is not None else None
            made = compile_metadata(one, self._scope, path).constant
            found.append((key, None if made is None else tuple(value for _, value in made)))
        return ExpectedMetadata(path, tuple(found))

    def ok(self, trailers: ExpectedMetadata) -> ExpectedStatus:
        """ExpectStep the call to end well."""
        return ExpectedStatus(trailers=(trailers,))

    def error(
        self, finish: FinishStep, node: Node, path: str, trailers: ExpectedMetadata, context: RenderContext
    ) -> ExpectedStatus:
        """ExpectStep the call to end with an error: *node* as it was written, *finish* as it was compiled."""
        given: dict[str, Node] = node.value
        message: str | None = None
        if self._ignored.message or (self._consumer is not None and self._consumer.any_message):
            message = None
        elif "message" in given and given["message"].value is not None:
            message = finish.message.constant if finish.message.constant is not None else ""
        details = []
        listed = given["details"].value if "details" in given and given["details"].is_list else []
        any_class = self._scope.registry.message("google.protobuf.Any")
        kind = self._kinds.of_class(any_class)
        descriptor: Descriptor = any_class.DESCRIPTOR  # type: ignore[assignment]
        for number, item in enumerate(listed):
            where = f"{path}.details[{number}]"
            pattern = self._pattern(item, descriptor, kind, where, context, self._ignored.details)
            details.append(ExpectedMessage(where, pattern))
        own = self.metadata(given.get("trailers"), f"{path}.trailers")
        return ExpectedStatus(finish.code, message, tuple(details), (trailers, own))


def context_of(
    requests: Sequence[Message], metadata: Any, stub_row: Any, *, count: int = 1, state: Any = None
) -> RenderContext:
    """Return what templates see of a call after these requests."""
    return RenderContext(
        request=requests[0] if requests else None,
        requests=tuple(requests),
        message=requests[-1] if requests else None,
        metadata=metadata,
        row=stub_row,
        count=count,
        state=state,
    )
