"""The states of a mock's scenarios, as a mapping that tests read and set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from grpcmock.matching.call_context import STARTED

if TYPE_CHECKING:
    from grpcmock.engine.store import States


class State(MutableMapping[str, str]):
    """The state of each scenario by its name; one that was never set is in ``started``."""

    def __init__(self, in_loop: Callable[[Callable[[], Any]], Any], states: Callable[[], States]) -> None:
        self._in_loop = in_loop
        self._states = states

    def __getitem__(self, scenario: str) -> str:
        return str(self._in_loop(lambda: self._states()[scenario]))

    def __setitem__(self, scenario: str, state: str) -> None:
        given: tuple[tuple[str, object], ...] = (("scenario", scenario), ("state", state))
        for what, value in given:
            if not isinstance(value, str) or not value:
                raise TypeError(f"the name of a {what} is a string, not {value!r}")
        self._in_loop(lambda: self._states().__setitem__(scenario, state))

    def __delitem__(self, scenario: str) -> None:
        """Go back to ``started``."""
        self._in_loop(lambda: self._states().pop(scenario, STARTED))

    def __contains__(self, scenario: object) -> bool:
        return scenario in self._copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._copy())

    def __len__(self) -> int:
        return len(self._copy())

    def _copy(self) -> dict[str, str]:
        copied: dict[str, str] = self._in_loop(lambda: dict(self._states()))
        return copied

    def __repr__(self) -> str:
        return f"State({self._copy()!r})"
