"""What is tried on a server: calls as data, why they are made, and what the contract expects of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from grpcmock.client.actions import HALF_CLOSE, Action, Send

if TYPE_CHECKING:
    from grpcmock.client.raw import RawRequest
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

NOTABLE = 0.03
"""Whether time grows with the input is looked at only where the largest one takes so many seconds: below it is noise.
"""

SHORT = 0.03
"""A deadline that a quick answer meets, and one that waits for something doesn't, in seconds."""

LATER = 0.25
"""After so many seconds, work that should have ended with its call has been done."""


class Phase(Enum):
    """The parts of a run, in their order."""

    BOUNDARY = "boundary"
    EXAMPLES = "examples"
    WIRE = "wire"
    RANDOM = "random"
    STATEFUL = "stateful"
    INJECTION = "injection"


USUAL_PHASES = tuple(phase for phase in Phase if phase is not Phase.INJECTION)
"""Those of a run that isn't told which: what does harm where it works must be asked for."""


class Expect(Enum):
    """What the contract says of a case's last call."""

    ANY = "any"
    """Nothing is known: whatever is no fault of a server will do."""

    ACCEPTED = "accepted"
    """It keeps every rule that the contract states."""

    REFUSED = "refused"
    """It breaks exactly one rule that the contract states; the case's ``rule`` and ``path`` name it."""

    UNDECODABLE = "undecodable"
    """Its bytes are no message of the method's request type."""

    SAME = "same"
    """It says what the case's first call said, in other bytes or again: the answers must agree."""


class Measure(Enum):
    """What is looked at besides the replies to a case's calls."""

    TIME = "time"
    """Whether calls come to their end in time."""

    GROWTH = "growth"
    """How the time grows with the size of the input; the calls go from the smallest to the largest."""

    USAGE = "usage"
    """What the server uses: memory, threads, open files."""

    EFFECTS = "effects"
    """What is left of calls that were cut short."""

    REFLECTION = "reflection"
    """All that the server's reflection says."""

    OUTPUT = "output"
    """What a server that the run has started writes meanwhile: its log, as a rule."""


class Caller(Enum):
    """In whose name a call is made."""

    OWN = "own"
    """With the metadata that the run sends with every call."""

    NOBODY = "nobody"
    """With that metadata less the credentials in it."""

    GARBLED = "garbled"
    """With credentials of the same shape that nobody has."""

    OTHER = "other"
    """With the credentials of the second identity."""


OWN_WORDS = "the limit that the server states itself"
"""The rule of cases that hold a server to what it says in refusing a request."""

KEPT_WORDS = "what the server says itself of what it refuses"
"""The rule of cases that try what keeps a limit which the server has stated, in refusing what keeps it."""

SUMS = "what google.type.Money says of units and nanos"
"""The rule of cases that try sums of money in a field."""

NEW_NAMES = "names that nobody has"
"""The rule of cases that use several, as a method says of names that they are taken."""

REFUSED_NAMES = "names that came with a mistake only"
"""The rule of cases that ask for things which are refused, for others, and for the first ones without the mistake."""

DOCUMENTED = "the limit that the comment in the proto states"
"""The rule of cases that hold a server, where it refuses what is far beyond such a limit, to the limit itself."""

ITEMS_OWN_WORDS = "the limit of each item that the server states itself"
ITEMS_DOCUMENTED = "the limit of each item that the comment in the proto states"
"""The rules of cases that hold a server to such a limit in the first item of a list, and in the second."""

REQUIRED_IN_WORDS = "the comment in the proto, of a field that is required"
"""The rule of cases whose last call lacks what a comment requires at their path."""

SECOND_ITEM = "what the server says itself of the first item of a list"
"""The rule of cases with a value in the only item of a list, and in a second one."""

TOLD_VALUE = "what the comment in the proto says that values are like"
"""The rule of cases with a value that the server takes, and then with others that the comment of the field excludes."""

NEEDED_FOR_KIND = "the comment in the proto, of a field that is required for some kinds"
"""The rule of cases with a request of such a kind that the server takes, and then without the field."""

ENDS_BEFORE = "what the names of two fields say: which day or time comes first"
"""The rule of cases with a request that the server takes, and then with one that is to end before it begins."""

NO_NUMBER = "the range that the comment in the proto states, and what is no number"
"""The rule of cases that hold a server, where it refuses what is beyond such a range, to refusing NaN as well."""

DOCUMENTED_NAME = "a name that the comment in the proto gives"
"""The rule of cases that say at their path what a comment says may be said there."""

NAMES_NOTHING = "the comment in the proto, of a name that nothing has"
"""The rule of cases whose last call names at their path what isn't there."""

Path = tuple[str | int, ...]
"""The way to a value in a message: names of fields, indices of lists, keys of maps."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A value that a request takes from an earlier reply, such as an id that the server has made."""

    call: int
    """The index, in the case, of the call whose reply has the value."""

    source: Path
    """Where the value stands in that call's first response."""

    target: Path
    """Where it goes in this call's first message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a case."""

    path: str
    """``/package.Service/Method``."""

    method: Method | None
    """None for a method that the contract doesn't have."""

    actions: tuple[Action, ...]
    """What the client does, in turn: half-close and cancel are said, not implied."""

    metadata: Metadata = ()
    """Sent besides what the run sends with every call."""

    deadline: float | None = None
    """In seconds; None for the run's own."""

    compression: str = ""
    """``gzip`` or ``deflate`` to compress the messages with; empty to leave them."""

    unread: float = 0.0
    """So many seconds pass before the first response is read, as by a slow reader."""

    raw: RawRequest | None = None
    """What goes over HTTP/2 as it stands, in place of ``actions``: what no gRPC library would send."""

    bindings: tuple[Binding, ...] = ()

    caller: Caller = Caller.OWN

    @property
    def messages(self) -> tuple[bytes, ...]:
        """The messages that are sent, as they stand before ``bindings`` are filled in."""
        return tuple(action.data for action in self.actions if isinstance(action, Send))


def call_of(method: Method, *messages: bytes, metadata: Metadata = (), deadline: float | None = None) -> Call:
    """Make the plain call: all the messages, then half-close."""
    actions: tuple[Action, ...] = (*map(Send, messages), HALF_CLOSE)
    return Call(path=method.path, method=method, actions=actions, metadata=metadata, deadline=deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One or more calls, made one after the other, that are checked together."""

    id: str
    """Stable and readable: ``boundary/user.UserService.GetUser/id=max``. The same in every run for the same contract
    and seed."""

    phase: Phase

    method: Method
    """The method that is tried; that of the last call, as a rule."""

    calls: tuple[Call, ...]

    why: str
    """Why these inputs, in words: ``id at the largest int32``."""

    expect: Expect = Expect.ANY

    path: str = ""
    """The field that the case is about: ``user.tags[1]``; empty for the whole."""

    rule: str = ""
    """The rule that is broken or kept at its bound: ``string.min_len``, ``required``; empty if there is none."""

    targets: frozenset[str] = field(default_factory=frozenset)
    """The names of checks that this case was made for. A check that needs calls of a certain shape looks only at the
    cases that target it; all other checks look at every case."""

    measures: frozenset[Measure] = field(default_factory=frozenset)
    """What is looked at besides the replies."""

    compares_calls: bool = False
    """Whether a call is checked by those before it, so that nothing may change between them."""

    shrinks_as_one: bool = False
    """Whether its calls only get smaller together, for they differ in one thing that matters."""

    may_be_unimplemented: bool = False
    """Whether a method that is there may well answer it with UNIMPLEMENTED."""

    pair: str = ""
    """The id of the case on the other side of a bound; empty if there is none."""

    repeat: int = 1
    """How often the calls are made in all; with ``concurrent``, once alone, then all the others together but
    the last, which is alone again."""

    concurrent: bool = False

    together: int = 0
    """So many calls at the end, before those that clean up, are made at once, each when all before them are done."""

    setup: int = 0
    """So many calls at the beginning only make what the others need."""

    cleanup: int = 0
    """So many calls at the end only take away what the others have made."""

    mostly_idle: bool = False
    """Whether it does little but wait, for what likely doesn't come, or for an effect that should not be: such cases
    are made along with others of their kind."""

    sub_cases: tuple[Case, ...] = ()
    """Cases that this one stands for: they are made at once if something is wrong with it, to see which of them it is,
    and later if not."""

    choices: tuple[int, ...] = ()
    """The choices from which the generator made the last message of the last call; empty if it wasn't generated."""
