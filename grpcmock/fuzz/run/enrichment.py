"""More of what a server takes, once a method has answered OK: another thing, and a request with all that it may have.

A request with nothing but what it must have stays at the doorstep: an account without money pays nobody. And where each
thing can be made once only, it shows what has to differ, so that later cases don't stumble over earlier ones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable, values_at
from grpcmock.fuzz.learning.accepted_requests import make_other, set_at, varied
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.run.request_fields import (
    DEEPEST,
    KEY_TYPES,
    enough,
    fill_in,
    leaves,
    lists,
    may_name,
    new_keys,
    other_arms,
    unset,
)
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.acceptance import Acceptance
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

Ask = Callable[..., Awaitable["Reply"]]
"""Makes one call: of a method, with messages."""

Make = Callable[..., Awaitable["Reply"]]
"""Makes what a request needs, once, and then the calls with requests of that kind, given as bytes. Gives what became of
the last one."""

_MOST_DISTINCT = 10
"""So many fields may be what has to differ."""

_MOST_FIELDS = 24
_MOST_VALUES = 5
_TRIES = 6
"""So many fields are filled, each with values out of so many, each mended so often by what is refused."""

_THINGS = 2
"""So many are made with all that they may have: there are calls that take two of them."""


_MOST_LISTS = 2
_MANY = 1_000
"""So many lists of a method are made longer, at most so long."""

_LARGE = (12_345_678, 1_234)
"""Numbers that leave room for others of as many digits."""


class Enrichment:
    """Goes on from requests that were answered OK."""

    def __init__(
        self,
        acceptance: Acceptance,
        ask: Ask,
        make: Make,
        is_late: Callable[[], bool],
        *,
        generated: Callable[[Method], Message | None] = lambda _: None,
    ) -> None:
        """*generated* gives a request that was filled by the rules of the contract; None for a method that has none."""
        self._acceptance = acceptance
        self._generated = generated
        self._ask = ask
        self._ask_with_needs = make
        self._is_late = is_late
        self._count = 0

    async def again(self, accepted: AcceptedRequest, reply: Reply, start: bytes) -> None:
        """Find what has to differ in a request so that each call makes another thing; it got this *reply* first.

        *start*, here as in the other methods, is what the contract alone suggests.
        """
        if self._acceptance.may_make(accepted.method) and not self._acceptance.takes_away(accepted.method):
            self._acceptance.keep(await self._again(accepted, reply), start)

    async def fill(self, accepted: AcceptedRequest, start: bytes) -> None:
        """Give a request all that it may have, and make a thing or two so."""
        acceptance = self._acceptance
        if acceptance.takes_away(accepted.method):
            return
        accepted = await self._with_later(await self._without_mere_values(accepted))
        acceptance.keep(accepted, start)
        if (generated := self._generated(accepted.method)) is not None:
            data = accepted.naming_the_same(generated).SerializePartialToString(deterministic=True)
            if _is_ok(await self._send(accepted, data)):
                acceptance.takes_generated.add(accepted.method.path)
                return
        filled = await self._filled(accepted)
        acceptance.keep(filled, start)
        if filled.full:
            whole, is_changed = filled.filled(), acceptance.things.has_changed(filled)
            for _ in range(_THINGS if acceptance.things.has_made(filled) else 0):
                reply = await self._send(whole, whole.data)
                if _is_ok(reply):
                    acceptance.things.learn(reply, whole, is_changed=is_changed)

    async def widen(self, accepted: AcceptedRequest, start: bytes) -> None:
        """Find more values that the server takes in single fields of a request."""
        widening = self._acceptance.widening(accepted)
        while not self._is_late() and (data := widening.next()) is not None:
            widening.hear(await self._ask_with_needs(accepted, data))
        self._acceptance.keep(widening.accepted, start)

    async def renew(self, maker: AcceptedRequest) -> None:
        """Let requests that need what one method makes have it made with all that it may have, if they are taken then
        as well."""
        whole = maker.filled()
        for path, accepted in list(self._acceptance.first.items()):
            needs = tuple(
                replace(need, made_by=whole) if need.made_by.method is maker.method else need for need in accepted.needs
            )
            if needs == accepted.needs or self._is_late():
                continue
            renewed = replace(accepted, needs=needs)
            if not maker.full or _is_ok(await self._ask_with_needs(renewed, renewed.data)):
                self._acceptance.renew(path, renewed)

    async def _send(self, accepted: AcceptedRequest, data: bytes) -> Reply:
        self._count += 1
        data = accepted.distinct(data, f"enrichment {self._count}")
        if accepted.needs or accepted.optional:  # those that are there may be used up
            return await self._ask_with_needs(accepted, data)
        return await self._ask(accepted.method, data, *accepted.later)

    # Another thing ------------------------------------------------------------------------------------------

    async def _again(self, accepted: AcceptedRequest, first: Reply) -> AcceptedRequest:
        """Make the same call once more, and find what has to differ if it is refused."""
        things, bare = self._acceptance.things, replace(accepted, own_id=None)
        second = await self._send(bare, accepted.data)
        if _is_ok(second) and not await self._is_taken_beside(bare, accepted.data):
            before, after = (new_keys(things, reply) for reply in (first, second))
            if before == after or not after:
                return accepted  # the same thing, or none
            self._acceptance.things.remake(accepted, bare)
            things.learn(first, bare)
            things.learn(second, bare)
            return bare
        for path in islice(leaves(accepted), _MOST_DISTINCT):
            value = value_at(accepted.message, path)
            large = _LARGE if isinstance(value, int) else ()
            for other in (*large, None):
                message = accepted.message
                try:
                    if other is None:
                        make_other(message, path, "again")
                    else:
                        put(message, path, other)
                except (ValueError, TypeError):
                    continue
                data = message.SerializePartialToString(deterministic=True)
                reply = await self._beside(bare, accepted.data, data)
                if _is_ok(reply):
                    made = replace(accepted, data=data, own_id=path)
                    if things.has_made(accepted):
                        things.remake(accepted, made)
                        things.learn(reply, made)
                    return made
                if self._is_late():
                    return accepted
        return accepted

    async def _beside(self, accepted: AcceptedRequest, first: bytes, second: bytes) -> Reply:
        """Make a second request after a first one, below the very things that the first one needs; where it needs none,
        the first was made already."""
        if accepted.needs or accepted.optional:
            return await self._ask_with_needs(accepted, first, second)
        return await self._send(accepted, second)

    async def _is_taken_beside(self, accepted: AcceptedRequest, data: bytes) -> bool:
        """Whether a request is refused as a duplicate where it is made twice below one parent, and not below two."""
        if not accepted.needs:
            return False
        return with_meant_status(await self._beside(accepted, data, data)).code == Code.ALREADY_EXISTS

    # What names nothing -------------------------------------------------------------------------------------

    async def _without_mere_values(self, accepted: AcceptedRequest) -> AcceptedRequest:
        """Drop references that are values like any other: one that isn't there is taken, or is wrong by itself."""
        for need in (*accepted.needs, *accepted.optional):
            if need.own_id is None or need.own_id == need.made_by.own_id:
                continue
            without, message = accepted.without(need), accepted.fullest
            put(message, need.target, varied(value_at(message, need.target), "mere value"))
            reply = await self._send(without, message.SerializePartialToString(deterministic=True))
            if with_meant_status(reply).code in (Code.OK, Code.INVALID_ARGUMENT):
                accepted = without
        return accepted

    # All that it may have -----------------------------------------------------------------------------------

    async def _filled(self, accepted: AcceptedRequest) -> AcceptedRequest:
        filled = _with_all(accepted, await self._as_elsewhere(accepted))
        for way in islice(unset(accepted), _MOST_FIELDS):
            if self._is_late():
                break
            if is_set(filled.fullest, way) or not any(True for _ in values_at(filled.fullest, way)):
                continue  # it came with another one, or that didn't come
            filled = await self._with_field(accepted, filled, way)
        for way in [way for way in reachable(accepted.method.input) if way[-1].is_repeated and len(way) <= DEEPEST]:
            filled = _with_all(filled, await self._longer(filled, way))
        return filled

    async def _with_field(self, accepted: AcceptedRequest, filled: AcceptedRequest, way: Fields) -> AcceptedRequest:
        """Return the request, *filled* as far as it is, with something in a field if the server takes it so."""
        for value in enough(islice(self._acceptance.values_of(way[-1]), _MOST_VALUES)):
            message = filled.fullest
            if set_at(message, way, value) is None or message == filled.fullest:
                continue
            mended = await self._mended(filled, message)
            if mended is None or not is_set(mended[0].fullest, way):
                continue  # refused, or taken without it, after all
            found, reply = mended
            if path_of(way) in found.references:
                return found
            if (naming := await self._naming(filled, found.fullest, way)) is not None:
                return naming
            things = self._acceptance.things
            makes = filled.own_id is None and things.has_made(accepted) and not things.has_changed(accepted)
            if not await self._is_once_only(found, way, reply, makes=makes):
                return found
            # Two fields that have to differ are one too many.
            return replace(found, own_id=path_of(way)) if filled.own_id is None else filled
        return filled

    async def _naming(self, filled: AcceptedRequest, message: Message, way: Fields) -> AcceptedRequest | None:
        """Return the request with something that is made for it in the place of a value that only looks like any other,
        but names a thing that happens to be there; None where the value names nothing."""
        value = next(values_at(message, way), None)
        if not may_name(self._acceptance.things, filled.method, way, value):
            return None
        put(message, path_of(way), varied(value, "names nothing"))
        mended = await self._mended(filled, message)
        return mended[0] if mended is not None and path_of(way) in mended[0].references else None

    async def _as_elsewhere(self, accepted: AcceptedRequest) -> Message:
        """Return the request with what other methods take in messages of the same types; as it is where it isn't taken
        so."""
        message = accepted.message
        for other in self._acceptance.first.values():
            theirs = other.fullest if other.full and other.method is not accepted.method else None
            for field in accepted.method.input.fields if theirs is not None else ():
                assert theirs is not None
                if fill_in(message, field, theirs, other):
                    reply = await self._send(accepted, message.SerializePartialToString(deterministic=True))
                    if _is_ok(reply):
                        return message
                    message = accepted.message
        return message

    async def _is_once_only(self, found: AcceptedRequest, way: Fields, first: Reply, *, makes: bool) -> bool:
        """Whether a value that was just taken in a field isn't taken again below the same things, or gives what it gave
        at *first*; *makes* says whether each call made another thing before."""
        if way[-1].cpp_type not in KEY_TYPES or way[-1].is_repeated or not self._acceptance.may_make(found.method):
            return False
        second = await self._beside(found, found.full, found.full)
        if not _is_ok(second) and found.needs:  # which may be for what it needs
            message = found.fullest
            make_other(message, path_of(way), "once only")
            data = message.SerializePartialToString(deterministic=True)
            return _is_ok(await self._beside(found, found.full, data))
        things = self._acceptance.things
        return not _is_ok(second) or (makes and new_keys(things, first) == new_keys(things, second))

    async def _mended(self, filled: AcceptedRequest, start: Message) -> tuple[AcceptedRequest, Reply] | None:
        """Return the request with all that it may have changed by what the server says against *start*, so that it
        takes it, and its answer; None if it takes none."""
        later = [filled.method.request_class.FromString(data) for data in filled.later]
        search = self._acceptance.search(filled.method, start, *later)
        for _ in range(_TRIES):
            if self._is_late() or (data := search.next()) is None:
                return None
            tried = filled.needing(search.current)
            reply = await self._send(tried, data)
            search.hear(reply)
            if search.is_over:
                if search.accepted is None or tried.later != filled.later:
                    return None
                return await self._without_mere_values(tried), reply
        return None

    async def _with_later(self, accepted: AcceptedRequest) -> AcceptedRequest:
        """Return the request of a stream with messages of other kinds behind it, where the server takes them so."""
        if not accepted.method.kind.client_streams or accepted.later:
            return accepted
        for arm in other_arms(accepted):
            value = next(self._acceptance.values_of(arm), None)
            further = accepted.method.request_class()
            if self._is_late() or value is None or set_at(further, (arm,), value) is None:
                continue
            first, *others = self._acceptance.agreed(accepted.message, further)
            later = tuple(one.SerializePartialToString(deterministic=True) for one in others)
            longer = replace(accepted, data=first.SerializePartialToString(deterministic=True), later=later)
            if _is_ok(await self._send(longer, longer.data)):
                return longer
        return accepted

    async def borders(self, accepted: AcceptedRequest) -> None:
        """Send ever longer lists, up to the longest that the server takes and the shortest that it doesn't: where one
        turns into the other, servers count wrong."""
        for way in islice(lists(accepted), _MOST_LISTS):
            taken, refused = 1, _MANY
            while refused - taken > 1 and not self._is_late():
                size = refused if refused == _MANY else (taken + refused) // 2
                message, path = accepted.fullest, path_of(way)
                put(message, path, (list(value_at(message, path)) * size)[:size])
                if _is_ok(await self._send(accepted, message.SerializePartialToString(deterministic=True))):
                    taken = size
                    if size == _MANY:
                        break
                else:
                    refused = size if size < _MANY else _MANY - 1

    async def _longer(self, filled: AcceptedRequest, way: Fields) -> Message:
        """Return the request with another item or two in a list that has one."""
        items = next(values_at(filled.fullest, way), None)
        field = way[-1]
        if items is None or hasattr(items, "items") or len(items) != 1 or field.message_type is not None:
            return filled.fullest
        others = [value for value in islice(self._acceptance.values_of(field), 4) if value != items[0]][:2]
        for more in (others, others[:1]):
            message = filled.fullest
            try:
                put(message, path_of(way), [*items, *more])
            except (TypeError, ValueError, LookupError):
                return filled.fullest
            if more and _is_ok(await self._send(filled, message.SerializePartialToString(deterministic=True))):
                return message
        return filled.fullest


def _with_all(accepted: AcceptedRequest, full: Message) -> AcceptedRequest:
    """Return a request with all that it may have."""
    data = full.SerializePartialToString(deterministic=True)
    return replace(accepted, full=data if data != accepted.data else b"")


def _is_ok(reply: Reply) -> bool:
    return with_meant_status(reply).is_ok
