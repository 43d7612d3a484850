"""What a status tells of the cause behind it: the same everywhere where its text is telling, else the method's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ordinary_services import contract

from grpcmock.client.actions import HalfClose, Send
from grpcmock.fuzz.model.cases import Call, call_of
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.model.wording import cause, is_without_status, said, shape
from grpcmock.schema import sources


def reply(message: str, path: str) -> Reply:
    call = Call(path=path, method=None, actions=())
    return Reply(call=call, termination=Termination.SERVER, code=2, message=message)


@pytest.mark.parametrize(
    ("message", "other", "same"),
    [
        ("list index out of range", "list index out of range", True),
        ("Unexpected <class 'IndexError'>: list index out of range",) * 2 + (True,),
        ("Exception calling application: 'NoneType' object has no attribute 'x'",) * 2 + (True,),
        ("index out of range [5] with length 3", "index out of range [7] with length 2", True),
        ('duplicate key value violates unique constraint "users_pkey"',) * 2 + (True,),
        ("not the value expected when unknown = true", "not the value expected when unknown = false", True),
        ("Internal server error", "Internal server error", False),
        ("", "", False),
        ("Unexpected <class 'KeyError'>: 'name'", "Unexpected <class 'KeyError'>: 'id'", False),
        ("An unexpected error occurred while processing the request",) * 2 + (False,),
        ("list index out of range", "division by zero", False),
        ("Unexpected <class 'IndexError'>: no such row", "Unexpected <class 'ValueError'>: no such row", False),
    ],
)  # fmt: skip
def test_two_methods_have_a_cause_in_common_where_their_texts_say_so(message: str, other: str, same: bool) -> None:
    assert (cause(reply(message, "/a.B/One")) == cause(reply(other, "/a.B/Two"))) is same
    assert cause(reply(message, "/a.B/One")) == cause(reply(message, "/a.B/One"))


def refused(name: str, version: str, text: str = "Model {} with version {} not found") -> Reply:
    method = contract().method("ordinary.Shelf/ModelReady")
    message = method.request_class(name=name, version=version).SerializeToString()
    call = Call(path=method.path, method=method, actions=(Send(message), HalfClose()))
    return Reply(call=call, termination=Termination.SERVER, code=5, message=text.format(name, version))


@pytest.mark.parametrize(("name", "version"), [("iris", "v1"), ("", "beta"), ("iris", ""), ("a model of mine", "2")])
def test_what_a_text_has_from_its_request_makes_no_other_error(name: str, version: str) -> None:
    assert shape(refused(name, version)) == shape(refused("", "")) == "NOT_FOUND Model with version not found"
    assert shape(refused(name, version, "There is no {} today")) != shape(refused("", ""))


def test_an_article_is_no_value_of_the_request() -> None:
    text = "Model is not a {} that is there"
    assert shape(refused("a", "1", text)) == shape(refused("iris", "1", text))
    text = "That is a step back"
    assert shape(refused("a", "1", text)) == shape(refused("iris", "1", text)) == "NOT_FOUND That is step back"


def test_the_names_of_enum_values_are_the_requests(tmp_path: Path) -> None:
    file = tmp_path / "tables.proto"
    file.write_text(
        """syntax = "proto3"; package tables; enum Kind { GLOBAL = 0; LOCAL = 1; ADJ_IN = 2; }
        message Request { Kind kind = 1; repeated Kind others = 2; } message Nothing { }
        service Tables { rpc Use(Request) returns (Nothing); }"""
    )
    method = sources.load([file]).method("tables.Tables/Use")
    shapes = set()
    for text, given in (("LOCAL", {"kind": 1}), ("ADJ_IN", {"others": [2, 7]})):
        call = call_of(method, method.request_class(**given).SerializeToString())
        message = f"unsupported table: {text}"
        shapes.add(shape(Reply(call=call, termination=Termination.SERVER, code=2, message=message)))
    assert shapes == {"UNKNOWN unsupported table:"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("nil request", True),
        ("invalid address or prefix: ", True),
        ("the table is full", True),
        ("", False),
        ("runtime error: invalid memory address or nil pointer dereference", False),
        ("Cannot read properties of undefined (reading 'id')", False),
        ("list index out of range", False),
        ("ValueError: no such color", False),
        ("Exception calling application: name is needed", False),
        ("Unexpected <class 'grpc.RpcError'>: name is needed", False),
    ],
)
def test_an_error_without_a_status_is_told_from_one_that_nobody_meant(message: str, expected: bool) -> None:
    assert is_without_status(shape(reply(message, "/a.B/One"))) is expected


@pytest.mark.parametrize("given", ["", "iris", "GetModel", "PutModel"])
def test_the_name_of_the_method_makes_no_other_error(tmp_path: Path, given: str) -> None:
    file = tmp_path / "models.proto"
    file.write_text(
        """syntax = "proto3"; package models; message Model { string name = 1; }
        service Models { rpc GetModel(Model) returns (Model); rpc PutModel(Model) returns (Model); }"""
    )
    causes = set()
    for method in sources.load([file]).methods.values():
        call = call_of(method, method.request_class(name=given).SerializeToString())
        message = f"handler threw error Method<{method.name}> not implemented."
        causes.add(cause(Reply(call=call, termination=Termination.SERVER, code=2, message=message)))
    assert causes == {"UNKNOWN handler threw error Method<…> not implemented."}


@pytest.mark.parametrize(
    ("code", "message", "told"), [(0, "OK", "OK"), (5, "NOT_FOUND", "NOT_FOUND"), (5, "no", "NOT_FOUND: no")]
)
def test_a_text_that_repeats_the_code_is_told_once(code: int, message: str, told: str) -> None:
    assert said(replace(reply(message, "/a.B/One"), code=code)) == told


def test_only_whole_words_are_the_requests() -> None:
    assert shape(refused("o", "e")) == "NOT_FOUND Model with version not found"
