"""Lists that go on behind a thing, or after so many: what they show is a part of the whole, and somewhere it ends.

Who reads page after page by the key of the last thing has nothing else to go on by. So a page without any thing is the
end, whatever it says; and what comes behind something is in the list from its beginning, where that was shown whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.calls import step_of
from grpcmock.fuzz.resources.differences import is_set
from grpcmock.fuzz.resources.laws.lists import goes_on
from grpcmock.fuzz.resources.pagination import NEVER_CUT

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resources

_TRUNCATED = ("truncated", "is_truncated")
"""These may say that something else was cut off than the list."""


@dataclass(slots=True)
class _Whole:
    """A list from its beginning, on one page."""

    keys: list[object]
    foreign: Finding | None = None
    """What was shown in a part of it, and isn't there."""


@dataclass(slots=True)
class Continuations:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _wholes: dict[tuple[str, bytes], _Whole] = field(default_factory=dict)
    """Since something may have been changed, by methods and requests without the place to go on from."""

    _behind: dict[tuple[str, bytes], dict[object, list[object]]] = field(default_factory=dict)
    """All that comes behind a thing, by the same, and by the key of that."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts itself, or those before it."""
        method = reply.call.method
        if method is None or not only_reads(method):
            self._wholes.clear()
            self._behind.clear()
            return
        step = step_of(reply, self.resources)
        if step is None or not step.is_ok or len(step.requests) != 1 or len(step.responses) != 1:
            return
        leading = step.operation.after or step.operation.offset
        if not leading or not step.operation.many:
            return
        if step.operation.after and _is_stuck(step):
            more = step.operation.more
            expected = f"no {more}: there is nothing on the page to go on behind"
            yield _finding(step, expected, f"{more} is true, and nothing is shown", more, "no end")
        beginning = type(step.request)()
        beginning.CopyFrom(step.request)
        beginning.ClearField(leading)
        place = (method.path, bytes_of(beginning))
        keys = [getattr(message, step.resource.key) for message in step.resources()]
        if step.named(leading):
            if step.operation.after and is_whole(step):
                yield from self._in_a_row(step, keys, self._behind.setdefault(place, {}))
            self._hear_of_part(step, leading, keys, self._wholes.get(place))
        elif is_whole(step):
            before = self._wholes.get(place)
            if before is not None and before.foreign is not None and before.keys == keys:
                yield before.foreign
            self._wholes[place] = _Whole(keys)
        else:
            self._wholes.pop(place, None)

    def _in_a_row(
        self, step: ResourceCall, keys: list[object], behind: dict[object, list[object]]
    ) -> Iterator[Finding]:
        """Of two things in one list, one comes behind the other, whatever the order."""
        leading = step.operation.after
        behind[step.named(leading)] = keys
        listed = {key for part in behind.values() for key in part}
        for one, other in combinations([key for key in behind if key in listed], 2):
            if other not in behind[one] and one not in behind[other]:
                expected = f"{other!r} behind {one!r}, or {one!r} behind {other!r}: one list shows both"
                yield _finding(step, expected, f"neither, with {leading}", leading, "gap")
                return

    def _hear_of_part(self, step: ResourceCall, leading: str, keys: list[object], whole: _Whole | None) -> None:
        others = [key for key in keys if key not in whole.keys] if whole is not None else []
        if whole is not None and others:
            expected = f"a part of what is shown from the beginning, which has no {others[0]!r}"
            actual = f"{others[0]!r} with {leading} {step.named(leading)!r}"
            whole.foreign = _finding(step, expected, actual, leading, "no part")


def is_whole(step: ResourceCall) -> bool:
    """Whether an answer has all of a list: it has less than was asked for, and doesn't say that there is more."""
    size = step.named(step.operation.page_size) or 0
    return len(step.resources()) < size <= NEVER_CUT and not goes_on(step.responses[0])


def _is_stuck(step: ResourceCall) -> bool:
    """Whether a page has nothing, neither a thing nor a token, and says that there is more.

    Who asks for none gets none, and who asks for some of them only may get none of these.
    """
    operation, answer = step.operation, step.responses[0]
    if not operation.more or operation.more in _TRUNCATED or step.resources() or not getattr(answer, operation.more):
        return False
    if operation.page_size and (step.named(operation.page_size) or 0) <= 0:
        return False
    return not _tells_else(step, answer) and not any(
        one.name in operation.filters for one, _ in step.request.ListFields()
    )


def _tells_else(step: ResourceCall, answer: Message) -> bool:
    """Whether an answer says anything besides, such as where to go on."""
    return any(one.name != step.operation.more and is_set(answer, one) for one, _ in answer.ListFields())


def _finding(step: ResourceCall, expected: str, actual: str, path: str, key: str) -> Finding:
    return Finding(
        check="pagination",
        expected=expected,
        actual=actual,
        path=path,
        key=key,
        method=step.operation.method,
        may_lag=True,
    )
