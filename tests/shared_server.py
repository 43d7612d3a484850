"""A mock server that several suites share: made from files, in a thread of this process, with its admin service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import ROOT

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.engine.environment import EngineOptions
from grpcmock.servers.addresses import Address
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.host import Files, Host, HostOptions

COMMON = """
- {name: nobody, method: user.UserService/GetUser, request: {id: 404}, error: {code: NOT_FOUND, message: nobody}}
- name: sequence
  method: user.UserService/GetUser
  request: {id: 1}
  answers: [{response: {name: one}}, {response: {name: two}}]
  then: cycle
- {name: constant, method: user.UserService/ListUsers, response: {name: common}}
"""


@dataclass(frozen=True)
class Shared:
    """Where it is, and what it is made of."""

    target: str
    url: str
    """Where it speaks HTTP/1.1, if it does."""
    host: Host
    thread: LoopThread

    def sessions(self) -> list[str]:
        return self.thread.call(lambda: [session.name for session in self.host.engine.sessions])


@contextmanager
def shared_server(
    folder: Path,
    stubs: str = COMMON,
    *,
    token: str | None = None,
    admin: bool = True,
    idle: float = 600.0,
    **options: Any,
) -> Iterator[Shared]:
    """Serve until the end; *options* are those of :class:`HostOptions`."""
    (folder / "common.yaml").write_text(stubs)
    thread = LoopThread("shared-server")

    async def start() -> tuple[Host, str, str]:
        how = HostOptions(
            engine=EngineOptions(session_idle=idle), admin=AdminOptions(token=token) if admin else None, **options
        )
        host = Host(Files((ROOT / "protos" / "user.proto",), (folder / "common.yaml",)), how)
        bound = host.listen(Address.parse("127.0.0.1:0"))
        http = host.listen_http(Address.parse("127.0.0.1:0", "http")) if how.face is not None else ""
        await host.start()
        return host, str(bound), f"http://{http}"

    host, target, url = thread.run(start())
    try:
        yield Shared(target, url, host, thread)
    finally:
        thread.run(host.stop(0))
        thread.close()
