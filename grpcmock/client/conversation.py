"""A conversation: requests are sent as they come, while responses are handed on as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.client.call import Call, Status
    from grpcmock.client.http.call import HttpCall


async def converse(
    call: Call | HttpCall, requests: AsyncIterator[bytes], on_response: Callable[[bytes], Awaitable[None]]
) -> Status:
    """Send all requests, half-close, and hand each response to *on_response*, both at the same time.

    If *requests* or *on_response* raises, the call is cancelled and the exception goes on. Requests that come after the
    end of the call are left alone.
    """

    async def send_all() -> None:
        async for data in requests:
            if not await call.send(data):
                return
        await call.half_close()

    async def receive_all() -> None:
        while (data := await call.receive()) is not None:
            await on_response(data)

    sending = asyncio.create_task(send_all())
    receiving = asyncio.create_task(receive_all())
    try:
        done, _ = await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
        if sending in done:
            sending.result()
        await receiving
        return await call.status()
    finally:
        call.cancel()
        sending.cancel()
        receiving.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)
