"""What calls change of what others show: nothing if they are refused, and what they say if not.

Nobody tells which methods show what another one changes. It is seen: a look before a call, and the same look after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.fuzz.expectations.naming import capitalized
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.amounts import amount_in, amounts_in, is_balance, move_of
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.schema.method import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

UNDOING = re.compile(r"(Reverse|Revert|Undo|Rollback|RollBack)(?=[A-Z]|$)")
_REFUSALS = frozenset(
    (
        *(Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.FAILED_PRECONDITION),
        *(Code.OUT_OF_RANGE, Code.PERMISSION_DENIED),
    )
)
_MAY_CHANGE = re.compile(
    r"(.*_)?(attempts?|tries|failures?|failed|rejected|refused|errors?|last|seen|accessed|visits|views|hits|requests?"
    r"|time|at|timestamp|age|ttl|left|remaining|header|revision|token|cursor"
    r"|progress|percent|done|state|status|phase|result|response|error|failure|metadata|completed|finished)(_.*)?"
)
"""What may well change though a call is refused, or as time passes and work goes on."""

DOUBTFUL = re.compile(r"(Scan|Check|Fetch|Export|Look|Watch|Stream|Validate|Health|Ping|Echo)(?=[A-Z]|$)")
"""Methods that read by their names, where these mean something else: who scans a parcel notes where it is."""

_PRICED = re.compile(r"(.*_)?(fees?|commission|charges?|rate|tax|tariff|exchange|conversion|surcharge)(_.*)?")
"""Where there are such fields, what leaves one place needn't be what arrives at the other."""

Leaves = Mapping["Path", Any]
_LookKey = tuple[str, bytes]


@dataclass(slots=True)
class _Look:
    """What a method shows to one request."""

    method: Method
    request: Message
    answer: Message
    leaves: Leaves
    is_fresh: bool = True
    """Whether nothing was changed since."""

    steady: bool = False
    """Whether it was the same twice with nothing between."""

    left: Finding | None = None
    """What a refused call seems to have left, until it is looked at once more."""


@dataclass(slots=True)
class _Change:
    """A call that may change something."""

    method: Method
    request: Message
    reply: Reply
    before: dict[_LookKey, tuple[Leaves, dict[Path, int]]]
    """What was shown just before it: all of it, and the amounts."""

    is_repeated: bool
    after: dict[_LookKey, dict[Path, int]] = field(default_factory=dict)
    undone: bool = False
    """Whether it was taken back since."""

    undoes: _Change | None = None
    """The one that it takes back, ..."""

    again: bool = False
    """... which was taken back before."""


@dataclass(slots=True)
class Effects:
    """Hears of the calls of a case, one after the other."""

    _looks: dict[_LookKey, _Look] = field(default_factory=dict)
    _changes: list[_Change] = field(default_factory=list)
    _moved: set[tuple[str, str, Path]] = field(default_factory=set)
    """The methods that have moved what they said, those that have shown it, and where."""

    _is_restless: bool = False
    """Whether what is shown has changed though nothing was: somebody else does it, or a call that seems to read."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        exchange, meant = exchange_in(reply), with_meant_status(reply)
        if exchange is None or exchange.method.kind is not MethodKind.UNARY:
            self._forget()
            return
        method, (request, *_), answers = exchange
        if only_reads(method):
            if DOUBTFUL.match(capitalized(method.name)):
                self._forget_others(method)
            if meant.is_ok and len(answers) == 1 and _names_something(request):
                yield from self._looked(method, request, answers[0])
        elif meant.termination is not Termination.SERVER:
            self._forget()
        else:
            self._was_changed(method, request, meant)

    def _forget(self) -> None:
        """Know nothing of what is shown: something may have been changed, or may be later."""
        self._looks.clear()
        self._changes.clear()

    def _forget_others(self, method: Method) -> None:
        """Know nothing of what other methods show: this one may do more than read."""
        for key in [key for key in self._looks if key[0] != method.path]:
            del self._looks[key]
            for change in self._changes:
                change.before.pop(key, None)
                change.after.pop(key, None)

    def _was_changed(self, method: Method, request: Message, reply: Reply) -> None:
        before = {
            key: (look.leaves, dict(amounts_in(look.answer)))
            for key, look in self._looks.items()
            if look.is_fresh and (look.steady or reply.is_ok)
        }
        is_repeated = any(one.method is method and one.reply.is_ok and one.request == request for one in self._changes)
        change = _Change(method, request, reply, before, is_repeated)
        if UNDOING.match(capitalized(method.name)) and reply.is_ok:
            # Only of the very last change it is known what there was before.
            last = self._changes[-1].undoes or self._changes[-1] if self._changes else None
            if last is not None and _is_named_by(last, request):
                change.undoes, change.again, last.undone = last, last.undone, True
        self._changes.append(change)
        for look in self._looks.values():
            look.is_fresh = False

    def _looked(self, method: Method, request: Message, answer: Message) -> Iterator[Finding]:
        key = (method.path, bytes_of(request))
        leaves = dict(_leaves(answer))
        look = self._looks.get(key)
        if look is None:
            self._looks[key] = _Look(method, request, answer, leaves)
            return
        if look.is_fresh:
            if look.left is not None and not list(_changed(look.leaves, leaves)):
                yield look.left  # what goes on by itself would be further by now
            look.left = None
            self._is_restless |= any(not _may_change(path) for path, _, _ in _changed(look.leaves, leaves))
            look.steady = True
        elif (
            not self._is_restless
            and self._changes
            and key in self._changes[-1].before
            and key not in self._changes[-1].after
        ):
            change = self._changes[-1]
            change.after[key] = dict(amounts_in(answer))
            if not change.reply.is_ok:
                look.left = _left_by_refused(change, look, leaves)
            else:
                yield from self._moved_by(change)
                yield from self._undone_by(change, key)
                yield from self._moved_only_back(change)
        look.answer, look.leaves, look.is_fresh = answer, leaves, True

    def _moved_by(self, change: _Change) -> Iterator[Finding]:
        """Compare what left one place with what arrived at another, once both were looked at."""
        move = move_of(change.method)
        if move is None or change.is_repeated or _has_price(change.method):
            return
        moved = amount_in(change.request, move.amount)
        names = [getattr(change.request, one.name) for one in (move.source, move.target)]
        both = [self._by_name(change, name) for name in names]
        if moved <= 0 or names[0] == names[1] or len(both[0]) != len(both[1]):
            return
        for ours, theirs in zip(both[0], both[1], strict=True):
            if ours[0] != theirs[0] or _texts(self._looks[ours]) != _texts(self._looks[theirs]):
                continue  # something else is shown, or amounts in another currency
            for path in change.after[ours].keys() & change.after[theirs].keys():
                told = change.method.path, ours[0], path
                left, came = (change.after[key][path] - change.before[key][1].get(path, 0) for key in (ours, theirs))
                if (left, came) == (-moved, moved):
                    self._moved.add(told)
                elif told in self._moved or ((left or came) and is_balance(str(path[-1]))):
                    name = ".".join(map(str, path))
                    yield Finding(
                        check="read_after_write",
                        expected=f"{name} less by {moved} for {names[0]!r}, and more by as much for {names[1]!r}",
                        actual=f"{left:+d} and {came:+d}",
                        path=name,
                        key="moved",
                        method=change.method,
                        may_lag=True,
                    )

    def _by_name(self, change: _Change, name: Any) -> list[_LookKey]:
        """Return the looks after a change at the thing of a name, in the order of their methods."""
        return sorted(key for key in change.after if name in _names(self._looks[key].request))

    def _undone_by(self, change: _Change, key: _LookKey) -> Iterator[Finding]:
        """See whether a call that takes back another one has left all amounts as they were before that."""
        undone = change.undoes
        if undone is None or key not in undone.before or key not in undone.after:
            return
        was, meanwhile, now = undone.before[key][1], undone.after[key], change.after[key]
        for path in was.keys() & meanwhile.keys() & now.keys():
            if meanwhile[path] == was[path] or now[path] == was[path]:
                continue
            if change.again and now[path] == meanwhile[path]:
                continue  # done again, which may be meant
            name = ".".join(map(str, path))
            yield Finding(
                check="idempotency" if change.again else "read_after_write",
                expected=f"{name} {was[path]}, as before what {change.method.name} takes back",
                actual=f"{name} {now[path]}",
                path=name,
                key="taken back again" if change.again else "taken back",
                method=change.method,
                may_lag=True,
            )

    def _moved_only_back(self, change: _Change) -> Iterator[Finding]:
        """See whether a call that takes back another one has moved back what that has never moved."""
        undone = change.undoes
        move = move_of(undone.method) if undone is not None else None
        if undone is None or move is None or change.again or undone.is_repeated or _has_price(undone.method):
            return
        moved = amount_in(undone.request, move.amount)
        source, target = (getattr(undone.request, one.name) for one in (move.source, move.target))
        ours, theirs = self._by_name(change, source), self._by_name(change, target)
        for one, other in zip(ours, theirs, strict=False):
            if one[0] != other[0] or any(key not in undone.before or key not in undone.after for key in (one, other)):
                continue
            for path in change.after[one].keys() & change.after[other].keys():
                steps = [
                    (undone.before[key][1].get(path, 0), undone.after[key].get(path, 0), change.after[key][path])
                    for key in (one, other)
                ]
                back = tuple(now - was for was, _, now in steps)
                if is_balance(str(path[-1])) and all(was == then for was, then, _ in steps) and back == (moved, -moved):
                    name = ".".join(map(str, path))
                    yield Finding(
                        check="read_after_write",
                        expected=f"{name} less by {moved} for {source!r}, and more by as much for {target!r}",
                        actual=f"no other {name}, and {change.method.name} has moved it back",
                        path=name,
                        key="never moved",
                        method=undone.method,
                        may_lag=True,
                    )


def _left_by_refused(change: _Change, look: _Look, leaves: Leaves) -> Finding | None:
    """Return what a refused call has changed of what it names itself."""
    named = {value for _, value in _leaves(change.request)}
    if change.reply.code not in _REFUSALS or named.isdisjoint(_names(look.request)):
        return None
    for path, before, now in _changed(look.leaves, leaves):
        if not _may_change(path):
            name = ".".join(map(str, path))
            return Finding(
                check="leak_on_failure",
                expected=f"{name} {before}, as {look.method.name} has shown it before the call that was refused",
                actual=f"{said(change.reply)}, and {name} is {now}",
                path=name,
                key=f"left by refused {look.method.name}",
                method=change.method,
            )
    return None


def _is_named_by(change: _Change, request: Message) -> bool:
    """Whether a request names nothing but what another call has made."""
    fields = request.ListFields()
    if len(fields) != 1 or change.undoes is not None or not change.reply.is_ok or not change.reply.responses:
        return False
    answer = change.method.response_class.FromString(change.reply.responses[0])
    return bool(fields[0][1]) and any(value == fields[0][1] for _, value in _leaves(answer))


def _names(request: Message) -> list[Any]:
    return [value for one, value in request.ListFields() if isinstance(value, str | bytes | int)]


def _names_something(request: Message) -> bool:
    return any(isinstance(value, str | bytes) or (isinstance(value, int) and value > 1) for value in _names(request))


def _has_price(method: Method) -> bool:
    return any(_PRICED.fullmatch(one.name) for owner in (method.input, method.output) for one in owner.fields)


def _texts(look: _Look) -> dict[Path, Any]:
    """Return what is shown that says what the amounts are of."""
    return {
        path: value
        for path, value in look.leaves.items()
        if re.search(r"currency|unit|asset|sku", str(path[-1])) and isinstance(value, str)
    }


def _may_change(path: Path) -> bool:
    return any(_MAY_CHANGE.fullmatch(str(step)) for step in path)


def _changed(before: Leaves, now: Leaves) -> Iterator[tuple[Path, Any, Any]]:
    for path in [*before, *(path for path in now if path not in before)]:
        if before.get(path) != now.get(path):
            yield path, before.get(path, "nothing"), now.get(path, "nothing")


def _leaves(message: Message, way: Path = (), depth: int = 5) -> Iterator[tuple[Path, Any]]:
    """Yield all values in a message, each with its place."""
    for one, value in message.ListFields():
        path = (*way, one.name)
        if one.message_type is not None and one.message_type.GetOptions().map_entry:
            yield path, str(sorted(map(str, value.items())))
        elif one.is_repeated:
            for number, item in enumerate(value):
                if isinstance(item, Message):
                    yield from _leaves(item, (*path, number), depth - 1) if depth else ()
                else:
                    yield (*path, number), item
        elif isinstance(value, Message):
            yield from _leaves(value, path, depth - 1) if depth else ()
        else:
            yield path, value
