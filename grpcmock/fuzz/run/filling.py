"""All that a request may have, as far as the server takes it: optional fields, names of things, lists of several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable, values_at
from grpcmock.fuzz.learning.accepted_requests import make_other, set_at, varied
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.run.request_fields import DEEPEST, KEY_TYPES, enough, fill_in, may_name, new_keys, unset
from grpcmock.fuzz.run.request_sender import RequestSender, is_ok
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.acceptance import Acceptance
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.results import Reply

_MOST_FIELDS = 24
_MOST_VALUES = 5
_TRIES = 6
"""So many fields are filled, each with values out of so many, each mended so often by what is refused."""


class Filling:
    """Fills requests."""

    def __init__(self, acceptance: Acceptance, sender: RequestSender, is_late: Callable[[], bool]) -> None:
        self._acceptance = acceptance
        self._sender = sender
        self._is_late = is_late

    async def filled(self, accepted: AcceptedRequest) -> AcceptedRequest:
        """Return a request with all that it may have besides."""
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
            if filled.own_id is None:
                return replace(found, own_id=path_of(way))
            return replace(found, also_own=(*filled.also_own, path_of(way)))
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
                    reply = await self._sender.send(accepted, message.SerializePartialToString(deterministic=True))
                    if is_ok(reply):
                        return message
                    message = accepted.message
        return message

    async def _is_once_only(self, found: AcceptedRequest, way: Fields, first: Reply, *, makes: bool) -> bool:
        """Whether a value that was just taken in a field isn't taken again below the same things, or gives what it gave
        at *first*; *makes* says whether each call made another thing before."""
        if way[-1].cpp_type not in KEY_TYPES or way[-1].is_repeated or not self._acceptance.may_make(found.method):
            return False
        second = await self._sender.beside(found, found.full, found.full)
        if not is_ok(second) and found.needs:  # which may be for what it needs
            message = found.fullest
            make_other(message, path_of(way), "once only")
            data = message.SerializePartialToString(deterministic=True)
            return is_ok(await self._sender.beside(found, found.full, data))
        things = self._acceptance.things
        return not is_ok(second) or (makes and new_keys(things, first) == new_keys(things, second))

    async def _mended(self, filled: AcceptedRequest, start: Message) -> tuple[AcceptedRequest, Reply] | None:
        """Return the request with all that it may have changed by what the server says against *start*, so that it
        takes it, and its answer; None if it takes none."""
        later = [filled.method.request_class.FromString(data) for data in filled.later]
        search = self._acceptance.search(filled.method, start, *later)
        for _ in range(_TRIES):
            if self._is_late() or (data := search.next()) is None:
                return None
            tried = filled.needing(search.current)
            reply = await self._sender.send(tried, data)
            search.hear(reply)
            if search.is_over:
                if search.accepted is None or tried.later != filled.later:
                    return None
                return await self.without_mere_values(tried), reply
        return None

    async def without_mere_values(self, accepted: AcceptedRequest) -> AcceptedRequest:
        """Drop references that are values like any other: one that isn't there is taken, or is wrong by itself."""
        for need in (*accepted.needs, *accepted.optional):
            if need.own_id is None or need.own_id == need.made_by.own_id:
                continue
            without, message = accepted.without(need), accepted.fullest
            make_other(message, need.target, "mere value")
            reply = await self._sender.send(without, message.SerializePartialToString(deterministic=True))
            if with_meant_status(reply).code in (Code.OK, Code.INVALID_ARGUMENT):
                accepted = without
        return accepted

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
            if more and is_ok(await self._sender.send(filled, message.SerializePartialToString(deterministic=True))):
                return message
        return filled.fullest


def _with_all(accepted: AcceptedRequest, full: Message) -> AcceptedRequest:
    """Return a request with all that it may have."""
    data = full.SerializePartialToString(deterministic=True)
    return replace(accepted, full=data if data != accepted.data else b"")
