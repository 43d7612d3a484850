"""One list in two places: conversations, which methods list, and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import view_programs
from grpcmock.fuzz.resources.laws.views import is_listing
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package clinic;
service Clinic {
  rpc AdmitPatient(AdmitRequest) returns (Admitted);
  rpc ReadPatient(Which) returns (Patient) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Treat(TreatRequest) returns (Treated);
  rpc Visits(Which) returns (stream Visit) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc ListVisits(Which) returns (Listed);
  rpc RecentVisits(Which) returns (stream Visit) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc GetSummary(Which) returns (Patient);
}
enum Kind { CALL = 0; SURGERY = 1; }
message AdmitRequest {}
message Admitted { string id = 1; }
message Which { string id = 1; Kind kind = 2; }
message Visit { int32 hour = 1; Kind kind = 2; bool paid = 3; }
message Patient { string id = 1; repeated Visit visits = 2; }
message TreatRequest { string id = 1; int32 hour = 2; }
message Treated {}
message Listed { repeated Visit visits = 1; string next_page_token = 2; }
"""

TREAT = ("Treat", {"id": "p"}, {})


def one(hour: int, kind: str = "CALL") -> Any:
    return {"hour": hour, "kind": kind}


def read(*visits: Any, who: str = "p") -> Any:
    return ("ReadPatient", {"id": who}, {"visits": list(visits)})


def listed(*visits: Any, method: str = "Visits", **more: Any) -> Any:
    return (method, {"id": "p", **more}, list(visits))


def paged(*visits: Any, token: str = "") -> Any:
    return ("ListVisits", {"id": "p"}, {"visits": list(visits), "nextPageToken": token})


SAME = [TREAT, read(one(1)), listed(one(1))]
LEFT_OUT = [read(one(1), one(2)), listed(one(1))]

CASES: dict[str, tuple[set[str], list[Any]]] = {
    "the same": (set(), [*SAME, TREAT, *[read(one(1), one(2)), listed(one(1), one(2))] * 2]),
    "left out": ({"G129"}, [*SAME, TREAT, *LEFT_OUT * 2]),
    "left out, twice the same": ({"G129"}, [*SAME, TREAT, *[read(one(1), one(1)), listed(one(1))] * 2]),
    "left out of pages": (
        {"G129"},
        [TREAT, read(one(1)), paged(one(1)), TREAT, *[read(one(1), one(2)), paged(one(1))] * 2],
    ),
    "left out of a page": (
        set(),
        [TREAT, read(one(1)), paged(one(1)), TREAT, *[read(one(1), one(2)), paged(one(1), token="more")] * 2],
    ),
    "left out, and nobody looked again": (set(), [*SAME, TREAT, *LEFT_OUT]),
    "left out for a moment": (set(), [*SAME, TREAT, *LEFT_OUT, TREAT, *LEFT_OUT[:1], listed(one(1), one(2))]),
    "never the same": (set(), [TREAT, *LEFT_OUT * 2]),
    "nothing of it was ever shown": (
        set(),
        [TREAT, read(one(1)), listed(), TREAT, *[read(one(1), one(2)), listed()] * 2],
    ),
    "of another kind": (set(), [*SAME, TREAT, *[read(one(1), one(2, "SURGERY")), listed(one(1))] * 2]),
    "the list has more": (set(), [*SAME, TREAT, *[read(one(1)), listed(one(1), one(2))] * 2]),
    "all of it was changed": (set(), [*SAME, TREAT, *[read(one(3), one(2)), listed(one(1))] * 2]),
    "a kind was asked for": (
        set(),
        [
            TREAT,
            read(one(1)),
            listed(one(1), kind="SURGERY"),
            TREAT,
            *[LEFT_OUT[0], listed(one(1), kind="SURGERY")] * 2,
        ],
    ),
    "another patient": (
        set(),
        [TREAT, read(one(1), who="q"), listed(one(1)), TREAT, read(one(1), one(2), who="q"), listed(one(1))],
    ),
    "the recent ones": (
        set(),
        [
            *(TREAT, read(one(1)), listed(one(1), method="RecentVisits"), TREAT),
            *[read(one(1), one(2)), listed(one(1), method="RecentVisits")] * 2,
        ],
    ),
}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("clinic") / "clinic.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, clinic: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(clinic, "clinic.")(*said)) == codes


def test_which_methods_list(clinic: Registry) -> None:
    assert {method.name for method in clinic.methods.values() if is_listing(method)} == {"Visits", "ListVisits"}


def test_programs_look_at_both_while_there_comes_more(clinic: Registry) -> None:
    methods = {method.name: method for method in clinic.methods.values()}
    plan = Plan(
        registry=clinic,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=clinic),
        generators=Generators(clinic),
    )
    assert list(view_programs.cases(methods["Visits"], plan)) == []
    admitting = AcceptedRequest(methods["AdmitPatient"], b"")
    need = Need(admitting, ("id",), ("id",))
    plan.acceptance.first[methods["AdmitPatient"].path] = admitting
    for name in ("ReadPatient", "Treat", "Visits"):
        method = methods[name]
        data = b"" if name == "Treat" else method.request_class(kind=1).SerializeToString()
        plan.acceptance.first[method.path] = AcceptedRequest(method, data, (need,))
    (case,) = view_programs.cases(methods["Visits"], plan)
    assert [call.method.name for call in case.calls] == [  # type: ignore[union-attr]
        "AdmitPatient",
        *["Treat", "ReadPatient", "Visits"] * 2,
        *["ReadPatient", "Visits"],
    ]
    assert {call.messages[0] for call in case.calls} == {b""}
    assert list(view_programs.cases(methods["ListVisits"], plan)) == []
