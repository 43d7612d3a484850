from __future__ import annotations

from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2

from grpcmock.responses.plan import FINISH_OK
from grpcmock.status import DETAILS_KEY, Code


@pytest.mark.parametrize(("code", "wanted"), [("NOT_FOUND", 5), ("not_found", 5), (5, 5), ('"5"', 5), (16, 16)])
def test_a_code_is_a_name_or_a_number(compiler: Any, code: str, wanted: int) -> None:
    assert compiler(f"error: {{code: {code}}}").outcome() == (Code(wanted), "", ())


def test_message_and_trailers(compiler: Any) -> None:
    compiled = compiler("""trailers: {a: 1}
error: {code: ABORTED, message: "no {{ request.f_int32 }}", trailers: {b: [2, "{{ request.f_int32 }}"]}}""")
    outcome = compiled.outcome(request=compiler.request(f_int32=7))
    assert outcome == (Code.ABORTED, "no 7", (("a", "1"), ("b", "2"), ("b", "7")))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("5", "5"),
        ("null", ""),
        ('"{{ request.f_message }}"', '{"name": "n"}'),
        ('"{{ request.r_string }}"', '["a","b"]'),
        ('"{{ request.f_bytes }}"', "/w=="),
        ('"{{ request.o_string }}"', ""),
        ('"{{ request.f_bool }}"', "false"),
        ('"{{ 1 + 1 }}"', "2"),
    ],
)
def test_any_value_becomes_the_text_of_a_message(compiler: Any, written: str, message: str) -> None:
    request = compiler.request(f_message={"name": "n"}, r_string=["a", "b"], f_bytes=b"\xff")
    assert compiler(f"error: {{code: 5, message: {written}}}").outcome(request=request).message == message


def test_a_constant_error_is_made_ready_at_load(compiler: Any) -> None:
    finish = compiler("error: {code: NOT_FOUND, message: gone}").plan.steps[-1]
    assert finish.constant == (Code.NOT_FOUND, "gone", ())


def test_details_travel_as_google_rpc_status(compiler: Any) -> None:
    compiled = compiler("""error:
  code: INVALID_ARGUMENT
  message: bad
  details:
  - {"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: R, metadata: {k: "{{ request.f_int32 }}"}}
  - {"@type": google.rpc.RetryInfo, retryDelay: 1.5s}
  - {"@type": kitchen.Nested, name: n}
  - {"@type": google.protobuf.Duration, value: 2s}""")
    code, _, trailers = compiled.outcome(request=compiler.request(f_int32=7))
    assert [key for key, _ in trailers] == [DETAILS_KEY]
    status = status_pb2.Status.FromString(trailers[0][1])
    assert (status.code, status.message, code) == (3, "bad", Code.INVALID_ARGUMENT)
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    assert info == error_details_pb2.ErrorInfo(reason="R", metadata={"k": "7"})
    assert status.details[1].Unpack(retry)
    assert retry.retry_delay.ToTimedelta().total_seconds() == 1.5
    assert status.details[2].type_url == "type.googleapis.com/kitchen.Nested"
    assert status.details[2].value == compiler.registry.message("kitchen.Nested")(name="n").SerializeToString()


def test_details_are_known_where_the_protos_import_nothing(compiler: Any) -> None:
    compiled = compiler(
        'error: {code: 5, details: [{"@type": type.googleapis.com/google.rpc.ResourceInfo, owner: me}]}',
        "user.UserService/GetUser",
        protos=("user.proto",),
    )
    status = status_pb2.Status.FromString(compiled.outcome().trailers[0][1])
    found = error_details_pb2.ResourceInfo()
    assert status.details[0].Unpack(found)
    assert found.owner == "me"


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("{message: x}", "error: an error needs a code. Write code: NOT_FOUND, or another."),
        ("{}", "error: an error needs a code."),
        ("{code: OK}", "error.code: OK is no error."),
        ("{code: 0}", "error.code: OK is no error."),
        ("{code: 17}", "error.code: 17 is not a status code"),
        ("{code: NOT_FUND}", "error.code: 'NOT_FUND' is not a status code. Did you mean 'NOT_FOUND'?"),
        ("{code: null}", "error.code: a status code is a name or a number"),
        ('{code: "{{ request.f_int32 }}"}', "error.code: a template can't stand here"),
        ("{code: 5, mesage: x}", "error: unknown key 'mesage'. Did you mean 'message'?"),
        ("{code: 5, message: [x]}", "error.message: expected a string, not a list."),
        ('{code: 5, message: "{{ nope }}"}', "error.message: there is no variable 'nope'."),
        ("{code: 5, details: {}}", "error.details: expected a list of messages with '@type', not a mapping."),
        ("{code: 5, details: [{reason: x}]}", "error.details[0]: an Any needs the type"),
        ("{code: 5, details: [{}]}", "error.details[0]: expected a message with '@type'"),
        ('{code: 5, details: [{"@type": google.rpc.ErrorInfo, raeson: x}]}', "error.details[0].raeson: "),
        ('{code: 5, details: [{"@type": google.rpc.Eror}]}', "google.rpc.Eror"),
        ("{code: 5, trailers: {A: 1}}", "error.trailers: the metadata key 'A' has upper-case letters"),
        (
            '{code: 5, details: [{"@type": google.rpc.ErrorInfo, reason: x}], trailers: {grpc-status-details-bin: ""}}',
            "exclude each other",
        ),
    ],
)
def test_what_is_wrong_is_said_once(compiler: Any, written: str, error: str) -> None:
    (found,) = compiler(f"error: {written}").errors
    assert error in found


def test_codes_and_messages_come_from_rows(compiler: Any) -> None:
    compiled = compiler("""each: [{code: NOT_FOUND, text: gone}]
error: {code: "{{ row.code }}", message: "{{ row.text }}"}""")
    assert compiled.plan.steps[-1].constant == (Code.NOT_FOUND, "gone", ())


def test_an_ok_end_is_shared(compiler: Any) -> None:
    assert compiler("response: {}").plan.steps[-1] is FINISH_OK
    assert compiler("response: {}\ntrailers: {a: 1}").outcome() == (Code.OK, "", (("a", "1"),))
