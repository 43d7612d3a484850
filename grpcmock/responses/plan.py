"""What an answer becomes when it is loaded: a plan of steps that the engine carries out, constants already encoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from grpcmock.status import DETAILS_KEY, Code, Metadata, encode_details

if TYPE_CHECKING:
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.message import Message

    from grpcmock.errors import Location
    from grpcmock.matching.patterns import Pattern
    from grpcmock.responses.context import RenderContext
    from grpcmock.responses.delays import Delay
    from grpcmock.responses.faults import Fault
    from grpcmock.stubs.model import Handler
    from grpcmock.tree import Node

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Renderable(Generic[T]):
    """Something said in an answer: a constant, or made anew for each call."""

    constant: T | None = None
    """The value, where it is the same for every call."""

    renderer: Callable[[RenderContext], T] | None = None
    """Makes the value for one call; None if it is constant."""

    def render(self, context: RenderContext) -> T:
        """Give the value for this call. Raises ``RenderError`` naming stub, field and reason."""
        if self.constant is not None:
            return self.constant
        assert self.renderer is not None
        return self.renderer(context)


class RenderableMessage(Renderable[bytes]):
    """One response message, encoded."""

    __slots__ = ()


class RenderableMetadata(Renderable[Metadata]):
    """Headers or trailers."""

    __slots__ = ()


class RenderableText(Renderable[str]):
    """The message of a status."""

    __slots__ = ()


class RenderableDetails(Renderable["tuple[AnyMessage, ...]"]):
    """The rich details of a status."""

    __slots__ = ()


NO_METADATA = RenderableMetadata(())
NO_TEXT = RenderableText("")
NO_DETAILS = RenderableDetails(())


class CallStatus(NamedTuple):
    """How a call ends, as it goes to the wire."""

    code: Code
    message: str
    trailers: Metadata
    """The rich details, if there are any, are among them."""


@dataclass(frozen=True, slots=True)
class Written:
    """A step of a script as its author wrote it: for messages about it, and for whoever plays the client's side."""

    node: Node
    """What stands behind the name of the step."""

    path: str
    """The path inside the stub: ``script[2].send``."""


@dataclass(frozen=True, slots=True)
class HeadersStep:
    """Send initial metadata now."""

    metadata: RenderableMetadata
    written: Written | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SendStep:
    """Send one response message."""

    reply: RenderableMessage
    written: Written | None = field(default=None, compare=False, repr=False)
    """None outside of scripts."""


@dataclass(frozen=True, slots=True)
class PauseStep:
    """Wait; the client's cancellation and deadline end the wait and the call."""

    delay: Delay


@dataclass(frozen=True, slots=True)
class ExpectStep:
    """Wait for the next request message; it must match. Meeting half-close instead is a miss, too."""

    pattern: Pattern | None
    """None takes any message."""

    number: int
    """Which step of its list this is, from 1."""

    location: Location | None = None

    path: str = ""
    """The path inside the stub: ``script[2].expect``."""


@dataclass(frozen=True, slots=True)
class HalfCloseStep:
    """Wait until the client has finished sending; messages that still come are read and kept in ``requests``."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to answer an incoming message."""

    pattern: Pattern | None
    """None takes any message."""

    steps: tuple[PlanStep, ...]
    """What is done; a ``FinishStep`` among them ends the call."""

    location: Location | None = None

    path: str = ""
    """The path inside the stub: ``script[0].on[1]``."""

    messages: tuple[bytes, ...] | None = field(init=False, default=None)
    """What is sent, where that is all, and there already; one message at least."""

    def __post_init__(self) -> None:
        messages = tuple([step.reply.constant for step in self.steps if isinstance(step, SendStep)])
        if messages and len(messages) == len(self.steps) and None not in messages:
            object.__setattr__(self, "messages", messages)


@dataclass(frozen=True, slots=True)
class OnStep:
    """Answer each incoming message by the first arm that matches, until half-close. One that no arm takes is a miss."""

    arms: tuple[Arm, ...]

    until: Pattern | None = None
    """A message that matches this ends the loop, after the arm that takes it, if one does; None: half-close alone."""

    number: int = 0
    """Which step of its list this is, from 1."""

    location: Location | None = None

    path: str = ""

    def arm_of(self, message: Message) -> Arm | None:
        """Return the arm that takes a message, if one does."""
        for arm in self.arms:
            if arm.pattern is None or arm.pattern.holds(message):
                return arm
        return None


@dataclass(frozen=True, slots=True)
class RepeatStep:
    """Do the steps over and over."""

    times: int | None
    """None: until the client cancels, its deadline passes, or a step ends the call."""

    every: Delay | None
    """The pause between two rounds."""

    steps: tuple[PlanStep, ...]


@dataclass(frozen=True, slots=True)
class FinishStep:
    """End the call. The last step of every plan is one, unless the plan can't reach its end."""

    code: Code = Code.OK
    message: RenderableText = NO_TEXT
    details: RenderableDetails = NO_DETAILS
    trailers: RenderableMetadata = NO_METADATA
    written: Written | None = field(default=None, compare=False, repr=False)
    """None outside of scripts, and for the end of one that doesn't say how it ends."""

    constant: CallStatus | None = field(init=False, default=None)
    """The outcome, where it is the same for every call."""

    def __post_init__(self) -> None:
        message, details, trailers = self.message.constant, self.details.constant, self.trailers.constant
        if message is not None and details is not None and trailers is not None:
            object.__setattr__(self, "constant", status_of(self.code, message, details, trailers))

    def render(self, context: RenderContext) -> CallStatus:
        """Give the outcome for this call. Raises ``RenderError`` naming stub, field and reason."""
        if self.constant is not None:
            return self.constant
        return status_of(
            self.code, self.message.render(context), self.details.render(context), self.trailers.render(context)
        )


def status_of(code: Code, message: str, details: tuple[AnyMessage, ...], trailers: Metadata) -> CallStatus:
    """Return a status as it goes to the wire: rich *details* are put among the *trailers*."""
    if details:
        trailers = (*trailers, (DETAILS_KEY, encode_details(code, message, details)))
    return CallStatus(code, message, trailers)


@dataclass(frozen=True, slots=True)
class InvokeStep:
    """Let a function of the user answer; it ends the call."""

    handler: Handler


PlanStep = (
    HeadersStep | SendStep | PauseStep | ExpectStep | HalfCloseStep | OnStep | RepeatStep | InvokeStep | FinishStep
)

HALF_CLOSE = HalfCloseStep()
FINISH_OK = FinishStep()
"""The end of most answers, shared by all."""

NO_STATES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """One answer, ready to be given."""

    steps: tuple[PlanStep, ...]

    fault: Fault | None = None

    constant: bytes | None = None
    """Set if a unary method answers with exactly this one message, OK, and nothing else: no metadata, delay, fault or
    state to set. The engine may then send it without looking at the steps."""

    set: Mapping[str, str] = field(default_factory=lambda: NO_STATES)
    """The scenario states entered when this answer is chosen."""
