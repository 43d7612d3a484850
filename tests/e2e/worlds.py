"""Real servers for tests, in this process or another, that are waited for by event or log line, never by a sleep."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import grpc
from support import ROOT, registry

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.engine.call_record import CallRecord
from grpcmock.engine.environment import EngineOptions
from grpcmock.servers.addresses import Address
from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.host import Files, Host, HostOptions

USER_PROTO = (ROOT / "protos" / "user.proto").read_text()
USERS = registry("user.proto")
GET, LIST, CREATE, LOOKUP = (
    f"/user.UserService/{name}" for name in ("GetUser", "ListUsers", "CreateUsers", "LookupUsers")
)
CHANNEL = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
)
PATIENCE = 20.0
"""Seconds to wait for what must come: far more than it takes, and only ever used up by a test that fails."""


def connect(address: str, **options: Any) -> grpc.Channel:
    return grpc.insecure_channel(address, options=CHANNEL, **options)


def get_user(channel: grpc.Channel, user: int = 1, **options: Any) -> Any:
    """Call GetUser, and give the response."""
    method = USERS.method("user.UserService/GetUser")
    call = channel.unary_unary(GET, method.request_class.SerializeToString, method.response_class.FromString)
    return call(method.request_class(id=user), timeout=PATIENCE, **options)


class Mock:
    """A mock server in this process, in a loop of its own."""

    def __init__(self, folder: Path, stubs: str, *, protos: Iterable[Path] = (), **options: Any) -> None:
        self.stubs = folder / "stubs"
        self.stubs.mkdir(parents=True)
        (self.stubs / "stubs.yaml").write_text(stubs)
        self.log: queue.Queue[tuple[str, str]] = queue.Queue()
        self._ended: queue.Queue[CallRecord] = queue.Queue()
        self._loop = LoopThread()
        engine = EngineOptions(
            **{name: options.pop(name) for name in ("auto", "seed", "unmatched_code") if name in options}
        )
        server = ServerOptions(
            **{n: options.pop(n) for n in ("max_message_size", "compression", "interceptors") if n in options}
        )
        files = Files([*protos] or [ROOT / "protos"], [self.stubs])
        self.host = self._loop.run(self._start(files, HostOptions(engine=engine, server=server, **options)), PATIENCE)
        self.channel = connect(self.address)

    async def _start(self, files: Files, options: HostOptions) -> Host:
        host = Host(files, options, log=lambda level, text: self.log.put((level, text)))
        host.listen(Address.parse("127.0.0.1:0"))
        host.engine.journal.subscribe(self._ended.put)
        await host.start()
        return host

    @property
    def address(self) -> str:
        return str(self.host.addresses[0])

    def write(self, text: str) -> None:
        """Change the stubs: the file appears whole."""
        draft = self.stubs / ".draft"
        draft.write_text(text)
        draft.replace(self.stubs / "stubs.yaml")

    def ended(self) -> CallRecord:
        """Wait for the next call to end, and give its record."""
        return self._ended.get(timeout=PATIENCE)

    def logged(self, part: str) -> str:
        """Wait until *part* is logged."""
        while True:
            _, text = self.log.get(timeout=PATIENCE)
            if part in text:
                return text

    def ask(self, function: Callable[[], Any]) -> Any:
        """Call a function in the loop of the server, the only place from which it may be touched."""
        return self._loop.call(function)

    def count(self, name: str) -> int:
        """How often a stub was chosen."""
        return self.ask(lambda: next(entry.count for entry in self.host.engine.store if entry.name == name))

    def stop(self) -> None:
        self.channel.close()
        self._loop.run(self.host.stop(0), PATIENCE)
        self._loop.close()


class Program:
    """``grpcmock serve`` as a program of its own; ready once it has told its addresses."""

    def __init__(self, *args: str, listen: Iterable[str] = ("127.0.0.1:0",), folder: Path | None = None) -> None:
        listening = [word for address in listen for word in ("--listen", address)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GRPCMOCK_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "grpcmock", "serve", *listening, *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
        )
        self.out = _Lines(self.process.stdout)
        self.err = _Lines(self.process.stderr)
        self.addresses: list[str] = json.loads(self.out.wait("listening"))["addresses"]
        self.address = self.addresses[0]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait until it has ended; gives its exit code."""
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.out.join()
        self.err.join()


class _Lines:
    """The lines that a program writes, as they come."""

    def __init__(self, stream: IO[str] | None) -> None:
        assert stream is not None
        self.seen: list[str] = []
        self._next: queue.Queue[str | None] = queue.Queue()
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            self._next.put(line)
        self._next.put(None)
        self._stream.close()

    def wait(self, part: str) -> str:
        """Wait for a line that holds *part*, and give it."""
        while True:
            line = self._next.get(timeout=PATIENCE)
            assert line is not None, f"{part!r} never came; what did:\n{''.join(self.seen)}"
            self.seen.append(line)
            if part in line:
                return line

    def rest(self) -> str:
        """Give all lines, once there will be no more."""
        while (line := self._next.get(timeout=PATIENCE)) is not None:
            self.seen.append(line)
        return "".join(self.seen)

    def join(self) -> None:
        self._thread.join()
