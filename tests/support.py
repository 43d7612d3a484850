"""Helpers that tests of several layers share."""

from __future__ import annotations

import shlex
import sys
from functools import cache
from pathlib import Path

from grpcmock.schema import Registry, sources

ROOT = Path(__file__).parent.parent


@cache
def registry(*files: str) -> Registry:
    """Compile protos by their file names, from ``tests/protos`` or ``protos``; without any, the kitchen sink."""
    names = files or ("kitchen_sink.proto",)
    folders = (ROOT / "tests" / "protos", ROOT / "protos")
    return sources.load([next(f / name for f in folders if (f / name).is_file()) for name in names])


_PROGRAM = """
import asyncio, os, sys, time, grpc, grpc.aio

{handler}

class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.rpartition("/")[2]
        async def answer(requests, context):
            async for response in handle(name, requests):
                yield response
        return grpc.stream_stream_rpc_method_handler(answer)

async def main():
    server = grpc.aio.server(handlers=[Handler()])
    server.add_insecure_port(sys.argv[1])
    await server.start()
    await server.wait_for_termination()

asyncio.run(main())
"""


def server_command(handler: str, address: str) -> str:
    """Give the command line of a server in a process of its own. *handler* is the source of ``async def handle(name,
    requests)``, which takes the calls of all methods and yields their answers."""
    return shlex.join([sys.executable, "-c", _PROGRAM.replace("{handler}", handler), address])
