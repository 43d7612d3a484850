"""Generators of messages: one for each type, compiled once, driven by any source of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor

from grpcmock.fuzz.generation import unusual_bytes
from grpcmock.fuzz.generation.combined_boundaries import CombinedBoundaries, combined_boundaries
from grpcmock.fuzz.generation.compiler import Compiler
from grpcmock.fuzz.generation.field_constraints import Constraints
from grpcmock.fuzz.generation.hints import Hints
from grpcmock.fuzz.generation.message_boundaries import Boundary, Explorer
from grpcmock.fuzz.generation.message_classes import bytes_of, message_class_of, message_of
from grpcmock.fuzz.generation.minimal_messages import MinimalMessages
from grpcmock.fuzz.generation.repair import Repairer
from grpcmock.fuzz.generation.rule_breaking import Breaker
from grpcmock.fuzz.generation.rule_validator import RuleValidator
from grpcmock.fuzz.generation.writers import SWARMS
from grpcmock.synthesis.planning import Planner

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.choices import Source
    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.schema import Registry

DEPTH = 3
"""How many messages stand inside each other, unless a caller wants otherwise."""


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
        now: datetime | None = None,
    ) -> None:
        """Make generators of *valid* messages, or of any that the types can hold.

        *hints* are values worth trying, which may grow at any time. With *as_request* fields that only a server may set
        are mostly left out. What is made follows from the protos, the decisions and the hints alone; only rules that
        speak of the present (``lt_now``, ``gt_now``, ``within``) look at *now*.
        """
        self.registry = registry
        self.hints = hints if hints is not None else Hints()
        self.valid = valid
        self.depth = depth
        planner = Planner(registry)
        self.validator = RuleValidator(planner, as_request=as_request)
        """Tells which rules a message breaks."""

        self.minimal = MinimalMessages(registry, self.validator, as_request=as_request, now=now or datetime.now(UTC))
        self.compiler = Compiler(
            planner, self.hints, as_request=as_request, minimal=lambda of: self.minimal.least(message_class_of(of))
        )
        self.constraints = Constraints(planner, self.validator, self.minimal, self.compiler.natural)
        if valid:
            self.compiler.constraints = self.constraints
        self.repairer = Repairer(planner, self.validator, self.minimal)
        self.breaker = Breaker(planner, self.validator, self.minimal, self.constraints)
        self.explorer = Explorer(planner, self.validator, self.minimal, self.constraints)
        self._made: dict[tuple[Descriptor, frozenset[str]], Generator] = {}

    def unreadable_rules(self, message_class: type[Message]) -> str:
        """Return why the rules of a type can't be compiled, and are ignored; empty if all is well."""
        return self.validator.unreadable(message_class)

    def of(self, message_type: Descriptor | type[Message], *, without: frozenset[str] = frozenset()) -> Generator:
        """Give the generator of a type, by its descriptor or class; also of the same type in another pool.

        It leaves the fields *without* unset. Raises :class:`SchemaError` for a type that the registry doesn't have.
        """
        descriptor: Any = message_type if isinstance(message_type, Descriptor) else message_type.DESCRIPTOR
        found = self._made.get((descriptor, without))
        if found is None:
            found = self._made[descriptor, without] = Generator(descriptor, self, without)
        return found


class Generator:
    """Makes messages of one type. Get it from :meth:`Generators.of`."""

    def __init__(self, descriptor: Descriptor, owner: Generators, without: frozenset[str]) -> None:
        self.descriptor = descriptor
        self.message_class: type[Message] = message_class_of(descriptor)
        self._class = owner.registry.message(descriptor.full_name)
        own: Any = self._class.DESCRIPTOR
        self._is_foreign = self._class is not self.message_class
        self._owner = owner
        self._without = without
        self._fill = owner.compiler.type(own, without).fill
        self._depth = owner.depth
        self._is_ruled = owner.valid and owner.validator.has_rules(own) and owner.minimal.satisfiable(self._class)

    @property
    def satisfiable(self) -> bool:
        """Whether a valid message was found at all: rules may contradict each other."""
        return self._owner.minimal.satisfiable(self._class)

    @property
    def least(self) -> Message:
        """The smallest valid message."""
        return self._given(message_of(self._class, self._owner.minimal.least(self._class)))

    def generate(self, source: Source, violation: Violation | None = None) -> Message:
        """Make a message out of the decisions of *source*: a valid one, or one with exactly one *violation*.

        Raises :class:`SchemaError` for a violation that is none of :meth:`violations`.
        """
        draw = source.below
        message = self._class()
        self._fill(message, draw, self._depth, draw(SWARMS))
        if self._is_ruled and (found := self._owner.validator.violations(message)):
            message = self._owner.repairer.repair(message, found, draw)
            for name in self._without:
                message.ClearField(name)
        if violation is not None:
            message = self._owner.breaker.break_rule(message, violation, draw)
        return self._given(message) if self._is_foreign else message

    def encode(self, source: Source, violation: Violation | None = None) -> bytes:
        """Make the bytes of a message: deterministic ones, and now and then with something in them that is legal on
        the wire, but that no message object says: keys that collide in a map, an undeclared number of a closed enum.
        """
        message = self.generate(source, violation)
        data = bytes_of(message)
        if violation is None:
            data += unusual_bytes.suffix(message, source.below)
        return data

    def broken(self, message: Message) -> frozenset[Violation]:
        """Give the rules that a message breaks."""
        if type(message) is not self._class:
            message = message_of(self._class, message.SerializePartialToString())
        return frozenset(self._owner.validator.violations(message))

    def violations(self) -> tuple[Violation, ...]:
        """List the rules that can be broken one at a time, each confirmed by a message that breaks it and no other."""
        return self._owner.breaker.violations(self._class)

    def boundaries(self) -> Iterator[Boundary]:
        """Yield the messages of the boundary phase, always the same, in the same order."""
        return self._owner.explorer.boundaries(self._class)

    def combined_boundaries(
        self, boundaries: Iterable[Boundary], *, valid: bool, base: Message | None = None
    ) -> Iterator[CombinedBoundaries]:
        """Yield messages that stand at many of the *valid* boundaries at once, or at many of the others: the least one
        changed, unless another *base* is given."""
        owner = self._owner
        least = message_of(self._class, owner.minimal.least(self._class) if base is None else bytes_of(base))
        meant = [boundary for boundary in boundaries if boundary.valid is valid]
        return combined_boundaries(
            least, meant, owner.minimal, lambda message: not (valid and owner.validator.violations(message))
        )

    def _given(self, message: Message) -> Message:
        """Give a message in the class that was asked for."""
        if not self._is_foreign:
            return message
        return message_of(self.message_class, message.SerializePartialToString())


def violations(descriptor: Descriptor, registry: Registry) -> tuple[Violation, ...]:
    """List the rules of a type that can be broken one at a time."""
    return Generators(registry).of(descriptor).violations()


def boundaries(descriptor: Descriptor, registry: Registry) -> Iterator[Boundary]:
    """Yield the messages of a type that stand at its boundaries."""
    return Generators(registry).of(descriptor).boundaries()
