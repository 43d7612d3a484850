"""Failures kept between runs, and told to those that go on beside this one, in an example database of Hypothesis."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import ConfigError, MissingExtraError, UnknownMethodError, did_you_mean
from grpcmock.fuzz.model.case_values import read_case, written_case
from grpcmock.fuzz.model.events import Event, FailureFound

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.schema import Method, Registry

_GITHUB = re.compile(r"github:([\w.-]+)/([\w.-]+)")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z+]+):")
"""What begins so is no directory, but on Windows, where a drive is one letter."""

_LARGEST = 1 << 20
"""Bytes of a case that is kept."""

_MOST = 200
"""Failures of one service that are kept."""


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
    if (scheme := _SCHEME.match(parts[0])) is not None:
        hint = did_you_mean(scheme[1], ("redis", "rediss", "unix", "github"))
        known = "a directory, redis://HOST:PORT, unix://SOCKET, or github:OWNER/REPOSITORY"
        raise ConfigError(f"--database {parts[0]!r} is none of those that there are: {known}. {hint}".rstrip())
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
    """What is known of earlier runs, and of those that go on beside this one."""

    def __init__(self, database: ExampleDatabase, registry: Registry, methods: Iterable[Method]) -> None:
        """Remember what has failed of these *methods*."""
        self._database = database
        self._registry = registry
        self._methods = frozenset(methods)
        self._services = sorted({method.service for method in self._methods})
        self._known: dict[str, set[str]] = {service: set() for service in self._services}
        """The ids of failures that are kept, by services."""
        self.trouble = ""
        """Why nothing is kept or found any more; empty if all is well."""

    def news(self) -> list[Case]:
        """Return the cases that have failed elsewhere since this was asked last; first, all that have ever failed.

        They come in an order that is the same for the same cases. What the contract no longer has is left out.
        """
        found: dict[str, Case] = {}
        for service in self._services:
            values = sorted(self._fetched(service), key=lambda data: (len(data), data))
            for name, keys in filter(None, map(_unpacked, values)):
                if name in self._known[service]:
                    continue
                self._known[service].add(name)
                case = self._read(name, keys)
                if case is not None:
                    found[name] = case
        return [found[name] for name in sorted(found)]

    def _fetched(self, service: str) -> list[bytes]:
        try:
            return [] if self.trouble else list(self._database.fetch(_key(service)))
        except _out_of_reach() as error:
            self.trouble = str(error)
            return []

    def _read(self, name: str, keys: Any) -> Case | None:
        try:
            case = read_case(keys, self._registry)
        except (UnknownMethodError, LookupError, TypeError, ValueError, AttributeError, zlib.error):
            return None
        phase, method = case.phase.value, case.method
        return replace(case, id=f"{phase}/{method.full_name}/saved-{name}") if method in self._methods else None

    def hear(self, event: Event) -> None:
        """Keep each failure, once."""
        if not isinstance(event, FailureFound):
            return
        failure = event.failure
        service = failure.case.method.service
        known = self._known.setdefault(service, set())
        data = _packed(failure)
        if self.trouble or failure.id in known or len(known) >= _MOST or len(data) > _LARGEST:
            return
        known.add(failure.id)
        try:
            self._database.save(_key(service), data)
        except _out_of_reach() as error:
            self.trouble = str(error)


def _out_of_reach() -> tuple[type[Exception], ...]:
    """Return what a database raises that can't be reached."""
    try:
        from redis.exceptions import RedisError
    except ImportError:
        return (OSError,)
    return (OSError, RedisError)


def _key(service: str) -> bytes:
    return f"grpcmock fuzz failures of {service}".encode()


def _packed(failure: Failure) -> bytes:
    written = {"failure": failure.id, "case": written_case(failure.case)}
    return zlib.compress(json.dumps(written, separators=(",", ":")).encode(), 9)


def _unpacked(data: bytes) -> tuple[str, Any] | None:
    """Return the id of a failure and the plain values of its case; None for what another version has written."""
    try:
        unpacking = zlib.decompressobj()
        found = json.loads(unpacking.decompress(data, _LARGEST << 6))
        return str(found["failure"]), found["case"]
    except (zlib.error, ValueError, LookupError, TypeError):
        return None
