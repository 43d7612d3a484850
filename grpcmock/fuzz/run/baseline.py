"""The baseline: failures that are known and accepted until a day, in a TOML file that people review."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.fuzz.checks.registry import find_check

if TYPE_CHECKING:
    from grpcmock.fuzz.model.findings import Failure

DAYS = 90
"""So long a failure is accepted unless somebody writes another day."""

_KEYS = ("id", "check", "method", "reason", "until")
_ID = re.compile(r"(G\d{3})-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One failure that doesn't fail a run, for a while."""

    id: str
    method: str
    reason: str = ""
    until: date | None = None
    """The last day on which it is accepted; None for ever."""

    def holds(self, today: date) -> bool:
        return self.until is None or today <= self.until


@dataclass(frozen=True, slots=True)
class Baseline:
    """The accepted failures of a file."""

    accepted: Mapping[str, Accepted]

    def split(self, failures: Iterable[Failure], today: date) -> tuple[list[Failure], list[Failure]]:
        """Part failures into those that count and those that are accepted."""
        counting: list[Failure] = []
        accepted: list[Failure] = []
        for failure in failures:
            entry = self.accepted.get(failure.id)
            (accepted if entry is not None and entry.holds(today) else counting).append(failure)
        return counting, accepted

    def expired(self, today: date) -> list[Accepted]:
        return [entry for entry in self.accepted.values() if not entry.holds(today)]


def read(file: Path, methods: Collection[str]) -> Baseline:
    """Read a baseline; *methods* are the full names that there are.

    Raises :class:`ConfigError` with everything that is wrong: a method or check that isn't there, a day that is none.
    """
    import tomllib

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The baseline {file} can't be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The baseline {file} is no TOML: {error}.") from None
    wrong = [f"{file}: there is no key {key!r}. Entries are [[accepted]]." for key in table if key != "accepted"]
    entries = table.get("accepted", [])
    accepted: dict[str, Accepted] = {}
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries], 1):
        problems = [f"{file}: [[accepted]] number {number}: {text}" for text in _wrong(entry, methods)]
        wrong += problems
        if not problems:
            accepted[entry["id"]] = _accepted(entry)
    if wrong:
        raise ConfigError("\n".join(wrong))
    return Baseline(accepted)


def _wrong(entry: Any, methods: Collection[str]) -> list[str]:
    if not isinstance(entry, dict):
        return ["it is no table."]
    wrong = [
        f"there is no key {key!r}. {did_you_mean(key, _KEYS, known='The keys')}" for key in entry if key not in _KEYS
    ]
    found = _ID.fullmatch(str(entry.get("id")))
    if found is None:
        wrong.append(f"{entry.get('id')!r} is no id of a failure, such as G102-3f9a1c.")
    else:
        try:
            check = find_check(found[1])
            if entry.get("check", check.name) not in (check.name, check.code):
                wrong.append(f"{entry['id']} is a failure of {check.name}, not of {entry['check']!r}.")
        except ConfigError as error:
            wrong.append(str(error))
    if entry.get("method") not in methods:
        name = str(entry.get("method", ""))
        wrong.append(f"there is no method {name!r}. {did_you_mean(name, methods, known='The methods')}".rstrip())
    if "until" in entry and not isinstance(_day(entry["until"]), date):
        wrong.append(f"until = {entry['until']!r} is no day; write 2027-01-31.")
    return wrong


def _accepted(entry: Mapping[str, Any]) -> Accepted:
    until = _day(entry["until"]) if "until" in entry else None
    return Accepted(id=entry["id"], method=entry["method"], reason=str(entry.get("reason", "")), until=until)


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def write(file: Path, failures: Iterable[Failure], known: Baseline | None, today: date) -> int:
    """Write all *failures* as accepted; what was said of one that is *known* is kept. Gives their number."""
    lines = [
        "# Failures of `grpcmock fuzz` that are known, and accepted until a day.",
        "# Say why in `reason`; take an entry out once the server is fixed.",
    ]
    count = 0
    for failure in sorted(failures, key=lambda failure: (failure.method.full_name, failure.id)):
        old = known.accepted.get(failure.id) if known is not None else None
        keeps = old is not None and old.holds(today)
        until = old.until if old is not None and keeps else today + timedelta(days=DAYS)
        lines += [
            "",
            "[[accepted]]",
            f"id = {json.dumps(failure.id)}",
            f"check = {json.dumps(failure.finding.check)}",
            f"method = {json.dumps(failure.method.full_name)}",
            f"reason = {json.dumps(old.reason if old is not None else '', ensure_ascii=False)}",
        ]
        if until is not None:
            lines.append(f"until = {until.isoformat()}")
        count += 1
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return count
