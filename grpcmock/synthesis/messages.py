"""One message, made field by field: what its plan, the request and the refusals of earlier tries leave to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.annotations import Rules
from grpcmock.schema.naming import snake_case
from grpcmock.synthesis import words
from grpcmock.synthesis.echo import Echo, asked_for, bytes_received, echo_of, page_limit
from grpcmock.synthesis.message_context import MessageContext
from grpcmock.synthesis.planning import FieldPlan, MessagePlan, OneofPlan, Shape, is_error, root, singular
from grpcmock.synthesis.request import GenerationRequest, Position
from grpcmock.synthesis.values import ValueRequest, draw
from grpcmock.synthesis.well_known import FILLERS

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.synthesis.keyed_random import KeyedRandom

_DEEPEST = 8
"""Below this depth only what must be set is set, …"""

_DEEPEST_OF_ALL = 24
"""… and below this one no more messages: one that must hold itself has no end."""

_SAME_TYPE = 2
"""How often a type may stand within itself, where that is not demanded."""

_MOST_FIELDS = 2_000
"""After so many fields only what must be set is set; after half as many again, no more messages."""

_MOST_ITEMS = 10_000
_PATIENCE = 8
"""After so many refused values, an optional field is left unset."""

_RECEIVED = words.group(
    "created count total received processed accepted updated imported inserted uploaded written stored sent saved "
    "succeeded success_count total_count items messages total_size"
)
"""Numbers that tell how many messages the client has sent."""

_REFUSED = words.group("rejected failed skipped invalid ignored dropped refused duplicate conflict error failure")
"""Names of what didn't go well with some of the messages that the client has sent: in a good answer, none."""

_COUNTS = words.group("count total total_count total_size total_items total_results size num_results results_count")
"""Numbers that tell how long the list beside them is."""

_NOTES = words.group("label annotation attribute metadata property tag option setting header")
_WEIGHTS = ("bytes", "size", "length")
_SAME_PERSON = words.group("profile contact contact_info contact_details details info personal_info identity")


def make(plan: MessagePlan, generation: GenerationRequest) -> tuple[Message, int]:
    """Make one message, and say how many fields it took. The same request of generation gives the same message."""
    from google.protobuf import message_factory

    message = message_factory.GetMessageClass(plan.descriptor)()
    echo = echo_of(generation.requests, plan.descriptor)
    context = MessageContext(generation.random, plan.about, echo.texts(), generation.ordinal, generation.series)
    maker = _Maker(generation)
    maker.fill_whole(message, plan, Position("", generation.random, context, echo))
    return message, maker.made


class _Maker:
    def __init__(self, generation: GenerationRequest) -> None:
        self._generation = generation
        self._left = _MOST_FIELDS
        self.made = 0
        self._parent = next(
            (value for r in generation.requests[:1] if isinstance(value := getattr(r, "parent", None), str)), ""
        )

    # Messages --------------------------------------------------------------------------------------

    def fill_whole(self, message: Any, plan: MessagePlan, place: Position) -> None:
        """Fill the message that stands in no other; a well-known type as it is filled where it stands in a field."""
        name, generation = plan.descriptor.full_name, self._generation
        filler = FILLERS.get(name)
        if filler is None or not plan.descriptor.fields:
            self.fill(message, plan, place)
            return
        self.made += 1
        given = next((request for request in generation.requests if request.DESCRIPTOR.full_name == name), None)
        if given is not None and given.ListFields() and not self._tries(""):
            message.MergeFromString(given.SerializePartialToString())
            return
        value = ValueRequest(root(plan.descriptor), Rules(), place.context, place.random, self._tries(""))
        filler(message, value, generation.planner.registry, generation.now)

    def fill(self, message: Any, plan: MessagePlan, place: Position) -> None:
        place = Position(place.path, place.random, place.context, place.echo, (*place.types, plan.descriptor.full_name))
        taken: set[str] = set()
        for field_plan in plan.fields:
            if self._wanted(field_plan, place):
                self._set(message, field_plan, place, taken)
        for oneof in plan.oneofs:
            member = self._member(oneof, place)
            if member is not None:
                self._set(message, member, place, taken, chosen=True)

    def _wanted(self, plan: FieldPlan, place: Position) -> bool:
        """Say whether a field that stands in no oneof should be set."""
        if self._forbidden(plan):
            return plan.descriptor.is_required
        if self._has_no_end(plan, place):
            return False
        if plan.must:
            return True
        if is_error(plan) or self._runs_deep(plan, place):
            return bool((plan.rules.values.get("min_items") or plan.rules.values.get("min_pairs")) and not plan.tracked)
        self._left -= 1
        return self._left > 0 or bool(plan.rules.values)

    def _forbidden(self, plan: FieldPlan) -> bool:
        return ("OUTPUT_ONLY" if self._generation.as_request else "INPUT_ONLY") in plan.options.behaviors

    def _has_no_end(self, plan: FieldPlan, place: Position) -> bool:
        held = plan.entry or plan
        too_much = place.depth > _DEEPEST_OF_ALL or self.made > _MOST_FIELDS * 3 // 2
        return too_much and held.shape is Shape.MESSAGE and held.message_type.full_name not in FILLERS

    def _runs_deep(self, plan: FieldPlan, place: Position) -> bool:
        held = plan.entry or plan
        if held.shape is not Shape.MESSAGE:
            return False
        name = held.message_type.full_name
        return name not in FILLERS and (place.depth >= _DEEPEST or place.types.count(name) >= _SAME_TYPE)

    def _member(self, oneof: OneofPlan, place: Position) -> FieldPlan | None:
        """Choose the member of a oneof: one the request has set, else one that is no error and doesn't run deep."""
        path = _below(place.path, oneof.name)
        tries = max([self._tries(path), *(self._tries(_below(place.path, m.name)) for m in oneof.members)])
        members = [m for m in oneof.members if not self._forbidden(m) and not self._has_no_end(m, place)]
        shallow = [member for member in members if not self._runs_deep(member, place)]
        if not (shallow if not oneof.must else members):
            return None
        good = [member for member in shallow if not is_error(member)] or shallow or members
        echoed = [m for m in good if not tries and place.echo.offer(m.descriptor, m.label) is not None]
        if tries >= _PATIENCE and not oneof.must:
            return None
        random = place.random.child(f"{oneof.name}?{tries // 4}")
        return random.choice(echoed or good)

    # Fields ----------------------------------------------------------------------------------------

    def _set(self, message: Any, plan: FieldPlan, place: Position, taken: set[str], *, chosen: bool = False) -> None:
        """Set one field. *taken* gathers the names that were taken over from the request."""
        self.made += 1
        path = _below(place.path, plan.name)
        tries = self._tries(path)
        if tries >= _PATIENCE and not plan.must and not chosen and (plan.tracked or plan.rules.zero_is_free):
            return
        random = place.random.child(f"{plan.name}#{tries}" if tries else plan.name)
        if plan.key is not None:
            self._set_map(message, plan, path, random, place)
        elif plan.is_list:
            self._set_list(message, plan, path, random, place)
        elif plan.shape in (Shape.MESSAGE, Shape.WRAPPER):
            self._set_message(message, plan, path, random, place, taken, keep=chosen or plan.must)
        else:
            value = self._told(message, plan, place) if not tries else None
            if value is None and not tries:
                value = place.echo.offer(plan.descriptor, plan.label)
                if value is not None:
                    taken.add(plan.label)
            if value is None:
                peers = tuple(getattr(message, name) for name in plan.peers) if tries else ()
                value = draw(ValueRequest(plan, plan.rules, place.context, random, tries, peers, self._parent))
            if not (value == "" and plan.tracked and not plan.must and not chosen):
                _assign(message, plan, value)
            if isinstance(value, str):
                place.context.known.setdefault(plan.label, value)

    def _told(self, message: Any, plan: FieldPlan, place: Position) -> int | None:
        """Give what a number must be for the rest of the answer to agree with it; None if nothing says."""
        if plan.shape is not Shape.INTEGER or plan.rules.values:
            return None
        label, generation = plan.label, self._generation
        if place.depth == 1 and generation.counts_requests:
            if label.endswith(_WEIGHTS) and (size := bytes_received(generation.requests)):
                return min(size, plan.limits[1])
            if _refuses(plan):
                return 0
            if (label in _RECEIVED or label.endswith("_count")) and (plan.span is None or plan.span != (0, 0)):
                return len(generation.requests)
        if label in _COUNTS or label.endswith("_count"):
            lists = [f.name for f in message.DESCRIPTOR.fields if f.is_repeated]
            named = [name for name in lists if name.startswith(label.removesuffix("_count"))]
            if named and label not in _COUNTS:
                return len(getattr(message, named[0]))
            messages = [name for name in lists if message.DESCRIPTOR.fields_by_name[name].message_type is not None]
            if label in _COUNTS and (found := messages or lists):
                return len(getattr(message, found[0]))
        return None

    def _set_message(
        self,
        message: Any,
        plan: FieldPlan,
        path: str,
        random: KeyedRandom,
        place: Position,
        taken: set[str],
        *,
        keep: bool,
    ) -> None:
        part = getattr(message, plan.name)
        echoed = place.echo.offer(plan.descriptor, plan.label) if not self._tries(path) else None
        if echoed is not None and _is_whole(plan):
            self._take_over(part, echoed, plan, path, random, place)
            part.SetInParent()
            return
        if self._fill_value(part, plan, path, random, place, echoed, taken) or keep:
            part.SetInParent()

    def _take_over(
        self,
        part: Any,
        given: Message,
        plan: FieldPlan,
        path: str,
        random: KeyedRandom,
        place: Position,
        index: int | None = None,
    ) -> None:
        """Fill a message with what the request has in its place; where it leaves fields open, they are made up."""
        if _is_whole(plan):
            part.MergeFromString(given.SerializePartialToString())
        else:
            self._fill_value(part, plan, path, random, place, given, index=index)

    def _fill_value(
        self,
        part: Any,
        plan: FieldPlan,
        path: str,
        random: KeyedRandom,
        place: Position,
        echoed: Any = None,
        taken: set[str] | None = None,
        index: int | None = None,
    ) -> bool:
        """Fill the message of a field, of an item, or of a map's entry. False says that it is better left unset."""
        if plan.shape is Shape.WRAPPER:
            inner = self._generation.planner.wrapped(plan)
            rules = plan.rules if index is None else plan.rules.items or Rules()
            context = MessageContext(random, place.context.about, {}, index) if index else place.context
            part.value = draw(ValueRequest(inner, rules, context, random, self._tries(path), parent=self._parent))
            return True
        if filler := FILLERS.get(plan.message_type.full_name):
            rules = plan.rules if index is None else plan.rules.items or Rules()
            wish = ValueRequest(plan, rules, place.context, random, self._tries(path))
            return filler(part, wish, self._generation.planner.registry, self._generation.now)
        type_plan = self._generation.planner.plan(plan.message_type)
        about = type_plan.about | {*plan.label.split("_")}
        if index is not None:
            echo = place.echo.for_item(index) if place.depth == 1 else Echo()
            if self._generation.counts_requests and place.depth == 1 and index < len(self._generation.requests):
                echo = echo_of(self._generation.requests[index : index + 1], plan.message_type)
        else:
            echo = place.echo.for_part(plan.message_type, taken or ()) if place.depth == 1 else Echo()
        if echoed is not None:
            echo = Echo({**echo.values, **echo_of([echoed]).values}, echo.subject)
        if index is not None:
            series = place.random.child(plan.name)
            context = MessageContext(random, about, echo.texts(), index, series, place.context, apart=True)
        elif plan.label in _SAME_PERSON:
            context = MessageContext(place.context.random, about, place.context.known, around=place.context)
        else:
            context = MessageContext(random, about, echo.texts(), around=place.context)
        self.fill(part, type_plan, Position(path, random, context, echo, place.types))
        return True

    # Lists and maps --------------------------------------------------------------------------------

    def _set_list(self, message: Any, plan: FieldPlan, path: str, random: KeyedRandom, place: Position) -> None:
        target = getattr(message, plan.name)
        if not self._tries(path):
            echoed = place.echo.offer(plan.descriptor, snake_case(plan.name))
            if echoed is not None:
                for index, item in enumerate(echoed):
                    if plan.shape in (Shape.MESSAGE, Shape.WRAPPER):
                        item_path, own = f"{path}[{index}]", random.child(str(index))
                        self._take_over(target.add(), item, plan, item_path, own, place, index=index)
                    else:
                        target.append(item)
                return
        rules = plan.rules.values
        least, size = self._size(plan, random, place, "min_items", "max_items")
        unique = bool(rules.get("unique")) or plan.shape is Shape.TEXT
        items = plan.rules.items or Rules()
        for index in range(size):
            item_path = f"{path}[{index}]"
            tries = self._tries(item_path)
            key = f"{index}#{tries}" if tries else str(index)
            if plan.shape in (Shape.MESSAGE, Shape.WRAPPER):
                self._fill_value(target.add(), plan, item_path, random.child(key), place, index=index)
                continue
            for again in range(20):
                context = place.context
                if index or plan.shape is Shape.INTEGER:
                    context = MessageContext(random.child(key), context.about, {}, index, random, place.context)
                wish = ValueRequest(
                    plan, items, context, random.child(f"{key}.{again}"), tries + again // 10, parent=self._parent
                )
                value = draw(wish)
                if not unique or value not in target:
                    break
            else:
                if index >= least:
                    return
            target.append(value)

    def _size(
        self, plan: FieldPlan, random: KeyedRandom, place: Position, minimum: str, maximum: str
    ) -> tuple[int, int]:
        """Give the least and the wished number of items."""
        rules = plan.rules.values
        least = min(_MOST_ITEMS, max(int(rules.get(minimum, 0)), int(plan.must)))
        requests = self._generation.requests
        wished = 2 if place.depth > 1 else 3
        sums_up = place.depth == 1 and self._generation.counts_requests
        if place.depth > 3 or self._runs_deep(plan, place) or (sums_up and _refuses(plan)):
            wished = least
        elif sums_up:
            wished = min(len(requests), _MOST_ITEMS)
        elif place.depth == 1 and plan.shape is Shape.MESSAGE:
            wished = asked_for(requests) or page_limit(requests) or wished
        if self._tries(_below(place.path, plan.name)):
            guesses = [guess for guess in plan.literals if isinstance(guess, int) and 0 <= guess <= _MOST_ITEMS]
            wished = random.choice((*guesses, random.between(0, 2 * wished + 2)))
        return least, max(least, min(wished, int(rules.get(maximum, wished))))

    def _set_map(self, message: Any, plan: FieldPlan, path: str, random: KeyedRandom, place: Position) -> None:
        assert plan.key is not None
        assert plan.entry is not None
        target = getattr(message, plan.name)
        echoed = place.echo.offer(plan.descriptor, snake_case(plan.name)) if not self._tries(path) else None
        if echoed is not None:
            for index, (taken, value) in enumerate(sorted(echoed.items())):
                if plan.entry.shape in (Shape.MESSAGE, Shape.WRAPPER):
                    own = random.child(str(index))
                    self._take_over(target[taken], value, plan.entry, f"{path}[{index}]", own, place)
                else:
                    target[taken] = value
            return
        least, size = self._size(plan, random, place, "min_pairs", "max_pairs")
        size = max(least, min(size, 2)) if not self._tries(path) else size
        tries = self._tries(path)
        natural = plan.key.shape is Shape.TEXT and not plan.key.rules.values and not tries and plan.label in _NOTES
        for index in range(4 * size):
            if len(target) >= size:
                return
            own = random.child(str(index))
            context = MessageContext(own, place.context.about, {}, index, random, place.context)
            if natural and index < len(words.LABELS):
                key: Any = words.LABELS[index][0]
            else:
                key = draw(ValueRequest(plan.key, plan.key.rules, context, own.child("key"), tries + index // size))
            if plan.entry.shape in (Shape.MESSAGE, Shape.WRAPPER):
                part = target[key]
                self._fill_value(part, plan.entry, f"{path}[{index}]", own, place)
            elif natural and plan.entry.shape is Shape.TEXT and not plan.entry.rules.values:
                target[key] = words.LABELS[index % len(words.LABELS)][1]
            else:
                target[key] = draw(ValueRequest(plan.entry, plan.entry.rules, context, own, tries))

    def _tries(self, path: str) -> int:
        refused = self._generation.refused
        return refused.get(path, 0) if refused else 0


def _refuses(plan: FieldPlan) -> bool:
    """Whether a field tells of messages of the client that were not taken."""
    return any(singular(word) in _REFUSED for word in plan.label.split("_"))


def _is_whole(plan: FieldPlan) -> bool:
    """Whether the messages of a field stand for one value each, which is not made of parts."""
    return plan.shape is Shape.WRAPPER or plan.message_type.full_name in FILLERS


def _assign(message: Any, plan: FieldPlan, value: Any) -> None:
    try:
        setattr(message, plan.name, value)
    except ValueError:
        # A closed enum of this type has no such number; the validator will say what it thinks of the default.
        assert plan.descriptor.type == FieldDescriptor.TYPE_ENUM


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
