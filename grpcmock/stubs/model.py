"""The model of a stub: what the user wrote, checked for its shape, not yet compiled against descriptors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.message import Message

    from grpcmock.errors import Location
    from grpcmock.tree import Node

Then = Literal["last", "cycle", "miss"]

Handler: TypeAlias = "Callable[..., Any]"
"""What :class:`grpcmock.engine.steps.Invoke` runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """How a stub is held against a real server."""

    enabled: bool = True
    ignore: tuple[str, ...] = ()
    compare: Literal["exact", "subset"] = "subset"
    response: Node | None = None
    """A pattern for each response message: what it says of a field counts in place of what the answer says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. With neither ``responses``, ``error`` nor ``script``: an empty OK message."""

    responses: tuple[Node, ...] | None = None
    """The response messages; of ``response`` a tuple of one. None if neither key was written."""

    error: Node | None = None
    """``{code, message, details, trailers}``; a mapping."""

    script: Node | None = None
    """A list of steps."""

    interval: Node | None = None
    headers: Node | None = None
    trailers: Node | None = None
    delay: Node | None = None
    fault: Node | None = None
    set: Mapping[str, str] = field(default_factory=dict)
    """The scenario states entered when this answer is chosen."""

    handler: Handler | None = None
    """A function that answers, instead of ``responses``, ``error`` and ``script``; only in stubs made in Python."""

    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """When this method is called like so, answer like so. See the stub format for the meaning of each key."""

    method: str
    name: str
    priority: int = 0
    request: Node | None = None
    requests: Node | None = None
    metadata: Node | None = None
    deadline: Node | None = None
    when: Node | None = None
    where: Callable[[Message], object] | None = None
    """A function that the first message must please, besides all else; only in stubs made in Python. Its ``str()``
    stands for it in texts."""

    state: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    given: str | None = None
    answers: tuple[Answer, ...] = (Answer(),)
    """The answers, given in turn; most stubs have one."""

    then: Then = "last"
    """What follows the last of several answers."""

    verify: Verify = Verify()
    row: Mapping[str, Any] | None = None
    """The row of ``each`` that this stub was made from: plain values, for templates."""

    location: Location | None = field(default=None, compare=False)
    """Where the stub begins: ``file:line``."""

    method_location: Location | None = field(default=None, compare=False)

    def __str__(self) -> str:
        # The default name is the place already, perhaps with a number behind it.
        is_named = self.location is not None and not self.name.startswith(str(self.location))
        return f"{self.name} ({self.location})" if is_named else self.name
