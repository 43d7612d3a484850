"""Run a comparison from beginning to end: of two local versions, or of local protos with a running server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from grpcmock.drift import buf, live
from grpcmock.drift.compare import compare
from grpcmock.drift.differences import Difference, in_order
from grpcmock.drift.outcome import Outcome
from grpcmock.drift.reading import read
from grpcmock.drift.uses import touched
from grpcmock.errors import ConfigError, Problems, StubError, did_you_mean
from grpcmock.schema import sources
from grpcmock.schema.annotations import AnnotationReader
from grpcmock.stubs import loader

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.drift.views import Schema
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import AnyImports
    from grpcmock.stubs.model import Stub

With: TypeAlias = Literal["auto", "buf", "builtin"]


def of_versions(
    old_protos: Sequence[ProtoSource],
    new_protos: Sequence[ProtoSource],
    *,
    stubs: Sequence[Path] = (),
    imports: AnyImports = (),
    with_: With = "auto",
) -> Outcome:
    """Compare two versions of local protos. The stubs may be written for either; what is wrong with them isn't told.

    Raises :class:`SchemaError`; :class:`ConfigError` if buf is asked for and can't be had.
    """
    executable = _buf(with_)
    old, new = sources.load(old_protos, imports=imports), sources.load(new_protos, imports=imports)
    before, after = _read(old, old_protos, imports), _read(new, new_protos, imports)
    differences = touched(compare(before, after), _loaded(stubs, Problems()), [old, new])
    differences, notes = _second_opinion(executable, old, new, differences, (), required=with_ == "buf")
    return _outcome(before, after, differences, notes, live=False)


async def of_server(
    channel: grpc.aio.Channel,
    label: str,
    protos: Sequence[ProtoSource],
    *,
    stubs: Sequence[Path] = (),
    imports: AnyImports = (),
    services: Sequence[str] = (),
    metadata: Sequence[tuple[str, str | bytes]] = (),
    with_: With = "auto",
    ahead: bool = False,
) -> Outcome:
    """Compare local protos with what a server shows of itself by reflection; *services* may name some of theirs.
    The server is the new version, unless the protos are *ahead* of it.

    Raises as :func:`of_versions` does, :class:`StubError` if stubs can't be read, and :class:`TargetError` if the
    server can't be asked.
    """
    executable = _buf(with_)
    local = sources.load(protos, imports=imports)
    problems = Problems()
    loaded = _loaded(stubs, problems)
    problems.raise_errors()
    names = [_service(local, name) for name in services]
    before = _read(local, protos, imports)
    before = live.narrowed(before, names) if names else before
    if not before.services:
        raise ConfigError("The protos declare no service: there is nothing to ask a server for.")
    shown = await live.ask(channel, local, label, services=names, metadata=metadata)
    old, new = (shown.schema, before) if ahead else (before, shown.schema)
    differences = touched(compare(old, new, live=True, ahead=ahead), loaded, [local])
    both = [name for name in before.services if name in shown.registry.services]
    notes = shown.notes
    if both:
        sides = (shown.registry, local) if ahead else (local, shown.registry)
        differences, said = _second_opinion(executable, *sides, differences, both, required=with_ == "buf")
        notes = (*notes, *said)
    if differences and not ahead:
        advice = (
            f"Where the server is right, take over its protos: `grpcmock describe {label}` shows them. Where yours are "
            "newer than it, ask with --newer protos."
        )
        notes = (*notes, advice)
    return _outcome(old, new, differences, notes, live=True, ahead=ahead)


def _read(registry: Registry, protos: Sequence[ProtoSource], imports: AnyImports) -> Schema:
    places = {name: str(path) for name, path in sources.places(protos, imports=imports).items()}
    return read(registry, ", ".join(map(str, protos)), places, rules=AnnotationReader(registry))


def _loaded(paths: Sequence[Path], problems: Problems) -> list[Stub]:
    try:
        return loader.load(paths, problems)
    except StubError as error:
        for problem in error.problems:
            problems.add(problem)
        return []


def _service(local: Registry, name: str) -> str:
    """Find a service by the name that a user wrote; leading parts of its package may be left out."""
    found = [full for full in local.services if full == name or full.endswith(f".{name}")]
    if len(found) == 1 or name in found:
        return name if name in found else found[0]
    if found:
        raise ConfigError(f"{name!r} fits more than one service: {', '.join(found)}. Write more of the package.")
    hint = did_you_mean(name, local.services, known="The services")
    raise ConfigError(f"The protos declare no service {name!r}. {hint}".rstrip())


def _buf(with_: With) -> str | None:
    if with_ == "builtin":
        return None
    executable = buf.find()
    if executable is None and with_ == "buf":
        raise ConfigError("There is no program buf on the PATH. `pip install buf-bin` brings it.")
    return executable


def _second_opinion(
    executable: str | None,
    old: Registry,
    new: Registry,
    differences: Sequence[Difference],
    services: Sequence[str],
    *,
    required: bool,
) -> tuple[list[Difference], tuple[str, ...]]:
    if executable is None:
        return list(differences), ()
    try:
        opinion = buf.ask(executable, old, new, differences, services=services)
    except ConfigError as error:
        if required:
            raise
        return list(differences), (f"buf could not be asked: {error}",)
    return in_order(opinion.differences), (str(opinion),)


def _outcome(
    before: Schema,
    after: Schema,
    differences: Sequence[Difference],
    notes: tuple[str, ...],
    *,
    live: bool,
    ahead: bool = False,
) -> Outcome:
    home = after if ahead else before
    types = sum(not (view.is_shipped or view.is_map_entry) for view in home.messages.values())
    types += sum(not view.is_shipped for view in home.enums.values())
    return Outcome(
        old=before.label,
        new=after.label,
        live=live,
        ahead=ahead,
        differences=tuple(differences),
        compared=(len(home.services), types),
        notes=notes,
    )
