"""Two versions of a proto, compiled from text and compared."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from grpcmock.drift.compare import compare
from grpcmock.drift.differences import Breaks, Difference
from grpcmock.drift.reading import read
from grpcmock.schema import Registry, sources

HEADS = {
    "proto3": 'syntax = "proto3"; package p; ',
    "proto2": 'syntax = "proto2"; package p; ',
    "2023": 'edition = "2023"; package p; ',
}


@cache
def compiled(body: str, syntax: str = "proto3", name: str = "p.proto") -> Registry:
    """Compile one file. *body* is what follows syntax and package; a whole file if *syntax* is empty."""
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((HEADS[syntax] if syntax else "") + body)
        return sources.load([folder])


def differences(old: Registry, new: Registry, *, live: bool = False) -> list[Difference]:
    return compare(read(old, "old", {}), read(new, "new", {}), live=live)


def told(found: list[Difference]) -> set[tuple[str, str, str]]:
    """Give what was found as tuples of rule, element and whom it breaks: ``("field-removed", "M.a", "wire json")``."""
    return {
        (
            one.rule,
            one.element.removeprefix("p.") if one.element != "p.proto" else one.element,
            " ".join(each.value for each in Breaks if each in one.breaks),
        )
        for one in found
    }
