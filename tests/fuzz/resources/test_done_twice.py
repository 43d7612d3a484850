"""What can't be done twice to a thing, as a comment says; and calls that do nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.refusal_sentences import refusal_sentences
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package leases;
import "google/api/resource.proto";
import "google/protobuf/timestamp.proto";
service Leases {
  // FAILED_PRECONDITION for expired leases, for those that have been renewed before, and if the flat is sold.
  rpc RenewLease(RenewRequest) returns (Lease);
  // Signs a lease.
  rpc SignLease(RenewRequest) returns (Lease);
  rpc GetLease(RenewRequest) returns (Lease);
  rpc ListLeases(ListRequest) returns (ListResponse);
  // ALREADY_EXISTS if there is one with this id.
  rpc CreateFlat(CreateFlatRequest) returns (Flat);
}
message RenewRequest { string lease_id = 1; bool force = 2; string request_id = 3; }
message Lease { string lease_id = 1; string flat = 2; }
message ListRequest { int32 page_size = 1; string page_token = 2; }
message ListResponse {
  repeated Lease leases = 1;
  // Empty when there are no more.
  string next_page_token = 2;
}
message Flat {
  option (google.api.resource) = {type: "leases.example.com/Flat", pattern: "flats/{flat}"};
  string name = 1;
  google.protobuf.Timestamp update_time = 2;
}
message CreateFlatRequest { string flat_id = 1; Flat flat = 2; bool validate_only = 3; }
"""

Words = tuple[str, Any, Any]
SHOWN: Words = ("GetLease", {"leaseId": "a"}, {"leaseId": "a"})


def call(name: str, new: str, **request: Any) -> Words:
    return (name, {"leaseId": "a", **request}, {"leaseId": new})


def page(token: str, leads: str, *ids: str) -> Words:
    leases = [{"leaseId": one} for one in ids]
    return ("ListLeases", {"pageSize": 2, "pageToken": token}, {"leases": leases, "nextPageToken": leads})


def flat(**request: Any) -> Words:
    return ("CreateFlat", {"flatId": "f1", "flat": {}, **request}, {"name": "flats/f1"})


CASES: dict[str, tuple[set[str], list[Words]]] = {
    "twice": ({"G153"}, [call("RenewLease", "b"), call("RenewLease", "c")]),
    "looked at meanwhile": ({"G153"}, [call("RenewLease", "b"), SHOWN, call("RenewLease", "c")]),
    "another was done since": (
        set(),
        [call("RenewLease", "b"), call("SignLease", "a"), call("RenewLease", "c")],
    ),
    "by force": (set(), [call("RenewLease", "b", force=True), call("RenewLease", "c", force=True)]),
    "the same request": (set(), [call("RenewLease", "b", requestId="r"), call("RenewLease", "b", requestId="r")]),
    "of which nothing is said": (set(), [call("SignLease", "a"), call("SignLease", "a")]),
    "a page behind the last": ({"G134"}, [page("", "x", "a", "b"), page("x", "")]),
    "a last page": (set(), [page("", "x", "a", "b"), page("x", "", "c")]),
    "changed meanwhile": (set(), [page("", "x", "a", "b"), call("SignLease", "a"), page("x", "")]),
    "made twice": ({"G133"}, [flat(), flat()]),
    "validated, and then made": (set(), [flat(validateOnly=True), flat()]),
}


@pytest.fixture(scope="module")
def leases(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("leases") / "leases.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, leases: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(leases, "leases.")(*said)) & {"G133", "G134", "G153"} == codes


def test_what_is_refused_is_read_one_sort_after_the_other() -> None:
    comment = "FAILED_PRECONDITION for closed orders, for those that have been paid before, and if it is locked."
    assert refusal_sentences(comment) == [
        "FAILED_PRECONDITION for closed orders",
        "FAILED_PRECONDITION if it has been paid before",
        "FAILED_PRECONDITION if it is locked",
    ]
