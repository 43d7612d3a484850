"""The values of ``grpcmock fuzz``'s options, read from what was written."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.cli.values import ParamType
from grpcmock.errors import ConfigError, SchemaError, did_you_mean, nearest
from grpcmock.status import Code

if TYPE_CHECKING:
    import click

    from grpcmock.fuzz.model.cases import Phase
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports

PHASES = ("boundary", "examples", "wire", "random", "stateful", "injection")


_INDEXES = (("JOB_COMPLETION_INDEX", 0), ("CI_NODE_INDEX", 1), ("CIRCLE_NODE_INDEX", 0))
"""The variables by which a job knows its place among others alike, and the number of the first: of an Indexed Job in
Kubernetes, of ``parallel`` in GitLab CI/CD, of ``parallelism`` in CircleCI."""


class Shard(ParamType[tuple[int, int]]):
    """One part of several: ``2/5``; ``auto/5`` for the part that the environment says."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d+|auto)/(\d+)", str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no shard; write 1/4 for the first of four, or auto/4.", param, ctx)
        index = self._from_environment(param, ctx) if found[1] == "auto" else int(found[1])
        if not 1 <= index <= int(found[2]):
            self.fail(
                f"{value!r} is no shard; write 1/4 for the first of four: this would be part {index}.", param, ctx
            )
        return index, int(found[2])

    def _from_environment(self, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = next(((name, first) for name, first in _INDEXES if os.environ.get(name, "").isdecimal()), None)
        if found is None:
            names = ", ".join(name for name, _ in _INDEXES)
            self.fail(f"No variable of the environment says which part this is. Looked for: {names}.", param, ctx)
        return int(os.environ[found[0]]) - found[1] + 1


class Percent(ParamType[float]):
    """A share: ``80%``, or ``0.8``."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"{value!r} is no share; write 80% or 0.8.", param, ctx)
        return share


_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
"""What a service or a package with dots is called, and many a file."""

_FILES = (".proto", ".yaml", ".yml", ".json", ".toml", ".txt", ".bin", ".gz", ".zip", ".tar")


def contract(protos: Sequence[ProtoSource], imports: Imports) -> Registry | None:
    """Return what the protos say that are named; None if none are.

    Raises :class:`ConfigError` for the name of a service in the place of a file, and what :func:`sources.load` does.
    """
    from grpcmock.schema import sources

    names = [one for one in protos if isinstance(one, Path) and _is_name(one, imports)]
    if names:
        known: list[str] = []
        with suppress(SchemaError):  # the name is the first thing to put right
            files = [one for one in protos if isinstance(one, Path) and one not in names]
            known += sources.load(files, imports=imports).services
        raise ConfigError("\n".join(_no_file(str(name), known) for name in names))
    return sources.load(protos, imports=imports) if protos else None


def _is_name(path: Path, imports: Imports) -> bool:
    """Whether what is named is no file, and called like a service or a package."""
    from grpcmock.schema.descriptor_sets import ENDINGS

    is_named = _NAME.fullmatch(str(path)) is not None and not path.name.lower().endswith((*_FILES, *ENDINGS))
    return is_named and not any((root / path).exists() for root in (Path(), *map(Path, imports.roots)))


def _no_file(name: str, services: Sequence[str]) -> str:
    packages = {service.rpartition(".")[0] for service in services}
    meant = nearest(name, {*services, *packages} - {""}) or name
    return (
        f"{name}: there is no such file or directory; it looks like a service or package. "
        f"Those are chosen by an option: --include {meant}."
    )


def listed(values: Sequence[str]) -> list[str]:
    """Take apart what was given several times, or several at once with commas between."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def phases(values: Sequence[str]) -> tuple[Phase, ...]:
    """Give the phases of these names, in their own order; the usual ones if there are none, and for ``usual``.

    Raises :class:`ConfigError`.
    """
    from grpcmock.fuzz.model.cases import USUAL_PHASES, Phase

    names = listed(values)
    for name in names:
        if name not in (*PHASES, "usual"):
            raise ConfigError(f"There is no phase {name!r}. {did_you_mean(name, PHASES, known='The phases')}")
    usual = USUAL_PHASES if not names or "usual" in names else ()
    return tuple(phase for phase in Phase if phase in usual or phase.value in names)


def allowed(values: Sequence[str]) -> dict[str, frozenset[int]]:
    """Read ``METHOD=CODE,CODE``. Raises :class:`ConfigError`."""
    found: dict[str, set[int]] = {}
    for value in values:
        method, equals, codes = value.partition("=")
        if not equals or not method.strip():
            raise ConfigError(f"--allowed {value!r} is no METHOD=CODE,…; write 'GetUser=NOT_FOUND,PERMISSION_DENIED'.")
        try:
            found.setdefault(method.strip(), set()).update(Code.parse(code) for code in listed([codes]))
        except ValueError as error:
            raise ConfigError(f"--allowed {value!r}: {error}") from None
    return {method: frozenset(codes) for method, codes in found.items()}


def status_fields(values: Sequence[str]) -> dict[str, str]:
    """Read ``PATH`` or ``METHOD=PATH``."""
    found = {}
    for value in values:
        method, equals, path = value.partition("=")
        found[method.strip() if equals else "*"] = (path if equals else method).strip()
    return found
