"""Paths: where the index finds the value that an equality condition is about, compiled once and shared by all stubs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import IntEnum
from itertools import count
from typing import Any

from grpcmock.matching.call_context import STARTED, CallContext
from grpcmock.matching.findings import ABSENT


class Stage(IntEnum):
    """What must be known of a call to decide whether a stub holds."""

    OPEN = 0
    """Its opening: metadata, deadline, states."""

    FIRST = 1
    """Its first message."""

    ALL = 2
    """All of its messages."""


Step = Callable[[Any], Any]
"""From a value to one inside it, or to ABSENT; of a step to many, to a sequence of them."""


class Path:
    """A way from what is known of a call to a value. Equal ways below one root are one and the same object.

    ``get`` gives a hashable value where the path ends at one, or ABSENT; of a path to ``many`` values, a list of them.
    """

    __slots__ = ("_below", "get", "many", "order", "stage")

    _orders = count()

    def __init__(self, stage: Stage, get: Callable[[CallContext], Any], *, many: bool = False) -> None:
        self.stage = stage
        self.get = get
        self.many = many
        self.order = next(self._orders)
        self._below: dict[Hashable, Path] = {}

    def step(self, name: Hashable, step: Step, *, many: bool = False) -> Path:
        """Give the path one step further; *name* tells this step from the others here."""
        found = self._below.get(name)
        if found is None:
            get = _compose(self.get, step, self.many, many)
            found = self._below[name] = Path(self.stage, get, many=self.many or many)
        return found

    def at(self, index: int) -> Path:
        """Go to an element of a list; -1 is the last one."""

        def step(items: Any) -> Any:
            return items[index] if -len(items) <= index < len(items) else ABSENT

        return self.step(("at", index), step)

    def key(self, key: Any) -> Path:
        """Go to the value of a key of a map."""
        return self.step(("key", key), lambda entries: entries.get(key, ABSENT))

    def some(self) -> Path:
        """Go to all elements of a list."""
        return self.step("some", list, many=True)

    def size(self) -> Path:
        return self.step("size", len)

    def whole(self) -> Path:
        """Take a list as one value."""
        return self.step("whole", tuple)

    def typed(self, types: tuple[type, ...]) -> Path:
        """Take a plain JSON value only if it is of one of these types."""
        return self.step(types, lambda value: value if isinstance(value, types) else ABSENT)


def request_path(normalize: Step | None) -> Path:
    """Make the root of the paths into the first message of a call; *normalize* gives it the form that matchers see."""
    root = Path(Stage.FIRST, lambda context: ABSENT if context.request is None else context.request)
    return root if normalize is None else root.step("normalize", normalize)


def requests_path(normalize: Step | None) -> Path:
    """Make the root of the paths into all messages of a call."""
    root = Path(Stage.ALL, lambda context: ABSENT if context.requests is None else context.requests)
    return root if normalize is None else root.step("normalize", normalize)


def metadata_path(key: str) -> Path:
    """Give the path to the list of the values of a metadata key; ABSENT if there are none."""
    return _METADATA.step(key, lambda metadata: metadata.get(key) or ABSENT)


def state_path(scenario: str) -> Path:
    """Give the path to the state of a scenario."""
    return _STATES.step(scenario, lambda states: states.get(scenario, STARTED))


_METADATA = Path(Stage.OPEN, lambda context: context.metadata)
_STATES = Path(Stage.OPEN, lambda context: context.state)


def _compose(
    get: Callable[[CallContext], Any], step: Step, from_many: bool, to_many: bool
) -> Callable[[CallContext], Any]:
    if not from_many:
        missing: Any = () if to_many else ABSENT

        def one(context: CallContext) -> Any:
            value = get(context)
            return missing if value is ABSENT else step(value)

        return one
    if to_many:
        return lambda context: [item for value in get(context) if value is not ABSENT for item in step(value)]
    return lambda context: [step(value) for value in get(context) if value is not ABSENT]
