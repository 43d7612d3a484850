# mypy: disable-error-code="attr-defined"
"""What comments promise of keys: unique values, requests that come again, names that nothing has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.keys_of_requests import refuses_other
from grpcmock.fuzz.expectations.promises import (
    ignoring_case,
    is_repeatable,
    is_taken_once,
    is_unique,
    must_name_something,
    promises_of,
    refuses_same,
    told_unique,
)
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import NAMES_NOTHING
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import promise_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package crates;
service Crates {
  // `mark` makes it safe to send the same crate twice: the second time gives the first one's.
  rpc Send(SendRequest) returns (Crate);
  // The same key with a different request is ALREADY_EXISTS.
  rpc Fill(FillRequest) returns (Crate);
  rpc Stack(StackRequest) returns (Crate);
  // NOT_FOUND if there is no such crate.
  rpc Open(CrateId) returns (Crate);
  rpc Show(CrateId) returns (Crate);
  rpc Look(CrateId) returns (Crate);
  rpc Crush(CrateId) returns (Crate);
  // ALREADY_EXISTS if another crate has this label.
  rpc Label(SendRequest) returns (Crate);
  // ALREADY_EXISTS if there is one in this slot.
  rpc Store(StoreRequest) returns (Stored);
  // ALREADY_EXISTS if the code is taken. Mails are unique regardless of case (ALREADY_EXISTS).
  rpc CreateHall(CreateHallRequest) returns (Hall);
}
message CreateHallRequest { Hall hall = 1; }
message Hall { string code = 1; string mail = 2; int64 number = 3; }
message Slot { int32 row = 1; int32 shelf = 2; }
message StoreRequest { Slot slot = 1; string label = 2; }
message Stored { string id = 1; Slot slot = 2; }
message Crate { string id = 1; string mark = 2; string label = 3; string token = 4; }
message SendRequest {
  string mark = 1;
  // Unique in its yard.
  string label = 2;
  // Unique for each request.
  string trace = 3;
}
message FillRequest { string idempotency_key = 1; int64 tons = 2; }
message StackRequest {
  // NOT_FOUND if there is no such crate.
  string crate = 1;
  // NOT_FOUND if there is no such yard, unless it is made.
  string yard = 2;
}
message CrateId { string id = 1; }
"""
Words = tuple[str, Any, Any]


@pytest.fixture(scope="module")
def crates(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("crates") / "crates.proto"
    file.write_text(PROTO)
    return sources.load([file])


def send(number: int, mark: str = "m-1", *, shown: bool = True, **more: Any) -> Words:
    answer = {"id": f"c{number}", **({"mark": mark, **more} if shown else {})}
    return ("Send", {"mark": mark, **more}, answer)


def store(number: int, row: int = 1, label: str = "", **more: Any) -> Words:
    slot = {"slot": {"row": row}}
    return ("Store", {**slot, "label": label}, {"id": f"s{number}", **slot, **more})


def hall(code: str, number: int = 0, mail: str = "", **more: Any) -> Words:
    own = {"code": code, "mail": mail, **more}
    return ("CreateHall", {"hall": own}, {**own, "number": number})


CRUSH: Words = ("Crush", {"id": "c1"}, {"id": "c1"})
SHOW: Words = ("Show", {"id": "c1"}, {"id": "c1"})

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "the first one again": (set(), [send(1), SHOW, send(1)]),
    "another one": ({"G128"}, [send(1), SHOW, send(2)]),
    "another one, of another mark": (set(), [send(1), send(2, "m-2")]),
    "refused the second time": ({"G128"}, [send(1), ("Send", {"mark": "m-1"}, "ALREADY_EXISTS")]),
    "refused for a while": (set(), [send(1), ("Send", {"mark": "m-1"}, "UNAVAILABLE")]),
    "the same mark and something else": (set(), [send(1), send(2, label="ab")]),
    "the same label": ({"G133"}, [("Label", {"label": "ab"}, {"id": f"c{number}"}) for number in (1, 2)]),
    "no label": (set(), [("Label", {"mark": "m"}, {"id": f"c{number}"}) for number in (1, 2)]),
    "the same label, and the same crate": (set(), [("Label", {"label": "ab"}, {"id": "c1"})] * 2),
    "the same label, refused": (set(), [("Label", {"label": "a"}, {"id": "c1"}), ("Label", {"label": "a"}, "ABORTED")]),
    "something between": (set(), [send(1), CRUSH, send(2)]),
    "a refusal first": (set(), [("Send", {"mark": "m-1"}, "FAILED_PRECONDITION"), send(1)]),
    "no mark": (set(), [send(1, ""), send(2, "")]),
    "one label twice": ({"G133"}, [send(1, "m-1", label="ab"), send(2, "m-2", label="ab")]),
    "one label twice, by one and the same": (set(), [send(1, "m-1", label="ab"), send(1, "m-2", label="ab")]),
    "a label that isn't shown": (
        set(),
        [send(1, "m-1", label="ab", shown=False), send(2, "m-2", label="ab", shown=False)],
    ),
    "a label again after a deletion": (set(), [send(1, "m-1", label="ab"), CRUSH, send(2, "m-2", label="ab")]),
    "one slot twice": ({"G133"}, [store(1), store(2)]),
    "one slot twice, by one and the same": (set(), [store(1), store(1)]),
    "one slot twice, and the second is refused": (set(), [store(1), (*store(1)[:2], "ALREADY_EXISTS")]),
    "two slots": (set(), [store(1), store(2, 2)]),
    "one slot in requests that differ": (set(), [store(1), store(2, label="in another hall")]),
    "one slot again after something else": (set(), [store(1), CRUSH, store(2)]),
    "one code twice": ({"G133"}, [hall("a"), hall("a")]),
    "one code twice, refused": (set(), [hall("a"), (*hall("a")[:2], "ALREADY_EXISTS")]),
    "one code again after something else": (set(), [hall("a"), CRUSH, hall("a")]),
    "two codes": (set(), [hall("a"), hall("b")]),
    "one mail in two cases": ({"G133"}, [hall("a", 1, "m@x"), hall("a", 2, "M@x")]),
    "one mail, and another code": ({"G133"}, [hall("a", 0, "m@x"), hall("b", 0, "m@x")]),
    "one mail, and it is crushed": (set(), [hall("a", 0, "m@x"), CRUSH, hall("b", 0, "m@x")]),
    "one mail in two cases, and the second hall is the first": (set(), [hall("a", 1, "m@x"), hall("a", 1, "M@x")]),
    "filled twice under one key": (
        {"G128"},
        [("Fill", {"idempotencyKey": "k", "tons": 1}, {"id": f"c{number}"}) for number in (1, 2)],
    ),
    "filled twice, refused": (
        set(),
        [
            ("Fill", {"idempotencyKey": "k"}, {"id": "c1"}),
            ("Fill", {"idempotencyKey": "k"}, "ALREADY_EXISTS"),
        ],
    ),
    "filled with something else under one key": (
        {"G128"},
        [("Fill", {"idempotencyKey": "k", "tons": tons}, {"id": "c1"}) for tons in (1, 2)],
    ),
    "filled with something else under one key, refused": (
        set(),
        [
            ("Fill", {"idempotencyKey": "k", "tons": 1}, {"id": "c1"}),
            ("Fill", {"idempotencyKey": "k", "tons": 2}, "ALREADY_EXISTS"),
        ],
    ),
    "filled with what may be as much under one key": (
        set(),
        [("Fill", {"idempotencyKey": "k", **tons}, {"id": "c1"}) for tons in ({}, {"tons": 1})],
    ),
    "filled with something else under another key": (
        set(),
        [("Fill", {"idempotencyKey": f"k{tons}", "tons": tons}, {"id": f"c{tons}"}) for tons in (1, 2)],
    ),
    "another token for the same one": (
        set(),
        [("Fill", {"idempotencyKey": "k"}, {"id": "c1", "token": token}) for token in ("a", "b")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_promises_are_kept(
    crates: Registry, judging: Callable[[Registry, str], Callable[..., dict[str, str]]], name: str
) -> None:
    expected, said = CASES[name]
    assert set(judging(crates, "crates")(*said)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("What the sender calls it: unique, where it is there.", True),
        ("Unique within the project.", True),
        ("The name to show. It need not be unique.", False),
        ("Should be unique.", False),
        ("A unique id of this request.", False),
        ("Unique per call, for tracing.", False),
        ("Uniqueness is nobody's business.", False),
        ("The more unique keys are used, the less fair it is.", False),
        ("", False),
    ],
)
def test_what_is_unique_is_read_out_of_words(words: str, expected: bool) -> None:
    assert is_unique(words) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Makes the request idempotent.", True),
        ("With it a request can be safely retried.", True),
        ("Requests are not idempotent.", False),
        ("A key; retries may be idempotent.", False),
        ("A reference.", False),
    ],
)
def test_what_may_be_sent_again_is_read_out_of_words(words: str, expected: bool) -> None:
    assert is_repeatable(words) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("NOT_FOUND if there is no such lease.", True),
        ("NOT_FOUND if the lease does not exist.", True),
        ("NOT_FOUND when there is no lease of this id, or it has expired.", False),
        ("NOT_FOUND if there is no such key.", False),
        ("NOT_FOUND if there is no such lease, unless it is 0.", False),
        ("OK if there is no such lease.", False),
    ],
)
def test_what_must_be_there_is_read_out_of_words(words: str, expected: bool) -> None:
    assert must_name_something(words, frozenset({"lease"})) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ALREADY_EXISTS if another account has this email.", True),
        ("FAILED_PRECONDITION if another booking overlaps it and is in the same room.", True),
        ("ALREADY_EXISTS if another account has this email and is verified.", False),
        ("ALREADY_EXISTS if another account has this email, unless it was closed.", False),
        ("ALREADY_EXISTS if another account that isn't closed has this email.", False),
        ("FAILED_PRECONDITION if another transaction conflicts with this one.", False),
        ("ABORTED if another session overlaps it.", False),
        ("FAILED_PRECONDITION if another deployment of this service is in progress.", False),
        ("FAILED_PRECONDITION if another client holds this lock.", False),
        ("ALREADY_EXISTS if another request with this key is running.", False),
        ("If another account has this email, gives that.", False),
        ("", False),
    ],
)
def test_what_another_one_agrees_with_is_read_out_of_words(words: str, expected: bool) -> None:
    assert refuses_same(words) is expected


@pytest.mark.parametrize(
    ("words", "expected", "ignores_case"),
    [
        ("ALREADY_EXISTS if the email is taken.", True, False),
        ("Emails are unique (ALREADY_EXISTS).", True, False),
        ("Emails are unique regardless of case (ALREADY_EXISTS).", True, True),
        ("Emails are unique, no matter the case: ALREADY_EXISTS.", True, True),
        ("ALREADY_EXISTS if somebody is registered with this email, in any case.", True, True),
        ("ALREADY_EXISTS if a user has this email (upper and lower case make no difference).", True, True),
        ("ALREADY_EXISTS if the handle is taken, or if a member has the email.", True, False),
        (
            "ALREADY_EXISTS if the id is taken, or if a user has the email (upper and lower case are the same).",
            True,
            True,
        ),
        ("Emails are unique within a project.", False, False),
        ("Emails are unique unless they are empty.", False, False),
        ("Emails need not be unique.", False, False),
        ("ALREADY_EXISTS if the email is taken, unless `force` is set.", False, False),
        ("ALREADY_EXISTS if a user with this email is active.", False, False),
        ("ALREADY_EXISTS if the email address of the team is taken.", False, False),
        ("ALREADY_EXISTS if the name is taken, in any case.", False, False),
    ],
)
def test_what_is_unique_is_read_out_of_methods(words: str, expected: bool, ignores_case: bool) -> None:
    told = told_unique(words, frozenset({"email"}))
    assert bool(told) is expected
    assert ignoring_case(told) is ignores_case


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Gives the place a number. ALREADY_EXISTS if there is one at this point.", True),
        ("ALREADY_EXISTS if there is another place at that point.", True),
        ("ALREADY_EXISTS if a place at this point already exists.", False),
        ("ALREADY_EXISTS if there is one at this point that is open.", False),
        ("ALREADY_EXISTS if there is one at this point and the kind is the same.", False),
        ("ALREADY_EXISTS if there is one at this point, unless it was removed.", False),
        ("ALREADY_EXISTS if there is one of this number.", False),
        ("NOT_FOUND if there is none at this point.", False),
        ("", False),
    ],
)
def test_what_may_be_there_once_is_read_out_of_words(words: str, expected: bool) -> None:
    assert is_taken_once(words, frozenset({"location", "point"})) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("The same key with a different request is ALREADY_EXISTS.", True),
        ("Reusing a key with other parameters is rejected.", True),
        ("Using a key again for another request fails.", True),
        ("ALREADY_EXISTS if the key was used before with other parameters.", True),
        ("The same key with a different request is OK.", False),
        ("The same key with a different request may be refused.", False),
        ("The same key in a different project is ALREADY_EXISTS.", False),
        ("", False),
    ],
)
def test_what_is_said_of_other_requests_is_read_out_of_words(words: str, expected: bool) -> None:
    assert refuses_other(words) is expected


def test_another_request_comes_with_the_same_key(crates: Registry) -> None:
    method = crates.methods["/crates.Crates/Fill"]
    expectations = Expectations(registry=crates)
    plan = Plan(registry=crates, methods=(method,), expectations=expectations, generators=Generators(crates))
    data = method.request_class(idempotency_key="k-000", tons=3).SerializeToString()
    plan.acceptance.first[method.path] = AcceptedRequest(method, data)
    found = [case for case in promise_programs.cases(method, plan) if "another-under" in case.id]
    first, second = (method.request_class.FromString(call.messages[0]) for call in found[0].calls)
    assert (first.idempotency_key, first.tons) == (second.idempotency_key, second.tons - 1)


def test_only_keys_have_promises(crates: Registry) -> None:
    method = crates.methods["/crates.Crates/Send"]
    told = {promise.way[-1].name: promise for promise in promises_of(method, crates)}
    assert set(told) == {"mark", "label"}
    assert told["mark"].gives_same
    assert not promises_of(crates.methods["/crates.Crates/Show"], crates)


class Yard:
    """Answers; knows of no crate but those that it has sent, and looks only where it is told to."""

    def __init__(self, crates: Registry, *, looks: bool = True, repeats: bool = True) -> None:
        self.crates, self.looks, self.repeats = crates, looks, repeats
        self.sent: dict[str, Any] = {}
        self.by_mark: dict[str, Any] = {}

    def answer(self, call: Any) -> Reply:
        request = call.method.request_class.FromString(call.messages[0])
        code, found = 0, None
        if call.method.name == "Send":
            found = self.by_mark.get(request.mark) if self.repeats else None
            found = found or self.crates.message("crates.Crate")(id=f"crate-{len(self.sent)}", mark=request.mark)
            self.sent[found.id] = self.by_mark[request.mark] = found
        else:
            key = request.crate if call.method.name == "Stack" else request.id
            found = self.sent.get(key) or (None if self.looks else self.crates.message("crates.Crate")(id=key))
            code = 0 if found is not None else 5
        responses = (found.SerializeToString(),) if found is not None else ()
        return Reply(
            call=call, termination=Termination.SERVER, code=code, message="no" if code else "", responses=responses
        )


@pytest.mark.parametrize(
    ("name", "bug", "expected"),
    [
        ("Send", {}, set()),
        ("Send", {"repeats": False}, {"G128"}),
        ("Stack", {}, set()),
        ("Stack", {"looks": False}, {"G132"}),
        ("Open", {}, set()),
        ("Open", {"looks": False}, {"G132"}),
        ("Look", {"looks": False}, set()),
    ],
)
def test_programs_try_what_is_promised(crates: Registry, name: str, bug: dict[str, bool], expected: set[str]) -> None:
    methods = {method.name: method for method in crates.methods.values()}
    expectations = Expectations(registry=crates)
    plan = Plan(
        registry=crates, methods=tuple(methods.values()), expectations=expectations, generators=Generators(crates)
    )

    def taken(method: str, *needs: Need, **fields: Any) -> AcceptedRequest:
        data = methods[method].request_class(**fields).SerializeToString()
        own = AcceptedRequest(methods[method], data, needs, frozenset(need.target for need in needs))
        plan.acceptance.first[methods[method].path] = own
        return own

    sending = taken("Send", mark="mark-000")
    taken("Stack", Need(sending, ("id",), ("crate",)), crate="crate-0")
    for one in ("Open", "Look"):
        taken(one, Need(sending, ("id",), ("id",)), id="crate-0")
    suite, yard, found = CheckSuite(all_checks(), expectations), Yard(crates, **bug), set()
    cases = list(promise_programs.cases(methods[name], plan))
    assert all(case.rule in ("", NAMES_NOTHING) for case in cases)
    for case in cases:
        replies: list[Reply] = []
        for call in case.calls:
            replies.append(yard.answer(bound(call, replies, case.calls)))
        made = replace(case, calls=tuple(reply.call for reply in replies))
        found |= {one.code for one in suite.evaluate(made, CaseResult(replies=tuple(replies))) if not one.is_warning}
    assert found == expected
