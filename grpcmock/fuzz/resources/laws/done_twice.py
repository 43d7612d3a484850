"""What can't be done twice to a thing, as the comment of the method says, is refused the second time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.expectations.state_conditions import documented_conditions
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.laws.known_states import done_by, is_done_to, vocabulary
from grpcmock.fuzz.resources.laws.whole_things import told_by
from grpcmock.fuzz.resources.versioned import repetition_marks
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_ALL_THE_SAME = frozenset({"force", "override", "allow_repeat"})
"""With these, it is done once more."""


@dataclass(slots=True)
class DoneTwice:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _last: tuple[str, bytes] | None = None
    """What was done last, if nothing else was since."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields that the very same is done again."""
        method = reply.call.method
        if method is None or only_reads(method):
            return
        told = told_by(reply) if self._is_once(method) else None
        given = {one.name for one, _ in told.request.ListFields()} if told is not None else set()
        if told is None or repetition_marks(told.request) or given & _ALL_THE_SAME:
            self._last = None
            return
        asked = (method.path, bytes_of(told.request))
        if told.answer is not None and asked == self._last:
            yield Finding(
                check="preconditions",
                expected=f"an error, as the comment of {method.name} says: it was {done_by(method)} by the call before",
                actual=said(reply),
                key="done twice",
                method=method,
            )
        self._last = asked if told.answer is not None else None

    def _is_once(self, method: Method) -> bool:
        """Whether a comment says that a method is refused for what it has been done to."""
        noun = snake_case(method.name).rpartition("_")[2]
        return any(
            condition.states == {done_by(method)}
            and not (condition.is_unless or condition.is_mild)
            and (not condition.noun or condition.noun == noun or is_done_to(method, condition.noun))
            for condition in documented_conditions(method, self.registry, vocabulary(self.registry))
        )
