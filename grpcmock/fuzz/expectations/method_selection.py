"""Which methods a run looks at: named by patterns, checked against what there is."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, SchemaError, did_you_mean
from grpcmock.fuzz.expectations.side_effects import ends_server

if TYPE_CHECKING:
    from grpcmock.schema import Method, Registry

INFRASTRUCTURE = ("grpc.reflection.", "grpc.health.", "grpc.channelz.", "grpcmock.")
"""Services of which nobody means to test the contract; they are looked at only where they are named."""


def select(registry: Registry, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> tuple[Method, ...]:
    """Give the methods that a pattern of *include* fits, or all, less those of *exclude*, in the order of their names.

    A pattern is a full name, ``user.UserService/GetUser``, whose leading parts may be left out, with ``*`` and ``?``;
    what names a service or a package alone stands for all that is in it. Raises :class:`ConfigError` for a pattern that
    fits nothing, with the nearest name.
    """
    methods = sorted(registry.methods.values(), key=str)
    if not methods:
        raise SchemaError("The protos hold no service, so there is nothing to call.")
    included, excluded = set(_fitting(methods, include)), set(_fitting(methods, exclude))
    if not included:
        ordinary = [method for method in methods if not method.service.startswith(INFRASTRUCTURE)]
        included = set(ordinary or methods)
    chosen = tuple(method for method in methods if method in included and method not in excluded)
    if not chosen:
        raise ConfigError("All methods are excluded, so there is nothing to do.")
    return chosen


def parted_by_ending(methods: tuple[Method, ...]) -> tuple[tuple[Method, ...], tuple[Method, ...]]:
    """Part methods into those to try, and those after which there would be no server; there is always one to try."""
    ending = tuple(method for method in methods if ends_server(method))
    rest = tuple(method for method in methods if method not in ending)
    return (rest, ending) if rest else (methods, ())


def _fitting(methods: list[Method], patterns: Iterable[str]) -> list[Method]:
    fitting: list[Method] = []
    for pattern in patterns:
        found = [method for method in methods if fits(method, pattern)]
        if not found:
            names = [word for method in methods for word in (method.full_name, method.name, method.service)]
            written = pattern.removeprefix("/")
            raise ConfigError(
                f"No method fits {pattern!r}. {did_you_mean(written, names, known='The methods')}".rstrip()
            )
        fitting += found
    return fitting


def fits(method: Method, pattern: str) -> bool:
    """Whether a pattern fits a method, by its full name or any ending of it that begins at a dot or slash."""
    pattern = pattern.removeprefix("/")
    name = method.full_name
    candidates = [name, method.service, method.name, name.replace("/", ".")]
    parts = method.service.split(".")
    candidates += [f"{'.'.join(parts[i:])}/{method.name}" for i in range(1, len(parts))]
    candidates += [".".join([*parts[i:], method.name]) for i in range(1, len(parts))]
    candidates += [".".join(parts[i:]) for i in range(1, len(parts))]
    candidates += [".".join(parts[:i]) for i in range(1, len(parts))]
    return any(fnmatchcase(candidate, pattern) for candidate in candidates)
