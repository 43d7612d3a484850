"""A server of users in a process of its own, with a bug: it fails on every id but a few; with ``--crash`` it ends, and
with ``--lock`` it keeps its lock, where the id is the largest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BROKEN = """
import asyncio, sys, grpc
class Handlers(grpc.GenericRpcHandler):
    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(answer) if call.method.endswith("/GetUser") else None
lock = asyncio.Lock()
async def answer(data, context):
    if data == b"\\x08\\xff\\xff\\xff\\xff\\x07" and "--crash" in sys.argv:
        print("no memory for that", flush=True)
        import os; os._exit(3)
    if "--lock" in sys.argv:
        if data == b"\\x08\\xff\\xff\\xff\\xff\\x07":
            await asyncio.shield(asyncio.ensure_future(lock.acquire()))
        async with lock:
            return b""
    if len(data) > 2:
        raise KeyError(data)
    return b""
async def main():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    port = server.add_insecure_port(sys.argv[1])
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()
asyncio.run(main())
"""


@contextmanager
def broken_server(tmp_path: Path) -> Iterator[str]:
    program = tmp_path / "broken.py"
    program.write_text(BROKEN)
    with subprocess.Popen(
        [sys.executable, program, "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
        process.kill()
