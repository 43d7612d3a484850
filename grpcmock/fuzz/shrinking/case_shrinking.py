"""Make a failing case as small as it gets, asked of the real server all the while, within bounds of time and tries."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from grpcmock.client.actions import Action, Receive, Send
from grpcmock.fuzz.expectations.naming import verb_and_noun
from grpcmock.fuzz.expectations.roles import MAKING, Role
from grpcmock.fuzz.generation.choice_shrinking import shrink as shrink_choices
from grpcmock.fuzz.generation.message_shrinking import drop, minimize, thinned
from grpcmock.fuzz.model.cases import Expect, Measure, Phase
from grpcmock.fuzz.model.changes import asked_by
from grpcmock.fuzz.model.paths import at_path, with_part
from grpcmock.fuzz.model.readable import first_request
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.generator import Generator, Generators
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.results import CaseResult

StillFails = Callable[["Case"], Awaitable[bool]]
Search = Callable[[Message, Callable[[Message], bool]], Message]
"""Makes a message small while it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much may be spent on one failure."""

    seconds: float = 3.0
    tries: int = 250


class _OverError(BaseException):
    """The time is up. No ordinary exception: Hypothesis would take that for a failure, and go on."""


class _Shrinker:
    def __init__(
        self,
        case: Case,
        fails: StillFails,
        generators: Generators,
        effort: Effort,
        *,
        keeps_calls: bool = False,
        is_fresh: bool = False,
    ) -> None:
        self.best = case
        self.tries = 0
        self._fails = fails
        self._generators = generators
        self._effort = effort
        self._keeps_calls = keeps_calls
        self._is_fresh = is_fresh
        self._until = time.monotonic() + effort.seconds
        self._known: dict[tuple[object, ...], bool] = {}

    @property
    def is_over(self) -> bool:
        return self.tries >= self._effort.tries or time.monotonic() > self._until

    async def takes(self, candidate: Case) -> bool:
        """Try a smaller case; keep it if it fails in the same way."""
        key = tuple((call.path, call.actions, call.bindings) for call in candidate.calls)
        found = self._known.get(key)
        if found is None:
            if self.is_over:
                return False
            self.tries += 1
            found = self._known[key] = await self._fails(candidate)
        if found:
            self.best = candidate
        return found

    async def run(self) -> Case:
        if any(call.raw is not None or call.unread for call in self.best.calls):
            return self.best  # bytes as they stand, or simple requests that are checked against each other
        if self.best.together and not await self.takes(replace(self.best, together=0, shrinks_as_one=False)):
            return self.best  # it takes some of them at once, and who tells which
        is_framed = self.best.setup or self.best.cleanup
        if self.best.phase is Phase.STATEFUL and not is_framed and not self._keeps_calls:
            await self._drop_last_calls()
        shaped = is_framed or self.best.shrinks_as_one
        if not shaped and not self._keeps_calls:
            await self._drop_calls()
        for index in range(len(self.best.calls)):
            await self._shorten(index)
        if is_framed:
            await self._shrink_own()
            return self.best
        if shaped and len({call.messages for call in self.best.calls}) > 1:
            if Measure.GROWTH in self.best.measures:
                await self._shrink_alike()
            return self.best
        # Time may run out: less in all of them first, then plainer values.
        for search in (thinned, minimize) if len(self.best.calls) > 1 else (minimize,):
            for index in range(_opening(self.best), len(self.best.calls)):
                await self._shrink_messages(index, search)
            if not shaped and not self._keeps_calls:
                await self._drop_calls()  # of which no message speaks any more
        return self.best

    async def _drop_last_calls(self) -> None:
        """Leave out what comes after the fault; a case of the stateful phase is checked as a whole."""
        while len(self.best.calls) > 1 and not self.is_over:
            if not await self.takes(replace(self.best, calls=self.best.calls[:-1])):
                return

    async def _drop_calls(self) -> None:
        """Leave out calls that no later one takes a value from, the last ones first."""
        index = len(self.best.calls) - 2
        while index >= _opening(self.best) and not self.is_over:
            if _is_clearing(self.best, index):
                index -= 1  # without it the next try would find what this one has made
                continue
            if (without := _without_call(self.best, index)) is not None:
                alone = without
                if index and _is_clearing(self.best, index - 1):
                    without = _without_call(without, index - 1) or without
                call, silent = self.best.calls[index], _without_mention(without, self.best.calls[index], index)
                # What it made would be there from the last time, but not on a fresh server.
                for smaller in (without, silent, alone if alone is not without else None):
                    if smaller is None or (not self._is_fresh and _is_named(call, smaller)):
                        continue
                    if await self.takes(smaller):
                        break
            index = min(index - 1, len(self.best.calls) - 2)

    async def _shorten(self, index: int) -> None:
        """Send fewer messages: halves, then one less at a time. What the contract speaks of is the last one."""
        ends_matter = self.best.expect is not Expect.ANY
        step = len(self.best.calls[index].messages) // 2
        while step >= 1 and not self.is_over:
            messages = self.best.calls[index].messages
            if len(messages) <= step:
                step //= 2
                continue
            for start in range(0, len(messages), step):
                kept = (*messages[:start], *messages[start + step :])
                if not kept or (ends_matter and kept[-1:] != messages[-1:]):
                    continue
                if await self.takes(_with_messages(self.best, index, kept)):
                    break
            else:
                step //= 2

    async def _shrink_messages(self, index: int, search: Search = minimize) -> None:
        call = self.best.calls[index]
        if call.method is None or not call.messages:
            return
        if len(set(call.messages)) == 1 and len(call.messages) > 1:
            await self._shrink_message(index, call, range(len(call.messages)), search)  # all alike: all at once
            return
        for position in range(len(call.messages)):
            if self.is_over:
                return
            await self._shrink_message(index, self.best.calls[index], (position,), search)

    async def _shrink_own(self) -> None:
        """Shrink the requests of the method that a case is about, and leave those that only show what became of it."""
        for index in range(self.best.setup, len(self.best.calls) - self.best.cleanup):
            if self.best.calls[index].method is self.best.method:
                await self._shrink_messages(index)

    async def _shrink_alike(self) -> None:
        """Drop from all requests at once what isn't the part in which they differ."""
        case, loop = self.best, asyncio.get_running_loop()
        whole = [self._message(index, 0) for index in range(len(case.calls))]

        def fails(smaller: Message) -> bool:
            if self.is_over:
                raise _OverError
            candidate = self.best
            for index, message in enumerate(whole):
                changed = with_part(smaller, message, case.path)
                if changed is None:
                    return False
                data = changed.SerializePartialToString(deterministic=True)
                candidate = _with_messages(candidate, index, (data,))
            return asyncio.run_coroutine_threadsafe(self.takes(candidate), loop).result()

        def search() -> None:
            with contextlib.suppress(_OverError):
                drop(whole[0], fails)

        await asyncio.to_thread(search)

    async def _shrink_message(self, index: int, call: Call, positions: Sequence[int], how: Search) -> None:
        method = call.method
        assert method is not None
        case = self.best
        try:
            message = self._message(index, positions[0])
        except DecodeError:
            return
        generator = self._generators.of(method.input)
        loop = asyncio.get_running_loop()
        aim = _aim(case, message)

        def fails(smaller: Message) -> bool:
            if self.is_over:
                raise _OverError
            if aim is not None and at_path(smaller, case.path) != aim:
                return False
            data = smaller.SerializePartialToString(deterministic=True)
            messages = list(self.best.calls[index].messages)
            for position in positions:
                messages[position] = data
            candidate = _with_messages(self.best, index, messages)
            return asyncio.run_coroutine_threadsafe(self.takes(candidate), loop).result()

        is_last = index == len(case.calls) - 1 and positions[-1] == len(call.messages) - 1
        guarded = _guarded(case, generator, message, fails) if is_last else fails
        left = max(self._effort.tries - self.tries, 1)
        by_choices = bool(case.choices) and is_last and case.expect is not Expect.REFUSED and how is minimize

        def search() -> None:
            with contextlib.suppress(_OverError):
                if by_choices:
                    shrink_choices(generator, case.choices, guarded, max_tries=left)
                how(self._message(index, positions[0]), guarded)

        await asyncio.to_thread(search)

    def _message(self, index: int, position: int) -> Message:
        """Give a message of the smallest case so far."""
        call = self.best.calls[index]
        assert call.method is not None
        return decode(call.method.request_class, call.messages[position])


_DISTINCT = 4
"""Ids of so many characters aren't the same by chance."""


def _opening(case: Case) -> int:
    """Count the calls with which a case on resources makes sure that nothing is left of it from the last time."""
    if case.phase is not Phase.STATEFUL:
        return 0
    return next((index for index, call in enumerate(case.calls) if _role(call) is not Role.DELETE), 0)


def _is_clearing(case: Case, index: int) -> bool:
    """Whether a call takes away what stands in the way of the creation after it."""
    if case.phase is not Phase.STATEFUL or case.calls[index].bindings or index + 1 >= len(case.calls):
        return False
    deletion, made = case.calls[index : index + 2]
    return _role(deletion) is Role.DELETE and _role(made) in MAKING and bool(asked_by(deletion))


def _is_named(made: Call, case: Case) -> bool:
    """Whether calls of a case without this one, which makes a thing under an id of the client's, name that thing."""
    if case.phase is not Phase.STATEFUL or _role(made) not in MAKING:
        return False
    chosen = [str(one.value).encode() for one in asked_by(made)]
    messages = [message for call in case.calls if _role(call) is not Role.DELETE for message in call.messages]
    return any(value in message for value in chosen if len(value) >= _DISTINCT for message in messages)


def without_clearing(case: Case, result: CaseResult) -> Case:
    """Return a case without the calls that make room for it, or clear up after it: a fresh server needs neither."""
    smaller = replace(case, calls=case.calls[: len(case.calls) - case.cleanup], setup=0, cleanup=0)
    for index in range(len(smaller.calls) - 1, -1, -1):
        if _role(smaller.calls[index]) is Role.DELETE and not result.replies[index].is_ok:
            smaller = _without_call(smaller, index) or smaller
    return smaller


def _role(call: Call) -> Role | None:
    told = verb_and_noun(call.method.name) if call.method is not None else None
    return told[0] if told is not None else None


def _guarded(
    case: Case, generator: Generator, message: Message, fails: Callable[[Message], bool]
) -> Callable[[Message], bool]:
    """Where the contract says something of the request, keep to requests of which it says the same."""
    if case.expect not in (Expect.ACCEPTED, Expect.REFUSED):
        return fails
    broken = generator.broken(message)
    return lambda smaller: generator.broken(smaller) == broken and fails(smaller)


def _aim(case: Case, message: Message) -> object | None:
    """Give what has to stay as it is in a case about one place; None if there is no such place."""
    if not case.path or case.expect is not Expect.ANY or not case.targets:
        return None
    return at_path(message, case.path)


async def shrink(
    case: Case,
    fails: StillFails,
    generators: Generators,
    effort: Effort,
    *,
    needs_rules: bool = True,
    keeps_calls: bool = False,
    is_fresh: bool = False,
) -> Case:
    """Return the smallest case found that *fails* as *case* does.

    Unless the check *needs_rules*, it may get smaller than the rules of the contract let it. With *keeps_calls*, none
    of its calls is left out. Where a try *is_fresh*, it finds nothing that an earlier one has made.
    """
    if case.expect in (Expect.ACCEPTED, Expect.REFUSED) and not needs_rules:
        free = replace(case, expect=Expect.ANY)
        smallest = await _Shrinker(free, fails, generators, effort).run()
        return case if smallest == free else smallest
    return await _Shrinker(case, fails, generators, effort, keeps_calls=keeps_calls, is_fresh=is_fresh).run()


def _with_messages(case: Case, index: int, messages: Sequence[bytes]) -> Case:
    """Give a case in which one call sends other messages, in the places of those that it sent."""
    call = case.calls[index]
    left = list(messages)
    surplus = len(call.messages) - len(left)
    actions: list[Action] = []
    for action in call.actions:
        if isinstance(action, Send):
            if left:
                actions.append(Send(left.pop(0)))
            continue
        if isinstance(action, Receive) and surplus > 0 and action.count > len(messages):
            action = Receive(len(messages))
        actions.append(action)
    calls = list(case.calls)
    calls[index] = replace(call, actions=tuple(actions))
    return replace(case, calls=tuple(calls))


def _without_mention(case: Case, made: Call, index: int) -> Case | None:
    """Return a case whose calls from *index* on don't list what a call has made that is left out; None if none does."""
    gone = {str(one.value).rpartition("/")[2] for one in asked_by(made)} - {""}
    calls = list(case.calls)
    for place, call in enumerate(calls[max(index - 1, 0) :], max(index - 1, 0)):
        message = first_request(call) if len(call.messages) == 1 and not call.bindings else None
        if message is None:
            continue
        for field, value in message.ListFields():
            if (
                field.is_repeated
                and field.type == field.TYPE_STRING
                and gone & {one.rpartition("/")[2] for one in value}
            ):
                kept = [one for one in value if one.rpartition("/")[2] not in gone]
                message.ClearField(field.name)
                getattr(message, field.name).extend(kept)
                data = message.SerializePartialToString(deterministic=True)
                calls[place] = _with_messages(replace(case, calls=tuple(calls)), place, (data,)).calls[place]
    changed = replace(case, calls=tuple(calls))
    return changed if changed != case else None


def _without_call(case: Case, index: int) -> Case | None:
    later = case.calls[index + 1 :]
    if any(binding.call == index for call in later for binding in call.bindings):
        return None
    moved = [
        replace(
            call,
            bindings=tuple(
                replace(binding, call=binding.call - 1) if binding.call > index else binding
                for binding in call.bindings
            ),
        )
        if call.bindings
        else call
        for call in later
    ]
    return replace(case, calls=(*case.calls[:index], *moved))
