"""A failure is made again on the server that has shown it, which has what its calls make; and on one that it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from benchmarks.mutants.schema import registry
from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Call, Case, Phase, call_of
from grpcmock.fuzz.model.events import FailureFound
from grpcmock.fuzz.model.example_database import Memory, open_database
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.replay.case_file import Origin
from grpcmock.fuzz.replay.replayer import Answer, replay
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, prepared
from grpcmock.fuzz.shrinking.case_shrinking import Effort
from grpcmock.fuzz.wire.requests import of
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.events import Event

PATH = "/directory.v1.UserService/"
CREATE, GET, DELETE = (registry().methods[f"{PATH}{name}"] for name in ("CreateUser", "GetUser", "DeleteUser"))


def asked(method: Any, **values: Any) -> Call:
    return call_of(method, method.request_class(**values).SerializeToString(deterministic=True))


class Users:
    """Keeps users, and those that are deleted as well unless it is *mended*."""

    def __init__(self, *, mended: bool) -> None:
        self._mended = mended
        self._users: dict[str, Any] = {}

    @property
    def handlers(self) -> dict[str, Any]:
        return {f"{PATH}CreateUser": self._create, f"{PATH}GetUser": self._get, f"{PATH}DeleteUser": self._delete}

    async def _create(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            made: Any = CREATE.request_class.FromString(data)
            made.user.name = f"users/{made.user_id}"
            if made.user.name in self._users:
                await context.abort(grpc.StatusCode.ALREADY_EXISTS, "there is one")
            self._users[made.user.name] = made.user
            yield made.user.SerializeToString()

    async def _get(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            yield (await self._found(GET.request_class.FromString(data), context)).SerializeToString()

    async def _delete(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            found = await self._found(DELETE.request_class.FromString(data), context)
            if self._mended:
                del self._users[found.name]
            yield b""

    async def _found(self, about: Any, context: Any) -> Any:
        if about.name not in self._users:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is none")
        return self._users[about.name]


OK = (Code.OK,) * 4


def failure(check: str, case: Case, codes: tuple[Code, ...]) -> Failure:
    """Return a failure of a case that was answered so."""
    replies = tuple(
        Reply(call=call, termination=Termination.SERVER, code=code)
        for call, code in zip(case.calls, codes, strict=True)
    )
    finding = Finding(check=check, code="G1", expected="", actual="", key="k")
    return Failure(
        finding=finding, case=case, result=CaseResult(replies=replies), first=case, after_cases=1, after_seconds=0.0
    )


def kept(check: str, case: Case, codes: tuple[Code, ...]) -> dict[str, Any]:
    """Return what a run would have kept of it."""
    return case_files.plain(case_files.of_failure(failure(check, case, codes), Origin(target="127.0.0.1:1")))


NAME = "users/aa0b1c2d"
DELETED = Case(
    id="t",
    phase=Phase.STATEFUL,
    method=GET,
    calls=(
        asked(CREATE, user_id="bb1c2d3e", user={"display_name": "Bob"}),
        asked(CREATE, user_id="aa0b1c2d", user={"display_name": "Ann"}),
        asked(DELETE, name=NAME),
        asked(GET, name=NAME),
    ),
    why="",
    targets=frozenset({"use_after_delete"}),
)


@pytest.mark.parametrize(("mended", "answer"), [(False, Answer.FAILED), (True, Answer.PASSED)])
async def test_what_the_calls_make_is_there_already(serving: Any, mended: bool, answer: Answer) -> None:
    async with serving(Users(mended=mended).handlers) as target:
        settings = Settings(target=target, registry=registry())
        answers = [(await replay(kept("use_after_delete", DELETED, OK), settings)).answer for _ in range(3)]
    assert answers == [answer] * 3


async def test_a_run_that_knows_of_it_finds_it_there_as_well(serving: Any, tmp_path: Path) -> None:
    said = "use_after_delete"
    Memory(open_database(str(tmp_path)), registry(), [GET]).hear(FailureFound(failure=failure(said, DELETED, OK)))
    bounds = Bounds(phases=(Phase.STATEFUL,), effort=Effort(tries=0))
    async with serving(Users(mended=False).handlers) as target:
        settings = Settings(target=target, registry=registry(), checks=(said,), database=str(tmp_path), bounds=bounds)
        assert (await replay(kept(said, DELETED, OK), settings)).answer is Answer.FAILED  # and leaves its users
        found: list[str] = []

        def hear(event: Event) -> None:
            if isinstance(event, FailureFound):
                found.append(event.failure.first.id)
                running.stop("it was found")

        async with prepared(settings, [hear]) as running:
            await running.go()
    assert "/saved-" in found[0]


ENDING = """
import asyncio, os, grpc
class Handlers(grpc.GenericRpcHandler):
    def service(self, call):
        if "grpc-python" not in dict(call.invocation_metadata).get("user-agent", ""):
            os._exit(3)
        return grpc.unary_unary_rpc_method_handler(answer)
async def answer(data, context):
    return b""
async def main():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()
asyncio.run(main())
"""


@contextmanager
def ending() -> Iterator[Target]:
    """Run a server that ends where a request isn't one of gRPC's library."""
    with subprocess.Popen([sys.executable, "-c", ENDING], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Target.parse(f"127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


async def test_a_server_that_raw_bytes_end_and_that_somebody_else_has_started() -> None:
    raw = Call(path=GET.path, method=GET, actions=(), raw=of(GET, b""))
    case = Case(id="t", phase=Phase.WIRE, method=GET, calls=(raw,), why="")
    with ending() as target:
        again = await replay(
            kept("server_crash", case, (Code.UNAVAILABLE,)), Settings(target=target, registry=registry())
        )
    assert again.answer is Answer.FAILED, again.lines()
