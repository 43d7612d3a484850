"""Failures on disk, so that they can be made again and exported: one JSON document each, named by the failure's id."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, HalfClose, Headers, Pause, Receive, Send
from grpcmock.client.raw import RawRequest
from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.fuzz.text import message_text
from grpcmock.fuzz.trials import Binding, Call, Expect, Phase, Trial
from grpcmock.reports import files

if TYPE_CHECKING:
    from grpcmock.client.target import Metadata
    from grpcmock.fuzz.failures import Failure
    from grpcmock.schema import Method, Registry

FOLDER = Path(".grpcmock") / "failures"
"""Where a run keeps its failures, below the current directory."""

VERSION = 1


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
    got: str
    trial: Trial

    made: tuple[Call, ...]
    """The calls as they were made: bindings filled in."""


def keep(failures: Iterable[Failure], target: str, folder: Path = FOLDER) -> list[Path]:
    """Write each failure into *folder*; give the files. Raises :class:`ConfigError` if one can't be written."""
    written = []
    for failure in failures:
        path = folder / f"{failure.id}.json"
        files.write(path, json.dumps(plain(of_failure(failure, target)), ensure_ascii=False, indent=2) + "\n")
        written.append(path)
    return written


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


def plain(case: CaseFile) -> dict[str, Any]:
    """Give a failure as plain values. Messages are in base64; ``shown`` is for those who read them."""
    trial = case.trial
    return {
        "version": VERSION,
        "id": case.id,
        "check": case.check,
        "target": case.target,
        "key": case.key,
        "expected": case.expected,
        "got": case.got,
        "trial": {
            "id": trial.id,
            "phase": trial.phase.value,
            "method": trial.method.full_name,
            "why": trial.why,
            "expect": trial.expect.value,
            "path": trial.path,
            "rule": trial.rule,
            "aims": sorted(trial.aims),
            "pair": trial.pair,
            "repeat": trial.repeat,
            "at_once": trial.at_once,
            "calls": [_written(call) for call in trial.calls],
        },
        "made": [_written(call) for call in case.made],
    }


def read(kept: Mapping[str, Any], registry: Registry, where: str = "the case") -> CaseFile:
    """Read the plain values of a failure against the contract; *where* names them in errors.

    Raises :class:`ConfigError` if they aren't those of a failure, and :class:`UnknownMethodError` if the contract no
    longer has the method.
    """
    if kept.get("version") != VERSION:
        raise ConfigError(f"{where} is of version {kept.get('version')!r}; this grpcmock reads version {VERSION}.")
    try:
        tried = kept["trial"]
        trial = Trial(
            id=tried["id"],
            phase=Phase(tried["phase"]),
            method=registry.method(tried["method"]),
            calls=tuple(_read(call, registry) for call in tried["calls"]),
            why=tried["why"],
            expect=Expect(tried["expect"]),
            path=tried["path"],
            rule=tried["rule"],
            aims=frozenset(tried["aims"]),
            pair=tried["pair"],
            repeat=tried["repeat"],
            at_once=tried["at_once"],
        )
        return CaseFile(
            id=kept["id"],
            check=kept["check"],
            target=kept["target"],
            key=kept["key"],
            expected=kept["expected"],
            got=kept["got"],
            trial=trial,
            made=tuple(_read(call, registry) for call in kept["made"]) or trial.calls,
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ConfigError(f"{where} is not the file of a failure, or was changed: {error!r}.") from None


def load(path: Path) -> dict[str, Any]:
    """Read the plain values of a failure's file. Raises :class:`ConfigError`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}.") from None
    if not isinstance(found, dict) or "trial" not in found:
        raise ConfigError(f"{path} is not the file of a failure.")
    return found


def of_failure(failure: Failure, target: str) -> CaseFile:
    """Give a failure as its file would be read."""
    trial = replace(failure.trial, choices=())
    return CaseFile(
        id=failure.id,
        check=failure.finding.code,
        target=target,
        key=failure.finding.key,
        expected=failure.finding.expected,
        got=failure.finding.got,
        trial=trial,
        made=tuple(reply.call for reply in failure.evidence.replies[: len(trial.calls)]) or trial.calls,
    )


# Calls --------------------------------------------------------------------------------------------------


def _written(call: Call) -> dict[str, Any]:
    keys: dict[str, Any] = {
        "path": call.path,
        "actions": [_action(action, call.method) for action in call.actions],
    }
    if call.metadata:
        keys["metadata"] = [[key, _text(value)] for key, value in call.metadata]
    if call.deadline is not None:
        keys["deadline"] = call.deadline
    if call.compression:
        keys["compression"] = call.compression
    if call.bindings:
        keys["bindings"] = [[binding.call, list(binding.source), list(binding.target)] for binding in call.bindings]
    if call.raw is not None:
        keys["raw"] = {field.name: _raw_value(getattr(call.raw, field.name)) for field in fields(RawRequest)}
    return keys


def _read(keys: Mapping[str, Any], registry: Registry) -> Call:
    raw = keys.get("raw")
    return Call(
        path=keys["path"],
        method=registry.methods.get(keys["path"]),
        actions=tuple(map(_read_action, keys["actions"])),
        metadata=_read_metadata(keys.get("metadata", ())),
        deadline=keys.get("deadline"),
        compression=keys.get("compression", ""),
        bindings=tuple(
            Binding(call, tuple(source), tuple(target)) for call, source, target in keys.get("bindings", ())
        ),
        raw=None if raw is None else RawRequest(**{name: _read_raw(name, value) for name, value in raw.items()}),
    )


def _action(action: Action, method: Method | None) -> Any:
    match action:
        case Send():
            return {"send": base64.b64encode(action.data).decode(), "shown": message_text(action.data, method)}
        case HalfClose():
            return "half_close"
        case Cancel():
            return "cancel"
        case Headers():
            return "headers"
        case Receive():
            return {"receive": action.count}
        case Pause():
            return {"pause": action.seconds}


_PLAIN: Mapping[str, Action] = {"half_close": HALF_CLOSE, "cancel": Cancel(), "headers": Headers()}


def _read_action(written: Any) -> Action:
    if isinstance(written, str):
        return _PLAIN[written]
    if "send" in written:
        return Send(base64.b64decode(written["send"], validate=True))
    return Receive(written["receive"]) if "receive" in written else Pause(written["pause"])


def _text(value: str | bytes) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _read_metadata(pairs: Iterable[tuple[str, str]]) -> Metadata:
    return tuple((key, base64.b64decode(text) if key.endswith("-bin") else text) for key, text in pairs)


def _raw_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_text(item) if isinstance(item, bytes) else list(item) for item in value]
    return value


def _read_raw(name: str, value: Any) -> Any:
    if name == "headers":
        return tuple((key, text) for key, text in value)
    return tuple(map(base64.b64decode, value)) if isinstance(value, list) else value
