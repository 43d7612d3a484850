"""What a server has shown: the things in its replies, by which later requests can name them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.naming import singular, verb_and_noun
from grpcmock.fuzz.learning.accepted_requests import chosen_at, stem_of
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.model.readable import first_answer
from grpcmock.schema.annotations import AnnotationReader
from grpcmock.schema.codec import try_decode
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_MOST = 200
_ITEMS = 3
_TELLING = 4
"""Letters of a name that another one holds hardly by accident."""

_WHEN = re.compile(
    r"(.*_)?(day|date|time|at|on|month|year|hour|minute|start|starts|end|ends|from|to|currency|currency_code|unit|units"
    r"|version|revision|etag|generation)"
)
"""Fields by which a request agrees with the thing that it is about."""

_KEYS = ("name", "id", "uid", "uuid", "slug", "key", "number", "serial", "code", "sku", "handle", "no", "guid", "token")
_KEY_TYPES = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64})
_WRAPPING = re.compile(r"(Id|Ref|Response|Reply|Result|Created|Request|Info|Details|Key|Handle)$")


@dataclass(frozen=True, slots=True)
class Thing:
    """A message that a server has shown."""

    noun: str
    message: Message
    path: Path
    """Where it stands in the response."""

    made_by: AcceptedRequest | None
    """The request that made it, or that made of one what it is, if one did; else it was there."""

    is_changed: bool = False
    """Whether it was there before, and is in another state since."""

    @property
    def names(self) -> frozenset[str]:
        """What it is called: by its type, and by the field that holds it, as a ``ModelIndex`` among ``models``."""
        field = next((name for name in reversed(self.path) if isinstance(name, str)), "")
        return frozenset({self.noun, singular(field)} - {""})


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A value by which a request can name a thing."""

    value: Any
    source: Path
    made_by: AcceptedRequest | None


class KnownThings:
    """All that was shown, the newest last."""

    def __init__(self, registry: Registry) -> None:
        self._options = AnnotationReader(registry)
        self._things: list[Thing] = []
        self._labels: dict[tuple[str, Any], None] = {}
        """Keys that stood alone, after what they are keys of: in lists of names, and in requests that made things."""
        self._references: dict[str, KnownKey] = {}
        """What fields of requests that were taken have named, by the names of these fields."""
        self.count = 0
        """How many were shown so far."""

    def learn(self, reply: Reply, made_by: AcceptedRequest | None, *, is_changed: bool = False) -> None:
        """Take what stands in the first response of a reply."""
        method = reply.call.method
        if method is None or not reply.responses:
            return
        for data in reply.responses[:_ITEMS]:
            message = try_decode(method.response_class, data)
            if message is None:
                continue
            for field, values in message.ListFields():
                if field.is_repeated and field.message_type is None and field.type in _KEY_TYPES:
                    self._learn_labels({singular(snake_case(field.name))}, list(values)[:_ITEMS])
            for path, inner in _inside(message):
                noun = snake_case(_WRAPPING.sub("", inner.DESCRIPTOR.name) or inner.DESCRIPTOR.name)
                self._things.append(Thing(noun, inner, path, made_by, is_changed))
                self.count += 1
        del self._things[:-_MOST]

    def learn_given(self, request: AcceptedRequest) -> None:
        """Take the keys in a request that has made something: where the response says nothing, it is named by them."""
        words = snake_case(request.method.name).split("_")
        nouns = {"_".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1)}
        for path, inner in _inside(request.message, depth=1):
            for field, value in inner.ListFields():
                name = snake_case(field.name)
                if field.is_repeated or field.type not in _KEY_TYPES or (*path, field.name) in request.references:
                    continue
                if name in _KEYS or stem_of(name) != name or stem_of(name) in nouns:
                    self._learn_labels(nouns if name in _KEYS else {name, stem_of(name)}, [value])

    def learn_references(self, request: AcceptedRequest) -> None:
        """Take what a request names that was taken."""
        for need in request.needs:
            name = next((step for step in reversed(need.target) if isinstance(step, str)), "")
            if name not in self._references:
                self.count += 1
            self._references[name] = KnownKey(value_at(request.message, need.target), need.source, need.made_by)

    def _learn_labels(self, nouns: Collection[str], values: Iterable[Any]) -> None:
        for label in ((noun, value) for value in values for noun in sorted(nouns)):
            if label[1] and label not in self._labels and len(self._labels) < _MOST:
                self._labels[label] = None
                self.count += 1

    def has_made(self, request: AcceptedRequest) -> bool:
        """Whether there is something that a request has made."""
        return any(thing.made_by is request for thing in self._things)

    def has_changed(self, request: AcceptedRequest) -> bool:
        """Whether there is something of which a request has made what it is now."""
        return any(thing.made_by is request and thing.is_changed for thing in self._things)

    def remake(self, before: AcceptedRequest, after: AcceptedRequest) -> None:
        """Say that what one request has made is rather made by another one."""
        self._things = [replace(one, made_by=after) if one.made_by is before else one for one in self._things]

    def keys_in(self, reply: Reply) -> Iterator[Any]:
        """Yield what looks like the keys of the things in a reply, the outermost first."""
        answer = first_answer(reply)
        for _, inner in _inside(answer) if answer is not None else ():
            noun = snake_case(inner.DESCRIPTOR.name)
            for name in (*(f"{noun}_{key}" for key in _KEYS), *_KEYS):
                own = inner.DESCRIPTOR.fields_by_name.get(name)
                if own is not None and own.message_type is None and not own.is_repeated and getattr(inner, name):
                    yield getattr(inner, name)
                    break

    def keys_for(
        self, method: Method, fields: Fields, words: str = "", *, anything: bool = False
    ) -> Iterator[KnownKey]:
        """Yield the values by which a field of a request may name something that there is: the most likely first, by
        its name, then by the *words* of a refusal ("there is no such account"); then those of *anything*, if asked.
        """
        field = fields[-1]
        own, said = list(self._nouns(method, fields)), self._named_in(words)
        told: set[Any] = set()
        yield from self._called(own, field, told)
        yield from self._named_alike(field, told)
        yield from self._referred_to(own, field, told)
        yield from self._handed_over(field, told)
        yield from self._of_the_same_name(field, told)
        yield from self._called(said, field, told)
        yield from self._labeled(field, [*own, *said], told)
        if anything:
            yield from self._others(field, told)

    def _called(self, nouns: Sequence[str], field: FieldDescriptor, told: set[Any]) -> Iterator[KnownKey]:
        """Yield what things of these names are told by, those first that are called just so."""
        for exact in (True, False):
            for noun in nouns:
                for thing in self.made_first():
                    if noun not in thing.names and (exact or not (noun in thing.noun or thing.noun in noun)):
                        continue
                    descriptor: Any = thing.message.DESCRIPTOR
                    for name in _attributes(descriptor, field, noun):
                        value = getattr(thing.message, name)
                        if value and value not in told:
                            told.add(value)
                            yield KnownKey(value, (*thing.path, name), thing.made_by)

    def _named_alike(self, field: FieldDescriptor, told: set[Any]) -> Iterator[KnownKey]:
        """Yield what fields of the same name have named in requests that were taken: each seller is a member."""
        key = self._references.get(field.name)
        if key is not None and key.value not in told and field.name not in _KEYS:
            told.add(key.value)
            yield key

    def _referred_to(self, nouns: Sequence[str], field: FieldDescriptor, told: set[Any]) -> Iterator[KnownKey]:
        """Yield what other things name them by, unless they were told to: the invoice that a subscription has got."""
        endings = tuple(f"_{noun}_{key}" for noun in nouns for key in _KEYS)
        for thing in self.made_first() if field.type in _KEY_TYPES else ():
            descriptor: Any = thing.message.DESCRIPTOR
            for own in descriptor.fields:
                if not f"_{snake_case(own.name)}".endswith(endings) or not is_like(own, field):
                    continue
                value = getattr(thing.message, own.name)
                is_given = thing.made_by is not None and chosen_at(thing.made_by.message, value) is not None
                if value and value not in told and not is_given:
                    told.add(value)
                    yield KnownKey(value, (*thing.path, own.name), thing.made_by)

    def _handed_over(self, field: FieldDescriptor, told: set[Any]) -> Iterator[KnownKey]:
        """Yield what stood in the same field of the same type of message: what one method gives is given to another."""
        owner = field.containing_type
        for thing in self.made_first():
            if owner is not None and thing.message.DESCRIPTOR.full_name == owner.full_name and not field.is_repeated:
                value = getattr(thing.message, field.name)
                if value and field.message_type is None and value not in told:
                    told.add(value)
                    yield KnownKey(value, (*thing.path, field.name), thing.made_by)

    def _of_the_same_name(self, field: FieldDescriptor, told: set[Any]) -> Iterator[KnownKey]:
        """Yield what parts of things have under the name of a field by which things are told apart: the article in an
        order."""
        name = snake_case(field.name)
        if name in ("id", "name") or (name not in _KEYS and stem_of(name) == name):
            return
        for thing in self.made_first():
            is_part = any(isinstance(step, int) for step in thing.path)
            descriptor: Any = thing.message.DESCRIPTOR
            own = descriptor.fields_by_name.get(field.name) if is_part else None
            value = getattr(thing.message, own.name) if own is not None and is_like(own, field) else None
            if value and value not in told:
                told.add(value)
                yield KnownKey(value, (*thing.path, field.name), thing.made_by)

    def agreeing(self, field: FieldDescriptor) -> Iterator[Any]:
        """Yield what things say of when and in which unit they are, under the name of the field: a request about one of
        them often has to say the same, or something that lies within."""
        name = snake_case(field.name)
        values: dict[Any, None] = {}
        for thing in self.made_first() if _WHEN.fullmatch(name) else ():
            descriptor: Any = thing.message.DESCRIPTOR
            own = next((one for one in descriptor.fields if snake_case(one.name) == name), None)
            if own is not None and is_like(own, field):
                values[getattr(thing.message, own.name)] = None
        yield from (value for value in values if value)

    def _labeled(self, field: FieldDescriptor, nouns: Iterable[str], told: set[Any]) -> Iterator[KnownKey]:
        """Yield the keys that stood alone, with names that are those wanted, or such as hold one another."""
        sort = str if field.type == field.TYPE_STRING else int
        labels = [one for one in reversed(self._labels) if isinstance(one[1], sort)] if field.type in _KEY_TYPES else []
        near = [(noun, label, key) for noun in nouns for label, key in labels]
        near.sort(key=lambda one: one[0] != one[1])
        for noun, label, key in near:
            is_near = noun == label or (len(label) >= _TELLING and (label in noun or noun in label))
            if is_near and key not in told:
                told.add(key)
                yield KnownKey(key, (), None)

    def _named_in(self, words: str) -> list[str]:
        """Give the nouns of things that a text speaks of."""
        said = set(re.findall("[a-z]+", words.lower()))
        nouns = dict.fromkeys(name for thing in reversed(self._things) for name in sorted(thing.names))
        return [noun for noun in nouns if not said.isdisjoint({noun, noun.rpartition("_")[2]})]

    def _others(self, field: FieldDescriptor, told: set[Any]) -> Iterator[KnownKey]:
        """Yield the keys of all that was made and fits a field, whatever it is called."""
        for thing in self.made_first():
            descriptor: Any = thing.message.DESCRIPTOR
            name = next(_attributes(descriptor, field, thing.noun), None) if thing.made_by is not None else None
            value = getattr(thing.message, name) if name is not None else None
            if name is not None and value and value not in told:
                told.add(value)
                yield KnownKey(value, (*thing.path, name), thing.made_by)

    def made_first(self) -> list[Thing]:
        """Give the newest first, of them those first that can be made again, and before what was changed since."""
        newest = self._things[::-1]
        return sorted(newest, key=lambda thing: (thing.made_by is None, thing.is_changed))

    def made_otherwise(self, key: KnownKey) -> Iterator[KnownKey]:
        """Yield the keys of other things of the same type, which were made in another way, with all that they may have,
        or to which something was done since, be it told by another thing, as a receipt tells of an order: one for each
        way."""
        name, ways = str(key.source[-1]) if key.source else "", [key.made_by]
        own = next((one for one in reversed(self._things) if _has(one.message, name, key.value)), None)
        if own is None:
            return
        telling = {f"{noun}_{label}" for noun in own.names for label in (name, "id", "number", "name")}
        for thing in reversed(self._things):
            if thing.made_by is None or any(thing.made_by is way for way in ways):
                continue
            descriptor: Any = thing.message.DESCRIPTOR
            is_same = descriptor is own.message.DESCRIPTOR
            fields = [name] if is_same else [one.name for one in descriptor.fields if one.name in telling]
            if (is_same or thing.is_changed) and fields and (value := getattr(thing.message, fields[0])):
                ways.append(thing.made_by)
                yield KnownKey(value, (*thing.path, fields[0]), thing.made_by)

    def _nouns(self, method: Method, fields: Fields) -> Iterator[str]:
        """Yield what a field may name, in words."""
        field = fields[-1]
        name = singular(snake_case(field.name)) if field.is_repeated else snake_case(field.name)
        reference, child = self._options.reference(field)
        if reference and reference != "*":
            yield snake_case(reference.rpartition("/")[2])
        if name not in _KEYS and name != "parent":
            yield stem_of(name)
            yield name
            return
        told = verb_and_noun(method.name)
        if len(fields) > 1 and fields[-2].message_type is not None:
            yield snake_case(fields[-2].message_type.name)
        if name == "parent":
            for thing in reversed(self._things):
                key = getattr(thing.message, "name", "")
                if (
                    isinstance(key, str)
                    and "/" in key
                    and (not child or thing.noun != snake_case(child.split("/")[-1]))
                ):
                    yield thing.noun
            return
        if told is not None and told[1]:
            yield snake_case(singular(told[1]))
        words = snake_case(method.name).split("_")
        yield from (singular("_".join(words[start:])) for start in range(1, len(words)))
        yield from (singular("_".join(words[:end])) for end in range(len(words) - 1, 0, -1))  # as in ModelReady
        owner = field.containing_type
        if owner is not None:
            yield snake_case(_WRAPPING.sub("", owner.name))


def is_like(own: FieldDescriptor, field: FieldDescriptor) -> bool:
    """Whether a field of a thing holds one value of the same type as that of a request."""
    return own.cpp_type == field.cpp_type and own.message_type is None and not own.is_repeated


def _has(message: Message, name: str, value: Any) -> bool:
    return name in message.DESCRIPTOR.fields_by_name and bool(getattr(message, name) == value)


def _inside(message: Message, way: Path = (), depth: int = 3) -> Iterator[tuple[Path, Message]]:
    yield way, message
    for field, value in message.ListFields():
        if field.message_type is None or not depth or field.message_type.full_name.startswith("google.protobuf."):
            continue
        if field.message_type.GetOptions().map_entry:
            continue
        if field.is_repeated:
            for index, item in enumerate(list(value)[:_ITEMS]):
                yield from _inside(item, (*way, field.name, index), depth - 1)
        else:
            yield from _inside(value, (*way, field.name), depth - 1)


def _attributes(descriptor: Descriptor, field: FieldDescriptor, noun: str) -> Iterator[str]:
    """Yield the fields of a thing that may hold its key, as a field of a request asks for it."""
    name = snake_case(field.name)
    suffix = name.removeprefix(f"{noun}_")
    wanted = dict.fromkeys((name, suffix, *(f"{noun}_{key}" for key in _KEYS), *_KEYS))
    own_names = {snake_case(own.name): own for own in descriptor.fields}
    for label in wanted:
        own = own_names.get(label)
        if own is not None and is_like(own, field):
            yield own.name
