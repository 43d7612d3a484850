"""What every set-up hook gets, returns and raises: it brings a provider into the state that a stub takes as given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

from grpcmock.errors import GrpcmockError

Action = Literal["setup", "teardown"]

SHOWN = 500
"""Characters that are shown of what a hook says."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a hook gets."""

    words: str
    """The provider state, as the stub's ``given`` has it."""

    stub: str = ""
    method: str = ""
    consumer: str = ""


class HookError(GrpcmockError):
    """A hook failed, or took too long."""


class UnknownGivenError(HookError):
    """The hook doesn't know this state."""

    def __init__(self, given: Given, more: str = "") -> None:
        super().__init__(f"the set-up hook doesn't know the state {given.words!r}{more}.")


Undo = Callable[[], Awaitable[None]]


class Hook(Protocol):
    """Brings a provider into a state."""

    async def set_up(self, given: Given) -> Undo:
        """Do so, and give what undoes it. Raises :class:`HookError` or :class:`UnknownGivenError`."""
        ...


def document(action: Action, given: Given) -> dict[str, str]:
    keys = asdict(given)
    return {"action": action, "given": keys.pop("words"), **keys}


def said(text: str) -> str:
    return f": {text}" if text else "."
