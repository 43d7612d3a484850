"""Failures on disk, so that they can be made again and exported: one JSON document each, named by the failure's id."""

from __future__ import annotations

import binascii
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.fuzz.model.call_values import read_call, written_call
from grpcmock.fuzz.model.case_values import read_case, written_case
from grpcmock.fuzz.model.changes import has_next_page, items_in
from grpcmock.reports import files

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.run.session import Settings
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports

FOLDER = Path(".grpcmock") / "failures"
"""Where a run keeps its failures, below the current directory."""

VERSION = 1


TERMS = ("deadline", "max_latency", "max_message_bytes", "allowed", "status_fields", "stubs", "links")
"""What of a run's settings its checks depend on."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one call."""

    code: int
    items: int = 0
    """How many items of lists were in its first response."""

    has_more: bool = False
    """Whether that said that there is another page."""

    @classmethod
    def of(cls, reply: Reply) -> Seen:
        """Take from a reply what matters."""
        return cls(reply.code, items_in(reply), has_next_page(reply))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """One failure as it was kept."""

    id: str
    check: str
    """The code of the check that found it."""

    target: str
    """Where the server was."""

    key: str
    """The finding's own key: what is found again must have the same."""

    expected: str
    actual: str
    case: Case

    made: tuple[Call, ...]
    """The calls as they were made: bindings filled in."""

    protos: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    """The keys of the metadata that was sent with every call."""

    expectations: Mapping[str, Any] = field(default_factory=dict)
    contract: str = ""
    """The file of descriptors that is kept beside it; empty if there is none."""

    needs_data: bool = False
    """Whether it rests on what the server held when it was found, and its calls don't make that."""

    seen: tuple[Seen, ...] = ()
    """What came of its calls then, in their order; of failures that were kept by an earlier version, nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where failures were seen, and under which terms: enough to make them again, and nothing that is secret."""

    target: str
    """The server's address; a URL where TLS is spoken."""

    protos: tuple[str, ...] = ()
    """The files that hold the contract; none where the server's reflection was asked."""

    imports: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    """The keys of the metadata that was sent with every call; their values are not kept."""

    expectations: Mapping[str, Any] = field(default_factory=dict)
    """What of the settings the checks depend on, by names of :class:`~grpcmock.fuzz.run.session.Settings`, where it
    differs from the default."""

    contract: str = ""
    """The file of descriptors that is kept beside the failures."""

    @classmethod
    def of(cls, settings: Settings, protos: Iterable[ProtoSource] = (), imports: Imports | None = None) -> Origin:
        """Take from the settings of a run what matters; *protos* and *imports* are where its contract came from."""
        target, usual = settings.target, type(settings)(target=settings.target)
        secure = target.tls is not None and not target.address.startswith("unix")
        expectations = {
            name: getattr(settings, name) for name in TERMS if getattr(settings, name) != getattr(usual, name)
        }
        return cls(
            target=f"https://{target.address}" if secure else target.address,
            protos=tuple(str(path) for path in protos),
            imports=tuple(str(path) for path in imports.roots) if imports else (),
            exclude=tuple(imports.exclude) if imports else (),
            headers=tuple(key for key, _ in target.metadata),
            expectations={name: _plain_term(value) for name, value in expectations.items()},
        )


def keep(
    failures: Iterable[Failure],
    origin: Origin,
    folder: Path = FOLDER,
    *,
    registry: Registry | None = None,
    hidden: Callable[[Any], Any] = lambda tree: tree,
) -> list[Path]:
    """Write each failure into *folder*; give the files. What is secret in a text, *hidden* takes out.

    The descriptors of a *registry* are kept beside them. Raises :class:`ConfigError` if a file can't be written.
    """
    written = []
    if registry is not None and not origin.contract:
        origin = replace(origin, contract=str(keep_contract(registry, folder)))
    for failure in failures:
        path = folder / f"{failure.id}.json"
        text = json.dumps(hidden(plain(of_failure(failure, origin))), ensure_ascii=False, indent=2)
        files.write(path, f"{text}\n")
        written.append(path)
    return written


def keep_contract(registry: Registry, folder: Path = FOLDER) -> Path:
    """Write the descriptors beside the failures, so that these can be read when the server is down; give the file.

    It has the name of what it holds, and isn't written again. Raises :class:`ConfigError` if it can't be.
    """
    data = registry.files.SerializeToString(deterministic=True)
    path = folder / f"contract-{blake2b(data, digest_size=6).hexdigest()}.binpb"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror or error}.") from None
    return path


def contract(kept: Mapping[str, Any], path: Path) -> Path | None:
    """Give the file of descriptors that was kept beside the failure at *path*; None if there is none."""
    name = str(kept.get("contract") or "")
    found = path.parent / Path(name).name
    return found if name and found.is_file() else None


def find(name: str, folder: Path = FOLDER) -> Path:
    """Find the file of a failure: by its id, by the beginning of it, or by its path.

    Raises :class:`ConfigError`, which names the nearest id, if there is none, or more than one.
    """
    if name.endswith(".json"):
        if Path(name).is_file():
            return Path(name)
        raise ConfigError(f"There is no file {name}.")
    known = {path.stem: path for path in sorted(folder.glob("*.json"))}
    fitting = [path for stem, path in known.items() if stem.lower() == name.lower()] or [
        path for stem, path in known.items() if stem.lower().startswith(name.lower())
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(f"{name!r} fits more than one failure: {', '.join(path.stem for path in fitting)}.")
    if not known:
        raise ConfigError(
            f"There is no failure {name!r}: {folder} holds none. `grpcmock fuzz TARGET` writes them there."
        )
    hint = did_you_mean(name, known, known="Those there")
    raise ConfigError(f"There is no failure {name!r} in {folder}. {hint}".rstrip())


def plain(case_file: CaseFile) -> dict[str, Any]:
    """Give a failure as plain values. Messages are in base64; ``shown`` is for those who read them."""
    case = case_file.case
    return {
        "version": VERSION,
        "id": case_file.id,
        "check": case_file.check,
        "target": case_file.target,
        "key": case_file.key,
        "expected": case_file.expected,
        "actual": case_file.actual,
        "protos": list(case_file.protos),
        "imports": list(case_file.imports),
        "exclude": list(case_file.exclude),
        "headers": list(case_file.headers),
        "expectations": dict(case_file.expectations),
        "contract": Path(case_file.contract).name,
        "needs_data": case_file.needs_data,
        "seen": [[one.code, one.items, one.has_more] for one in case_file.seen],
        "case": written_case(case),
        "made": [] if case_file.made == case.calls else [written_call(call) for call in case_file.made],
    }


def read(kept: Mapping[str, Any], registry: Registry, where: str = "the case") -> CaseFile:
    """Read the plain values of a failure against the contract; *where* names them in errors.

    Raises :class:`ConfigError` if they aren't those of a failure, and :class:`UnknownMethodError` if the contract no
    longer has the method.
    """
    if kept.get("version") != VERSION:
        raise ConfigError(f"{where} is of version {kept.get('version')!r}; this grpcmock reads version {VERSION}.")
    try:
        case = read_case(kept["case"], registry)
        return CaseFile(
            id=kept["id"],
            check=kept["check"],
            target=kept["target"],
            key=kept["key"],
            expected=kept["expected"],
            actual=kept["actual"],
            case=case,
            made=tuple(read_call(call, registry) for call in kept["made"]) or case.calls,
            protos=tuple(kept.get("protos", ())),
            imports=tuple(kept.get("imports", ())),
            exclude=tuple(kept.get("exclude", ())),
            headers=tuple(kept.get("headers", ())),
            expectations=kept.get("expectations", {}),
            contract=kept.get("contract", ""),
            needs_data=bool(kept.get("needs_data")),
            seen=tuple(Seen(int(code), int(items), bool(more)) for code, items, more in kept.get("seen", ())),
        )
    except (KeyError, TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise ConfigError(f"{where} is not the file of a failure, or was changed: {error!r}.") from None


def load(path: Path) -> dict[str, Any]:
    """Read the plain values of a failure's file. Raises :class:`ConfigError`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}.") from None
    if not isinstance(found, dict) or "case" not in found:
        raise ConfigError(f"{path} is not the file of a failure.")
    return found


def of_failure(failure: Failure, origin: Origin) -> CaseFile:
    """Give a failure as its file would be read."""
    case = replace(failure.case, choices=())
    return CaseFile(
        id=failure.id,
        check=failure.finding.check,
        target=origin.target,
        key=failure.finding.key,
        expected=failure.finding.expected,
        actual=failure.finding.actual,
        case=case,
        made=tuple(reply.call for reply in failure.result.replies[: len(case.calls)]) or case.calls,
        protos=origin.protos,
        imports=origin.imports,
        exclude=origin.exclude,
        headers=origin.headers,
        expectations=origin.expectations,
        contract=origin.contract,
        needs_data=failure.needs_data,
        seen=tuple(map(Seen.of, failure.result.replies[: len(case.calls)])),
    )


def _plain_term(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain_term(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [str(path) for path in value]
    return sorted(value) if isinstance(value, (set, frozenset)) else value
