"""More of what a server takes, once a method has answered OK: another thing, and a request with all that it may have.

A request with nothing but what it must have stays at the doorstep: an account without money pays nobody. And where each
thing can be made once only, it shows what has to differ, so that later cases don't stumble over earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import path_of
from grpcmock.fuzz.learning.accepted_requests import make_other, set_at
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.wording import shape
from grpcmock.fuzz.run.filling import Filling
from grpcmock.fuzz.run.request_fields import leaves, lists, new_keys, other_arms
from grpcmock.fuzz.run.request_sender import RequestSender, is_ok

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.acceptance import Acceptance
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_MOST_DISTINCT = 10
"""So many fields may be what has to differ."""

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
        sender: RequestSender,
        is_late: Callable[[], bool],
        *,
        generated: Callable[[Method], Message | None] = lambda _: None,
    ) -> None:
        """*generated* gives a request that was filled by the rules of the contract; None for a method that has none."""
        self._acceptance = acceptance
        self._generated = generated
        self._sender = sender
        self._filling = Filling(acceptance, sender, is_late)
        self._is_late = is_late

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
        accepted = await self._with_later(await self._filling.without_mere_values(accepted))
        acceptance.keep(accepted, start)
        if (generated := self._generated(accepted.method)) is not None:
            data = accepted.naming_the_same(generated).SerializePartialToString(deterministic=True)
            if is_ok(await self._sender.send(accepted, data)):
                acceptance.takes_generated.add(accepted.method.path)
                if not acceptance.things.has_made(accepted):
                    return  # what is made serves others, and better so if all that it has is as people would write it
        filled = await self._filling.filled(accepted)
        acceptance.keep(filled, start)
        await self._make_whole(filled, _THINGS)

    async def _make_whole(self, accepted: AcceptedRequest, count: int) -> None:
        """Make so many things with all that they may have."""
        things = self._acceptance.things
        if not accepted.full or not things.has_made(accepted):
            return
        whole, is_changed = accepted.filled(), things.has_changed(accepted)
        for _ in range(count):
            reply = await self._sender.send(whole, whole.data)
            if is_ok(reply):
                things.learn(reply, whole, is_changed=is_changed)

    async def widen(self, accepted: AcceptedRequest, start: bytes) -> None:
        """Find more values that the server takes in single fields of a request."""
        widening = self._acceptance.widening(accepted)
        while not self._is_late() and (data := widening.next()) is not None:
            widening.hear(await self._sender.send_with_needs(accepted, data))
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
            is_alike = [need.made_by.data for need in needs] == [need.made_by.data for need in accepted.needs]
            if is_alike or is_ok(await self._sender.send_with_needs(renewed, renewed.data)):
                self._acceptance.renew(path, renewed)
                await self._make_whole(renewed, 1)

    # Another thing ------------------------------------------------------------------------------------------

    async def _again(self, accepted: AcceptedRequest, first: Reply) -> AcceptedRequest:
        """Make the same call once more, and find what has to differ if it is refused."""
        bare = replace(accepted, own_id=None)
        second = await self._sender.send(bare, accepted.data)
        if is_ok(second) and not await self._sender.is_taken_beside(bare, accepted.data):
            return self._made_twice(accepted, bare, first, second)
        apart = []
        """The places at which another value is refused otherwise: it may have to differ, and something else as well."""
        places = list(islice(leaves(accepted), _MOST_DISTINCT))
        for path in places:
            value = value_at(accepted.message, path)
            for number in (*(_LARGE if isinstance(value, int) else ()), None):
                made, reply = await self._made_otherwise(bare, (path,), number)
                if made is not None:
                    return self._taken(accepted, made, reply)
                if reply is not None and shape(reply) != shape(second) and path not in apart:
                    apart.append(path)
                if self._is_late():
                    return accepted
        for path, other in ((path, other) for path in apart for other in places if other != path):
            made, reply = await self._made_otherwise(bare, (path, other))
            if made is not None:
                return self._taken(accepted, made, reply)
            if self._is_late():
                return accepted
        return self._made_twice(accepted, replace(bare, one_each=True), first, second) if is_ok(second) else accepted

    def _made_twice(
        self, accepted: AcceptedRequest, made: AcceptedRequest, first: Reply, second: Reply
    ) -> AcceptedRequest:
        """Return the request as one that makes another thing each time, if its two replies show two."""
        things = self._acceptance.things
        before, after = (new_keys(things, reply) for reply in (first, second))
        if before == after or not after:
            return accepted  # the same thing, or none
        things.remake(accepted, made)
        things.learn(first, made)
        things.learn(second, made)
        return made

    async def _made_otherwise(
        self, accepted: AcceptedRequest, places: tuple[Path, ...], number: int | None = None
    ) -> tuple[AcceptedRequest | None, Reply | None]:
        """Make a call with other values at these places, or with this *number*, beside the one that was made. Returns
        the request, if it was taken, and the reply; None where no other value fits."""
        message = accepted.message
        try:
            for path in places:
                if number is None:
                    make_other(message, path, "again")
                else:
                    put(message, path, number)
        except (ValueError, TypeError):
            return None, None
        data = message.SerializePartialToString(deterministic=True)
        reply = await self._sender.beside(accepted, accepted.data, data)
        if not is_ok(reply):
            return None, reply
        first, *others = places
        references = accepted.references - set(places)
        return replace(accepted, data=data, own_id=first, also_own=tuple(others), references=references), reply

    def _taken(self, accepted: AcceptedRequest, made: AcceptedRequest, reply: Reply | None) -> AcceptedRequest:
        """Return the request that makes another thing each time, once what it has made is known."""
        if reply is not None and self._acceptance.things.has_made(accepted):
            self._acceptance.things.remake(accepted, made)
            self._acceptance.things.learn(reply, made)
        return made

    # More of a stream, and of a list ------------------------------------------------------------------------

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
            if is_ok(await self._sender.send(longer, longer.data)):
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
                if is_ok(await self._sender.send(accepted, message.SerializePartialToString(deterministic=True))):
                    taken = size
                    if size == _MANY:
                        break
                else:
                    refused = size if size < _MANY else _MANY - 1
