"""What one call knows when its reply is rendered: the variables of templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

from grpcmock.responses.functions import Fake, clock, duration, random_functions, uuid_source

if TYPE_CHECKING:
    from google.protobuf.message import Message


def _utc_now() -> datetime:
    return datetime.now(UTC)


class RenderContext(Mapping[str, Any]):
    """One call at one moment, as its reply sees it. As a mapping, it gives templates their variables, made on demand.

    What is random comes from ``random`` alone: with a source seeded by the server's seed and the call's number, a run
    can be repeated.
    """

    __slots__ = ("_made", "_random", "count", "message", "metadata", "now", "request", "requests", "row", "state")

    def __init__(
        self,
        *,
        request: Message | None = None,
        requests: Sequence[Message] = (),
        message: Message | None = None,
        metadata: Mapping[str, Sequence[str | bytes]] | None = None,
        row: Mapping[str, Any] | None = None,
        count: int = 1,
        state: Mapping[str, str] | None = None,
        random: Random | Callable[[], Random] | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.request = request
        """The request; where the client streams, its first message. None if none has come."""
        self.requests = requests
        """The request messages that have come so far."""
        self.message = message
        """The last request message that has come; for scripts."""
        self.metadata = metadata if metadata is not None else {}
        """The request's metadata by lower-case key."""
        self.row = row
        """The row of ``each``."""
        self.count = count
        """How often the stub has matched, this time included."""
        self.state = state if state is not None else {}
        """The scenario states from before this call."""
        self._random = random
        self.now = now
        """The clock."""
        self._made: dict[str, Any] = {}

    @property
    def random(self) -> Random:
        """The source of randomness. To seed one takes as long as most templates, so it is made when it is asked for."""
        if not isinstance(self._random, Random):
            self._random = self._random() if self._random is not None else Random(0)
        return self._random

    def __getitem__(self, name: str) -> Any:
        made = self._made
        if name not in made:
            made[name] = _MAKERS[name](self)
        return made[name]

    def __contains__(self, name: object) -> bool:
        return name in _MAKERS

    def __iter__(self) -> Iterator[str]:
        return iter(_MAKERS)

    def __len__(self) -> int:
        return len(_MAKERS)


def _view(message: Message | None) -> Any:
    from grpcmock.responses.views import of_message  # it imports Jinja, which many a server never needs

    return of_message(message)


def _metadata(context: RenderContext) -> Any:
    from grpcmock.responses.views import MetadataView

    return MetadataView(context.metadata)


def _state(context: RenderContext) -> Any:
    from grpcmock.responses.views import StateView

    return StateView(context.state)


_MAKERS: dict[str, Callable[[RenderContext], Any]] = {
    "request": lambda context: _view(context.request),
    "requests": lambda context: list(map(_view, context.requests)),
    "message": lambda context: _view(context.message),
    "metadata": _metadata,
    "row": lambda context: context.row if context.row is not None else {},
    "call": lambda context: {"count": context.count},
    "state": _state,
    "now": lambda context: clock(context.now),
    "duration": lambda _: duration,
    "uuid": lambda context: uuid_source(context.random),
    "random": lambda context: random_functions(context.random),
    "fake": lambda context: Fake(context.random),
}

VARIABLES: tuple[str, ...] = tuple(_MAKERS)
"""The variables of templates; ``message`` is for scripts alone, ``row`` for stubs with ``each``."""
