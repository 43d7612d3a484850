"""The compiler of writers: for each field it picks the one that its kind, name, rules and hints ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation import scalars, well_known_types, writers
from grpcmock.fuzz.generation.writers import FillerType, Inner, Part, TypeWriter, WrapperType, Writer
from grpcmock.schema.annotations import Rules
from grpcmock.schema.naming import words_of
from grpcmock.synthesis import values
from grpcmock.synthesis.keyed_random import KeyedRandom
from grpcmock.synthesis.message_context import MessageContext
from grpcmock.synthesis.planning import FieldPlan, Planner, Shape

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.generation.choices import Draw
    from grpcmock.fuzz.generation.field_constraints import Constraints
    from grpcmock.fuzz.generation.hints import Hints

_NATURAL = 6
_ANY_TYPES = ("google.protobuf.StringValue", "google.protobuf.Duration", "google.protobuf.Empty")
_MOST_ANY_TYPES = 8


class Compiler:
    """Compiles the types of a registry, each once."""

    def __init__(
        self,
        planner: Planner,
        hints: Hints,
        *,
        as_request: bool,
        minimal: Callable[[Descriptor], bytes],
    ) -> None:
        """*as_request* leaves out, mostly, what only a server may set. *ground* gives the least message of a type."""
        self._planner = planner
        self._hints = hints
        self.constraints: Constraints | None = None
        """What is written keeps these, as far as each field alone can."""

        self._as_request = as_request
        self._minimal = minimal
        self._types: dict[tuple[Descriptor, frozenset[str]], TypeWriter] = {}

    def type(self, descriptor: Descriptor, without: frozenset[str] = frozenset()) -> TypeWriter:
        """Give the writer of a message type; it leaves the fields *without* unset."""
        found = self._types.get((descriptor, without))
        if found is None:
            found = self._types[descriptor, without] = TypeWriter(descriptor, lambda: self._minimal(descriptor))
            found.define(list(self._parts(descriptor, without)))
        return found

    # Parts -----------------------------------------------------------------------------------------

    def _parts(self, descriptor: Descriptor, without: frozenset[str]) -> Iterator[Part]:
        filler = well_known_types.FILLERS.get(descriptor.full_name)
        if filler is not None or descriptor.full_name == "google.protobuf.Any":
            fill = filler or self._any_filler()
            yield Part("", lambda message, draw, depth, _: fill(message, draw, depth), must=True)
            return
        plan = self._planner.plan(descriptor)
        by_name = {field.name: field for field in (*plan.fields, *(m for o in plan.oneofs for m in o.members))}
        grouped = {member.name for group in plan.oneofs for member in group.members}
        for field in descriptor.fields:
            if field.name not in grouped and field.name not in without:
                yield self._part(by_name[field.name])
        for group in plan.oneofs:
            must = group.must and self.constraints is not None
            arms = [self.writer(arm, chosen=True, must=must) for arm in group.members if arm.name not in without]
            if arms:
                yield Part(f"oneof {group.name}", writers.oneof(arms), must=must)
        for extension in _extensions(descriptor):
            yield Part(f"[{extension.full_name}]", self._extension(extension))

    def _part(self, plan: FieldPlan) -> Part:
        """Make the part of a field that is in no oneof."""
        must = self.must(plan)
        output = self._as_request and "OUTPUT_ONLY" in plan.options.behaviors
        return Part(plan.name, self.writer(plan), must=must, rare=output)

    def must(self, plan: FieldPlan) -> bool:
        """Whether a valid message has the field set."""
        if plan.descriptor.is_required:
            return True
        if self.constraints is None:
            return False
        rules = plan.rules
        if (rules.values.get("min_items") or rules.values.get("min_pairs")) and not rules.zero_is_free:
            return True
        return self.constraints.must(plan)

    def _extension(self, field: FieldDescriptor) -> Writer:
        if field.message_type is not None:
            inner = self._inner(field, None)
            return writers.messages(field, inner) if field.is_repeated else writers.nested(field, inner)
        value = scalars.drawer(field, (), self._hints.of(field))
        return writers.scalars(field, value) if field.is_repeated else writers.scalar(field, value)

    # Fields ----------------------------------------------------------------------------------------

    def writer(self, plan: FieldPlan, *, chosen: bool = False, must: bool = False) -> Writer:
        """Make the writer of a field; *chosen*: as the arm of a oneof; *must*: it has to be there."""
        field, must = plan.descriptor, must or self.must(plan)
        if self.constraints is not None and (pool := self.constraints.pool(plan, chosen=chosen)):
            return writers.samples(pool, field, () if field.is_repeated else self._hints.of(field))
        if plan.key is not None and plan.entry is not None:
            return self._map(plan, plan.key, plan.entry)
        if plan.shape in (Shape.MESSAGE, Shape.WRAPPER):
            inner = self._inner(field, plan)
            if plan.is_list:
                rules = plan.rules.values if self.constraints is not None else {}
                least = max(int(rules.get("min_items", 0)), int(must))
                return writers.messages(field, inner, min(least, 1_000), int(rules.get("max_items", 1_000)))
            return writers.nested(field, inner, must=must)
        value = scalars.drawer(field, self.natural(plan), self._hints.of(field))
        if plan.is_list:
            return writers.scalars(field, value)
        return writers.scalar(field, value, must=must)

    def _map(self, plan: FieldPlan, key: FieldPlan, entry: FieldPlan) -> Writer:
        keys = scalars.drawer(key.descriptor, self.natural(key))
        if entry.shape in (Shape.MESSAGE, Shape.WRAPPER):
            least = int(plan.rules.values.get("min_pairs", 0)) if self.constraints is not None else 0
            return writers.message_map(plan.descriptor, keys, self._inner(entry.descriptor, entry), least)
        value = scalars.drawer(entry.descriptor, self.natural(entry), self._hints.of(plan.descriptor))
        return writers.scalar_map(plan.descriptor, keys, value)

    def _inner(self, field: FieldDescriptor, plan: FieldPlan | None) -> Inner:
        """Give the writer of what a message field holds."""
        descriptor = field.message_type
        assert descriptor is not None
        if plan is not None and plan.shape is Shape.WRAPPER:
            wrapped = self._planner.wrapped(plan)
            return WrapperType(scalars.drawer(wrapped.descriptor, self.natural(wrapped)))
        if descriptor.full_name == "google.protobuf.FieldMask":
            return FillerType(well_known_types.mask_filler(well_known_types.mask_paths(field)))
        if filler := well_known_types.FILLERS.get(descriptor.full_name):
            return FillerType(filler)
        return self.type(descriptor)

    # Values ----------------------------------------------------------------------------------------

    def natural(self, plan: FieldPlan, count: int = _NATURAL, skip: int = 0) -> list[Any]:
        """Give values that the field's name, type and rules suggest, without those of boolean and enum fields.

        *skip* asks for values that are further off.
        """
        if plan.shape not in (Shape.TEXT, Shape.BYTES, Shape.INTEGER, Shape.REAL):
            return []
        rules = (plan.rules.items or Rules()) if plan.is_list else plan.rules
        if self.constraints is None:
            rules = Rules()
        owner = plan.descriptor.containing_type
        subjects = words_of(owner.name) if owner is not None else frozenset[str]()
        made: dict[Any, None] = {}
        for index in range(count):
            random = KeyedRandom(f"{plan.descriptor.full_name}#{index}".encode())
            value = values.draw(
                values.ValueRequest(plan, rules, MessageContext(random, subjects, {}, index), random, skip)
            )
            made[value] = None
        return sorted(made, key=_plainness)

    def _any_filler(self) -> well_known_types.Filler:
        """Make the filler of ``Any``: a few types of the registry, and some that every program knows."""
        own = [name for name in self._planner.registry.message_names() if not name.startswith(("google.", "buf."))]
        return well_known_types.any_filler(
            [(name, self._packer(name)) for name in (*_ANY_TYPES, *own[: _MOST_ANY_TYPES - len(_ANY_TYPES)])]
        )

    def _packer(self, name: str) -> Callable[[Draw, int], bytes]:
        message_class = self._planner.registry.message(name)
        descriptor: Any = message_class.DESCRIPTOR

        def make(draw: Draw, depth: int) -> bytes:
            message = message_class()
            if depth > 0:
                self.type(descriptor).fill(message, draw, min(depth, 2) - 1, draw(writers.SWARMS))
            return message.SerializePartialToString(deterministic=True)

        return make


def _plainness(value: Any) -> tuple[float, Any]:
    return (len(value), value) if isinstance(value, (str, bytes)) else (abs(value), -value)


def _extensions(descriptor: Descriptor) -> list[FieldDescriptor]:
    if not descriptor.is_extendable:
        return []
    found = descriptor.file.pool.FindAllExtensions(descriptor)
    return sorted(found, key=lambda field: field.number)
