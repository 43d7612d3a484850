# mypy: disable-error-code="attr-defined"
"""What is lent for a time: conversations, and what the checks say of them; the program that shows it."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import lending_programs
from grpcmock.fuzz.resources.lending import lendings
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package jobs;
service Jobs {
  rpc OpenDesk(Desk) returns (Desk);
  rpc Hand(HandRequest) returns (HandResponse);
  rpc Take(TakeRequest) returns (TakeResponse);
  rpc Confirm(ConfirmRequest) returns (ConfirmResponse);
  rpc HandMany(stream HandRequest) returns (HandResponse);
  rpc Shuffle(TakeRequest) returns (ConfirmResponse);
}
message Desk { string name = 1; int32 lock_duration_seconds = 2; }
message Job { string job_id = 1; bytes work = 2; map<string, string> tags = 3; string partition_key = 4; }
message HandRequest { string counter = 1; repeated Job jobs = 2; }
message HandResponse { int32 count = 1; repeated string job_ids = 2; }
message TakeRequest { string desk = 1; int32 max_jobs = 2; }
message Taken { string claim_token = 1; Job job = 2; }
message TakeResponse { repeated Taken taken = 1; }
message ConfirmRequest { string desk = 1; repeated string claim_tokens = 2; }
message ConfirmResponse {}
"""

Words = tuple[str, Any, Any]


def job(work: str, **fields: Any) -> dict[str, Any]:
    return {"work": base64.b64encode(work.encode()).decode(), **fields}


def hand(*jobs: Any, answer: Any = "") -> Words:
    return ("Hand", {"counter": "all", "jobs": list(jobs)}, answer or {"count": len(jobs)})


def take(*taken: tuple[str, Any], most: int = 10) -> Words:
    return (
        "Take",
        {"desk": "one", "maxJobs": most},
        {"taken": [{"claimToken": key, "job": own} for key, own in taken]},
    )


def confirm(*tokens: str, answer: Any = "") -> Words:
    return ("Confirm", {"desk": "one", "claimTokens": list(tokens)}, answer or {})


DESK: Words = ("OpenDesk", {"name": "one"}, {"name": "one", "lockDurationSeconds": 60})
SHORT: Words = ("OpenDesk", {"name": "one"}, {"name": "one", "lockDurationSeconds": 0})
FIRST, SECOND = job("sweep the floor"), job("wash the dishes")
ONE = job("sweep the floor", jobId="1")
TWO = job("wash the dishes", jobId="2")
LENT = [DESK, take(), hand(FIRST), take(("a", ONE))]

OWN: Words = ("OpenDesk", {"name": "all"}, {"name": "all"})
"""A desk of the counter at which everything is handed."""
NONE: Words = ("Take", {"desk": "all", "maxJobs": 10}, {})

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "lent, confirmed, gone": (set(), [*LENT, take(), confirm("a"), take()]),
    "lent twice": ({"G129"}, [*LENT, take(("b", ONE))]),
    "lent for no time": (set(), [SHORT, take(), hand(FIRST), take(("a", ONE)), take(("b", ONE))]),
    "nobody says for how long": (set(), [*LENT[1:], take(("b", ONE))]),
    "again after it was confirmed": ({"G130"}, [*LENT, confirm("a"), take(("b", ONE))]),
    "again after a confirmation that was refused": (set(), [*LENT, confirm("a", answer="ABORTED"), take(("b", ONE))]),
    "again after something else": (set(), [*LENT, ("Shuffle", {"desk": "one"}, {}), take(("b", ONE))]),
    "the same words, handed twice": (
        set(),
        [*LENT, hand(FIRST), take(("b", job("sweep the floor", jobId="2")))],
    ),
    "ids that the client gives": (
        set(),
        [DESK, take(), hand(ONE), take(("a", ONE)), hand(ONE), take(("b", ONE))],
    ),
    "never came": (
        {"G129"},
        [*LENT, hand(FIRST, SECOND), take(("b", job("sweep the floor", jobId="2"))), take(), take()],
    ),
    "never asked for again": (set(), [*LENT, hand(SECOND), take()]),
    "no room": (set(), [*LENT, hand(SECOND), take(most=0), take(most=0), take(most=0)]),
    "held back by its key": (set(), [*LENT, hand(job("wash", partitionKey="k")), take(), take(), take()]),
    "of another sort": (set(), [*LENT, hand(job("wash", tags={"a": "b"})), take(), take(), take()]),
    "at a desk of others": (set(), [*LENT[1:], hand(SECOND), take(), take(), take()]),
    "tags lost": ({"G129"}, [DESK, take(), hand(job("sweep the floor", tags={"a": "b"})), take(("a", ONE))]),
    "tags kept": (
        set(),
        [DESK, take(), hand(job("sweep the floor", tags={"a": "b"})), take(("a", {**ONE, "tags": {"a": "b"}}))],
    ),
    "handed in another way": (
        set(),
        [
            DESK,
            take(),
            ("HandMany", [{"counter": "all", "jobs": [job("sweep the floor", tags={"c": "d"})]}], {"count": 1}),
            hand(job("sweep the floor", tags={"a": "b"})),
            take(("a", {**ONE, "tags": {"c": "d"}})),
        ],
    ),
    "no more than asked for": (set(), [DESK, hand(FIRST, SECOND), take(("a", ONE), most=1), take(("b", TWO))]),
    "more than asked for": ({"G129"}, [DESK, hand(FIRST, SECOND), take(("a", ONE), ("b", TWO), most=1)]),
    "without a job": ({"G129"}, [OWN, NONE, hand(FIRST), ("Take", {"desk": "all"}, {"taken": [{"claimToken": "a"}]})]),
    "without a job, and none was handed": (set(), [OWN, ("Take", {"desk": "all"}, {"taken": [{"claimToken": "a"}]})]),
    "ids": (set(), [DESK, hand(FIRST, SECOND, answer={"jobIds": ["1", "2"]})]),
    "one id for two": ({"G133"}, [DESK, hand(FIRST, SECOND, answer={"jobIds": ["1", "1"]})]),
    "one id for the same twice": (set(), [DESK, hand(FIRST, FIRST, answer={"jobIds": ["1", "1"]})]),
    "no ids, and a count": (set(), [DESK, hand(FIRST, SECOND, answer={"count": 2, "jobIds": ["", ""]})]),
    "nothing ever": ({"G129"}, [OWN, NONE, hand(FIRST), NONE, hand(SECOND, FIRST), NONE, NONE, NONE]),
    "nothing yet": (set(), [OWN, NONE, hand(FIRST), NONE, hand(SECOND, FIRST), NONE]),
    "nothing, for little was handed": (set(), [OWN, NONE, hand(FIRST), NONE, NONE, NONE, NONE]),
    "nothing at a desk of something else": (
        set(),
        [DESK, take(), hand(FIRST), take(), hand(SECOND, FIRST), take(), take(), take()],
    ),
    "nothing, for there is no room": (
        set(),
        [OWN, NONE, hand(FIRST, SECOND, FIRST), *[("Take", {"desk": "all", "maxJobs": 1}, {})] * 5],
    ),
    "nothing, for it is held back": (
        set(),
        [OWN, NONE, hand(FIRST, SECOND, job("mop the stairs", partitionKey="k")), NONE, NONE, NONE, NONE],
    ),
    "which of two": (
        set(),
        [DESK, take(), hand(job("sweep the floor", tags={"a": "b"}), FIRST), take(("a", ONE))],
    ),
}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("jobs") / "jobs.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, jobs: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(jobs, "jobs.")(*said)) == codes


def test_what_belongs_together_is_told_by_types_and_names(jobs: Registry) -> None:
    (found,) = lendings(jobs)
    assert (found.giving.name, found.returning.name) == ("Take", "Confirm")
    assert (found.receipt.name, found.receipts.name, found.queue.name) == ("claim_token", "claim_tokens", "desk")
    assert [(method.name, field.name) for method, field in found.putting] == [("Hand", "jobs")]


def test_a_program_takes_what_it_has_handed(jobs: Registry) -> None:
    methods = {method.name: method for method in jobs.methods.values()}
    plan = Plan(
        registry=jobs,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=jobs),
        generators=Generators(jobs),
    )

    def request(name: str, /, *needs: Need, **fields: Any) -> AcceptedRequest:
        data = methods[name].request_class(**fields).SerializeToString()
        return AcceptedRequest(methods[name], data, needs, frozenset(need.target for need in needs))

    plain = request("OpenDesk", name="one")
    filled = request("OpenDesk", name="one", lock_duration_seconds=7)
    desk = Need(dataclasses.replace(filled, plain=plain.data), ("name",), ("desk",))
    for one in (
        request("Take", desk, desk="one", max_jobs=1),
        request("Confirm", desk, desk="one", claim_tokens=["x"]),
        request("Hand", counter="all", jobs=[{"work": b"a", "partition_key": "k"}]),
    ):
        plan.acceptance.first[one.method.path] = one
    (case,) = lending_programs.cases(methods["Take"], plan)
    names = [call.path.rpartition("/")[2] for call in case.calls]
    assert names[:4] == ["OpenDesk", "Take", "Hand", "Take"]
    assert case.calls[0].messages == (plain.data,)
    handed = [
        one.work
        for call in case.calls
        if call.method is methods["Hand"]
        for one in methods["Hand"].request_class.FromString(call.messages[0]).jobs
        if not one.partition_key
    ]
    assert len(set(handed)) == len(handed) == 4
    confirming = [call for call in case.calls if call.method is methods["Confirm"]]
    assert all(("taken", 0, "claim_token") in {one.source for one in call.bindings} for call in confirming)
    assert not list(lending_programs.cases(methods["Hand"], plan))
