"""Generators of messages: one for each type, compiled once, driven by any source of decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor

from grpcmock.fuzz.generation.compiling import Compiler, message_class_of
from grpcmock.fuzz.generation.hints import Hints
from grpcmock.fuzz.generation.writers import SWARMS
from grpcmock.replies.generated.planning import Planner

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.source import Source
    from grpcmock.fuzz.generation.violations import Violation
    from grpcmock.schema import Registry

DEPTH = 3
"""How many messages stand inside each other, unless a caller wants otherwise."""


class Generator:
    """Makes messages of one type."""

    def __init__(self, descriptor: Descriptor, owner: Generators, without: frozenset[str]) -> None:
        self.descriptor = descriptor
        self.message_class: type[Message] = message_class_of(descriptor)
        self._owner = owner
        self._fill = owner.compiler.type(descriptor, without).fill
        self._depth = owner.depth

    def broken(self, message: Message) -> frozenset[Violation]:
        """Give the rules that a message breaks."""
        return frozenset()

    def generate(self, source: Source, violation: Violation | None = None) -> Message:
        """Make a message out of the decisions of *source*: a valid one, or one with exactly one *violation*."""
        draw = source.below
        message = self.message_class()
        self._fill(message, draw, self._depth, draw(SWARMS))
        return message


class Generators:
    """The generators of a registry's types, each compiled when it is first asked for."""

    def __init__(
        self,
        registry: Registry,
        *,
        hints: Hints | None = None,
        valid: bool = True,
        depth: int = DEPTH,
        as_request: bool = True,
    ) -> None:
        self.registry = registry
        self.hints = hints if hints is not None else Hints()
        self.depth = depth
        self.planner = Planner(registry)
        self.compiler = Compiler(
            self.planner, self.hints, constraints=None, as_request=as_request, ground=lambda _: b""
        )
        self._made: dict[tuple[Descriptor, frozenset[str]], Generator] = {}

    def of(self, message_type: Descriptor | type[Message], *, without: frozenset[str] = frozenset()) -> Generator:
        """Give the generator of a type: its descriptor, or its class, of this registry or of any other pool.

        It leaves the fields *without* unset.
        """
        descriptor: Any = message_type if isinstance(message_type, Descriptor) else message_type.DESCRIPTOR
        found = self._made.get((descriptor, without))
        if found is None:
            found = self._made[descriptor, without] = Generator(descriptor, self, without)
        return found
