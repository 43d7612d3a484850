"""The table of seeded bugs: what each breaks, which check must notice, and the smallest request that shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from benchmarks.mutants.notes import Directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.schema import Registry

_T = TypeVar("_T", bound=type[Directory])

TWINS = ("aio", "sync")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug, and how small its reproducer can be."""

    name: str
    codes: tuple[str, ...]
    """The check that must notice, first; after it those that may well notice before."""

    method: str
    """Of which method; ``*`` stands for all."""

    about: str
    request: str
    """The smallest request that shows it, by hand: ProtoJSON, or words where JSON can't say it."""

    fields: int
    """Fields set in that request, those of nested messages included, each item of a list of messages counted once."""

    calls: int
    """Calls in the smallest conversation that shows it, those that set the scene included."""

    service: type[Directory]
    twins: tuple[str, ...]
    credentials: bool
    """Whether it shows only where callers have to say who they are."""

    arguments: tuple[str, ...]
    """What ``grpcmock fuzz`` has to be told besides the target."""

    relayed: bool
    """Whether it sits before the server, in what reads the frames."""

    shown: Callable[[], Registry] | None
    """The protos that reflection v1alpha shows, where they are others."""

    warned: bool
    """Whether a warning is all that its check gives, by the definition of the check."""

    @property
    def code(self) -> str:
        return self.codes[0]


MUTANTS: dict[str, Mutant] = {}
"""Every mutant by its name, in the order of the table."""


def seeded(
    *codes: str,
    method: str,
    request: str,
    fields: int,
    calls: int = 1,
    twins: tuple[str, ...] = TWINS,
    credentials: bool = False,
    arguments: tuple[str, ...] = (),
    relayed: bool = False,
    shown: Callable[[], Registry] | None = None,
    warned: bool = False,
) -> Callable[[_T], _T]:
    """Enter a class into the table; its name and docstring tell what is wrong with it."""

    def enter(service: _T) -> _T:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", service.__name__).lower()
        MUTANTS[name] = Mutant(
            name=name,
            codes=codes,
            method=method,
            about=(service.__doc__ or "").partition("\n")[0],
            request=request,
            fields=fields,
            calls=calls,
            service=service,
            twins=twins,
            credentials=credentials,
            arguments=arguments,
            relayed=relayed,
            shown=shown,
            warned=warned,
        )
        return service

    return enter


def markdown() -> str:
    """Write the table of all mutants, as it stands in the README."""
    lines = [
        "| mutant | check | method | what is wrong | smallest request | fields | calls |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in MUTANTS.values():
        codes = one.code + (f" ({', '.join(one.codes[1:])})" if one.codes[1:] else "")
        method = "all" if one.method == "*" else f"`{one.method}`"
        request = f"`{one.request}`" if one.request.startswith("{") else one.request
        lines.append(f"| `{one.name}` | {codes} | {method} | {one.about} | {request} | {one.fields} | {one.calls} |")
    return "\n".join(lines) + "\n"
