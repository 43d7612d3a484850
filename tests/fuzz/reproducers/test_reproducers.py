"""Each form in which a failure is handed on is run here, on the server that fails, and shows the failure."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import support
from failing_users import (
    A_USER,
    CASES,
    CREATE,
    GET,
    REGISTRY,
    UNARY,
    case_file,
    found_by,
    get,
    lasting,
    lookup,
    named,
    run,
)

from grpcmock.client.actions import Cancel, Receive
from grpcmock.client.raw import RawRequest
from grpcmock.client.target import Target, Tls
from grpcmock.errors import ConfigError, GrpcmockError
from grpcmock.fuzz.model.cases import Call, Caller, Measure, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.replay.case_file import CaseFile
from grpcmock.fuzz.replay.replayer import Replay, replay
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.reproducer import FORMS, reproducer
from grpcmock.fuzz.run.session import Settings
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host


def parsed(text: str) -> list[dict[str, Any]]:
    import yaml

    return list(yaml.safe_load(text))


def frame(data: bytes) -> bytes:
    return b"\0" + len(data).to_bytes(4, "big") + data


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
    out = await run(sys.executable, program)
    assert "status UNKNOWN" in out


async def test_the_python_program_sends_the_users_metadata_from_the_environment(target: Target, tmp_path: Path) -> None:
    secret = replace(target, metadata=(("authorization", "Bearer hush"),))
    text = reproducer("python", CASES["unary"], secret, REGISTRY)
    assert "hush" not in text
    program = tmp_path / "program.py"
    program.write_text(text)
    assert "status UNKNOWN" in await run(sys.executable, program, AUTHORIZATION="Bearer hush")


async def test_the_python_program_cancels(target: Target, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(reproducer("python", case_file(lookup(A_USER, Receive(), Cancel())), target, REGISTRY))
    assert "status CANCELLED" in await run(sys.executable, program)


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
    assert "grpc-status: 15" in await run(sys.executable, program)


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
        (case_file(get(2000), repeat=2), "grpcurl", "many at once"),
        (case_file(lookup(A_USER, Cancel())), "grpcurl", "does nothing else"),
        (case_file(call_of(GET, b"\x08")), "grpcurl", "no message"),
        (case_file(call_of(GET, b"\x08\x81\x00")), "grpcurl", "what JSON can't"),
        (case_file(call_of(GET)), "grpcurl", "always sends one"),
        (case_file(call_of(UNARY, lasting(10**10))), "grpcurl", "292 years; --as python"),
        (case_file(replace(get(1), compression="gzip")), "grpcurl", "doesn't compress"),
        (case_file(get(1)), "stub", "none were seen"),
        (found_by("G129", get(1)), "bash", "--as pytest asks the check itself"),
        (found_by("G129", get(1)), "go", "--as pytest asks the check itself"),
        (case_file(lookup(A_USER, Cancel())), "go", "does nothing else"),
        (case_file(lookup(A_USER, Receive())), "pytest", "never half-closes; --as python"),
        (case_file(Call(path=GET.path, method=GET, actions=(), raw=RawRequest(headers=()))), "pytest", "--as python"),
        (found_by("G147", get(1), measures=frozenset({Measure.USAGE})), "pytest", "only `grpcmock replay`"),
        (case_file(call_of(CREATE, *(named(f"{n:040}") for n in range(500)))), "pytest", "too long for a test"),
        (case_file(get(1), get(2), repeat=3, concurrent=True), "pytest", "at once, which --as python has"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(found: CaseFile, form: str, reason: str) -> None:
    with pytest.raises(NotSayableError, match=reason):
        reproducer(form, found, Target.parse("127.0.0.1:1"), REGISTRY)


def test_several_calls_are_as_many_lines_of_grpcurl() -> None:
    lines = reproducer("grpcurl", case_file(get(1), get(2000)), Target.parse("127.0.0.1:50051"), REGISTRY).splitlines()
    assert [line.partition(" -d ")[2].partition("}")[0] for line in lines] == ['\'{"id": 1', '\'{"id": 2000']


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
    out = await run("sh", "-c", line, code=66)  # 64 and the status code
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
