"""What was seen when a case was made: the replies, and how the server fared."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.client.raw import RawOutcome
    from grpcmock.fuzz.model.call_history import Step
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata


_SIGNALS = (signal.SIGINT, signal.SIGTERM, 1, 9)  # SIGHUP and SIGKILL, which not every system has
_FROM_OUTSIDE = frozenset({0, *(-number for number in _SIGNALS), *(128 + number for number in _SIGNALS)})
"""How a process ends that somebody else has ended, or the system for its memory; and one that was asked to, and did."""


class Termination(Enum):
    """What ended a call."""

    SERVER = "the server's status"
    DEADLINE = "the deadline"
    CANCELLED = "our cancel"
    ENOUGH = "we stopped reading"
    """The stream went on past the number of messages, or the idle time, after which it counts as open-ended."""
    RESET = "a reset of the stream"
    LOST = "the connection was lost"
    OVERDUE = "nothing: past the deadline the server still hadn't ended it"
    STARVED = "the deadline, on a machine too busy for it"
    """It says nothing of the server."""


_NEVER_THERE = re.compile(
    r"failed to connect|connection refused|connections to all backends|name resolution|no connection|goaway",
    re.IGNORECASE,
)
"""What is said of a call that found no server any more, or one that was about to go in good order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of one call."""

    call: Call
    """The call as it was made: bindings filled in."""

    termination: Termination

    code: int
    """The status code as it came, even one that gRPC doesn't have; the client's own where the server gave none."""

    message: str = ""
    headers: Metadata = ()
    trailers: Metadata = ()
    responses: tuple[bytes, ...] = ()

    sent: int = 0
    """How many messages were sent before the call ended."""

    seconds: float = 0.0

    first_seconds: float | None = None
    """When the first response came, in seconds after the start; None if none came."""

    debug: str = ""
    """What the client library has to say about an end that isn't the server's own."""

    wire: RawOutcome | None = None
    """All that was seen over HTTP/2, where the call was made from a :class:`RawRequest`."""

    @property
    def name(self) -> str:
        """The name of the status code, or its number if gRPC has none."""
        return Code(self.code).name if 0 <= self.code <= 16 else str(self.code)

    @property
    def was_cut_off(self) -> bool:
        """Whether the connection was lost while the call was under way: it stood before, as far as anybody tells."""
        if self.termination is not Termination.LOST or _NEVER_THERE.search(self.message):
            return False
        return self.call.raw is None or self.wire is not None

    @property
    def is_ok(self) -> bool:
        return self.code == Code.OK and self.termination is Termination.SERVER


@dataclass(frozen=True, slots=True)
class LastWords:
    """What a process said as it ended."""

    error: str
    """The error that nobody caught, ``panic: runtime error: index out of range [3]``, or else its last line."""

    place: str = ""
    """The first place of its own code on the stack, as its runtime writes places; empty if it told none."""

    is_error: bool = True
    """Whether it is known to be what ended it, and not just its last line, whatever that says."""

    def __str__(self) -> str:
        return f"{self.error}, at {self.place}" if self.place else self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the server fared, where it could be looked at."""

    alive: bool = True
    """Whether it took a new connection after the case."""

    exit_code: int | None = None
    """Of a server that was started with ``--server-cmd`` and has ended; negative for a signal."""

    silent: str = ""
    """The service of which no method answers any more that did before, though the server takes connections."""

    last_words: LastWords | None = None
    """Of such a server, if it wrote anything."""

    memory: tuple[int, ...] = ()
    """Resident bytes of a local server, before, between and after the repetitions; empty if it can't be seen."""

    threads: tuple[int, ...] = ()
    descriptors: tuple[int, ...] = ()

    steps: tuple[Step, ...] = field(default=(), repr=False, compare=False)
    """Where it has gone: the calls that it was asked since it was started."""

    @property
    def ended_by_itself(self) -> bool:
        """Whether the server has ended as no one from outside would make it: by a fault, or with an exit code."""
        return self.exit_code is not None and self.exit_code not in _FROM_OUTSIDE

    @property
    def is_well(self) -> bool:
        """Whether it lives on."""
        return self.alive and self.exit_code is None and not self.silent


@dataclass(frozen=True, slots=True, kw_only=True)
class MockAnswer:
    """What the mock from the stubs says to the same call."""

    stub: str
    """The stub that answers, and where it stands."""

    code: int
    message: str = ""
    responses: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """All that was seen of one case."""

    replies: tuple[Reply, ...]
    """One for each call, in their order; those of the repetitions follow."""

    health: Health = Health()

    reflected: Mapping[str, Registry | str] | None = None
    """What each version of the reflection service says, or how it fails; None where nobody has asked."""

    mock_answer: MockAnswer | None = None
    """To the only call of a case; None if there is no mock, or it says nothing."""

    output: str = ""
    """What the server wrote meanwhile, where the run has started it."""

    @property
    def last(self) -> Reply:
        return self.replies[-1]
