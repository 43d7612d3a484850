"""What can go wrong, in which words: one exception tree, positions, and problems collected together.

GrpcmockError                 everything this package raises on purpose
├── ConfigError               an option, an environment variable or a configuration file is wrong
├── SchemaError               descriptors can't be had, or don't hold what was asked for
│   ├── CompileError          a ``.proto`` file doesn't compile
│   └── UnknownMethodError    no method has this name, or more than one has
├── StubError                 one or more stubs are wrong; all their problems together
├── TargetError               a server can't be reached, or doesn't speak what was expected
├── RenderError               a reply couldn't be rendered while a call was being answered
└── MissingExtraError         a feature needs an optional dependency that isn't installed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file. Lines and columns count from 1; 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, said once."""

    message: str
    """What is wrong and what was expected: one sentence, without its place."""

    location: Location | None = None

    path: str = ""
    """The path inside the stub or message, such as ``request.user.tags[1]``."""

    stub: str = ""
    """The name of the stub, where there is one."""

    hint: str = ""
    """The nearest valid name or the next step: one sentence."""

    rule: str = "invalid"
    """A stable name for this sort of problem, for machines: ``unknown-field``, ``shadowed-stub``."""

    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location and self.location.file else ""
        severity = "" if self.severity == "error" else f"{self.severity}: "
        path = f"{self.path}: " if self.path else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{where}{severity}{path}{self.message}{hint}"


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort problems by their places; those without one come first."""
    return sorted(problems, key=lambda problem: problem.location or Location(""))


class Problems:
    """A collector: what is wrong is gathered here, so that all of it can be reported at once."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def add(self, problem: Problem) -> None:
        self._found.append(problem)

    def error(
        self,
        message: str,
        location: Location | None = None,
        path: str = "",
        *,
        stub: str = "",
        hint: str = "",
        rule: str = "invalid",
    ) -> None:
        """Note an error; it is raised later, with all the others."""
        self._found.append(Problem(message, location, path, stub, hint, rule))

    def warn(
        self,
        message: str,
        location: Location | None = None,
        path: str = "",
        *,
        stub: str = "",
        hint: str = "",
        rule: str = "advice",
    ) -> None:
        """Note a warning; it never keeps a stub from being loaded."""
        self._found.append(Problem(message, location, path, stub, hint, rule, "warning"))

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self._found if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self._found if problem.severity == "warning")

    def raise_errors(self) -> None:
        """Raise :class:`StubError` with every error found so far, by place; return quietly if there is none."""
        if errors := self.errors:
            raise StubError(sorted(errors, key=_place))


def _place(problem: Problem) -> Location:
    return problem.location or Location("")


class GrpcmockError(Exception):
    """The base of everything this package raises on purpose. ``str()`` is fit to be shown to a user."""


class ConfigError(GrpcmockError):
    """An option, an environment variable or a configuration file is wrong."""


class SchemaError(GrpcmockError):
    """Descriptors can't be had, or don't hold what was asked for."""


class CompileError(SchemaError):
    """One or more ``.proto`` files don't compile. ``problems`` holds protoc's own words, each with its place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class SchemaWarning(UserWarning):
    """Something about protos that can be used all the same."""


class UnknownMethodError(SchemaError):
    """No method has this name, or more than one has."""


class StubError(GrpcmockError):
    """One or more stubs are wrong. ``problems`` holds every one of them, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class TargetError(GrpcmockError):
    """A server can't be reached, or doesn't speak what was expected of it."""


class DroppedCallsError(GrpcmockError):
    """Whether calls came as expected can't be told: a journal has dropped some that could be of them.

    ``dropped`` is their number.
    """

    def __init__(self, message: str, dropped: int) -> None:
        super().__init__(message)
        self.dropped = dropped


class RenderError(GrpcmockError):
    """A reply couldn't be rendered, or doesn't fit its field, while a call was being answered."""


class MissingExtraError(GrpcmockError):
    """A feature needs an optional dependency that isn't installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs an optional dependency: install grpcmock with its extra {extra}, as from a clone: "
            f"pip install '.[{extra}]'"
        )
        self.extra = extra


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Give the candidate most like *word*, or None if none is like it."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str], *, known: str = "") -> str:
    """Say the nearest valid name as a hint; else, where *known* names the set, list a few of its members.

    >>> did_you_mean("nmae", ["name", "email"])
    "Did you mean 'name'?"
    >>> did_you_mean("zzz", ["name", "email"], known="The fields")
    'The fields are: email, name.'
    """
    names = sorted(set(candidates))
    if found := nearest(word, names):
        return f"Did you mean {found!r}?"
    if not known or not names:
        return ""
    shown = ", ".join(names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{known} are: {shown}{more}."
