"""How long reloads hold up the calls of a server: ``python -m benchmarks.reload``.

Everything that a call waits for runs in one event loop, which a reload shares the interpreter with. So a clock in that
loop tells how long it was kept from its next turn. What matters is the processor time of this process meanwhile: the
wall clock tells of other programs, too.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.load import has_uvloop, table
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host, HostOptions

_PATIENCE = 600.0


class Tree:
    """Protos and stubs of one's own making, as large as is asked for."""

    def __init__(self, folder: Path, files: int, stubs: int) -> None:
        self.protos, self.stubs = folder / "protos", folder / "stubs"
        self.protos.mkdir()
        self.stubs.mkdir()
        for number in range(files):
            self.write_proto(number)
        self.write_stubs(stubs)
        self._files = files
        self._stubs = stubs

    def write_proto(self, number: int, more: str = "") -> None:
        """Write one of the files: twenty messages, and a service with four methods."""
        above = f'import "p{number - 1}.proto";' if number else ""
        lower = f"p{number - 1}.M0 below = 1;" if number else ""
        fields = " ".join(f"string f{n} = {n};" for n in range(2, 12))
        messages = "\n".join(
            f"// What M{n} is.\nmessage M{n} {{ {lower if not n else ''} {fields} }}" for n in range(20)
        )
        methods = " ".join(f"rpc R{n}(M{n}) returns (M{n + 1});" for n in range(4))
        text = f'syntax = "proto3"; package p{number}; {above}\n{messages}\nservice S {{ {methods} }}\n{more}\n'
        (self.protos / f"p{number}.proto").write_text(text)

    def write_stubs(self, number: int, more: str = "") -> None:
        lines = (f"- {{method: p0.S/R0, request: {{f2: k{n}}}, response: {{f2: v{n}}}}}" for n in range(number))
        (self.stubs / "stubs.yaml").write_text("\n".join([*lines, more, ""]))

    def change_a_proto(self) -> None:
        self.write_proto(self._files - 1, "message New {}")

    def break_a_proto(self) -> None:
        self.write_proto(self._files - 1, "message Broken { Nowhere x = 1; }")

    def crash_protoc(self) -> None:
        """Have protoc fail one of its own checks."""
        text = """
            edition = "2023"; package t; import "google/protobuf/descriptor.proto"; option (e).d = "\\xff";
            message M { string d = 1; } extend google.protobuf.FileOptions { M e = 1000; }
        """
        (self.protos / "crash.proto").write_text(text)

    def mend(self) -> None:
        (self.protos / "crash.proto").unlink(missing_ok=True)
        self.write_proto(self._files - 1)

    def change_a_stub(self) -> None:
        self.write_stubs(self._stubs, "- {method: p0.S/R1, response: {f2: new}}")

    def break_a_stub(self) -> None:
        self.write_stubs(self._stubs, "- {method: p0.S/R1, response: {nosuch: new}}")


class Clock:
    """Notes how long the loop takes from one turn to the next."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def reset(self) -> None:
        self.wall = self.cpu = 0.0

    async def run(self) -> None:
        while True:
            wall, cpu = time.perf_counter(), time.process_time()
            await asyncio.sleep(0.001)
            self.wall = max(self.wall, time.perf_counter() - wall - 0.001)
            self.cpu = max(self.cpu, time.process_time() - cpu)


async def measure(tree: Tree) -> list[tuple[str, str, float, float, float]]:
    said: asyncio.Queue[str] = asyncio.Queue()

    def log(level: str, text: str) -> None:
        if text.startswith(("Reloaded", "The change")):
            said.put_nowait("taken" if level == "info" else "refused")

    host = Host(Files([tree.protos], [tree.stubs]), HostOptions(watch=True), log=log)
    host.listen(Address.parse("127.0.0.1:0"))
    await host.start()
    clock = Clock()
    ticking = asyncio.create_task(clock.run())
    rows = []
    changes: list[Callable[[], None]] = [
        tree.change_a_proto,
        tree.break_a_proto,
        tree.mend,
        tree.crash_protoc,
        tree.mend,
        tree.change_a_stub,
        tree.break_a_stub,
    ]
    await asyncio.sleep(1)
    for change in changes:
        await asyncio.to_thread(change)
        clock.reset()
        began = time.perf_counter()
        outcome = await asyncio.wait_for(said.get(), _PATIENCE)
        seconds = time.perf_counter() - began
        what = change.__name__.replace("_", " ")
        rows.append((what, outcome, seconds, clock.wall * 1e3, clock.cpu * 1e3))
        await asyncio.sleep(0.5)
    ticking.cancel()
    await host.stop(0)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000, help="of protos")
    parser.add_argument("--stubs", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder), options.files, options.stubs)
        if has_uvloop():
            import uvloop

            rows = uvloop.run(measure(tree))
        else:
            rows = asyncio.run(measure(tree))
    table(
        f"Reloads of {options.files:,} protos and {options.stubs:,} stubs: the longest delay of the loop",
        ("change", "outcome", "reload, s", "delay, ms", "of it CPU, ms"),
        rows,
    )


if __name__ == "__main__":
    main()
