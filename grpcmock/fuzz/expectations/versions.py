"""Versions of things, as contracts tell of them: which field shows one, whether it only grows, and where a request says
which version is meant.

``version``, ``revision`` and ``generation`` are numbers that a thing shows; ``expected_version`` and ``if_match`` name
the one that a change is for. What is called ``version`` in a request may be one to go back to, or a new one: it counts
only where a comment says that another one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import SENTENCE, method_comments
from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema import Method, Registry

_NUMBER = re.compile(r"(?:resource_|row_|lock_)?(?:version|revision|generation)")
_ETAG = "etag"
_EXPECTED = re.compile(
    r"(?:expected|if|known|last_known|last_seen)_(?P<name>(?:resource_)?version|revision|generation|etag)"
    r"(?:_match(?:es)?)?|if_match"
)
_WORDS = re.compile(
    r"\b(versions?|revisions?|generations?|e-?tags?|stale|out[- ]of[- ]date|outdated)\b|_version\b", re.IGNORECASE
)
_CODES = (Code.ABORTED, Code.FAILED_PRECONDITION)
_NAMES = {code: re.compile(rf"\b({code.name}|{code.name.title().replace('_', '')})\b") for code in _CODES}
_REFUSED = re.compile(
    r"\b(stale|out[- ]of[- ]date|outdated|optimistic\w*|concurren\w+)\b"
    r"|\bmust (match|be|equal) (?:the )?(current|latest|last|stored)\b",
    re.IGNORECASE,
)
_MISMATCH = re.compile(
    r"\b(stale|out[- ]of[- ]date|outdated|mismatch\w*|another (version|revision|generation|e-?tag)|conflict\w*)\b"
    r"|\b(isn't|is not|differs from|other than|(doesn't|does not|don't|do not|must) (match|equal)|must be)"
    r" (the|its|that|what)?\b"
    r"|\bhas (been )?changed\b",
    re.IGNORECASE,
)
"""That a version isn't that of the thing; else FAILED_PRECONDITION may be about what the version is of."""

_CHOOSES = re.compile(
    r"(Restore|Roll|Revert|Activate|Publish|Promote|Deploy|Release|Set|Pin|Use|Select|Approve|Tag)(?=[A-Z]|back|$)"
)
"""Methods for which a version is the one that is to be."""

_OTHER = re.compile(
    r"\b(isn't|is not|unless|other than|another|differs?|different|mismatch|(doesn't|does not|don't) (match|equal))\b"
    r"|\bmust (match|be|equal)\b",
    re.IGNORECASE,
)
"""Any other version than the one of the thing is refused, be it a later one."""

_NEW = re.compile(
    r"\b(next|new|newer|higher|greater|larger|more|plus|increment\w*|roll\w*|restored?|restores|revert\w*)\b",
    re.IGNORECASE,
)
_GROWS = re.compile(
    r"\b(one more|plus one|increase[sd]?|increasing|increment\w*|goes up|grows|bump\w*|counts? (the )?changes)\b",
    re.IGNORECASE,
)
_WITH_CHANGES = re.compile(r"\b(chang\w+|updates?|updated|updating|modif\w+|writ\w+|edit\w*)\b", re.IGNORECASE)
_OF_SOME = re.compile(
    r"\b(spec|desired|schema|content|contents|definition|major|minor|publish\w*|released?|deploy\w*|draft\w*|config\w*"
    r"|significant|some|certain|may|might|usually|client\w*|caller\w*|user)\b",
    re.IGNORECASE,
)
_TAKES_AWAY = re.compile(r"(Delete|Remove)(?=[A-Z])")
_KEYS = ("id", "uid", "uuid")

Way = tuple[FieldDescriptor, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a request says which version of a thing it means."""

    asked: Way
    thing: Descriptor
    shown: FieldDescriptor
    """The field in which the thing shows its version."""

    codes: frozenset[Code]
    """What comments say that another version is refused with."""

    is_documented: bool
    """Whether comments say that one which is past is refused."""

    refuses_any_other: bool
    """Whether they say so of any other."""

    @property
    def name(self) -> str:
        return ".".join(str(one.name) for one in self.asked)


@lru_cache(4096)
def version_of(thing: Descriptor) -> FieldDescriptor | None:
    """Return the field in which a thing shows its version as a number; None if it has none, or more than one."""
    found = [one for one in thing.fields if _NUMBER.fullmatch(one.name) and _is_whole(one)]
    return found[0] if len(found) == 1 else None


@lru_cache(4096)
def key_name(thing: Descriptor) -> str:
    """Return the field that tells a thing from all others; empty if none is known."""
    noun = snake_case(thing.name)
    for name in (f"{noun}_id", *_KEYS):
        one = thing.fields_by_name.get(name)
        if one is not None and not one.is_repeated and (one.cpp_type in WHOLE or one.type == one.TYPE_STRING):
            return name
    return ""


@lru_cache(1024)
def grows(shown: FieldDescriptor, registry: Registry) -> bool:
    """Whether a comment says that a version becomes more with each change, whatever that is."""
    comment = _plain(field_comments(registry).get(shown.full_name, ""))
    for sentence in SENTENCE.split(comment):
        if _GROWS.search(sentence) and _WITH_CHANGES.search(sentence) and not _OF_SOME.search(sentence):
            return True
    return False


@lru_cache(1024)
def expected_of(method: Method, registry: Registry) -> Expected | None:
    """Return where a request says which version it is for; None if it can't, or that isn't clear."""
    if only_reads(method) or method.kind is not MethodKind.UNARY:
        return None
    thing = _thing(method, registry)
    if thing is None or not key_name(thing):
        return None
    found = list(_expectations(method, thing, registry))
    return found[0] if len(found) == 1 else None


def _thing(method: Method, registry: Registry) -> Descriptor | None:
    """Return what a method changes: what it answers with, or what it takes away by its name."""
    if (own := next(things_in(method.output), None)) is not None:
        return own
    if not _TAKES_AWAY.match(capitalized(method.name)):
        return None
    noun = snake_case(_TAKES_AWAY.sub("", capitalized(method.name)))
    others = {one for other in registry.methods.values() for one in things_in(other.output)}
    named = [one for one in others if snake_case(one.name) == noun]
    return named[0] if len(named) == 1 else None


def things_in(output: Descriptor) -> Iterator[Descriptor]:
    """Yield the type of what a response shows as a whole, if that has a version: of the response, or of a field."""
    if version_of(output) is not None or _etag(output) is not None:
        yield output
        return
    for one in output.fields:
        inner = one.message_type
        if inner is not None and not one.is_repeated and (version_of(inner) or _etag(inner)):
            yield inner


def _expectations(method: Method, thing: Descriptor, registry: Registry) -> Iterator[Expected]:
    inner = [(one, own) for one in method.input.fields if one.message_type is thing for own in thing.fields]
    for way in (*((one,) for one in method.input.fields), *inner):
        last = way[-1]
        if last.is_repeated or last.message_type is not None:
            continue
        shown, comment = _meant(last, thing), _plain(field_comments(registry).get(last.full_name, ""))
        if shown is None:
            continue
        told = [*_sentences(method, registry), comment]
        codes = frozenset(code for code in _CODES if any(_tells(one, code) for one in told))
        is_plain = len(way) == 1 and _EXPECTED.fullmatch(last.name) is not None
        is_documented = (bool(codes) or bool(_REFUSED.search(comment))) and not _NEW.search(comment)
        if is_plain or (is_documented and not _CHOOSES.match(capitalized(method.name))):
            of_others = [one for one in told if one is comment or any(_NAMES[code].search(one) for code in codes)]
            is_other = is_documented and any(_OTHER.search(_plain(one)) for one in of_others)
            yield Expected(way, thing, shown, codes, is_documented, is_other)


def _sentences(method: Method, registry: Registry) -> list[str]:
    """Return what the comment of a method says of versions."""
    sentences = SENTENCE.split(method_comments(registry).get(method.full_name, ""))
    return [_plain(one) for one in sentences if _WORDS.search(one)]


def _tells(sentence: str, code: Code) -> bool:
    """Whether a sentence says that a call for another version than that of the thing ends with a status."""
    return _NAMES[code].search(sentence) is not None and (
        code is Code.ABORTED or _MISMATCH.search(sentence) is not None
    )


def _meant(asked: FieldDescriptor, thing: Descriptor) -> FieldDescriptor | None:
    """Return the field of a thing whose value a field of a request may name as the one that is expected."""
    name = _EXPECTED.fullmatch(asked.name)
    shown = version_of(thing) if _is_whole(asked) else _etag(thing) if asked.type == asked.TYPE_STRING else None
    if shown is None:
        return None
    if name is not None:
        return shown if name["name"] in (None, shown.name) or shown.name.endswith(f"_{name['name']}") else None
    return shown if asked.name == shown.name else None


def _etag(thing: Descriptor) -> FieldDescriptor | None:
    one = thing.fields_by_name.get(_ETAG)
    return one if one is not None and one.type == one.TYPE_STRING and not one.is_repeated else None


def _is_whole(one: FieldDescriptor) -> bool:
    return one.cpp_type in WHOLE and not one.is_repeated


def _plain(comment: str) -> str:
    return " ".join(comment.split())
