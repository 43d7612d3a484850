"""Asks a running mock server which of its stubs answered calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from grpcmock.client.call import Call
from grpcmock.client.journal import JournalReader
from grpcmock.errors import Problems, StubError, TargetError
from grpcmock.schema import admin
from grpcmock.status import Code
from grpcmock.stubs import loader
from grpcmock.verify.contracts.used_stubs import UsedStubs

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.client.target import Target
    from grpcmock.stubs.model import Stub


async def export(channel: grpc.aio.Channel, target: Target) -> UsedStubs:
    """RequestSpec a running mock server, by its admin service, which of its stubs answered calls.

    Raises :class:`TargetError` if it can't be asked.
    """
    found = UsedStubs()
    used: dict[str, None] = {}
    async for call in JournalReader(channel, target, text_limit=1).calls():
        name = call.method
        if call.auto:
            found.leave_out(f"{name}: the answer was generated, and nobody has promised it")
        elif not call.stub:
            found.leave_out(f"{name}: no stub answered")
        else:
            used[call.stub] = None
    known = {info.name: info async for info in _stubs(channel, target)}
    for name in used:
        if name not in known:
            found.leave_out(f"{name}: the stub is not there any more")
            continue
        for stub in _read(known[name]):
            try:
                found.add(stub)
            except StubError:
                found.leave_out(f"{name}: it is a function, which can't be written down")
    return found


def _read(info: Any) -> Iterable[Stub]:
    problems = Problems()
    stubs = loader.load_text(info.yaml, info.location or info.name, problems)
    problems.raise_errors()
    return stubs


async def _stubs(channel: grpc.aio.Channel, target: Target) -> Any:
    """Yield the stubs of a server, each as a message ``StubInfo``."""
    method = admin.registry().method(f"{admin.SERVICE}/ListStubs")
    token = ""
    while True:
        call = Call(channel, method.path, metadata=target.metadata)
        request: Any = method.request_class(with_yaml=True, page_token=token)
        await call.send(request.SerializeToString())
        await call.half_close()
        data = await call.receive()
        status = await call.status()
        if status.code is not Code.OK:
            raise TargetError(f"{target}: {status.code.name}: {status.message}")
        page: Any = method.response_class.FromString(data or b"")
        for info in page.stubs:
            yield info
        token = page.next_page_token
        if not token:
            return
