"""Calls made one at a time, for callers that can't wait in an event loop, such as Hypothesis' machines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc

from grpcmock.client.actions import Cancel, Pause, Send
from grpcmock.fuzz.execution.replies import reply_of
from grpcmock.fuzz.model.callers import metadata_of

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.status import Metadata

RESPONSES = 1000
"""After so many responses a call is cancelled."""


def performer(
    channel: grpc.Channel, *, metadata: Metadata = (), second_identity: Metadata = (), deadline: float = 3.0
) -> Callable[[Call], Reply]:
    """Give a function that makes a call on a synchronous channel, and waits for its end.

    *metadata* is sent with every call; *deadline* is that of calls that have none of their own, in seconds.
    """

    def perform(call: Call) -> Reply:
        own = (*metadata_of(call.caller, metadata, second_identity), *call.metadata)
        return _performed(channel, call, own, call.deadline or deadline)

    return perform


def _performed(channel: grpc.Channel, call: Call, metadata: Metadata, deadline: float) -> Reply:
    started = time.monotonic()
    sent = 0
    is_under_way = threading.Event()
    calls: list[Any] = []

    def requests() -> Iterator[bytes]:
        nonlocal sent
        for action in call.actions:
            if isinstance(action, Send):
                sent += 1
                yield action.data
            elif isinstance(action, Pause):
                time.sleep(action.seconds)
            elif isinstance(action, Cancel):
                is_under_way.wait(1)
                calls[0].cancel()

    method: Any = channel.stream_stream(call.path, None, None)
    under_way = method(requests(), timeout=deadline, metadata=metadata or None)
    calls.append(under_way)
    is_under_way.set()
    responses: list[bytes] = []
    enough = False
    try:
        for response in under_way:
            responses.append(response)
            if len(responses) >= RESPONSES:
                enough = True
                under_way.cancel()
    except grpc.RpcError:
        pass
    return reply_of(
        call,
        under_way.code().value[0],
        under_way.details(),
        seconds=time.monotonic() - started,
        deadline=deadline,
        headers=under_way.initial_metadata(),
        trailers=under_way.trailing_metadata(),
        responses=responses,
        sent=sent,
        was_stopped=enough,
    )
