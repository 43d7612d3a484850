"""Rules that the judge can't read: protos that bring an old copy of them along, in several files."""

from __future__ import annotations

from typing import Any

import pytest
from support import registry

from grpcmock.fuzz import Generators, RandomSource
from grpcmock.fuzz.checks.response_values import CHECKS
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.schema import Registry, sources
from grpcmock.schema.rules import BrokenRulesError, Judge, UnreadableRulesError
from grpcmock.synthesis import generate, violations


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("old")
    (folder / "buf/validate").mkdir(parents=True)
    head = 'syntax = "proto2"; package buf.validate;'
    (folder / "buf/validate/expression.proto").write_text(
        f"{head} message Constraint {{ optional string id = 1; }}\n"
        "message Violations { repeated Violation violations = 1; } message Violation { optional string message = 3; }"
    )
    (folder / "buf/validate/validate.proto").write_text(
        f'{head} import "google/protobuf/descriptor.proto"; import "buf/validate/expression.proto";\n'
        "extend google.protobuf.FieldOptions { optional FieldConstraints field = 1159; }\n"
        "message FieldConstraints { repeated Constraint cel = 23; optional StringRules string = 14; }\n"
        "message StringRules { optional uint64 min_len = 2; }"
    )
    (folder / "shop.proto").write_text(
        'syntax = "proto3"; package shop; import "buf/validate/validate.proto";\n'
        "message Item { string sku = 1 [(buf.validate.field).string.min_len = 3]; } message Other { Item item = 1; }\n"
        "service Shop { rpc Get(Item) returns (Other); }"
    )
    return sources.load([folder])


def test_such_rules_are_told_once_and_do_no_harm(old: Registry, caplog: pytest.LogCaptureFixture) -> None:
    item: Any = generate(old.message("shop.Item"), old, 0)
    generate(old.message("shop.Other"), old, 0)
    assert violations(item, old) == []
    (told,) = caplog.messages
    assert "can't be evaluated" in told
    method = old.method("shop.Shop/Get")
    generators = Generators(old)
    assert generators.of(method.request_class).generate(RandomSource(1)).DESCRIPTOR is method.input
    assert "buf.validate" in generators.unreadable_rules(method.request_class)
    call = call_of(method, b"")
    case = Case(id="x", phase=Phase.BOUNDARY, method=method, calls=(call,), why="a reason")
    reply = Reply(call=call, code=0, responses=(b"",), termination=Termination.SERVER)
    for check in CHECKS:
        assert not list(check.evaluate(case, CaseResult(replies=(reply,)), Expectations(registry=old)))


@pytest.mark.parametrize(("name", "error"), [("Unreadable", UnreadableRulesError), ("Contradiction", None)])
def test_the_judge_has_one_word_for_all_that_it_cannot_read(name: str, error: type[Exception] | None) -> None:
    rules = registry("rules.proto")
    message = rules.message(f"rules.{name}")()
    if error is None:
        assert Judge(rules).violations(message)
    else:
        with pytest.raises(error, match=r"\w"):
            Judge(rules).violations(message)
    assert not issubclass(BrokenRulesError, UnreadableRulesError)
