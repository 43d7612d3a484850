"""A server of users that fails, and failures that were found on it."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import support

from grpcmock.client.actions import HALF_CLOSE, Headers, Pause, Receive, Send
from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Binding, Call, Case, Phase, call_of
from grpcmock.fuzz.replay.case_file import CaseFile

REGISTRY = support.registry("user.proto")
GET, LIST, CREATE, LOOKUP = (
    REGISTRY.method(f"user.UserService/{name}") for name in ("GetUser", "ListUsers", "CreateUsers", "LookupUsers")
)
USER = GET.response_class


class Broken(grpc.GenericRpcHandler):
    """Fails on ids over 1,000, gives users that were never created, and counts."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        name = details.method.rpartition("/")[2]
        if "UserService" not in details.method:
            return None
        return grpc.stream_stream_rpc_method_handler(getattr(self, name))

    async def GetUser(self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        async for data in requests:
            request: Any = GET.request_class.FromString(data)
            if request.id > 1000:
                raise KeyError(request.id)
            if request.id == 7:
                await context.abort(grpc.StatusCode.DATA_LOSS, "gone")
            yield USER(
                id=request.id, name=str(dict(context.invocation_metadata() or ()).get("x-name", ""))
            ).SerializeToString()

    async def ListUsers(self, requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for _data in requests:
            yield USER(id=1, name="Ann {{ 1 }}").SerializeToString()
        raise RuntimeError("after one")

    async def CreateUsers(self, requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        count = 0
        async for _data in requests:
            count += 1
        if count == 2:
            raise ValueError("two")
        yield CREATE.response_class(created=count, ids=[41 + count]).SerializeToString()

    async def LookupUsers(self, requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            request: Any = LOOKUP.request_class.FromString(data)
            if request.id == 42:
                raise RuntimeError("forty-two")
            yield USER(id=request.id).SerializeToString()


def get(identity: int, **more: Any) -> Call:
    return call_of(GET, GET.request_class(id=identity).SerializeToString(), **more)


def case_file(*calls: Call, repeat: int = 1, concurrent: bool = False) -> CaseFile:
    case = Case(
        id="boundary/x",
        phase=Phase.BOUNDARY,
        method=calls[-1].method or GET,
        calls=calls,
        why='id is "large"',
        repeat=repeat,
        concurrent=concurrent,
    )
    return CaseFile(
        id="G102-abcdef",
        check="G102",
        target="127.0.0.1:1",
        key="",
        expected="no UNKNOWN",
        actual="",
        case=case,
        made=calls,
    )


def lookup(*actions: Any) -> Call:
    return Call(path=LOOKUP.path, method=LOOKUP, actions=actions)


FORTY_TWO = Send(LOOKUP.request_class(id=42).SerializeToString())
A_USER = Send(LOOKUP.request_class(id=3).SerializeToString())

CASES = {
    "unary": case_file(get(2000)),
    "metadata and a deadline": case_file(get(2000, metadata=(("x-name", "a b"), ("x-bin", b"\0\xff")), deadline=5.0)),
    "server stream": case_file(call_of(LIST, b"")),
    "slow reader": case_file(replace(call_of(LIST, b""), unread=0.01)),
    "client stream": case_file(call_of(CREATE, b"", CREATE.request_class(name="Zoë").SerializeToString())),
    "conversation": case_file(lookup(A_USER, Receive(), Headers(), Pause(0.001), FORTY_TWO, HALF_CLOSE)),
    "a value of an earlier answer": case_file(
        call_of(CREATE, CREATE.request_class(name="x").SerializeToString()),
        replace(lookup(Send(b""), HALF_CLOSE), bindings=(Binding(0, ("ids", 0), ("id",)),)),
    ),
    "many at once": case_file(get(2000), repeat=3, concurrent=True),
    "many in turn": case_file(get(2000), repeat=3),
}
"""Each ends in UNKNOWN."""


def named(name: str) -> bytes:
    return bytes(CREATE.request_class(name=name).SerializeToString())


KITCHEN = support.registry("kitchen_sink.proto")
UNARY = KITCHEN.method("Unary")


def lasting(seconds: int) -> bytes:
    request: Any = UNARY.request_class()
    request.w_duration.seconds = seconds
    return bytes(request.SerializeToString())


def found_by(check: str, *calls: Call, expected: str = "", actual: str = "", **more: Any) -> CaseFile:
    made = case_file(*calls)
    return replace(made, check=check, expected=expected, actual=actual, case=replace(made.case, **more))


CONVERSATION = found_by(
    "G130",
    call_of(CREATE, CREATE.request_class(name="it's `$x` %d").SerializeToString()),
    replace(lookup(Send(b""), HALF_CLOSE), bindings=(Binding(0, ("ids", 0), ("id",)),)),
    expected="NOT_FOUND for 42",
)
"""The last call ends in UNKNOWN."""


def run_exported(text: str, target: Target) -> None:
    """Run an exported test, as pytest would."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text.replace('"127.0.0.1:1"', repr(str(target))), "exported", "exec"), names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    fixture = inspect.unwrap(names["client"])()
    try:
        test(next(fixture))
    finally:
        next(fixture, None)


async def run(*command: Any, code: int = 0, cwd: Path | None = None, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env={**os.environ, **environment},
    )
    out, _ = await process.communicate()
    text = out.decode()
    assert process.returncode == code, text
    return text
