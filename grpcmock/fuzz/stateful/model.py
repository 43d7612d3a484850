"""A model of what a server keeps: told of call after call, it knows what must be there, and says what contradicts it.

It claims only what it has seen itself: resources made by the calls that it was told of, by whom, and what became of them.
What others have put there, or change meanwhile, is none of its business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import MethodOptions

from grpcmock.fuzz.checks.words import said
from grpcmock.fuzz.evidence import Ending
from grpcmock.fuzz.failures import Finding
from grpcmock.fuzz.stateful import masks, paging
from grpcmock.fuzz.stateful.comparing import Difference, differences, is_set, shown
from grpcmock.fuzz.stateful.history import Step, found, step_of
from grpcmock.fuzz.stateful.resources import MAKING, READING, Resource, Resources, Role
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.evidence import Reply
    from grpcmock.schema import Method

_CHANGED_BY_ITSELF = 3
"""After so many reads in a row, each with another value, a field counts as changed by being read."""

_VOLATILE = (
    "read",
    "access",
    "seen",
    "now",
    "server",
    "request",
    "response",
    "view",
    "hit",
    "age",
    "uptime",
    "ttl",
    "count",
)
"""Parts of the names of fields that may well change while nobody writes."""

_LEFT_NOTHING = frozenset(
    {
        *(Code.UNKNOWN, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.PERMISSION_DENIED, Code.FAILED_PRECONDITION),
        *(Code.ABORTED, Code.OUT_OF_RANGE, Code.UNIMPLEMENTED, Code.INTERNAL, Code.UNAUTHENTICATED, Code.DATA_LOSS),
    }
)
"""The codes after which nothing may be left; with others it may have been done, or was there before."""


@dataclass(slots=True, eq=False)
class Known:
    """What is known of one resource."""

    resource: Resource
    key: Any
    alive: bool
    why: str
    """How it came to be so, in words: ``CreateUser answered OK``."""

    by: Method | None = None
    """The method that made it so."""

    message: Message | None = None
    """What it must look like; None if that isn't known."""

    given: Message | None = None
    """What the client asked it to be, where no answer has shown it."""

    parent: Any = None

    masked: frozenset[str] = frozenset()
    """The fields that the last update named, where it named any."""

    empty: frozenset[str] = frozenset()
    """Fields that were cleared, and so must be empty."""

    deleted: bool = False
    """Whether it isn't there because it was deleted."""

    failed: bool = False
    """Whether it isn't there because the call that would have made it failed. Where neither is so, it wasn't there, and
    somebody else may have made it since."""

    sure: bool = True
    """Whether that it's alive or not is known for certain."""

    reads: list[Message] = field(default_factory=list)
    """What reads have shown since it was last written."""


class Model:
    """What a server must keep after the calls so far. One for each run of calls."""

    def __init__(self, resources: Resources, *, documented: Any = None) -> None:
        """*documented* are the codes that methods are said to answer with, by their full names."""
        self._resources = resources
        self._documented = documented or {}
        self.known: dict[tuple[str, Any], Known] = {}
        self._made: dict[bytes, tuple[int, list[Any]]] = {}
        """What came of the creations with a request id: the code and the keys, by method and request."""
        self._walks = paging.Walks()
        self._last: Step | None = None
        self._unproven: dict[str, list[Known]] = {}
        """What was made by servers of which nothing says that they keep anything, by the names of resources."""
        self._proven: dict[str, bool] = {}

    def take(self, reply: Reply) -> list[Finding]:
        """Hear of one more call. Gives what contradicts all that was heard before."""
        step = step_of(reply, self._resources)
        if step is None:
            return []
        found = list(self._foreign(step) if step.is_foreign else self._own(step))
        self._last = step
        return found

    def alive(self, resource: Resource) -> list[Known]:
        """Give the resources of a kind that must be there."""
        return [known for known in self.known.values() if known.resource is resource and known.alive and known.sure]

    def _own(self, step: Step) -> Iterator[Finding]:
        match step.operation.role:
            case Role.CREATE | Role.IMPORT:
                yield from self._create(step)
            case Role.GET | Role.BATCH_GET | Role.LOOKUP:
                yield from self._get(step)
            case Role.LIST | Role.EXPORT:
                yield from self._list(step)
            case Role.UPDATE:
                yield from self._update(step)
            case Role.DELETE:
                yield from self._delete(step)
            case Role.UNDELETE:
                self._undelete(step)

    # Creating -------------------------------------------------------------------------------------------

    def _create(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        token = step.named(operation.request_id) if step.resource.is_annotated else None
        same = step.reply.call.path.encode() + b"\0" + step.request.SerializePartialToString(deterministic=True)
        if step.is_ok:
            if token and (earlier := self._made.get(same)) is not None:
                yield from self._again(step, earlier[1])
                return
            self._walks.disturb()
            if token:
                self._made[same] = (0, step.keys())
            yield from self._created(step)
        elif token and same in self._made and step.reply.code == Code.ALREADY_EXISTS:
            yield self._finding(
                step,
                "G128",
                f"the first answer again: {operation.request_id} says that it is the same request",
                said(step.reply),
            )
        elif step.is_refused or step.was_given_up:
            self._not_created(step)
        else:
            self._walks.disturb()
            for key in self._asked_for(step):
                self._doubt(step.resource, key)

    def _again(self, step: Step, keys: list[Any]) -> Iterator[Finding]:
        """The same request with the same request id was made twice."""
        if keys and step.keys() and step.keys() != keys:
            expected = f"{shown(keys[0])} again: {step.operation.request_id} says that it is the same request (AIP-155)"
            yield self._finding(
                step, "G128", expected, f"another one: {shown(step.keys()[0])}", path=step.operation.request_id
            )

    def _created(self, step: Step) -> Iterator[Finding]:
        resource, asked = step.resource, self._asked_for(step)
        keys = step.keys() or asked
        messages = step.resources()
        made: list[Known] = []
        for index, key in enumerate(keys):
            if not key and key != 0:
                continue
            old = self.known.get((resource.name, key))
            if old is not None and old.alive and old.sure:
                yield from self._created_twice(step, key, key in asked)
            request = step.requests[index] if index < len(step.requests) else step.request
            made.append(
                Known(
                    resource=resource,
                    key=key,
                    alive=True,
                    why=f"{step.operation.method.name} made it",
                    by=step.operation.method,
                    message=messages[index] if index < len(messages) else None,
                    given=step.at(step.operation.given, request),
                    parent=step.at(step.operation.parent, request) or resource.parent_of(key),
                )
            )
        for known in made if resource.is_annotated else self._kept(resource, made):
            self.known[resource.name, known.key] = known

    def _kept(self, resource: Resource, made: list[Known]) -> list[Known]:
        """Give what a server without annotations can be held to: what has no memory, such as a mock, gives the same key
        to all that it is asked to make, and only of two creations can be told that they gave different ones."""
        earlier = self._unproven.setdefault(resource.name, [])
        proven = self._proven.get(resource.name)
        if proven is None and earlier:
            proven = self._proven[resource.name] = not {known.key for known in earlier} & {known.key for known in made}
        earlier += made
        if not proven:
            return []
        kept, self._unproven[resource.name] = earlier, []
        return kept

    def _created_twice(self, step: Step, key: Any, was_asked: bool) -> Iterator[Finding]:
        resource, method = step.resource, step.operation.method
        documented = Code.ALREADY_EXISTS in self._documented.get(method.full_name, ())
        if was_asked and (resource.is_annotated or documented):
            yield self._finding(
                step, "G133", f"ALREADY_EXISTS: there is a {resource.name} {key!r} already", said(step.reply)
            )
        elif not was_asked and resource.is_annotated:
            yield self._finding(
                step, "G133", f"a key that no other {resource.name} has", f"{key!r} once more", key="key"
            )

    def _not_created(self, step: Step) -> None:
        code = step.reply.code
        leaves_nothing = code in _LEFT_NOTHING or step.was_given_up
        for key in self._asked_for(step):
            old = self.known.get((step.resource.name, key))
            if old is not None and old.alive:
                continue
            if leaves_nothing and old is not None and old.sure:
                why = f"{step.operation.method.name} failed ({said(step.reply)})"
                self.known[step.resource.name, key] = Known(
                    step.resource, key, False, why, by=step.operation.method, failed=True
                )
            elif not leaves_nothing:
                self.known.pop((step.resource.name, key), None)

    def _asked_for(self, step: Step) -> list[Any]:
        """Give the keys that a client chose in a creation."""
        operation, keys = step.operation, []
        for request in step.requests:
            own_id = step.at(operation.own_id, request)
            if own_id:
                key = step.resource.key_of(own_id, step.at(operation.parent, request))
                keys += [] if key is None else [key]
        return keys

    # Reading --------------------------------------------------------------------------------------------

    def _get(self, step: Step) -> Iterator[Finding]:
        resource = step.resource
        if step.operation.role is Role.LOOKUP:
            yield from self._looked_up(step)
            return
        keys = step.at(step.operation.key)
        asked = list(keys) if hasattr(keys, "extend") else [keys]
        if step.is_ok:
            messages = step.resources()
            for index, key in enumerate(asked):
                if len(messages) == len(asked):
                    yield from self._seen(step, key, messages[index], partial=_is_partial(step))
        elif step.is_refused and step.reply.code == Code.NOT_FOUND:
            lacking = [self.known.get((resource.name, key)) for key in asked]
            if all(known is not None and known.alive and known.sure for known in lacking):
                yield self._finding(
                    step,
                    "G129",
                    f"the {resource.name} {asked[0]!r}: {lacking[0].why}",
                    said(step.reply),
                    key="missing",  # type: ignore[union-attr]
                )
            elif len(asked) == 1 and lacking[0] is None:
                self.known[resource.name, asked[0]] = Known(resource, asked[0], False, "it wasn't there")

    def _looked_up(self, step: Step) -> Iterator[Finding]:
        if not step.is_ok or len(step.responses) != len(step.requests):
            return
        for request, response in zip(step.requests, step.responses, strict=True):
            key = step.at(step.operation.key, request)
            message = found(response, step.operation.shown or ())
            known = self.known.get((step.resource.name, key))
            if message is not None:
                yield from self._seen(step, key, message)
            elif known is not None and known.alive and known.sure:
                yield self._finding(
                    step, "G129", f"the {known.resource.name} {key!r}: {known.why}", "nothing", key="missing"
                )

    def _seen(self, step: Step, key: Any, message: Message, *, partial: bool = False) -> Iterator[Finding]:
        """A resource was shown under this key."""
        resource = step.resource
        known = self.known.get((resource.name, key))
        if known is None:
            yield from self._seen_elsewhere(step, key, message)
        elif known.alive:
            if not known.sure or partial:
                return
            for finding in self._compare(step, known, message):
                yield replace(finding, method=known.by or finding.method)
            yield from self._changed_by_reading(step, known, message)
        elif (known.deleted or known.failed) and not _is_tombstone(message):
            yield self._undead(step, known)

    def _undead(self, step: Step, known: Known) -> Finding:
        code = "G131" if known.failed else "G130"
        expected = f"NOT_FOUND for {known.key!r}: {known.why}"
        finding = self._finding(step, code, expected, f"{said(step.reply)}, and it is there")
        return replace(finding, method=known.by) if known.failed else finding

    def _seen_elsewhere(self, step: Step, key: Any, message: Message) -> Iterator[Finding]:
        """A resource was shown that nobody made under this key: is it one that stands below another parent?"""
        resource, parent = step.resource, step.resource.parent_of(key)
        if parent is None:
            return
        for other in self.alive(resource):
            if other.parent == parent or str(other.key).rpartition("/")[2] != str(key).rpartition("/")[2]:
                continue
            same = getattr(message, resource.key) == other.key
            if same or (other.message is not None and not any(self._differ(resource, other.message, message))):
                expected = f"NOT_FOUND for {key!r}: {other.key!r} stands below another {resource.parent}"
                yield self._finding(step, "G132", expected, f"OK, and {getattr(message, resource.key)!r}")
                return

    def _differ(self, resource: Resource, expected: Message, got: Message, **more: Any) -> Iterator[Difference]:
        return differences(expected, got, ignoring=resource.hidden | resource.fixed, **more)

    def _compare(self, step: Step, known: Known, message: Message, *, partial: bool = False) -> Iterator[Finding]:
        resource, name = step.resource, getattr(message, step.resource.key)
        if name != known.key and resource.is_annotated and name:
            yield self._finding(step, "G129", f"{resource.key} {known.key!r}", f"{name!r}", path=resource.key)
            return
        if known.message is not None:
            found = self._differ(resource, known.message, message, also=known.empty, partial=partial)
            for path, expected, got in found:
                outside = bool(known.masked) and path.partition(".")[0] not in known.masked
                yield self._finding(
                    step,
                    "G135" if outside else "G129",
                    f"{path} {expected}: {'the update named other fields' if outside else known.why}",
                    f"{path} {got}",
                    path=path,
                )
                return
        elif not partial:
            if known.given is not None:
                yield from self._compare_with_given(step, known, message)
            known.message = message

    def _compare_with_given(self, step: Step, known: Known, message: Message) -> Iterator[Finding]:
        """What was made hasn't been shown before: all that the client gave must have left a trace."""
        assert known.given is not None
        for field, value in known.given.ListFields():
            own = message.DESCRIPTOR.fields_by_name.get(field.name)
            if own is None or own.full_name in step.resource.hidden | step.resource.fixed or own.is_repeated:
                continue
            if own.cpp_type != field.cpp_type or own.message_type is not None:
                continue
            got = getattr(message, own.name)
            if not is_set(message, own) and str(value).strip():
                yield self._finding(
                    step, "G129", f"{own.name} {shown(value)}: {known.why}", f"no {own.name}", path=own.name
                )
            elif isinstance(value, str) and "".join(value.split()).casefold() != "".join(got.split()).casefold():
                if value.isascii() and value.isalnum():
                    yield self._finding(
                        step,
                        "G129",
                        f"{own.name} {shown(value)}: {known.why}",
                        f"{own.name} {shown(got)}",
                        path=own.name,
                    )

    def _changed_by_reading(self, step: Step, known: Known, message: Message) -> Iterator[Finding]:
        """Look at what only the server sets: a method that says so must not change it by being called."""
        known.reads.append(message)
        level = step.operation.method.descriptor.GetOptions().idempotency_level
        if level != MethodOptions.NO_SIDE_EFFECTS or len(known.reads) < _CHANGED_BY_ITSELF:
            return
        last = known.reads[-_CHANGED_BY_ITSELF:]
        for own in message.DESCRIPTOR.fields:
            if own.full_name not in step.resource.fixed or any(part in own.name.split("_") for part in _VOLATILE):
                continue
            values = [shown(getattr(one, own.name)) for one in last]
            if len(set(values)) == len(values):
                yield self._finding(
                    step,
                    "G128",
                    f"{own.name} {values[0]} as before: {step.operation.method.name} has no side effects",
                    f"another one after each call: {', '.join(values[1:])}",
                    path=own.name,
                )

    # Listing --------------------------------------------------------------------------------------------

    def _list(self, step: Step) -> Iterator[Finding]:
        yield from (self._finding(step, "G134", *words) for words in self._walks.take(step))
        if not step.is_ok and step.reply.ending is not Ending.ENOUGH:
            return
        parent = step.at(step.operation.parent)
        for message in step.resources():
            key = getattr(message, step.resource.key)
            known = self.known.get((step.resource.name, key))
            if known is None:
                continue
            if known.alive and known.sure:
                if parent and known.parent and known.parent != parent and "-" not in str(parent).split("/"):
                    expected = f"only what stands below {parent!r}"
                    yield self._finding(step, "G132", expected, f"{key!r} among it")
                    continue
                yield from self._compare(step, known, message, partial=True)
            elif (known.deleted or known.failed) and known.sure and not _is_tombstone(message):
                finding = self._finding(step, "G130", f"no {key!r}: {known.why}", "it is in the list", key="listed")
                yield replace(finding, code="G131", key="", method=known.by) if known.failed else finding
        yield from self._missing(step, parent)

    def _missing(self, step: Step, parent: Any) -> Iterator[Finding]:
        """What is known to be there, and was on none of the pages."""
        walk = self._walks.complete(step)
        if walk is None:
            return
        for known in self.alive(step.resource):
            if known.key in walk.keys or (parent and known.parent != parent):
                continue
            if step.operation.parent is None and step.resource.parent:
                continue
            code = "G134" if walk.pages > 1 else "G129"
            where = f"on {walk.pages} pages" if walk.pages > 1 else "in the list"
            expected = f"{known.key!r} {where}: {known.why}"
            yield self._finding(step, code, expected, f"{len(walk.keys)} others, and no next page", key="missing")
            return

    # Changing -------------------------------------------------------------------------------------------

    def _update(self, step: Step) -> Iterator[Finding]:
        key, paths = step.at(step.operation.key), masks.paths_of(step)
        known = self.known.get((step.resource.name, key))
        if not step.is_ok:
            if not step.is_refused or step.reply.code in (Code.UNKNOWN, Code.INTERNAL, Code.ABORTED):
                self._doubt(step.resource, key)
            elif step.reply.code == Code.NOT_FOUND and known is not None and known.alive and known.sure:
                yield self._finding(
                    step, "G129", f"the {known.resource.name} {key!r}: {known.why}", said(step.reply), key="missing"
                )
            return
        self._walks.disturb()
        if wrong := masks.unknown(step, paths):
            yield self._finding(
                step,
                "G135",
                f"INVALID_ARGUMENT: {step.resource.name} has no field {wrong!r}",
                said(step.reply),
                path=step.operation.mask,
                key="unknown path",
            )
        if known is None:
            return
        if not known.alive:
            if known.deleted and known.sure and not step.named(step.operation.allow_missing):
                yield self._finding(step, "G130", f"NOT_FOUND for {key!r}: {known.why}", said(step.reply))
            self.known.pop((step.resource.name, key))
            return
        yield from self._updated(step, known, paths)

    def _updated(self, step: Step, known: Known, paths: Sequence[str]) -> Iterator[Finding]:
        given = step.at(step.operation.given)
        answers = step.resources()
        answer = answers[0] if answers and known.sure else None
        yield from self._idempotent(step, known, answer)
        touched = masks.touched(given, paths)
        if answer is not None and known.message is not None and given is not None:
            for words in masks.contradictions(step.resource, known.message, given, answer, paths):
                yield self._finding(step, *words)
                break
        if answer is None and known.message is not None and given is not None:
            answer = masks.merged(known.message, given, paths)
        known.message, known.given = answer, None
        known.masked = touched if paths and "*" not in paths else frozenset()
        known.empty = frozenset(name for name in touched if paths) if answer is not None else frozenset()
        known.why = f"{step.operation.method.name} changed it"
        known.by = step.operation.method
        known.reads = []

    def _idempotent(self, step: Step, known: Known, answer: Message | None) -> Iterator[Finding]:
        """The same change made twice in a row gives what it gave before."""
        last = self._last
        level = step.operation.method.descriptor.GetOptions().idempotency_level
        if last is None or answer is None or level != MethodOptions.IDEMPOTENT or not last.is_ok or last.is_foreign:
            return
        if last.operation is not step.operation or last.request != step.request or known.message is None:
            return
        for path, expected, got in self._differ(step.resource, known.message, answer):
            expected = f"{path} {expected} as before: {step.operation.method.name} is idempotent"
            yield self._finding(step, "G128", expected, f"{path} {got}", path=path)
            return

    def _doubt(self, resource: Resource, key: Any) -> None:
        if (known := self.known.get((resource.name, key))) is not None:
            known.sure, known.message, known.given = False, None, None

    # Deleting -------------------------------------------------------------------------------------------

    def _delete(self, step: Step) -> Iterator[Finding]:
        resource, key = step.resource, step.at(step.operation.key)
        known = self.known.get((resource.name, key))
        name = step.operation.method.name
        if step.is_ok:
            self._walks.disturb()
            if known is not None and known.deleted and known.sure and not step.named(step.operation.allow_missing):
                documented = self._documented.get(step.operation.method.full_name, frozenset())
                if Code.NOT_FOUND in documented and not any(map(_is_tombstone, step.resources())):
                    yield self._finding(
                        step, "G130", f"NOT_FOUND for {key!r}: {known.why}", said(step.reply), key="twice"
                    )
            self.known[resource.name, key] = Known(resource, key, False, f"{name} deleted it", deleted=True)
            self._forget_below(resource, key)
            self._made = {}
        elif step.is_refused and step.reply.code == Code.NOT_FOUND:
            if known is not None and known.alive and known.sure:
                yield self._finding(
                    step, "G129", f"the {resource.name} {key!r}: {known.why}", said(step.reply), key="missing"
                )
            elif known is None or not known.failed:
                self.known[resource.name, key] = Known(resource, key, False, "it wasn't there")
        elif not step.is_refused or step.reply.code in (Code.UNKNOWN, Code.INTERNAL):
            self._doubt(resource, key)

    def _forget_below(self, resource: Resource, key: Any) -> None:
        """What stood below a deleted resource may be gone, or not: the contract doesn't say."""
        for other in list(self.known.values()):
            if other.parent == key and self._resources.parent_of(other.resource) is resource:
                del self.known[other.resource.name, other.key]

    def _undelete(self, step: Step) -> None:
        key = step.at(step.operation.key)
        if step.is_ok:
            self._walks.disturb()
            self.known.pop((step.resource.name, key), None)

    # Others ---------------------------------------------------------------------------------------------

    def _foreign(self, step: Step) -> Iterator[Finding]:
        """Somebody else called: what isn't theirs must be out of their reach."""
        role, resource = step.operation.role, step.resource
        if role in MAKING or not (step.is_ok or step.reply.ending is Ending.ENOUGH):
            return
        if role in READING:
            keys = [getattr(message, resource.key) for message in step.resources()]
        else:
            keys = [step.at(step.operation.key)]
        for key in keys:
            known = self.known.get((resource.name, key))
            if known is not None and known.alive and known.sure:
                done = "was read" if role in READING else f"{role.value}d"
                expected = f"NOT_FOUND or PERMISSION_DENIED: {key!r} is somebody else's"
                yield self._finding(step, "G143", expected, f"{said(step.reply)}: it {done}")
                return

    def _finding(self, step: Step, code: str, expected: str, got: str, path: str = "", key: str = "") -> Finding:
        return Finding(
            code=code,
            expected=expected,
            got=got,
            path=path,
            key=key or path,
            method=step.operation.method,
        )


def _is_partial(step: Step) -> bool:
    """Whether a read asked for a part of what there is only (AIP-157)."""
    return any(field.name in ("read_mask", "view", "field_mask", "fields") for field, _ in step.request.ListFields())


def _is_tombstone(message: Message) -> bool:
    """Whether a resource is shown as deleted: softly, so that it can be brought back (AIP-164)."""
    for field, value in message.ListFields():
        if field.name in ("delete_time", "deleted_at", "purge_time", "deleted", "is_deleted"):
            return True
        if field.enum_type is not None and field.name in ("state", "status") and not field.is_repeated:
            number = field.enum_type.values_by_number.get(value)
            if number is not None and "DELET" in number.name:
                return True
    return False
