"""Imports that name no file: what to do about each, told once for all the files that import it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grpcmock.errors import Location, Problem, nearest
from grpcmock.schema import headers, shipped
from grpcmock.schema.layout import Missing, shown

if TYPE_CHECKING:
    from grpcmock.schema.nearby import Nearby

_ORIGINS = {
    "validate/validate.proto": "github.com/bufbuild/protoc-gen-validate",
    "buf/validate/": "github.com/bufbuild/protovalidate, below proto/protovalidate",
    "udpa/": "github.com/cncf/xds",
    "xds/": "github.com/cncf/xds",
    "envoy/": "github.com/envoyproxy/data-plane-api",
    "gogoproto/": "github.com/cosmos/gogoproto",
    "cosmos_proto/": "github.com/cosmos/cosmos-proto, below proto",
    "cosmos/": "github.com/cosmos/cosmos-sdk, below proto",
    "tendermint/": "github.com/cometbft/cometbft, below proto",
    "amino/": "github.com/cosmos/cosmos-sdk, below proto",
    "protoc-gen-openapiv2/": "github.com/grpc-ecosystem/grpc-gateway",
    "protoc-gen-swagger/": "github.com/grpc-ecosystem/grpc-gateway, version 1",
    "cel/expr/": "github.com/google/cel-spec, below proto",
    "opentelemetry/proto/": "github.com/open-telemetry/opentelemetry-proto",
    "raftpb/": "github.com/etcd-io/raft",
    "io/prometheus/client/": "github.com/prometheus/client_model",
    "grafeas/": "github.com/googleapis/googleapis",
    "google/protobuf/": "",
    "google/": "github.com/googleapis/googleapis",
}
"""The public repositories that imports are known from, by how they begin; the first that fits."""

_BUF_MARKS = ("buf.yaml", "buf.work.yaml")
_MOST_LINES = 20


def explain(missing: Sequence[Missing], nearby: Nearby) -> list[Problem]:
    """Return one problem for all imports that are missing for the same reason; the most wanted first."""
    by_name: dict[str, list[Missing]] = {}
    for one in missing:
        by_name.setdefault(one.name, []).append(one)
    groups: dict[tuple[str, str], list[str]] = {}
    for name, places in by_name.items():
        folder = name.split("/")[0] if "/" in name else name
        groups.setdefault((_advice(name, places[0].importer, nearby), folder), []).append(name)
    told = [
        _told(names, [place for name in names for place in by_name[name]], advice)
        for (advice, _), names in groups.items()
    ]
    told.sort(key=lambda one: -one[0])
    problems = [problem for _, problem in told[:_MOST_LINES]]
    if left := len(told) - len(problems):
        problems.append(Problem(f"{left:,} more imports are not found.", rule="missing-import"))
    return problems


def _told(names: Sequence[str], places: Sequence[Missing], advice: str) -> tuple[int, Problem]:
    importers = len({place.importer for place in places})
    first = places[0]
    more = len(names) - 1
    others = f" and {more:,} other{'s' if more > 1 else ''} of {names[0].split('/')[0]}/" if more else ""
    by = f"; {importers:,} files import {'them' if more else 'it'}" if importers > 1 else ""
    text = f'"{names[0]}"{others} {"are" if more else "is"} not found{by}.'
    where = Location(str(shown(first.importer)), first.line, first.column)
    return importers, Problem(text, where, hint=advice, rule="missing-import")


def _advice(name: str, importer: Path, nearby: Nearby) -> str:
    """Tell the next step for one import that is missing."""
    if "\\" in name or any(part in (".", "..") for part in name.split("/")):
        return "Imports are sought from the import roots: write the path from there, with slashes."
    if alike := _alike(name, nearby):
        return f'Did you mean "{alike}"?'
    if roots := [root for root in nearby.roots(name) if headers.may_mean(importer, name, root / name)]:
        others = "".join(f", or -I {shown(root)}" for root in roots[1:3])
        return f"It stands below {shown(roots[0])}: add -I {shown(roots[0])}{others}."
    origin = next((origin for first, origin in _ORIGINS.items() if name.startswith(first)), "")
    if origin:
        return f"It is known from {origin}: add -I with the directory of a copy."
    if (module := _buf_module(importer)) is not None:
        return f"{shown(module)} names what it needs: run buf build -o image.binpb there, and load that."
    return "Add -I with the directory that holds it."


def _alike(name: str, nearby: Nearby) -> str | None:
    """Find a file of the same folder whose name differs by a slip."""
    folder, _, file = name.rpartition("/")
    stems = {one.removesuffix(".proto"): one for one in (*nearby.beside(folder), *shipped.names_in(folder))}
    found = nearest(file.removesuffix(".proto"), stems)
    return str(PurePosixPath(folder, stems[found])) if found else None


def _buf_module(importer: Path) -> Path | None:
    return next((folder for folder in importer.parents if any((folder / mark).is_file() for mark in _BUF_MARKS)), None)
