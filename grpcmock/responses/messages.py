"""Response messages: constants encoded when they are loaded, templates rendered and encoded for each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.errors import Location, Problems, RenderError
from grpcmock.responses.plan import NO_DETAILS, NO_TEXT, RenderableDetails, RenderableMessage, RenderableText
from grpcmock.responses.prototypes import Prototype
from grpcmock.responses.templates import (
    Leaf,
    Part,
    Scope,
    as_text,
    compile_template,
    compile_tree,
    filled,
    holds_template,
    is_template_node,
    leaves,
)
from grpcmock.schema import any_types, codec, values, well_known
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from grpcmock.responses.context import RenderContext
    from grpcmock.stubs.model import Stub


def compile_reply(node: Node, scope: Scope, path: str) -> RenderableMessage:
    """Compile one response message; what is wrong is noted."""
    message_class = scope.method.response_class
    if not holds_template(node):
        message = codec.build(node, message_class, scope.registry, scope.problems, path)
        warn_of_unknown(message, node, scope.problems, path, scope.stub)
        return RenderableMessage(encoded(message))
    made = compile_message(node, message_class, scope, path)
    if callable(made):
        return RenderableMessage(renderer=lambda context: encoded(made(context)))
    return RenderableMessage(encoded(made))


def empty_reply(scope: Scope, path: str, location: Location | None) -> RenderableMessage:
    """Give the empty message; a type that has required fields of proto2 has none."""
    empty = scope.method.response_class()
    if not empty.IsInitialized():
        node = Node.of({}, location)
        codec.build(node, scope.method.response_class, scope.registry, scope.problems, path)
    return _EMPTY


_EMPTY = RenderableMessage(b"")


def compile_message(
    node: Node, message_class: type[Message], scope: Scope, path: str
) -> Message | Callable[[RenderContext], Message]:
    """Compile a message: itself if it is the same for every call, else a function that makes it."""
    if not holds_template(node):
        message = codec.build(node, message_class, scope.registry, scope.problems, path)
        warn_of_unknown(message, node, scope.problems, path, scope.stub)
        return message
    before = len(scope.problems)
    if not is_template_node(node):
        # What is not a template is held to the stricter rules for what is written by hand.
        codec.build(node, message_class, scope.registry, scope.problems, path, deferred=is_template_node)
    tree = compile_tree(node, scope, path)
    if len(scope.problems) > before:
        return message_class()
    if type(tree) is Leaf and not tree.template.whole and not well_known.may_be_text(message_class.DESCRIPTOR):  # type: ignore[arg-type]
        text = f"expected a message {message_class.DESCRIPTOR.full_name}, not a text with templates in it."
        scope.error(text, node, path, hint="Write a mapping, or one whole expression.", rule="template")
        return message_class()
    if type(tree) is Node:
        return codec.build(tree, message_class, scope.registry, scope.problems, path, loose=True)
    return _maker(tree, message_class, scope, path)


def warn_of_unknown(message: Message, node: Node, problems: Problems, path: str, stub: Stub) -> None:
    """Warn of what stands in a message as bytes, since its type isn't known; so a name that is wrong is told."""
    for name in sorted(any_types.unknown_in(message)):
        text = f"There is no message type {name!r}. What is written is sent as its bytes."
        problems.warn(text, node.location, path, stub=stub.name, rule="unknown-type")


def _maker(tree: Part, message_class: type[Message], scope: Scope, path: str) -> Callable[[RenderContext], Message]:
    registry, stub = scope.registry, scope.stub.name
    templates = tuple(leaves(tree))
    prototype = Prototype.of(tree, message_class, registry)

    def make(context: RenderContext) -> Message:
        rendered = [template.render(context, stub) for template in templates]
        if prototype is not None:
            try:
                return prototype.filled(rendered)
            except values.Mismatch:
                pass  # the general way says where, and what else is wrong
        problems = Problems()
        node = filled(tree, iter(rendered))
        message = codec.build(node, message_class, registry, problems, path, loose=True)
        if problems.errors:
            reasons = "; ".join(f"{problem.path}: {problem.message}" for problem in problems.errors)
            raise RenderError(f"stub {stub}: {reasons}")
        return message

    return make


def encoded(message: Message) -> bytes:
    """Encode a message; whether it lacks required fields has been checked before."""
    # Deterministic, so that the same stub gives the same bytes in every run.
    return message.SerializePartialToString(deterministic=True)


def compile_text(node: Node | None, scope: Scope, path: str) -> RenderableText:
    """Compile the message of a status."""
    if node is None or node.value is None:
        return NO_TEXT
    if node.is_mapping or node.is_list:
        scope.error(f"expected a string, not {node.kind}.", node, path)
        return NO_TEXT
    if not holds_template(node):
        return RenderableText(values.text(node.value))
    leaf = compile_template(node, scope, path)
    if not isinstance(leaf, Leaf):
        return RenderableText(as_text(leaf.plain())) if leaf else NO_TEXT
    stub = scope.stub.name
    return RenderableText(renderer=lambda context: leaf.text(context, stub))


def compile_details(node: Node | None, scope: Scope, path: str) -> RenderableDetails:
    """Compile the rich details of a status: a list of ``Any`` in ProtoJSON."""
    if node is None or node.value is None:
        return NO_DETAILS
    if not node.is_list:
        scope.error(f"expected a list of messages with '@type', not {node.kind}.", node, path)
        return NO_DETAILS
    any_class = scope.registry.message("google.protobuf.Any")
    made = [compile_message(item, any_class, scope, f"{path}[{index}]") for index, item in enumerate(node.value)]
    for index, item in enumerate(node.value):
        if item.is_mapping and not item.value:
            scope.error("expected a message with '@type', not an empty one.", item, f"{path}[{index}]")
    if not any(map(callable, made)):
        return RenderableDetails(tuple(map(standard_any, made)))
    return RenderableDetails(
        renderer=lambda context: tuple(standard_any(item(context) if callable(item) else item) for item in made)
    )


def standard_any(message: Any) -> Any:
    """Return the ``Any`` as the class that ``google.rpc.Status`` holds, which is of another pool than the user's."""
    from google.protobuf.any_pb2 import Any as AnyMessage

    return AnyMessage(type_url=message.type_url, value=message.value)
