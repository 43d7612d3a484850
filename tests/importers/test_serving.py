"""Files of other tools, served as they are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from importers.imported import gripmock, market

from grpcmock.client.call import Call
from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host, HostOptions

PROTO = Path(__file__).with_name("market.proto")


async def _asked(address: Address, name: str) -> str:
    method = market().method("market.Market/Order")
    async with connect(Target.parse(str(address))) as channel:
        call = Call(channel, method.path, deadline=10)
        request: Any = method.request_class(name=name)
        await call.send(request.SerializeToString())
        await call.half_close()
        data = await call.receive()
        status = await call.status()
        answer: Any = method.response_class.FromString(data or b"")
        return str(answer.text) or status.message


async def test_they_are_served_and_picked_up_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "theirs.yaml"
    file.write_text(gripmock({"input": {"equals": {"name": "ann"}}, "output": {"data": {"text": "old"}}}))
    reloaded = asyncio.Event()
    loop = asyncio.get_running_loop()

    def log(_: str, text: str) -> None:
        if text.startswith("Reloaded"):
            loop.call_soon_threadsafe(reloaded.set)

    own = tmp_path / "own.yaml"
    own.write_text("- {name: Order name=ann, method: Watch}")  # a name that the imported stub would have
    host = Host(Files((PROTO,), (own,), imported=(file,)), HostOptions(watch=True), log=log)
    address = host.listen(Address.parse("127.0.0.1:0"))
    await host.start()
    try:
        assert await _asked(address, "ann") == "old"
        assert f"{file}:1" in await _asked(address, "ben"), "a miss names the place of the original"
        file.write_text(gripmock({"input": {"equals": {"name": "ann"}}, "output": {"data": {"text": "new"}}}))
        await asyncio.wait_for(reloaded.wait(), 30)
        assert await _asked(address, "ann") == "new"
    finally:
        await host.stop()
