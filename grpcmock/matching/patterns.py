"""Patterns of messages: compiled against a descriptor, tested, explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.matching.compiler import Compiler
from grpcmock.matching.findings import Finding
from grpcmock.matching.value_types import Place

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.errors import Problems
    from grpcmock.matching.matcher import Matcher
    from grpcmock.matching.value_types import ValueType
    from grpcmock.schema import Registry
    from grpcmock.tree import Node

__all__ = ["Finding", "Pattern", "compile_pattern"]


class Pattern:
    """A pattern for messages of one type."""

    __slots__ = ("_path", "matcher")

    def __init__(self, matcher: Matcher, path: str) -> None:
        self.matcher = matcher
        """What the pattern was compiled to; for the index."""
        self._path = path

    @property
    def count(self) -> int:
        """How many conditions the pattern has, for precedence."""
        return self.matcher.count

    def holds(self, message: Message) -> bool:
        """Whether the message fits."""
        normalize = self.matcher.kind.normalize
        return self.matcher.test(message if normalize is None else normalize(message))

    def explain(self, message: Message) -> list[Finding]:
        """Tell of each condition whether it holds."""
        normalize = self.matcher.kind.normalize
        return list(self.matcher.explain(message if normalize is None else normalize(message), self._path))


def compile_pattern(
    node: Node,
    descriptor: Descriptor,
    registry: Registry,
    problems: Problems,
    path: str = "request",
    *,
    stub: str = "",
    rendered: bool = False,
) -> Pattern:
    """Compile a pattern for messages of a type; what is wrong with it goes to *problems*, all of it.

    *path* stands before the paths of problems and findings. *rendered* says that templates were rendered before, with
    a row of ``each``, so that what looks like one isn't.
    """
    compiler = Compiler(registry, problems, stub, rendered=rendered)
    kind: ValueType = compiler.kinds.message(descriptor)
    return Pattern(compiler.pattern(node, kind, Place.ROOT, path), path)
