"""Make a failing message small: Hypothesis shrinks the choices it was made of, then whole fields are dropped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple
from unittest import SkipTest

from grpcmock.fuzz.generation.choices import ReplaySource
from grpcmock.fuzz.generation.message_shrinking import minimize

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from hypothesis.database import ExampleDatabase

    from grpcmock.fuzz.generation.generator import Generator
    from grpcmock.fuzz.generation.violation import Violation

_KEY = b"grpcmock"


class _Enough(BaseException):
    """Ends Hypothesis' search: no exception of a test, which it would shrink, too."""


class Shrunk(NamedTuple):
    """What shrinking came to."""

    message: Message
    """The smallest message found that still fails."""

    choices: tuple[int, ...]
    """The smallest choices found. What they make still fails, too, but may hold a little more than ``message``."""

    tries: int
    """How often *still_fails* was asked."""


def shrink(
    generator: Generator,
    choices: Sequence[int],
    still_fails: Callable[[Message], bool],
    *,
    violation: Violation | None = None,
    max_tries: int = 400,
) -> Shrunk:
    """Shrink the message that *choices* make, given the *violation* they were drawn with.

    *still_fails* says whether a message fails in the same way. It is asked *max_tries* times at most, and never twice
    for the same bytes. No message is taken that breaks other rules than the first one does: a valid one stays valid.
    """
    known: dict[bytes, bool] = {}
    source = ReplaySource(choices)
    first = generator.generate(source, violation)
    broken = generator.broken(first)
    left = max(1, max_tries)

    def fails(message: Message) -> bool:
        nonlocal left
        data = message.SerializePartialToString(deterministic=True)
        found = known.get(data)
        if found is None:
            if left <= 0:
                return False
            if generator.broken(message) != broken:
                found = False
            else:
                left -= 1
                found = bool(still_fails(message))
            known[data] = found
        return found

    if not fails(first):
        return Shrunk(first, source.take(), max_tries - left)
    # Half of the tries make the choices small, the rest the message itself, which takes fewer.
    smallest = _with_hypothesis(generator, source.take(), violation, fails, max_tries // 2)
    message = minimize(generator.generate(ReplaySource(smallest), violation), fails)
    return Shrunk(message, smallest, max_tries - left)


def _with_hypothesis(
    generator: Generator,
    choices: tuple[int, ...],
    violation: Violation | None,
    fails: Callable[[Message], bool],
    most: int,
) -> tuple[int, ...]:
    """Give the smallest choices that Hypothesis comes to within *most* attempts."""
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import HypothesisException

    from grpcmock.fuzz.generation.hypothesis_source import HypothesisSource

    best, left = choices, most

    @st.composite
    def made(draw: st.DrawFn) -> tuple[Message, tuple[int, ...]]:
        source = HypothesisSource(draw)
        return generator.generate(source, violation), source.take()

    def holds(found: tuple[Message, tuple[int, ...]]) -> bool:
        nonlocal best, left
        left -= 1
        if left < 0:
            raise _Enough
        if not fails(found[0]):
            return False
        best = min(best, found[1], key=lambda made: (len(made), made))
        return True

    quiet = settings(
        phases=[Phase.reuse, Phase.shrink],
        database=_recording(choices),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    # It finds nothing where there are more choices than it takes, or a seed is forced, with which it asks no database.
    with contextlib.suppress(HypothesisException, SkipTest, _Enough):
        find(made(), holds, settings=quiet, random=Random(0), database_key=_KEY)
    return best


def _recording(choices: tuple[int, ...]) -> ExampleDatabase:
    """Give an example database that holds *choices*, and forgets what it is told.

    They stand in the secondary corpus, for what comes out of the primary one Hypothesis takes for shrunk already.
    """
    from hypothesis.database import ExampleDatabase, choices_to_bytes

    class Recording(ExampleDatabase):
        def fetch(self, key: bytes) -> Iterable[bytes]:
            return [choices_to_bytes(choices)] if key == _KEY + b".secondary" else []

        def save(self, key: bytes, value: bytes) -> None:
            pass

        def delete(self, key: bytes, value: bytes) -> None:
            pass

    return Recording()
