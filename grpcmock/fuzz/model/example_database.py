"""Failures kept between runs: the choices they were made of, in an example database of Hypothesis."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, MissingExtraError
from grpcmock.fuzz.model.events import Event, FailureFound

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

    from grpcmock.schema import Method

_GITHUB = re.compile(r"github:([\w.-]+)/([\w.-]+)")

Saved = tuple[str, tuple[int, ...]]
"""The id of the violation that the message was made with, or nothing; and the choices."""


def open_database(where: str) -> ExampleDatabase:
    """Open the database at a directory, ``redis://HOST:PORT/DB``, or ``github:OWNER/REPOSITORY`` (never written).

    Several, with commas between them, are read together; what can be written to is. Raises :class:`ConfigError`.
    """
    from hypothesis.database import DirectoryBasedExampleDatabase, MultiplexedDatabase

    parts = [part.strip() for part in where.split(",") if part.strip()]
    if not parts:
        raise ConfigError("--database is empty. Name a directory, redis://HOST:PORT, or github:OWNER/REPOSITORY.")
    if len(parts) > 1:
        return MultiplexedDatabase(*map(open_database, parts))
    if parts[0].startswith(("redis://", "rediss://", "unix://")):
        return _redis(parts[0])
    if parts[0].startswith("github:"):
        return _github(parts[0])
    path = Path(parts[0])
    if path.exists() and not path.is_dir():
        raise ConfigError(f"--database {path} is a file; name a directory, or one that can be made.")
    return DirectoryBasedExampleDatabase(path)


def _redis(url: str) -> ExampleDatabase:
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis
        from redis.exceptions import RedisError
    except ImportError:
        raise MissingExtraError(f"--database {url}", "redis") from None
    client = Redis.from_url(url, socket_connect_timeout=5)
    try:
        client.ping()
    except RedisError as error:
        raise ConfigError(f"--database {url}: there is no Redis: {error}.") from None
    return RedisExampleDatabase(client, key_prefix=b"grpcmock:")


def _github(where: str) -> ExampleDatabase:
    from hypothesis.database import GitHubArtifactDatabase, ReadOnlyDatabase

    found = _GITHUB.fullmatch(where)
    if found is None:
        raise ConfigError(f"--database {where!r} names no repository. Write github:OWNER/REPOSITORY.")
    return ReadOnlyDatabase(GitHubArtifactDatabase(found[1], found[2]))


class Memory:
    """What a run remembers of earlier ones, and keeps for later ones."""

    def __init__(self, database: ExampleDatabase) -> None:
        self._database = database

    def saved(self, methods: Sequence[Method]) -> Mapping[str, tuple[Saved, ...]]:
        """Give what failed before, by the full names of methods."""
        return {
            method.full_name: tuple(sorted(filter(None, map(_unpacked, self._database.fetch(_key(method))))))
            for method in methods
        }

    def hear(self, event: Event) -> None:
        """Keep each failure of a generated request."""
        if isinstance(event, FailureFound) and event.failure.case.choices:
            case = event.failure.first
            self._database.save(_key(case.method), _packed(_violation(case.path, case.rule), case.choices))


def _violation(path: str, rule: str) -> str:
    return f"{path}~{rule}" if rule else ""


def _key(method: Method) -> bytes:
    return f"grpcmock fuzz {method.full_name}".encode()


def _packed(violation: str, choices: Sequence[int]) -> bytes:
    from hypothesis.database import choices_to_bytes

    return choices_to_bytes((violation, *choices))


def _unpacked(data: bytes) -> Saved | None:
    from hypothesis.database import choices_from_bytes

    found = choices_from_bytes(data)
    if not found or not isinstance(found[0], str):
        return None
    choices = tuple(choice for choice in found[1:] if type(choice) is int)
    return (found[0], choices) if len(choices) == len(found) - 1 else None
