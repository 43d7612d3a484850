"""Lists in pages: the pages that belong together, and what must hold of them (AIP-158)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.wording import said
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.resources.calls import ResourceCall

MANY = 1000
"""The size of a page that a server cuts down to its own largest."""

NEVER_CUT = 10
"""The size of a page that any server gives."""

Words = tuple[str, str, str, str]
"""What was expected, what came, the field it is about, and what tells the fault from others."""


@dataclass(slots=True)
class PageWalk:
    """The pages of one list, from the first on."""

    keys: set[Any] = field(default_factory=set)
    things: set[tuple[Any, bytes]] = field(default_factory=set)
    """What was on the pages: the keys, and what else it takes to tell one thing from another."""

    pages: int = 0
    next: Any = ""
    """The token, or the number, of the page to come; None after the last one."""

    last: list[Any] = field(default_factory=list)
    """The keys on the last page."""

    is_short: bool = False
    """Whether less was on the last page than was asked for, which then should be the end."""

    order: list[Any] = field(default_factory=list)
    """The keys on all pages, as they came."""

    calm: bool = True
    """Whether nothing was changed since it began, as far as we know."""


class PageWalks:
    """The lists that are being read."""

    def __init__(self) -> None:
        self._walks: dict[bytes, PageWalk] = {}
        self._given: dict[str, set[str]] = {}
        self._longest: dict[bytes, list[Any]] = {}
        """The longest first page of each list, of whatever size, since something was changed."""

    def disturb(self) -> None:
        """Hear that something was changed: what a list under way holds isn't certain any more."""
        self._longest = {}
        for walk in self._walks.values():
            walk.calm = False

    def take(self, step: ResourceCall) -> Iterator[Words]:
        """Hear of a page. Yields what is wrong with it."""
        operation = step.operation
        token = step.named(operation.page_token) or ""
        if operation.is_paged:
            yield from self._asked(step, token)
        if not step.is_ok:
            return
        things = [
            (key, b"" if step.resource.is_annotated else bytes_of(message))
            for message in step.resources()
            if (key := getattr(message, step.resource.key)) or key == 0
        ]
        place = _place(step)
        walk = self._walks.get(place)
        if _begins(step, token) or walk is None:
            walk = PageWalk() if _begins(step, token) else PageWalk(calm=False, next=token)
            self._walks[place] = walk
        elif walk.next != _asked_for(step, token):
            walk.calm = False
        if operation.after and (order := [*walk.order, *(key for key, _ in things)]) != sorted(order):
            walk.calm = False  # what comes after a key says nothing of an order by something else
        size, count = step.named(operation.page_size) or 0, len(step.resources())
        if 0 < size < count:
            walk.calm = False  # what follows from that is told with it
            yield (f"at most {size}: {operation.page_size} says so", f"{count}", operation.page_size, "too many")
        yield from self._joined(step, walk, token, things)
        yield from self._without_gaps(step, walk)

    def _without_gaps(self, step: ResourceCall, walk: PageWalk) -> Iterator[Words]:
        """What one page shows in a row, smaller pages show as well, if they keep to the same order."""
        place = _place(step, step.operation.page_size)
        longest = self._longest.get(place, [])
        if walk.calm and walk.pages == 1 and len(walk.order) > len(longest):
            self._longest[place] = list(walk.order)
        if not walk.calm or len(walk.order) >= len(longest) or len(set(longest)) < len(longest):
            return
        places = [longest.index(key) if key in longest else -1 for key in walk.order]
        if -1 in places or places != sorted(places):
            return
        lost = [key for key in longest[: places[-1]] if key not in walk.keys] if places else []
        if lost:
            walk.calm = False
            expected = f"{lost[0]!r} before {walk.order[-1]!r}, as on one page that holds both"
            yield (expected, f"it is on none of {walk.pages} pages", step.operation.next_token, "gap")

    def _joined(
        self, step: ResourceCall, walk: PageWalk, token: str, things: list[tuple[Any, bytes]]
    ) -> Iterator[Words]:
        operation, keys = step.operation, [key for key, _ in things]
        following: Any = (
            getattr(step.responses[0], operation.next_token) if operation.next_token and step.responses else ""
        )
        if walk.calm and walk.pages and operation.is_paged:
            if token and following == token and (not keys or keys == walk.last):
                yield ("a token that leads on, or none", "the token of this same page", operation.next_token, "no end")
            elif twice := walk.things.intersection(things):
                yield (
                    f"each {step.resource.name} on one page",
                    f"{_first(twice)} on page {walk.pages + 1} and one before it",
                    operation.method.output.fields[0].name,
                    "twice",
                )
        if len(set(things)) < len(things) and operation.role is Role.LIST and not walk.pages:
            first = next(repr(thing[0]) for thing in things if things.count(thing) > 1)
            yield (f"each {step.resource.name} once", f"{first} twice on one page", "", "twice on a page")
        leading = operation.offset or operation.after
        if walk.calm and walk.pages and leading and (twice := walk.things.intersection(things)):
            where = f"{_first(twice)} after {step.named(leading)}, and before them"
            yield (f"each {step.resource.name} once", where, leading, "twice")
        walk.keys.update(keys)
        walk.things.update(things)
        walk.order += keys
        walk.last = keys
        walk.pages += 1
        if operation.is_paged:
            walk.next = following or None
            if following:
                self._given.setdefault(operation.method.path, set()).add(following)
        elif operation.page:
            walk.next = max(int(step.named(operation.page)), 1) + 1 if keys else None
        elif operation.offset and operation.page_size:
            size = int(step.named(operation.page_size))
            walk.calm = walk.calm and size > 0 and not (walk.is_short and keys)
            walk.is_short = len(keys) < size
            walk.next = int(step.named(operation.offset)) + size if keys else None
        elif operation.after:
            ended = operation.more and step.responses and not getattr(step.responses[0], operation.more)
            walk.next = keys[-1] if keys and not ended else None
        else:
            walk.next = None

    def _asked(self, step: ResourceCall, token: str) -> Iterator[Words]:
        operation, reply = step.operation, step.reply
        size = step.named(operation.page_size) or 0
        ours = token in self._given.get(operation.method.path, ())
        if step.is_ok and size < 0:
            yield (f"INVALID_ARGUMENT: {operation.page_size} is {size}", said(reply), operation.page_size, "negative")
        if step.is_ok and token and not ours and token == GARBAGE:
            yield ("INVALID_ARGUMENT: nobody gave this token", said(reply), operation.page_token, "garbage")
        if ours and size >= 0 and reply.code == Code.INVALID_ARGUMENT and not step.is_ok:
            walk = self._walks.get(_place(step))
            if walk is not None and walk.calm and walk.next == token:
                expected = "the next page, or no token for it: the page before gave this token"
                yield (expected, said(reply), operation.next_token, "refused")

    def complete(self, step: ResourceCall) -> PageWalk | None:
        """Give the walk that ended with this step, if nothing was changed meanwhile."""
        walk = self._walks.get(_place(step))
        if walk is None or not walk.calm or walk.next is not None or not step.is_ok:
            return None
        asked = step.named(step.operation.page_size) or 0
        if step.operation.offset or step.operation.after:
            # A larger page may be cut down, but not to nothing.
            return walk if 0 < asked <= NEVER_CUT or not walk.keys else None
        by_size = step.operation.page_size and not step.operation.is_paged and not step.operation.page
        if by_size and (not asked or len(walk.keys) >= asked):
            return None  # it may have stopped where it had enough
        return walk


GARBAGE = "fz-no-such-page"
"""A token that no server has given."""


def _first(things: Iterable[tuple[Any, bytes]]) -> str:
    return min(repr(key) for key, _ in things)


ADVICE = frozenset({"negative", "garbage"})
"""What AIP-158 says of sizes and tokens, and servers without annotations may take in another way."""


def _asked_for(step: ResourceCall, token: str) -> Any:
    """Return what a request says of the page that it wants."""
    own = step.operation
    return token if own.is_paged else step.named(own.page or own.offset or own.after)


def _begins(step: ResourceCall, token: str) -> bool:
    if step.operation.is_paged:
        return not token
    if leading := step.operation.offset or step.operation.after:
        return not step.named(leading)
    return not step.operation.page or step.named(step.operation.page) in (0, 1)


def _place(step: ResourceCall, *without: str) -> bytes:
    """Tell the list that a page belongs to: the method, and all of the request but the page, and but for what it shall
    be told *without*."""
    request = type(step.request)()
    request.CopyFrom(step.request)
    own = step.operation
    for name in filter(None, (own.page_token, own.page, own.offset, own.after, *without)):
        request.ClearField(name)
    path: bytes = step.reply.call.path.encode()
    return path + b"\0" + bytes_of(request)
