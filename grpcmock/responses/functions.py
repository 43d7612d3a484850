"""The functions that templates may call: clock, uuids, random values and fakes, all from one call's random source."""

from __future__ import annotations

import string
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from grpcmock.errors import MissingExtraError, RenderError, did_you_mean

if TYPE_CHECKING:
    from random import Random

MOST = 1_000_000
"""The longest text, and the most bytes or items, that one call of a random function gives."""

_OFFSETS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")


class Moment(datetime):
    """A point in time that reads as RFC 3339, as ProtoJSON has it."""

    def __str__(self) -> str:
        return rfc3339(self)


def rfc3339(moment: datetime) -> str:
    """Write a time as ProtoJSON does: in UTC, with no more digits than needed. A naive time is taken for UTC."""
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    micros = utc.microsecond
    fraction = "" if not micros else f".{micros:06d}" if micros % 1000 else f".{micros // 1000:03d}"
    return f"{utc.year:04d}-{utc.month:02d}-{utc.day:02d}T{utc.hour:02d}:{utc.minute:02d}:{utc.second:02d}{fraction}Z"


def clock(now: Callable[[], datetime]) -> Callable[..., Moment]:
    """Make ``now``: ``now()``, or with an offset, ``now(hours=1)``, ``now(days=-7)``."""

    def read(**offset: float) -> Moment:
        for name in offset:
            if name not in _OFFSETS:
                raise RenderError(f"now() takes no {name!r}. {did_you_mean(name, _OFFSETS, known='The offsets')}")
        moment = now()
        if offset:
            moment = moment + timedelta(**offset)
        return Moment.fromtimestamp(0, UTC) + (moment - _EPOCH)

    read.__name__ = "now"
    return read


def duration(**parts: float) -> timedelta:
    """Make a length of time, to be added to one or taken from it: ``duration(hours=1)``."""
    for name in parts:
        if name not in _OFFSETS:
            raise RenderError(f"duration() takes no {name!r}. {did_you_mean(name, _OFFSETS, known='The parts')}")
    return timedelta(**parts)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid_source(random: Random) -> Callable[[], str]:
    """Make ``uuid``: a random (version 4) UUID as text."""

    def make() -> str:
        return str(uuid.UUID(int=random.getrandbits(128), version=4))

    make.__name__ = "uuid"
    return make


def random_functions(random: Random) -> dict[str, Callable[..., Any]]:
    """Make the functions of ``random``, by name."""
    return {name: partial(function, random) for name, function in _RANDOM.items()}


def _integer(random: Random, low: int, high: int) -> int:
    return random.randint(low, high)


def _real(random: Random, low: float = 0.0, high: float = 1.0) -> float:
    return random.uniform(low, high)


def _boolean(random: Random, chance: float = 0.5) -> bool:
    return random.random() < chance


def _choice(random: Random, items: Iterable[Any]) -> Any:
    return random.choice(_listed(items))


def _sample(random: Random, items: Iterable[Any], count: int) -> list[Any]:
    return random.sample(_listed(items), count)


def _shuffle(random: Random, items: Iterable[Any]) -> list[Any]:
    found = list(items)
    random.shuffle(found)
    return found


def _text(random: Random, length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.choices(_listed(alphabet), k=_bounded(length)))


def _hexadecimal(random: Random, length: int) -> str:
    return "".join(random.choices("0123456789abcdef", k=_bounded(length)))


def _octets(random: Random, length: int) -> bytes:
    return random.randbytes(_bounded(length))


_RANDOM: dict[str, Callable[..., Any]] = {
    "int": _integer,
    "float": _real,
    "bool": _boolean,
    "choice": _choice,
    "sample": _sample,
    "shuffle": _shuffle,
    "string": _text,
    "hex": _hexadecimal,
    "bytes": _octets,
}

for _name, _function in _RANDOM.items():
    _function.__qualname__ = f"random.{_name}"  # so that Python's complaint about arguments names it

RANDOM_FUNCTIONS = tuple(_RANDOM)
"""The names in ``random``."""


def _listed(items: Iterable[Any]) -> list[Any]:
    found = list(items)
    if not found:
        raise RenderError("there is nothing to choose from: the list is empty.")
    return found


def _bounded(length: int) -> int:
    if not 0 <= length <= MOST:
        raise RenderError(f"a length goes from 0 to {MOST}, not {length}.")
    return length


class Fake:
    """``fake``: Faker's providers by name, fed from one call's random source."""

    __slots__ = ("_random",)

    def __init__(self, random: Random) -> None:
        self._random = random

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name not in fake_names():
            raise RenderError(unknown_fake(name))
        generator = _faker()
        # One Faker serves all calls, since it is slow to make; between looking up and calling nothing else runs.
        generator.random = self._random
        found: Callable[..., Any] = getattr(generator, name)
        return found


@lru_cache(maxsize=1)
def _faker() -> Any:
    """Make the one generator. Raises :class:`MissingExtraError` without the extra."""
    try:
        from faker import Faker
    except ModuleNotFoundError:
        raise MissingExtraError("fake in templates", "faker") from None
    return Faker("en_US").factories[0]


@lru_cache(maxsize=1)
def fake_names() -> frozenset[str]:
    """List the providers' functions. Raises :class:`MissingExtraError` without the extra."""
    generator = _faker()
    refused = {"binary", "image", "tar", "zip", "fixed_width", "csv", "dsv", "psv", "tsv", "xml"}  # of any size
    plain = {name for name in dir(type(generator)) if not name.startswith("__")}
    return frozenset(
        name
        for name in vars(generator)
        if not name.startswith("_") and name not in plain and name not in refused and callable(getattr(generator, name))
    )


def unknown_fake(name: str) -> str:
    """Say that Faker has no such function, and the nearest one that it has."""
    return f"fake has no function {name!r}. {did_you_mean(name, fake_names())}".rstrip()
