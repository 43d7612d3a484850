"""Run the directory, as it should be or with one of its bugs: as a process of its own, or within a test.

``python -m benchmarks.mutants.server --mutant NAME --listen 127.0.0.1:0 --ready-file FILE [--sync]``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.mutants import aio, relay, threaded
from benchmarks.mutants.infrastructure import Infrastructure
from benchmarks.mutants.notes import Directory
from benchmarks.mutants.seeded import MUTANTS
from grpcmock.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.mutants.catalogue import Mutant
    from benchmarks.mutants.service import Service

CLEAN = "clean"
"""The name of the server without a bug."""


def find(name: str) -> Mutant | None:
    """Give the mutant of this name, None for the clean server. Raises :class:`LookupError`, with the nearest name."""
    if name == CLEAN:
        return None
    if name not in MUTANTS:
        raise LookupError(f"There is no mutant {name!r}. {did_you_mean(name, MUTANTS)}".rstrip())
    return MUTANTS[name]


@contextlib.asynccontextmanager
async def mutant_server(
    name: str = CLEAN,
    *,
    sync: bool = False,
    address: str = "127.0.0.1:0",
    credentials: bool = False,
    real: bool = False,
) -> AsyncIterator[str]:
    """Serve a mutant, or the clean server, and give its ``host:port``.

    A crash ends the process only if it is *real*; otherwise the server stops answering. Raises :class:`LookupError` if
    there is no such mutant.
    """
    mutant = find(name)
    service: Service = (mutant.service if mutant else Directory)(
        credentials=credentials or bool(mutant and mutant.credentials)
    )
    infrastructure = Infrastructure(mutant.shown() if mutant and mutant.shown else None)
    relayed = bool(mutant and mutant.relayed)
    inner = "127.0.0.1:0" if relayed else address
    async with contextlib.AsyncExitStack() as stack:
        if sync:
            port, stop = stack.enter_context(threaded.running(service, infrastructure, inner))
        else:
            port, stop = await stack.enter_async_context(aio.running(service, infrastructure, inner))
        if not real:
            service.fall = stop
        if relayed:
            port = await stack.enter_async_context(relay.running(port, address, service.fall))
        yield f"{address.rpartition(':')[0]}:{port}"


async def _serve(options: argparse.Namespace) -> None:
    async with mutant_server(
        options.mutant, sync=options.sync, address=options.listen, credentials=options.credentials, real=True
    ) as target:
        if options.ready_file:
            unfinished = options.ready_file.with_name(options.ready_file.name + ".part")
            unfinished.write_text(target)
            unfinished.replace(options.ready_file)  # whoever waits for the file finds it complete
        print(target, flush=True)
        if options.lifeline:
            ended = asyncio.Event()
            loop = asyncio.get_running_loop()
            threading.Thread(target=_await_end_of_input, args=(loop, ended), daemon=True).start()
            await ended.wait()
        else:
            await asyncio.get_running_loop().create_future()


def _await_end_of_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(ended.set)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutants.server", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--mutant", default=CLEAN, metavar="NAME", help="the bug to switch on (default: none)")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="port 0 takes one that is free")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="written with the target once calls are taken")
    parser.add_argument("--sync", action="store_true", help="on grpcio's synchronous server, not on grpc.aio")
    parser.add_argument("--credentials", action="store_true", help="demand 'authorization: Bearer ada-token'")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input does")
    parser.add_argument("--list", action="store_true", help="list the mutants, and end")
    options = parser.parse_args(arguments)
    if options.list:
        for mutant in MUTANTS.values():
            print(f"{mutant.name:34} {mutant.code}  {mutant.about}")
        return 0
    try:
        find(options.mutant)
    except LookupError as error:
        parser.error(str(error))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
