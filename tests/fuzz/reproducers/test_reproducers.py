"""Each form in which a failure is handed on is run here, on the server that fails, and shows the failure."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
import support
from grpc_reflection.v1alpha import reflection
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.client.actions import HALF_CLOSE, Cancel, Headers, Pause, Receive, Send
from grpcmock.client.raw import RawRequest
from grpcmock.client.target import Target, Tls
from grpcmock.errors import ConfigError, GrpcmockError
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import Binding, Call, Caller, Case, Expect, Measure, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.replay.case_file import CaseFile
from grpcmock.fuzz.replay.replayer import Replay, replay
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.python_values import message_of, value_of, written
from grpcmock.fuzz.reproducers.reproducer import FORMS, reproducer
from grpcmock.fuzz.run.session import Settings
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host

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


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Broken(),))
    reflection.enable_server_reflection(["user.UserService", reflection.SERVICE_NAME], server, pool=REGISTRY.pool)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Target.parse(f"127.0.0.1:{port}")
    await server.stop(None)


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


def parsed(text: str) -> list[dict[str, Any]]:
    import yaml

    return list(yaml.safe_load(text))


def lookup(*actions: Any) -> Call:
    return Call(path=LOOKUP.path, method=LOOKUP, actions=actions)


def frame(data: bytes) -> bytes:
    return b"\0" + len(data).to_bytes(4, "big") + data


_FORTY_TWO = Send(LOOKUP.request_class(id=42).SerializeToString())
_USER = Send(LOOKUP.request_class(id=3).SerializeToString())

CASES = {
    "unary": case_file(get(2000)),
    "metadata and a deadline": case_file(get(2000, metadata=(("x-name", "a b"), ("x-bin", b"\0\xff")), deadline=5.0)),
    "server stream": case_file(call_of(LIST, b"")),
    "slow reader": case_file(replace(call_of(LIST, b""), unread=0.01)),
    "client stream": case_file(call_of(CREATE, b"", CREATE.request_class(name="Zoë").SerializeToString())),
    "conversation": case_file(lookup(_USER, Receive(), Headers(), Pause(0.001), _FORTY_TWO, HALF_CLOSE)),
    "a value of an earlier answer": case_file(
        call_of(CREATE, CREATE.request_class(name="x").SerializeToString()),
        replace(lookup(Send(b""), HALF_CLOSE), bindings=(Binding(0, ("ids", 0), ("id",)),)),
    ),
    "many at once": case_file(get(2000), repeat=3, concurrent=True),
    "many in turn": case_file(get(2000), repeat=3),
}
"""Each ends in UNKNOWN."""


async def made(case_file: CaseFile, target: Target) -> Replay:
    return await replay(case_files.plain(case_file), Settings(target=target, registry=REGISTRY))


@pytest.mark.parametrize("name", CASES)
async def test_a_failure_that_was_kept_is_seen_again(name: str, target: Target, tmp_path: Path) -> None:
    kept = case_files.plain(CASES[name])
    path = tmp_path / "case.json"
    path.write_text(json.dumps(kept))
    assert case_files.read(case_files.load(path), REGISTRY) == CASES[name]
    found = await made(CASES[name], target)
    assert [finding.code for finding in found.findings] == ["G102"]


async def test_of_a_server_that_was_mended_nothing_is_said(target: Target) -> None:
    found = await made(case_file(get(3)), target)
    assert not found.findings
    assert "  passed    no UNKNOWN" in found.lines()


@pytest.mark.parametrize("name", CASES)
async def test_the_python_program_shows_the_failure(name: str, target: Target, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(reproducer("python", CASES[name], target, REGISTRY))
    out = await _run(sys.executable, program)
    assert "status UNKNOWN" in out


async def test_the_python_program_sends_the_users_metadata_from_the_environment(target: Target, tmp_path: Path) -> None:
    secret = replace(target, metadata=(("authorization", "Bearer hush"),))
    text = reproducer("python", CASES["unary"], secret, REGISTRY)
    assert "hush" not in text
    program = tmp_path / "program.py"
    program.write_text(text)
    assert "status UNKNOWN" in await _run(sys.executable, program, AUTHORIZATION="Bearer hush")


async def test_the_python_program_cancels(target: Target, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(reproducer("python", case_file(lookup(_USER, Receive(), Cancel())), target, REGISTRY))
    assert "status CANCELLED" in await _run(sys.executable, program)


async def test_the_python_program_sends_raw_requests(target: Target, tmp_path: Path) -> None:
    request = RawRequest(
        headers=(
            *((":method", "POST"), (":path", GET.path), (":authority", ""), (":scheme", "")),
            *(("content-type", "application/grpc"), ("te", "trailers")),
        ),
        chunks=(frame(b"\x08\x07"),),
    )
    found = case_file(Call(path=GET.path, method=GET, actions=(), raw=request))
    program = tmp_path / "program.py"
    program.write_text(reproducer("python", found, target, REGISTRY))
    assert "grpc-status: 15" in await _run(sys.executable, program)


def run_exported(text: str, target: Target) -> None:
    """Run an exported test, as pytest would."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text.replace("127.0.0.1:1", str(target)), "exported", "exec"), names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    fixture = inspect.unwrap(names["client"])()
    try:
        test(next(fixture))
    finally:
        next(fixture, None)


@pytest.mark.parametrize("name", CASES)
async def test_the_exported_test_fails_until_the_server_is_mended(name: str, target: Target) -> None:
    text = reproducer("pytest", CASES[name], Target.parse("127.0.0.1:1"), REGISTRY)
    assert len(text.splitlines()) <= 40
    with pytest.raises(AssertionError):
        await asyncio.to_thread(run_exported, text, target)
    mended = text.replace("2000", "3").replace("42", "43").replace("ListUsers", "GetUser").replace(", {}, {", ", {")
    await asyncio.to_thread(run_exported, mended.replace(".ids[0]", ".created"), target)


async def test_pytest_runs_an_exported_test(target: Target, tmp_path: Path) -> None:
    module = tmp_path / "test_exported.py"
    module.write_text(reproducer("pytest", CASES["unary"], Target.parse("127.0.0.1:1"), REGISTRY))
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", module)
    out = await _run(*command, code=1, GRPCMOCK_TARGET=str(target))
    assert "assert got.code not in (Code.UNKNOWN, Code.INTERNAL)" in out
    assert "KeyError" in out  # what the server said


def named(name: str) -> bytes:
    return bytes(CREATE.request_class(name=name).SerializeToString())


def lasting(seconds: int) -> bytes:
    request: Any = UNARY.request_class()
    request.w_duration.seconds = seconds
    return bytes(request.SerializeToString())


def found_by(check: str, *calls: Call, expected: str = "", **more: Any) -> CaseFile:
    made = case_file(*calls)
    return replace(made, check=check, expected=expected, case=replace(made.case, **more))


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (
            found_by("G126", get(1)),
            ['got = client.call("user.UserService/GetUser", {"id": 1})', "assert got.code != Code.INVALID_ARGUMENT"],
        ),
        (found_by("G125", get(1), expect=Expect.REFUSED), [..., "assert not got.ok"]),
        (
            found_by("G127", get(1), get(2)),
            [..., ..., "assert got.code != Code.INVALID_ARGUMENT", "assert not got_2.ok"],
        ),
        (
            found_by("G130", get(1), get(2), expected="NOT_FOUND for 2: it was deleted"),
            [
                'client.call("user.UserService/GetUser", {"id": 1})',
                'got = client.call("user.UserService/GetUser", {"id": 2})',
                "assert got.code == Code.NOT_FOUND",
            ],
        ),
        (
            found_by("G130", get(1), expected="no 2: it was deleted"),
            ['client.call("user.UserService/GetUser", {"id": 1})', 'client.check("use_after_delete")'],
        ),
        (
            found_by("G143", get(1), expected="NOT_FOUND or PERMISSION_DENIED: 1 is somebody else's"),
            [..., "assert got.code in (Code.NOT_FOUND, Code.PERMISSION_DENIED)"],
        ),
        (
            found_by("G116", get(1), call_of(GET, b"\x08\x81\x00"), expect=Expect.SAME),
            [
                ...,
                'client.call("user.UserService/GetUser", b"\\x08\\x81\\x00")',
                'client.check("tolerated_wire", expect="same")',
            ],
        ),
        (
            found_by("G101", call_of(CREATE, *[b""] * 300), get(1), cleanup=1, method=CREATE),
            [
                'client.call("user.UserService/CreateUsers", *[{}] * 300)',
                ...,
                'client.check("server_crash", cleanup=1)',
            ],
        ),
        (
            found_by("G102", replace(call_of(CREATE), actions=(Send(named("a" * 900 + "b")), Cancel()))),
            [
                'created = client.call("user.UserService/CreateUsers", {"name": "a" * 900 + "b"}, Cancel())',
                "assert created.code not in (Code.UNKNOWN, Code.INTERNAL)",
            ],
        ),
        (
            found_by("G142", replace(get(1), caller=Caller.NOBODY)),
            [
                'got = client.call("user.UserService/GetUser", {"id": 1}, caller="nobody")',
                "assert got.code in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)",
            ],
        ),
    ],
)
def test_the_exported_test_says_the_contract(found: CaseFile, lines: list[Any]) -> None:
    text = reproducer("pytest", found, Target.parse("127.0.0.1:1"), REGISTRY)
    body = [line.strip() for line in text.partition("def test_")[2].splitlines()[2:]]
    assert [... if expected is ... else line for line, expected in zip(body, lines, strict=True)] == lines


KITCHEN = support.registry("kitchen_sink.proto")
UNARY = KITCHEN.method("Unary")
EVERYTHING = Generators(KITCHEN).of(KITCHEN.message("kitchen.Everything"))


@settings(max_examples=60)
@given(st.integers(0))
def test_every_message_is_said_by_its_fields_or_bytes(seed: int) -> None:
    message_class, protos = KITCHEN.message("kitchen.Everything"), KITCHEN
    encoded = EVERYTHING.encode(RandomSource(seed))
    value = eval(written(value_of(encoded, message_class, protos)))
    again = value if isinstance(value, bytes) else message_of(value, message_class, protos)
    assert encoded == (again if isinstance(again, bytes) else again.SerializePartialToString(deterministic=True))


CONVERSATION = found_by(
    "G130",
    call_of(CREATE, CREATE.request_class(name="it's `$x` %d").SerializeToString()),
    replace(lookup(Send(b""), HALF_CLOSE), bindings=(Binding(0, ("ids", 0), ("id",)),)),
    expected="NOT_FOUND for 42",
)
"""The last call ends in UNKNOWN."""


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl isn't installed")
@pytest.mark.parametrize(
    ("found", "code"),
    [
        (case_file(get(2000)), 1),
        (case_file(get(3)), 0),
        (case_file(get(7, metadata=(("x-name", "it's"),), deadline=5.0)), 0),
        (CONVERSATION, 1),
        (replace(CONVERSATION, expected="UNKNOWN for 42"), 0),
    ],
)
async def test_the_exported_script_tells_by_its_exit_code(
    found: CaseFile, code: int, target: Target, tmp_path: Path
) -> None:
    script = tmp_path / "script.sh"
    script.write_text(reproducer("bash", found, Target.parse("127.0.0.1:1"), REGISTRY))
    await _run("bash", script, code=code, GRPCMOCK_TARGET=str(target))
    if code == 0:
        assert "no such host" in await _run("bash", script, code=2, GRPCMOCK_TARGET="nowhere.invalid:1")


def test_the_exported_script_is_bash() -> None:
    text = reproducer("bash", CONVERSATION, Target.parse("127.0.0.1:1"), REGISTRY)
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = (line for line in text.splitlines() if line.startswith("call reply"))
    assert """'{"id": '"$(sed -n '/^ \\{2\\}"ids": """ in line


OFFLINE = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off"}


@pytest.fixture(scope="module")
def go_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a module of Go that has the library of grpcurl, where it was downloaded before."""
    if shutil.which("go") is None:
        pytest.skip("go isn't installed")
    cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    if not Path(cache, "github.com", "fullstorydev", "grpcurl@v1.9.3").is_dir():
        pytest.skip("the modules that grpcurl is made of weren't downloaded")
    folder = tmp_path_factory.mktemp("go")
    (folder / "contract_test.go").write_text(go_tests())
    offline = {
        **os.environ,
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GONOSUMDB": "*",
        "GONOSUMCHECK": "1",
        "GOSUMDB": "off",
    }
    for words in (("init", "contract"), ("edit", "-require", "github.com/fullstorydev/grpcurl@v1.9.3"), ("tidy",)):
        done = subprocess.run(
            ["go", "mod", *words], cwd=folder, env=offline, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"the modules that grpcurl is made of aren't all here: {done.stderr[-200:]}")
    return folder


GO = {
    "G102-000001": case_file(get(2000)),
    "G102-000002": case_file(get(3)),
    "G102-000003": case_file(get(7, metadata=(("x-name", "it's"), ("x-bin", b"\0\xff")), deadline=5.0)),
    "G130-000004": CONVERSATION,
    "G130-000005": replace(CONVERSATION, expected="UNKNOWN for 42"),
}
"""Those with an odd number at the end are tests that hold, but for the first."""


def go_tests() -> str:
    """Put all tests into one file, as they stand beside each other in one package."""
    texts = [reproducer("go", replace(one, id=name), Target.parse("127.0.0.1:1"), REGISTRY) for name, one in GO.items()]
    imports = sorted({line for text in texts for line in text.partition("import (")[2].partition(")")[0].splitlines()})
    bodies = [text.partition("\n)\n")[2] for text in texts]
    return "\n".join(("package contract_test", "import (", *imports, ")", *bodies))


async def test_the_exported_tests_in_go_tell_what_holds(go_module: Path, target: Target) -> None:
    out = await _run(
        "go",
        "test",
        "-v",
        "./...",
        code=1,
        cwd=go_module,
        GRPCMOCK_TARGET=str(target),
        GOFLAGS="-mod=mod",
        GOPROXY="off",
    )
    verdicts = {found[2]: found[1] for found in re.finditer(r"--- (PASS|FAIL): Test\w+_(\d+)", out)}
    assert verdicts == {"000001": "FAIL", "000002": "PASS", "000003": "PASS", "000004": "FAIL", "000005": "PASS"}


@pytest.mark.skipif(shutil.which("gofmt") is None, reason="gofmt isn't installed")
@pytest.mark.parametrize("name", GO)
def test_the_exported_test_in_go_is_formatted(name: str) -> None:
    text = reproducer("go", GO[name], Target.parse("127.0.0.1:1"), REGISTRY)
    done = subprocess.run(["gofmt"], input=text, text=True, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (text, "")


@pytest.mark.parametrize("name", [name for name in CASES if "earlier" not in name and "conversation" not in name])
async def test_the_exported_stub_makes_the_mock_fail_alike(name: str, target: Target, tmp_path: Path) -> None:
    found = await made(CASES[name], target)
    stubs = tmp_path / "stub.yaml"
    stubs.write_text(reproducer("stub", CASES[name], target, REGISTRY, found.result))
    host = Host(Files((support.ROOT / "protos",), (stubs,)))
    address = host.listen(Address.parse("127.0.0.1:0"))
    await host.start()
    try:
        again = await made(CASES[name], Target.parse(str(address)))
    finally:
        await host.stop()
    assert [finding.code for finding in again.findings] == ["G102"]
    before, after = found.result.last, again.result.last
    assert (after.code, after.message, after.responses) == (before.code, before.message, before.responses)


def seen(*replies: tuple[Call, int]) -> CaseResult:
    return CaseResult(
        replies=tuple(Reply(call=call, termination=Termination.SERVER, code=code) for call, code in replies)
    )


def test_a_stub_answers_in_turn_what_was_answered_differently() -> None:
    calls = (get(1), get(2), get(1), get(2))
    result = seen(*zip(calls, (5, 5, 2, 5), strict=True))
    text = reproducer("stub", case_file(*calls), Target.parse("127.0.0.1:1"), REGISTRY, result)
    first, second = parsed(text)
    assert (first["request"], [one["error"]["code"] for one in first["answers"]]) == (
        {"$eq": {"id": 1}},
        ["NOT_FOUND", "UNKNOWN"],
    )
    assert (second["request"], second["error"]["code"]) == ({"$eq": {"id": 2}}, "NOT_FOUND")


def test_no_stub_tells_requests_apart_that_differ_in_bytes_alone() -> None:
    calls = (get(1), call_of(GET, b"\x08\x02\x08\x01"))
    result = seen((calls[0], 5), (calls[1], 2))
    with pytest.raises(NotSayableError, match="differ in their bytes alone"):
        reproducer("stub", case_file(*calls), Target.parse("127.0.0.1:1"), REGISTRY, result)


@pytest.mark.parametrize(
    ("found", "form", "reason"),
    [
        (case_file(get(1), get(2000)), "grpcurl", "takes several"),
        (case_file(get(2000), repeat=2), "grpcurl", "many at once"),
        (case_file(lookup(_USER, Cancel())), "grpcurl", "does nothing else"),
        (case_file(call_of(GET, b"\x08")), "grpcurl", "no message"),
        (case_file(call_of(GET, b"\x08\x81\x00")), "grpcurl", "what JSON can't"),
        (case_file(call_of(GET)), "grpcurl", "always sends one"),
        (case_file(call_of(UNARY, lasting(10**10))), "grpcurl", "292 years; --as python"),
        (case_file(replace(get(1), compression="gzip")), "grpcurl", "doesn't compress"),
        (case_file(get(1)), "stub", "none were seen"),
        (found_by("G129", get(1)), "bash", "--as pytest asks the check itself"),
        (found_by("G129", get(1)), "go", "--as pytest asks the check itself"),
        (case_file(lookup(_USER, Cancel())), "go", "does nothing else"),
        (case_file(lookup(_USER, Receive())), "pytest", "never half-closes; --as python"),
        (case_file(Call(path=GET.path, method=GET, actions=(), raw=RawRequest(headers=()))), "pytest", "--as python"),
        (found_by("G147", get(1), measures=frozenset({Measure.USAGE})), "pytest", "only `grpcmock replay`"),
        (case_file(call_of(CREATE, *(named(f"{n:040}") for n in range(500)))), "pytest", "too long for a test"),
        (case_file(get(1), get(2), repeat=3, concurrent=True), "pytest", "at once, which --as python has"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(found: CaseFile, form: str, reason: str) -> None:
    with pytest.raises(NotSayableError, match=reason):
        reproducer(form, found, Target.parse("127.0.0.1:1"), REGISTRY)


def test_a_line_of_grpcurl_can_be_copied_to_a_shell() -> None:
    found = case_file(get(2000, metadata=(("x-name", "it's"),), deadline=2.0))
    target = Target.parse("127.0.0.1:50051", metadata=(("authorization", "secret"),))
    assert reproducer("grpcurl", found, target, REGISTRY) == (
        "grpcurl -plaintext -H 'authorization: ${AUTHORIZATION}' -expand-headers -H 'x-name: it'\"'\"'s' "
        "-d '{\"id\": 2000}' -max-time 2 127.0.0.1:50051 user.UserService/GetUser\n"
    )


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl isn't installed")
@pytest.mark.parametrize("name", ["unary", "metadata and a deadline", "server stream", "client stream"])
async def test_grpcurl_shows_the_failure(name: str, target: Target) -> None:
    line = reproducer("grpcurl", CASES[name], target, REGISTRY)
    out = await _run("sh", "-c", line, code=66)  # 64 and the status code
    assert "Code: Unknown" in out


def test_reproducers_say_who_calls_and_no_secret() -> None:
    found = case_file(replace(get(2000), caller=Caller.OTHER))
    found = replace(found, headers=("x-t-bin",), protos=("protos",), contract="c.pb")
    target = Target.parse("https://a.b:1", metadata=(("authorization", "Bearer hush"),), tls=Tls(ca=Path("ca.pem")))
    texts = {form: reproducer(form, found, target, REGISTRY) for form in ("grpcurl", "python", "pytest", "bash", "go")}
    for form, text in texts.items():
        assert "hush" not in text
        if form in ("python", "pytest"):
            compile(text, form, "exec")
    given = "-H 'x-t-bin: ${X_T_BIN}' -H 'authorization: ${OTHER_AUTHORIZATION}' -expand-headers"
    assert f"-cacert ca.pem -protoset c.pb {given}" in texts["grpcurl"]
    assert "os.environ['OTHER_AUTHORIZATION']" in texts["python"]
    assert "protos=['protos']" in texts["pytest"]
    assert "tls=Tls(ca=Path('ca.pem'))" in texts["pytest"]
    assert "('authorization', os.environ['OTHER_AUTHORIZATION'])" in texts["pytest"]
    assert 'os.Getenv("OTHER_AUTHORIZATION")' in texts["go"]
    assert 'grpcurl.ClientTLSConfig(false, "ca.pem", "", "")' in texts["go"]
    assert '"https://a.b:1"' in texts["pytest"]
    for caller, said in ((Caller.NOBODY, "metadata=())"), (Caller.GARBLED, "(('authorization', 'garbled'),)")):
        text = reproducer("python", case_file(replace(get(2000), caller=caller)), target, REGISTRY)
        assert said in text


def test_large_messages_are_kept_small() -> None:
    large = case_file(call_of(GET, b"\xaa\x01" + b"\x80\x80\x40" + b"x" * (1 << 20)))
    kept = json.dumps(case_files.plain(large))
    assert len(kept) < 20_000
    assert case_files.read(json.loads(kept), REGISTRY).case.calls == large.case.calls
    broken = json.loads(kept.replace('"packed": "', '"packed": "AAAA'))
    with pytest.raises(ConfigError, match="was changed"):
        case_files.read(broken, REGISTRY)


def test_a_form_that_there_is_not_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no form 'curl'. Did you mean 'grpcurl'"):
        reproducer("curl", CASES["unary"], Target.parse("127.0.0.1:1"), REGISTRY)
    assert set(FORMS) == {"grpcurl", "python", "pytest", "stub", "bash", "go"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("G102-abc", None),
        ("g102-abcdef", None),
        ("G1", "more than one failure: G102-abcdef, G103-000000"),
        ("G102-abcdee", "Did you mean 'G102-abcdef'"),
        ("other.json", "no file other.json"),
    ],
)
def test_a_failure_is_found_by_its_id_or_the_beginning_of_it(name: str, said: str | None, tmp_path: Path) -> None:
    for stem in ("G102-abcdef", "G103-000000"):
        (tmp_path / f"{stem}.json").write_text("{}")
    if said is None:
        assert case_files.find(name, tmp_path).stem == "G102-abcdef"
        return
    with pytest.raises(ConfigError, match=said):
        case_files.find(name, tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ("[]", "is not the file of a failure"), ('{"case": {}, "version": 9}', "of version 9")],
)
def test_a_file_that_is_no_failure_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(GrpcmockError, match=said):
        case_files.read(case_files.load(path), REGISTRY, str(path))


async def _run(*command: Any, code: int = 0, cwd: Path | None = None, **environment: str) -> str:
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
