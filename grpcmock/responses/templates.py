"""Templates inside an answer: found, checked, folded where they are constant, and rendered for a call."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Location, RenderError
from grpcmock.schema import values
from grpcmock.stubs.template import Template, TemplateError, is_template
from grpcmock.stubs.template_cache import parse_template
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.errors import Problems
    from grpcmock.responses.context import RenderContext
    from grpcmock.responses.direct_reading import Read
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Stub


@dataclass(frozen=True, slots=True)
class Scope:
    """What the parts of one answer are compiled against."""

    stub: Stub
    method: Method
    registry: Registry
    problems: Problems

    script: bool = False
    """Whether the parts stand in a script."""

    def error(self, message: str, node: Node, path: str, *, hint: str = "", rule: str = "invalid") -> None:
        """Note that *node* is wrong."""
        self.problems.error(message, node.location, path, stub=self.stub.name, hint=hint, rule=rule)

    def unknown(self, node: Node, key: Any, path: str, hint: str) -> None:
        """Note that a mapping has a key that there isn't."""
        where = node.key_location(key)
        self.problems.error(f"unknown key {key!r}.", where, path, stub=self.stub.name, hint=hint, rule="unknown-key")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A template that is rendered for each call."""

    template: Template
    path: str
    read: Read | None = None
    """Gives the same from messages of the client alone, where that is all it takes."""

    def render(self, context: RenderContext, stub: str) -> Any:
        """Give the value, or text. Raises ``RenderError`` naming stub, field and reason."""
        if self.read is not None:
            try:
                return self.read(context)
            except Exception:  # noqa: BLE001, S110 - the general way says what is wrong
                pass
        from grpcmock.responses.results import unwrap

        try:
            return unwrap(self.template.render(context))
        except RenderError as error:
            raise RenderError(f"stub {stub}: {self.path}: {error}") from None

    def text(self, context: RenderContext, stub: str) -> str:
        """Give the value as text. Raises ``RenderError`` naming stub, field and reason."""
        return as_text(self.render(context, stub))


@dataclass(frozen=True, slots=True)
class Branch:
    """A mapping or list with templates somewhere below it."""

    items: tuple[tuple[Any, Part], ...]
    """The keys, each a scalar or a template, or None in a list; and the values."""

    is_list: bool


Part = Node | Leaf | Branch
"""A tree in which what is constant is a node."""


def holds_template(node: Node) -> bool:
    """Whether there is a template anywhere in the tree, keys included."""
    value = node.value
    kind = type(value)
    if kind is str:
        return "{" in value and is_template(value)
    if kind is dict:
        for key, child in value.items():
            below = child.value
            if type(below) is str:  # the usual case, without a call
                if "{" in below and is_template(below):
                    return True
            elif (type(below) is dict or type(below) is list) and holds_template(child):
                return True
            if type(key) is str and "{" in key and is_template(key):
                return True
    elif kind is list:
        return any(map(holds_template, value))
    return False


def is_template_node(node: Node) -> bool:
    """Whether this very node is a template."""
    return is_template(node.value)


def compile_template(node: Node, scope: Scope, path: str) -> Node | Leaf | None:
    """Compile one template: a node if it gives the same for every call, None if it is wrong."""
    from grpcmock.responses.direct_reading import compile_reading
    from grpcmock.responses.references import check, is_constant
    from grpcmock.responses.results import unwrap

    try:
        template = parse_template(node.value)
    except TemplateError as error:
        line = f" (line {error.line} of the text)" if error.line > 1 else ""
        scope.error(f"{error}{line}", node, path, rule="template")
        return None
    row = scope.stub.row
    if mistakes := check(template, scope.method.input, row, script=scope.script):
        for message, hint in mistakes:
            scope.error(message, node, path, hint=hint, rule="template")
        return None
    if not is_constant(template, row):
        return Leaf(template, path, compile_reading(template, scope.method.input))
    try:
        return Node.of(unwrap(template.render({} if row is None else {"row": row})), node.location)
    except RenderError as error:
        scope.error(str(error), node, path, rule="template")
        return None


def compile_tree(node: Node, scope: Scope, path: str) -> Part:
    """Compile all templates of a tree. What is wrong is noted and stays as it was written."""
    value = node.value
    if is_template(value):
        return compile_template(node, scope, path) or node
    items: tuple[tuple[Any, Part], ...]
    if type(value) is list:
        items = tuple((None, compile_tree(child, scope, f"{path}[{index}]")) for index, child in enumerate(value))
    elif type(value) is dict:
        items = tuple(
            (_compile_key(key, node, scope, path), compile_tree(child, scope, _below(path, key)))
            for key, child in value.items()
        )
    else:
        return node
    if any(type(part) is not Node or type(key) is Leaf for key, part in items):
        return Branch(items, type(value) is list)
    return _assembled(items, node.location, is_list=type(value) is list)


def _compile_key(key: Any, node: Node, scope: Scope, path: str) -> Any:
    if not is_template(key):
        return key
    where = node.key_location(key)
    found = compile_template(Node(key, where.file, where.line, where.column), scope, path)
    return found.value if isinstance(found, Node) else found


def leaves(part: Part) -> Iterator[Leaf]:
    """Yield the templates of a tree, in the order in which they are rendered."""
    if type(part) is Leaf:
        yield part
    elif type(part) is Branch:
        for key, below in part.items:
            if type(key) is Leaf:
                yield key
            yield from leaves(below)


def filled(part: Part, values: Iterator[Any]) -> Node:
    """Return a tree with *values* in the places of its templates, one for each."""
    if type(part) is Node:
        return part
    if type(part) is Leaf:
        return Node.of(next(values))
    assert type(part) is Branch
    items = tuple((next(values) if type(key) is Leaf else key, filled(below, values)) for key, below in part.items)
    return _assembled(items, _NOWHERE, is_list=part.is_list)


_NOWHERE = Location("")


def _assembled(items: tuple[tuple[Any, Any], ...], location: Location, *, is_list: bool) -> Node:
    where = location.file, location.line, location.column
    if is_list:
        return Node([item for _, item in items], *where)
    return Node({_hashable(key): item for key, item in items}, *where)


def _hashable(key: Any) -> Any:
    return key if isinstance(key, (str, int, float, bool)) else as_text(key)


def folded(node: Node, scope: Scope, path: str) -> Node | None:
    """Render what a part that can't differ from call to call holds of templates: a delay, a code, a pattern.

    With ``each``, templates may use the row; other variables are an error. None if anything is wrong.
    """
    if not holds_template(node):
        return node
    before = len(scope.problems)
    tree = compile_tree(node, scope, path)
    if type(tree) is not Node:
        scope.error(
            "a template can't stand here, as this doesn't differ from call to call.",
            node,
            path,
            hint="Of the variables, only 'row' can be used, with 'each'.",
            rule="template",
        )
    return tree if type(tree) is Node and len(scope.problems) == before else None


def as_text(value: Any) -> str:
    """Give a rendered value as text: as ProtoJSON has it, save that null gives none."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (bool, int, float, str)):
        return values.text(value)
    from grpcmock.schema.codec import to_text, to_tree

    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=to_tree)
    return to_text(value)


def _below(path: str, key: Any) -> str:
    if isinstance(key, str) and key.isidentifier():
        return f"{path}.{key}" if path else key
    return f"{path}[{values.text(key) if not isinstance(key, str) else repr(key)}]"
