"""Compare files: their packages, their options, and where things are declared."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.drift.differences import COMPATIBLE, SOURCE, WIRE, Breaks

if TYPE_CHECKING:
    from grpcmock.drift.comparison import Comparison
    from grpcmock.drift.views import File, Schema
    from grpcmock.errors import Location


@dataclass(frozen=True, slots=True)
class _Element:
    full_name: str
    location: Location

    @property
    def file(self) -> str:
        return self.full_name


def renames(old: Schema, new: Schema) -> dict[str, str]:
    """Give the new names of everything that is in a file whose package has changed, and is in it still."""
    found: dict[str, str] = {}
    for name, before in old.files.items():
        after = new.files.get(name)
        if after is None or before.package == after.package:
            continue
        for kind in ("services", "messages", "enums"):
            there = getattr(new, kind)
            for full_name, view in getattr(old, kind).items():
                moved = f"{after.package}.{full_name.removeprefix(before.package + '.')}".lstrip(".")
                if view.file == name and moved in there:
                    found[full_name] = moved
    return found


def compare(comparison: Comparison) -> None:
    """Note everything in which files differ. It concerns those who generate code, not those who call a server."""
    for name, old in comparison.old.files.items():
        new = comparison.new.files.get(name)
        if new is not None:
            _file(comparison, old, new)
    _moved(comparison)


def _file(comparison: Comparison, old: File, new: File) -> None:
    one, other = _Element(old.name, old.location), _Element(new.name, new.location)
    source = COMPATIBLE if comparison.live else SOURCE
    if old.package != new.package:
        served = any(service.file == old.name for service in comparison.old.services.values())
        comparison.found(
            "package-changed",
            one,
            other,
            SOURCE | (WIRE if served else COMPATIBLE),
            comparison.change("its package", old.package or "none", new.package or "none"),
            "Full names begin with the package: those of services are in the paths of calls, those of types in code.",
            "Keep the package.",
        )
    if old.syntax != new.syntax:
        why = "What follows from it for fields and enums is told with them."
        message = comparison.change("its syntax", old.syntax, new.syntax)
        comparison.found("syntax-changed", one, other, COMPATIBLE, message, why)
    for option in sorted({*old.options, *new.options}):
        before, after = old.options.get(option, "not set"), new.options.get(option, "not set")
        if before != after:
            comparison.found(
                "file-option-changed",
                one,
                other,
                source,
                comparison.change(option, before, after),
                "Generated code has other names, or stands elsewhere."
                if source
                else "Where the server's code is generated doesn't concern those who call it.",
                "Keep the option as it was." if source else "",
            )


def _moved(comparison: Comparison) -> None:
    """Note what is declared in another file: told once for each pair of files."""
    moved: dict[tuple[str, str], list[str]] = defaultdict(list)
    places: dict[tuple[str, str], tuple[Location, Location]] = {}
    for kind in ("services", "messages", "enums"):
        after = getattr(comparison.new, kind)
        for name, view in getattr(comparison.old, kind).items():
            other = after.get(name)
            if other is None or other.file == view.file or name.rpartition(".")[0] in comparison.old.messages:
                continue
            moved[view.file, other.file].append(name)
            places.setdefault((view.file, other.file), (view.location, other.location))
    for files, names in moved.items():
        old, new = (_Element(files[0], place) for place in places[files])
        named = ", ".join(sorted(names)[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        where = f"in another file {comparison.now}" if comparison.live else "now in another file"
        comparison.found(
            "file-moved",
            old,
            new,
            COMPATIBLE if comparison.live else frozenset({Breaks.SOURCE}),
            f"{named}: {where}, {files[1]}",
            "A server may name its files as it likes." if comparison.live else "Imports of it no longer resolve.",
            "" if comparison.live else "Leave a file of the old name that imports the new one publicly.",
        )
