"""A server that somebody else might have written: a depot with ordinary checks of its own, and six bugs to choose from.

``python tests/depot.py --listen 127.0.0.1:0 [--bugs NAME,…] [--token TOKEN] [--ready-file FILE]``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Collection
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from grpc_reflection.v1alpha import reflection

from grpcmock.schema import Registry, sources

PROTO = Path(__file__).with_name("protos") / "depot.proto"
SERVICE = "depot.v1.Depot"

BUGS = {
    "name": "IndexError in the helper that takes names apart",
    "scan": "a scan waits for a first code that never comes",
    "delete": "what was deleted is still listed",
    "page": "each page begins with the last item of the one before",
    "mask": "an update clears what its mask doesn't name",
    "title": "an item is made without its title",
}

_ID = re.compile(r"[a-z0-9-]{1,40}")
_MOST = 50


@cache
def registry() -> Registry:
    return sources.load([PROTO])


def message(name: str) -> Any:
    return registry().message(f"depot.v1.{name}")


class Depot:
    """The handlers of the service, over messages."""

    def __init__(self, bugs: Collection[str] = ()) -> None:
        self.bugs = frozenset(bugs)
        self.items: dict[str, Any] = {}
        self.ghosts: dict[str, Any] = {}

    async def key(self, name: str, context: Any, field: str = "name") -> str:
        """Give the id in the name of an item."""
        if "name" in self.bugs:
            return name.split("/")[1]
        found = re.fullmatch(r"items/([^/]+)", name)
        if found is None or not _ID.fullmatch(found[1]):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: items/ID is expected")
        assert found is not None
        return found[1]

    async def item(self, name: str, context: Any, field: str = "name") -> Any:
        item = self.items.get(await self.key(name, context, field))
        if item is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such item")
        return item

    async def valid(self, item: Any, context: Any) -> None:
        if item.unit not in (0, 1, 2, 3):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"item.unit: {item.unit} is not known")
        if len(item.note) > 1000:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "item.note: too long")

    async def CreateItem(self, request: Any, context: Any) -> Any:
        if not request.item.title and "title" not in self.bugs:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "item.title: is required")
        await self.valid(request.item, context)
        if request.item_id and not _ID.fullmatch(request.item_id):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "item_id: a-z, 0-9 and - only")
        key = request.item_id or f"i{len(self.items) + len(self.ghosts) + 1}-{id(request) % 9973}"
        if key in self.items:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "there is one already")
        item = message("Item")(name=f"items/{key}", title=request.item.title, unit=request.item.unit)
        item.note = request.item.note
        self.items[key] = item
        self.ghosts.pop(key, None)
        return item

    async def GetItem(self, request: Any, context: Any) -> Any:
        return await self.item(request.name, context)

    async def ListItems(self, request: Any, context: Any) -> Any:
        if request.page_size < 0:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "page_size: must not be negative")
        keys = sorted(self.items.keys() | self.ghosts.keys())
        start = 0
        if request.page_token:
            if not re.fullmatch(r"after-[a-z0-9-]+", request.page_token):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "page_token: not one of ours")
            last = request.page_token.removeprefix("after-")
            start = sum(key <= last for key in keys)
            if "page" in self.bugs:
                start = max(start - 1, 0)
        size = min(request.page_size or _MOST, _MOST)
        if "page" in self.bugs:
            size = max(size, 2)
        page = keys[start : start + size]
        response = message("ListItemsResponse")()
        response.items.extend(self.items.get(key) or self.ghosts[key] for key in page)
        if start + size < len(keys):
            response.next_page_token = f"after-{page[-1]}"
        return response

    async def UpdateItem(self, request: Any, context: Any) -> Any:
        item = await self.item(request.item.name, context, "item.name")
        await self.valid(request.item, context)
        paths = list(request.update_mask.paths)
        settable = {"title", "unit", "note"}
        if not paths:
            paths = [field.name for field, _ in request.item.ListFields() if field.name in settable]
        elif paths == ["*"]:
            paths = sorted(settable)
        for path in paths:
            if path not in settable:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"update_mask: {path[:40]!r} can't be changed")
        changed = message("Item")()
        changed.CopyFrom(item)
        if "mask" in self.bugs:
            paths = sorted(settable)
        for path in paths:
            setattr(changed, path, getattr(request.item, path))
        if not changed.title and "mask" not in self.bugs:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "item.title: is required")
        item.CopyFrom(changed)
        return item

    async def DeleteItem(self, request: Any, context: Any) -> Any:
        item = await self.item(request.name, context)
        key = item.name.removeprefix("items/")
        del self.items[key]
        if "delete" in self.bugs:
            self.ghosts[key] = item
        return registry().message("google.protobuf.Empty")()

    async def AdjustStock(self, request: Any, context: Any) -> Any:
        item = await self.item(request.name, context)
        if not 0 <= item.stock + request.by < 1 << 40:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "there is not so much of it")
        item.stock += request.by
        return item

    async def WatchStock(self, request: Any, context: Any) -> AsyncIterator[Any]:
        item = await self.item(request.name, context)
        yield message("StockLevel")(name=item.name, stock=item.stock)

    async def Scan(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        count = 0
        async for request in requests:
            count += 1
            known = any(item.title == request.code for item in self.items.values())
            yield message("ScanResponse")(code=request.code, known=known)
        if not count and "scan" in self.bugs:
            await asyncio.Event().wait()


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = registry().methods.get(call.method)
        if method is None:
            return None
        handler = getattr(self._depot, method.name)
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[method.kind.client_streams, method.kind.server_streams]
        made: grpc.RpcMethodHandler = make(
            handler,
            request_deserializer=method.request_class.FromString,
            response_serializer=lambda one: one.SerializeToString(),
        )
        return made


class _Door(grpc.GenericRpcHandler):
    """Stands before all services, reflection among them."""

    def __init__(self, token: str) -> None:
        self._token = token

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        given = dict(call.invocation_metadata or ())
        if not self._token or given.get("authorization") == f"Bearer {self._token}":
            return None
        return grpc.stream_stream_rpc_method_handler(_refuse)


async def _refuse(_: Any, context: Any) -> AsyncIterator[bytes]:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a token is needed")
    yield b""


@contextlib.asynccontextmanager
async def depot_server(
    *bugs: str, token: str = "", address: str = "127.0.0.1:0", depot: Depot | None = None
) -> AsyncIterator[str]:
    """Serve the depot with some of its :data:`BUGS`, and give its ``host:port``; a *token* shuts others out."""
    unknown = set(bugs) - BUGS.keys()
    assert not unknown, f"no bugs: {unknown}"
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Door(token), _Handlers(depot or Depot(bugs))))
    reflection.enable_server_reflection([SERVICE, reflection.SERVICE_NAME], server, pool=registry().pool)
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield f"{address.rpartition(':')[0]}:{port}"
    finally:
        await server.stop(None)


async def _serve(options: argparse.Namespace) -> None:
    bugs = [bug for bug in options.bugs.split(",") if bug]
    async with depot_server(*bugs, token=options.token, address=options.listen) as target:
        if options.ready_file:
            options.ready_file.write_text(target)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--bugs", default="")
    parser.add_argument("--token", default="")
    parser.add_argument("--ready-file", type=Path)
    asyncio.run(_serve(parser.parse_args()))
