"""The wire phase against small servers: nothing is found on correct ones, and each seeded bug is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message import DecodeError
from support import registry

from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.fuzz.checks import parsing
from grpcmock.fuzz.checks import protocol as wire
from grpcmock.fuzz.execution.executor import Executor
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.acceptance import Acceptance
from grpcmock.fuzz.model.cases import Case, Phase
from grpcmock.fuzz.model.results import CaseResult, Health, Termination
from grpcmock.fuzz.phases.all_phases import cases_of
from grpcmock.fuzz.wire import raw_reply

CHECKS = (*wire.CHECKS, *parsing.CHECKS)
USERS = registry("user.proto")
GET, LIST, CREATE, LOOKUP = (
    USERS.method(f"UserService/{name}") for name in ("GetUser", "ListUsers", "CreateUsers", "LookupUsers")
)


def plan(*methods: Any) -> Any:
    expectations = Expectations(registry=USERS, max_message_bytes=1 << 20)
    generators = Generators(USERS)
    return SimpleNamespace(
        registry=USERS,
        methods=methods,
        expectations=expectations,
        examples=(),
        seed=0,
        generators=generators,
        acceptance=Acceptance(USERS),
    )


class Strict:
    """Serves every method from raw bytes, and does all as the contract wants it; subclasses have a bug each."""

    uncounted: tuple[Any, ...] = ()

    def decode(self, method: Any, data: bytes) -> Any:
        try:
            return method.request_class.FromString(data)
        except DecodeError:
            return None

    async def answer(self, method: Any, context: Any) -> None:
        queries = []
        while (data := await context.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            query = self.decode(method, data)
            if query is None:
                await context.abort(grpc.StatusCode.INTERNAL, "no message")
            queries.append(query)
            if method.kind.client_streams and method.kind.server_streams:
                await context.write(self.one(method, [query]))
        if not method.kind.client_streams and (len(queries) > 1 or not queries) and method not in self.uncounted:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "one request is wanted")
        if not (method.kind.client_streams and method.kind.server_streams):
            await context.write(self.one(method, queries))

    def one(self, method: Any, queries: list[Any]) -> bytes:
        if method is CREATE:
            return bytes(method.response_class(created=len(queries)).SerializeToString())
        name = getattr(queries[0], "name", "") if queries else ""
        return bytes(
            method.response_class(id=getattr(queries[0], "id", 7) if queries else 0, name=name).SerializeToString()
        )


class Uncounted(Strict):
    uncounted = (GET,)


class NowhereCounted(Strict):
    uncounted = (GET, LIST)


class Lenient(Strict):
    """Goes on with an empty message where it can't parse, at some methods."""

    def __init__(self, *methods: Any) -> None:
        self.methods = methods

    def decode(self, method: Any, data: bytes) -> Any:
        found = super().decode(method, data)
        return method.request_class() if found is None and method in self.methods else found


class Unhandled(Strict):
    """Lets the parser's error of one method become its own, or of all."""

    def __init__(self, *methods: Any) -> None:
        self.methods = methods

    def decode(self, method: Any, data: bytes) -> Any:
        return method.request_class.FromString(data) if method in self.methods else super().decode(method, data)


class FirstWins(Strict):
    """Takes the first value of a field that comes twice."""

    def decode(self, method: Any, data: bytes) -> Any:
        found = super().decode(method, data)
        if found is not None and len(data) == 4 and data[0] == data[2] == 8:
            found.id = data[1]
        return found


class ForgetsUnknown(Strict):
    """Refuses what it doesn't know."""

    def decode(self, method: Any, data: bytes) -> Any:
        found = super().decode(method, data)
        if found is None:
            return None
        size = found.ByteSize()
        found.DiscardUnknownFields()
        return found if found.ByteSize() == size else None


class MetadataByHeart(Strict):
    """Reads metadata as text."""

    async def answer(self, method: Any, context: Any) -> None:
        for _, value in context.invocation_metadata():
            if isinstance(value, bytes):
                value.decode()
        await super().answer(method, context)


@asynccontextmanager
async def serving(service: Strict, limit: int = 1 << 20) -> AsyncIterator[Target]:
    class Handler(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            method = USERS.methods.get(details.method)
            if method is None:
                return None

            async def handle(_: Any, context: Any) -> None:
                await service.answer(method, context)

            return grpc.stream_stream_rpc_method_handler(handle)

    server = grpc.aio.server(handlers=[Handler()], options=[("grpc.max_receive_message_length", limit)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Target(address=f"127.0.0.1:{port}")
    await server.stop(None)


async def found(target: Target, *methods: Any, groups: str = "") -> set[tuple[str, str]]:
    """Run the phase on methods, the cases of some *groups* or all, and give codes and keys of what is no warning."""
    everywhere = [check for check in CHECKS if not check.targeted]
    targeted = {check.name: check for check in CHECKS if check.targeted}
    wanted, room = plan(*methods), asyncio.Semaphore(16)
    seen: set[tuple[str, str]] = set()

    async def make(executor: Executor, case: Case) -> None:
        async with room:
            result = await executor.run(case)
        suspected = False
        for check in (*everywhere, *(targeted[name] for name in case.targets if name in targeted)):
            findings = check.evaluate(case, result, wanted.expectations)
            seen.update((finding.check, finding.key) for finding in findings if not finding.is_warning)
            suspected = suspected or bool(findings)
        for closer in case.sub_cases if suspected else ():
            await make(executor, closer)

    async with connect(target) as channel:
        executor = Executor(channel, raw=lambda call, idle: raw_reply(call, target, deadline=5, limit=100, idle=idle))
        cases = [case for method in methods for case in cases_of(Phase.WIRE, method, wanted)]
        chosen = [case for case in cases if not groups or case.id.split("/")[2] in groups.split()]
        assert chosen
        await asyncio.gather(*(make(executor, case) for case in chosen))
    return seen


@pytest.mark.parametrize("method", [GET, LIST, CREATE, LOOKUP], ids=str)
async def test_nothing_is_found_on_a_correct_server(method: Any) -> None:
    async with serving(Strict()) as target:
        assert await found(target, method) == set()


@pytest.mark.parametrize(
    ("service", "method", "groups", "expected"),
    [
        # That two are one too many, only another method of the same kind could show.
        (Uncounted(), GET, "requests", {("request_count", "requests.none")}),
        (NowhereCounted(), GET, "requests", {("request_count", "requests.none")}),
        (Lenient(GET), GET, "malformed", {("malformed_wire", "accepted")}),
        (Lenient(LOOKUP), LOOKUP, "malformed", {("malformed_wire", "accepted")}),
        (Lenient(CREATE), CREATE, "malformed", {("malformed_wire", "accepted")}),
        (Lenient(GET, LIST, CREATE, LOOKUP), GET, "malformed", set()),  # as a library may be
        (Lenient(GET, LIST, CREATE, LOOKUP), LOOKUP, "malformed", set()),
        (FirstWins(), GET, "non_canonical", {("tolerated_wire", "wire.last_wins")}),
        (ForgetsUnknown(), CREATE, "non_canonical", {("tolerated_wire", "wire.unknown")}),
        (MetadataByHeart(), LIST, "metadata", {("metadata", "unhandled")}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Strict) else None,
)
async def test_a_seeded_bug_is_found(service: Strict, method: Any, groups: str, expected: set[Any]) -> None:
    async with serving(service) as target:
        others = {GET: LIST, LIST: GET, CREATE: LOOKUP, LOOKUP: CREATE}  # is another method as lenient?
        methods = (method,) if groups in ("non_canonical", "metadata") else (method, others[method])
        assert await found(target, *methods, groups=groups) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (Unhandled(GET), {("malformed_wire", "unknown")}),
        (Unhandled(CREATE), {("malformed_wire", "unknown")}),
        (Unhandled(GET, LIST, CREATE, LOOKUP), set()),
    ],
    ids=["GetUser", "CreateUsers", "all"],
)
async def test_unknown_is_a_failure_where_another_method_does_better(service: Strict, expected: set[Any]) -> None:
    async with serving(service) as target:
        assert await found(target, GET, LIST, CREATE, LOOKUP, groups="malformed") == expected


async def test_a_server_without_the_limit_that_was_told_is_found() -> None:
    async with serving(Strict(), limit=-1) as target:
        codes = {code for code, _ in await found(target, GET, groups="size")}
    assert codes == {"size_limit"}


_CRASHING = """
import asyncio, os, grpc
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        async def handle(_, context):
            data = await context.read()
            if data is not grpc.aio.EOF and data.endswith(b"\\x80"):
                os._exit(3)
        return grpc.stream_stream_rpc_method_handler(handle)
async def main():
    server = grpc.aio.server(handlers=[Handler()])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()
asyncio.run(main())
"""


async def test_a_crash_is_told_as_a_lost_connection() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _CRASHING, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    target = Target(address=f"127.0.0.1:{int(await process.stdout.readline())}")
    case = next(t for t in cases_of(Phase.WIRE, GET, plan(GET)) if t.id.endswith("status/malformed"))
    reply = await raw_reply(case.calls[0], target, deadline=10)
    assert (reply.termination, reply.code, await process.wait()) == (Termination.LOST, 14, 3)
    evaluate: Callable[..., Any] = next(check.evaluate for check in CHECKS if check.name == "malformed_wire")
    findings = list(evaluate(case, CaseResult(replies=(reply,), health=Health(exit_code=3)), plan(GET).expectations))
    assert [finding.key for finding in findings] == ["crash"]


def test_cases_have_names_of_their_own_and_are_the_same_each_time() -> None:
    wanted = plan(GET, LIST, CREATE, LOOKUP)
    made = [[case for method in wanted.methods for case in cases_of(Phase.WIRE, method, wanted)] for _ in range(2)]
    assert made[0] == made[1]
    assert len({case.id for case in made[0]}) == len(made[0])
    assert all(case.why and case.id.startswith(f"wire/{case.method.service}.{case.method.name}/") for case in made[0])
