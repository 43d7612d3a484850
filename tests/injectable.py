"""A server that runs what it is sent, in every way that the injection phase knows of, and its safe twin."""

from __future__ import annotations

import asyncio
import shlex
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import jinja2
from support import registry

PROTOS = registry("injection.proto")
METHODS = {method.name: method for method in PROTOS.methods.values()}
Text: Any = PROTOS.message("injection.Text")


class Server:
    """Answers with texts. Its methods take a request and give the text of the answer."""

    def __init__(self, *, is_safe: bool) -> None:
        self.is_safe = is_safe
        self.calls = 0
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.execute("CREATE TABLE users (name TEXT)")
        self.database.execute("INSERT INTO users VALUES ('ada')")
        self.folder = Path(tempfile.gettempdir())

    def FindUser(self, request: Any) -> str:
        if self.is_safe:
            rows = self.database.execute("SELECT name FROM users WHERE name = ?", [request.filter.name])
        else:
            rows = self.database.execute(f"SELECT name FROM users WHERE name = '{request.filter.name}'")
        return ", ".join(name for (name,) in rows)

    def HasUser(self, request: Any) -> str:
        """Keeps the errors of its database to itself."""
        name = request.name.replace("'", "''") if self.is_safe else request.name
        try:
            found = self.database.execute(f"SELECT 1 FROM users WHERE name = '{name}'").fetchall()
        except sqlite3.Error:
            return "no"
        return "yes" if found else "no"

    def ReadFile(self, request: Any) -> str:
        path = (self.folder / request.path).resolve()
        if self.is_safe and not path.is_relative_to(self.folder.resolve()):
            raise ValueError("outside")
        return path.read_text(errors="replace") if path.is_file() else ""

    def Greet(self, request: Any) -> str:
        environment = jinja2.Environment(autoescape=True)
        words = ", ".join(request.words.values())
        if self.is_safe:
            return environment.from_string("Hello {{ words }}").render(words=words)
        return environment.from_string(f"Hello {words}").render()

    def Ping(self, request: Any) -> str:
        hosts = " ".join(map(shlex.quote, request.hosts) if self.is_safe else request.hosts)
        return subprocess.run(f"echo {hosts}", shell=True, capture_output=True, text=True, check=False).stdout

    def Wait(self, request: Any) -> str:
        """Says nothing of what it has run."""
        names = " ".join(map(shlex.quote, request.seconds) if self.is_safe else request.seconds)
        subprocess.run(f": {names}", shell=True, capture_output=True, check=False)
        return "done"

    def Note(self, request: Any) -> str:
        print(f"noted {request.line!r}" if self.is_safe else f"noted {request.line}", file=sys.stderr, flush=True)
        return "done"

    def handlers(self) -> Mapping[str, Callable[..., AsyncIterator[bytes]]]:
        """Return the handlers by the paths of methods, for raw bytes."""
        return {method.path: self._handler(name) for name, method in METHODS.items()}

    def _handler(self, name: str) -> Callable[..., AsyncIterator[bytes]]:
        async def handler(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
            async for data in requests:
                self.calls += 1
                if name == "Echo":
                    yield data
                    return
                try:
                    text = getattr(self, name)(METHODS[name].request_class.FromString(data))
                except (sqlite3.Error, jinja2.TemplateError, ValueError, OSError) as error:
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
                yield Text(text=text).SerializeToString()

        return handler


async def main(address: str, *words: str) -> None:
    """Serve at an address until the process is ended."""
    handlers = Server(is_safe="--safe" in words).handlers()

    class Handlers(grpc.GenericRpcHandler):
        def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            handler = handlers.get(call.method)
            return None if handler is None else grpc.stream_stream_rpc_method_handler(handler)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
