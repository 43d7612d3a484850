"""The outcome of a comparison: its differences, what they come to, and the same as a document for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from grpcmock.drift.differences import Breaks, Difference, in_words

if TYPE_CHECKING:
    from grpcmock.errors import Location

Level: TypeAlias = Literal["wire", "json", "source", "any"]
LEVELS: tuple[Level, ...] = ("wire", "json", "source", "any")

_COUNTED: dict[Level, frozenset[Breaks]] = {
    "wire": frozenset({Breaks.WIRE}),
    "json": frozenset({Breaks.WIRE, Breaks.JSON}),
    "source": frozenset(Breaks),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came out of a comparison."""

    old: str
    """What the one version is called; of a live comparison the local protos, unless they are ahead."""

    new: str
    live: bool
    differences: tuple[Difference, ...]
    ahead: bool = False
    """Whether the local protos are the new version, and the server is the old one."""

    compared: tuple[int, int] = (0, 0)
    """How many services and types were compared."""

    notes: tuple[str, ...] = ()
    """What else is to be known: sentences."""

    def failing(self, level: Level) -> list[Difference]:
        """Give the differences that count: those that break the wire; or JSON, too; or source, too; or all."""
        if level == "any":
            return list(self.differences)
        return [one for one in self.differences if one.breaks & _COUNTED[level]]

    def home(self, difference: Difference) -> Location | None:
        """Give the place of a difference that its reader can edit: at home, not on the server."""
        if self.live:
            return difference.new if self.ahead else difference.old
        return difference.new or difference.old

    def away(self, difference: Difference) -> Location | None:
        """Give the other place."""
        if self.live:
            return difference.old if self.ahead else difference.new
        return difference.old if difference.new is not None else None

    @property
    def summary(self) -> str:
        """Count the differences in words."""
        between = f"between {self.old} and {self.new}"
        if not self.differences:
            services, types = self.compared
            return f"No differences {between} in {_counted(services, 'service')} and {_counted(types, 'type')}."
        parts = []
        for one in Breaks:
            count = sum(one in difference.breaks for difference in self.differences)
            if count:
                parts.append(f"{count} break{'s' if count == 1 else ''} {in_words([one])}")
        compatible = sum(not difference.breaks for difference in self.differences)
        if compatible:
            parts.append(f"{compatible} {'is' if compatible == 1 else 'are'} compatible")
        touched = len({stub for difference in self.differences for stub in difference.stubs})
        stubs = f" They touch {_counted(touched, 'stub')}." if touched else ""
        return f"{_counted(len(self.differences), 'difference')} {between}: {', '.join(parts)}.{stubs}"

    def document(self) -> dict[str, Any]:
        """Give the outcome as JSON."""
        return {
            "old": self.old,
            "new": self.new,
            "live": self.live,
            "ahead": self.ahead,
            "compared": {"services": self.compared[0], "types": self.compared[1]},
            "breaks": {one.value: sum(one in each.breaks for each in self.differences) for one in Breaks},
            "notes": list(self.notes),
            "differences": list(map(_document, self.differences)),
        }


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _document(one: Difference) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "element": one.element,
        "breaks": [broken.value for broken in Breaks if broken in one.breaks],
        "message": one.message,
        "why": one.why,
        "hint": one.hint,
        "old": _place(one.old),
        "new": _place(one.new),
        "stubs": list(one.stubs),
        "buf": list(one.buf),
    }


def _place(location: Location | None) -> dict[str, Any] | None:
    if location is None:
        return None
    return {"file": location.file, "line": location.line or None, "column": location.column or None}
