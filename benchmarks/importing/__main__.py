"""Import what strangers wrote, serve it, and play their own cases: ``python -m benchmarks.importing CLONE``.

CLONE is a clone of GripMock: each folder of its examples is served by ``grpcmock serve --import``, and each of its
``.gctf`` cases is played against that. Of a clone of anything else, all files that are in a format which is known are
imported.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from benchmarks.importing import gctf
from benchmarks.importing.playing import play
from grpcmock.errors import GrpcmockError, SchemaError
from grpcmock.importers.formats import FORMATS
from grpcmock.importers.run import import_files
from grpcmock.importers.writing import by_service, to_text
from grpcmock.schema import Registry, sources

if TYPE_CHECKING:
    from grpcmock.importers.draft import Draft

HEALTH = """syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
service Health {
  rpc Check(HealthCheckRequest) returns (HealthCheckResponse);
  rpc Watch(HealthCheckRequest) returns (stream HealthCheckResponse);
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing", description=__doc__)
    parser.add_argument("clone", type=Path, help="The folder of a clone.")
    parser.add_argument("--format", default="", choices=["", *FORMATS], help="Only import files of this format.")
    parser.add_argument(
        "--written", action="store_true", help="Serve what `grpcmock import` writes, not the originals."
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="Only folders whose path holds this.")
    options = parser.parse_args()
    failed = _imported(options.clone, options.format, options.only) if options.format else False
    if any(options.clone.rglob("*.gctf")) and not options.format:
        failed = _played(options.clone, options.only, written=options.written)
    sys.exit(failed)


def _imported(clone: Path, name: str, only: str) -> bool:
    """Import each file by itself; say how many became how many stubs with how many warnings."""
    counts: Counter[str] = Counter()
    crashed = False
    for path in sorted(clone.rglob("*")):
        if path.suffix not in FORMATS[name].suffixes or not path.is_file() or only not in str(path):
            continue
        try:
            found = import_files(name, [path])
        except GrpcmockError as error:
            counts["files that can't be read"] += 1
            print(f"{path}: {error}")
            continue
        except Exception as error:  # noqa: BLE001 - what this looks for
            crashed = True
            print(f"{path}: crashed: {type(error).__name__}: {error}")
            continue
        if not found.files:
            continue
        counts["files"] += 1
        counts["stubs"] += len(found.drafts)
        counts["warnings"] += len(found.problems.warnings)
        for problem in found.problems.warnings:
            print(problem)
    print(", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing of this format")
    return crashed


def _played(clone: Path, only: str, *, written: bool) -> bool:
    folders = sorted({_project(path, clone) for path in clone.rglob("*.gctf")})
    cases: Counter[str] = Counter()
    for folder in folders:
        if only not in str(folder):
            continue
        _play_folder(folder, cases, written=written)
    total = sum(cases.values())
    print(f"{total} cases: " + ", ".join(f"{count} {what}" for what, count in cases.most_common()))
    return cases["the same"] < 0.95 * total


def _project(case: Path, clone: Path) -> Path:
    """Give the folder that is served for a case: the nearest above it with protos, or its own."""
    folder = case.parent
    while folder != clone and not _protos(folder):
        folder = folder.parent
    return folder if folder != clone else case.parent


def _protos(folder: Path) -> list[Path]:
    """Give the protos of a folder: itself, for all that are below it, and descriptor sets."""
    sets = sorted(folder.glob("*.pb"))
    return sets or ([folder] if any(folder.glob("*.proto")) else [])


def _play_folder(folder: Path, cases: Counter[str], *, written: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="importing-") as scratch:
        protos = _protos(folder)
        if not protos:
            health = Path(scratch, "health.proto")
            health.write_text(HEALTH)
            protos = [health]
        try:
            registry = sources.load(protos)
            imported = import_files("gripmock", [folder], registry)
            if not imported.drafts or all(_lacks(registry, draft.method) for draft in imported.drafts):
                raise SchemaError("its protos, or its stubs, are not in the clone")
        except GrpcmockError as error:
            print(f"{folder}: can't be imported: {error}")
            cases["not imported"] += len(list(folder.rglob("*.gctf")))
            return
        warnings = [str(problem) for problem in imported.problems.warnings]
        for warning in warnings:
            print(warning)
        stubs = ["--import", str(folder)]
        if written:
            stubs = ["--stubs", str(_write(imported.drafts, Path(scratch, "stubs")))]
        with _serving(folder, protos, stubs, Path(scratch, "ready")) as channel:
            if channel is None:
                cases["not served"] += len(list(folder.rglob("*.gctf")))
                return
            for case in sorted(folder.rglob("*.gctf")):
                cases[_outcome(case, channel, registry, warned=bool(warnings))] += 1


def _write(drafts: list[Draft], folder: Path) -> Path:
    """Write drafts as `grpcmock import --out` does."""
    folder.mkdir()
    for service, of_service in by_service(drafts).items():
        (folder / f"{service}.yaml").write_text(to_text(of_service, "theirs"))
    return folder


def _outcome(case: Path, channel: grpc.Channel, registry: Registry, *, warned: bool) -> str:
    try:
        difference = play(gctf.read(case), channel, registry)
    except (GrpcmockError, ValueError) as error:
        difference = f"{type(error).__name__}: {error}"
    if not difference:
        return "the same"
    print(f"DIFFERENT {case}: {difference}")
    return "otherwise, with a warning" if warned else "otherwise, without a word"


def _lacks(registry: Registry, method: str) -> bool:
    """Whether a method isn't described."""
    try:
        registry.method(method)
    except GrpcmockError:
        return True
    return False


@contextmanager
def _serving(folder: Path, protos: list[Path], stubs: list[str], ready: Path) -> Iterator[grpc.Channel | None]:
    command = [
        *(sys.executable, "-m", "grpcmock", "serve", *map(str, protos), *stubs),
        *("--listen", "127.0.0.1:0", "--ready-file", str(ready), "--unmatched-code", "NOT_FOUND", "--log", "none"),
        "--no-watch",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            while server.poll() is None and not (ready.exists() and ready.read_text().strip()):
                time.sleep(0.05)
            if server.poll() is not None:
                print(f"{folder}: not served: {server.stderr.read() if server.stderr else ''}")
                yield None
                return
            with grpc.insecure_channel(ready.read_text().split()[0]) as channel:
                yield channel
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
