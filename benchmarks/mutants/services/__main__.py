"""Run one of the services, as it should be or with one of its bugs.

``python -m benchmarks.mutants.services NAME [--bug SOURCE/NAME] [--listen 127.0.0.1:0]``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading

from benchmarks.mutants.services.building import BuildError, command
from benchmarks.mutants.services.definition import SERVICES, Definition, service
from benchmarks.mutants.services.hosting import is_async, running_aio, running_sync
from benchmarks.mutants.services.loading import module, served
from benchmarks.mutants.services.messages import registry
from benchmarks.mutants.services.sources import CLEAN, mutated


def _say(port: int, address: str) -> None:
    print(f"{address.rpartition(':')[0]}:{port}", flush=True)


async def _serve_aio(made: object, protos: object, handlers: object, address: str) -> None:
    async with running_aio(made, protos, handlers, address) as port:  # type: ignore[arg-type]
        _say(port, address)
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await stopping.wait()


def serve(definition: Definition, bug: str, address: str) -> None:
    """Serve until the process is ended. Raises LookupError for a bug that there isn't, and BuildError."""
    changed = mutated(definition, bug)
    if not definition.in_python:
        assert isinstance(changed, str)
        words = command(definition, changed, address)
        os.execvp(words[0], words)
    made = module(definition, changed)
    handlers = served(made)
    protos = registry(definition.name)
    if is_async(handlers):
        asyncio.run(_serve_aio(made, protos, handlers, address))
        return
    with running_sync(made, protos, handlers, address) as port:
        _say(port, address)
        stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
        stopping.wait()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutants.services", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("service", nargs="?", metavar="NAME", help="the service; none lists all of them")
    parser.add_argument("--bug", default=CLEAN, metavar="SOURCE/NAME", help="such as blind/NAME (default: none)")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="port 0 takes one that is free")
    parser.add_argument("--list", action="store_true", help="list the bugs that were written for it, and end")
    options = parser.parse_args(arguments)
    if options.service is None:
        for one in SERVICES.values():
            print(f"{one.name:10} {one.runtime:9} {'kept out ' if one.kept_out else '':9} {one.about}")
        return 0
    try:
        definition = service(options.service)
        if options.list:
            for bug in definition.blind().values():
                print(f"blind/{bug.name:40} {bug.level:6} {' '.join(bug.codes):30} {bug.about}")
            return 0
        with contextlib.suppress(KeyboardInterrupt):
            serve(definition, options.bug, options.listen)
    except (LookupError, BuildError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
