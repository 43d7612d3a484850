"""Searches for a text: they find what has it, where the contract says in which fields, and not just what hasn't.

Indexes look at other things than one sees, in languages of their own, and leave out what isn't published. So a search
is held to its comment, which names the fields, and where there is none to the opposite alone: of two things that differ
in a text, it finds by the text of each the other one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.naming import singular
from grpcmock.fuzz.expectations.roles import MAKING, Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.calls import step_of
from grpcmock.fuzz.resources.laws.lists import Listed, item_of, listed, only_lists
from grpcmock.fuzz.resources.locations import SIZES
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method, Registry

_QUERY = re.compile(r"(search_)?(query|q|text|term|terms|phrase|keyword|keywords|words)|search|query_(text|string)")
_FINDS = re.compile(
    r"\b(ha(s|ve|ving)|contain(s|ing)?|includ(es?|ing)|match(es|ing)?|(part of|in) (the|its|their))\b", re.IGNORECASE
)
_SOME_ONLY = re.compile(
    r"\b(published|public|publicly|active|visible|approved|available|open|recent|latest|newest|top|best|popular|own|your|"
    r"my|mine|not|n't|never|except|unless|without|index\w*|eventual\w*|delay\w*|later|soon|rank\w*|score\w*|fuzz\w*|"
    r"exact\w*|syntax|operators?|expressions?|filters?|regex\w*|permi\w+|access\w*|AIP)\b|n't\b",
    re.IGNORECASE,
)
"""Words of comments by which a search may leave out what has the text, or take the text for something else."""

_PLAIN = re.compile(r"[A-Za-z]{8,}")
"""Texts that any search takes as they are, and that are in nothing by chance."""

_SENTENCE = re.compile(r"[.;]\s")

_LARGE = 5
"""A search that shows less than this wasn't cut."""


@dataclass(slots=True)
class Searches:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    resources: Resources
    _made: dict[tuple[str, Any], Message] = field(default_factory=dict)
    """What was made, as it was shown then, by the types and keys."""

    _missed: list[tuple[Any, Finding]] = field(default_factory=list)
    """What wasn't found, until it is seen that it is there."""

    _shown: dict[tuple[str, str], set[Any]] = field(default_factory=dict)
    """What was found of what was made, by methods and texts."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or reply.call.raw is not None:
            return
        step = step_of(reply, self.resources)
        if not only_reads(method):
            if step is None or step.operation.role not in MAKING:
                self._made.clear()
            elif step.is_ok and len(step.requests) == 1:
                self._hear_of_made(step)
            self._missed.clear()
            self._shown.clear()
            return
        if step is not None and step.operation.role is Role.GET and step.is_ok:
            yield from self._seen(step)
        if (asked := query_of(method)) is not None and (shown := listed(reply)) is not None:
            yield from self._searched(method, asked, shown)

    def _hear_of_made(self, step: ResourceCall) -> None:
        for message in step.resources():
            if key := getattr(message, step.resource.key):
                self._made[message.DESCRIPTOR.full_name, key] = message

    def _seen(self, step: ResourceCall) -> Iterator[Finding]:
        """Hear that something is there, as it was made: so it was when it wasn't found."""
        for message in step.resources():
            key = getattr(message, step.resource.key)
            made = self._made.get((message.DESCRIPTOR.full_name, key))
            if made is not None and dict(texts(made)) == dict(texts(message)):
                yield from (finding for missed, finding in self._missed if missed == key)

    def _searched(self, method: Method, asked: FieldDescriptor, shown: Listed) -> Iterator[Finding]:
        resource = next((one for one in self.resources.all if one.descriptor is item_of(method)), None)
        if resource is None:
            return
        request, items = shown.request, shown.items
        text = getattr(request, asked.name)
        others = [one for one, _ in request.ListFields() if one is not asked and one.name not in SIZES]
        if others or not _PLAIN.fullmatch(text):
            return
        keys = {getattr(item, resource.key) for item in items}
        name = resource.descriptor.full_name
        having = {key: message for (kind, key), message in self._made.items() if kind == name and _has(message, text)}
        yield from self._opposite(method, asked, text, set(having), keys)
        if shown.goes_on or not 0 <= len(items) < min(_LARGE, _size(request) or _LARGE):
            return
        fields = self._stated(method, asked, resource)
        for key, message in having.items():
            found = next((own for own, value in texts(message) if own in fields and value == text), None)
            if found is not None and key not in keys:
                expected = f"{key!r}, whose {found} is {text!r}: the comment names it"
                actual = f"OK, and {len(items)} others" if items else "OK, and nothing"
                self._missed.append((key, _finding(method, asked, expected, actual, f"search {found}")))

    def _opposite(
        self, method: Method, asked: FieldDescriptor, text: str, having: set[Any], keys: set[Any]
    ) -> Iterator[Finding]:
        """See whether of two things each was found by the text of the other, and not by its own."""
        for (path, other), shown in self._shown.items() if having and having.isdisjoint(keys) else ():
            theirs = {key for (_, key), message in self._made.items() if _has(message, other)}
            is_opposite = theirs and theirs.isdisjoint(shown) and theirs <= keys and having <= shown
            if path == method.path and other != text and is_opposite:
                expected = f"what has {text!r} in it, such as {min(map(repr, having))}"
                actual = f"what hasn't, such as {min(map(repr, theirs))}; and so it is with {other!r}"
                yield _finding(method, asked, expected, actual, "search opposite")
        self._shown[method.path, text] = keys

    def _stated(self, method: Method, asked: FieldDescriptor, resource: Resource) -> set[str]:
        """Return the fields in which a method searches, as its comment or that of the query says."""
        return set(stated_fields(method, asked, resource.descriptor, self.registry))


@lru_cache(4096)
def query_of(method: Method) -> FieldDescriptor | None:
    """Return the field of a request that has the text which is looked for; None if a method is no such search."""
    if method.kind not in (MethodKind.UNARY, MethodKind.SERVER_STREAMING) or not only_lists(method):
        return None
    found = [
        one
        for one in method.input.fields
        if one.type == one.TYPE_STRING and not one.is_repeated and _QUERY.fullmatch(one.name)
    ]
    return found[0] if len(found) == 1 and item_of(method) is not None else None


def stated_fields(method: Method, asked: FieldDescriptor, item: Descriptor, registry: Registry) -> Iterator[str]:
    """Yield the fields with texts into which a search looks, as its comment or that of the query says in one sentence;
    none if they say anything doubtful besides."""
    own = method_comments(registry).get(method.full_name, "")
    of_query = field_comments(registry).get(asked.full_name, "")
    if _SOME_ONLY.search(f"{own} {of_query}"):
        return
    query = re.compile(rf"\b(query|{str(asked.name).replace('_', '.')})\b", re.IGNORECASE)
    sentences = [one for one in _SENTENCE.split(own) if query.search(one)] + _SENTENCE.split(of_query)
    told = " ".join(one for one in sentences if _FINDS.search(one))
    for one in item.fields:
        word = str(one.name).replace("_", " ")
        if one.type == one.TYPE_STRING and re.search(rf"\b({word}|{singular(word)})\b", told, re.IGNORECASE):
            yield str(one.name)


def texts(message: Message) -> Iterator[tuple[str, str]]:
    """Yield the texts of a message, by the names of their fields."""
    for one, value in message.ListFields():
        if one.type == FieldDescriptor.TYPE_STRING:
            for text in value if one.is_repeated else (value,):
                yield one.name, text


def _has(message: Message, text: str) -> bool:
    return text.casefold() in str(message).casefold()


def _size(request: Message) -> int:
    return max([0, *(int(value) for one, value in request.ListFields() if one.name in SIZES)])


def _finding(method: Method, asked: FieldDescriptor, expected: str, actual: str, key: str) -> Finding:
    return Finding(
        check="read_after_write",
        expected=expected,
        actual=actual,
        path=asked.name,
        key=key,
        method=method,
        may_lag=True,
    )
