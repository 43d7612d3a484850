"""A mock server in the background of a test, asked by HTTP through its admin service."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from support import registry

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.servers.addresses import Address
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.host import Files, Host, HostOptions

PROTOS = Path(__file__).parents[1] / "protos"
STUBS = "- {name: alice, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}\n"
BOB = "- {name: bob, method: UserService/GetUser, request: {id: 2}, response: {name: Bob}}\n"
PATIENCE = 20.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Mock:
    """A mock server in the background of this process."""

    def __init__(self, loop: LoopThread, stubs: Path, admin: AdminOptions, **options: Any) -> None:
        async def start() -> Host:
            options.setdefault("transport", "aio")
            host = Host(Files((PROTOS,), (stubs,)), HostOptions(admin=admin, **options))
            host.listen(Address.parse("127.0.0.1:0"))
            if admin.apart:
                host.listen_admin(Address.parse("127.0.0.1:0"))
            if host.options.has_http:
                host.listen_http(Address.parse("127.0.0.1:0"))
            await host.start()
            return host

        self._loop = loop
        self.host = loop.run(start(), PATIENCE)
        self._open: list[http.client.HTTPConnection] = []

    @property
    def address(self) -> Address:
        return (self.host.http_addresses or self.host.admin_addresses)[0]

    def begin(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Any:
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=PATIENCE)
        self._open.append(connection)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if isinstance(body, dict):
            body, headers = json.dumps(body), {"content_type": "application/json", **headers}
        response = self.begin(method, path, body, **headers)
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def call(self, user: int) -> None:
        method = registry("user.proto").method("UserService/GetUser")
        with grpc.insecure_channel(str(self.host.addresses[0]), (("grpc.enable_http_proxy", 0),)) as channel:
            request = method.request_class(id=user).SerializeToString()
            multi: Any = channel.unary_unary(method.path)
            multi.future(request, timeout=PATIENCE).exception()

    def drain(self) -> None:
        """Have the admin service end what it streams, as when the server stops."""

        async def drain() -> None:
            self.host._admin.drain()  # type: ignore[union-attr]

        self._loop.run(drain(), PATIENCE)

    def close(self) -> None:
        for connection in self._open:
            connection.close()
