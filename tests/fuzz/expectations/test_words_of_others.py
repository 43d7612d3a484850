"""Sentences as other projects write them: what is read out of them, and what had better not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.fuzz.expectations.documented_values import told_of_values
from grpcmock.fuzz.expectations.kind_conditions import needed_for
from grpcmock.fuzz.expectations.promises import promises_of
from grpcmock.fuzz.resources.presence_conditions import presences
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package desk;
service Desk {{ rpc CreateSession(Session) returns (Session); }}
enum Kind {{ KIND_UNSPECIFIED = 0; UPLOAD = 1; FETCH = 2; }}
enum State {{ STATE_UNSPECIFIED = 0; OPEN = 1; STORED = 2; SEALED = 3; }}
message Session {{
  string id = 1;
  Kind kind = 2;
  State state = 3;
  // {words}
  {field} = 4;
}}
"""


def _read(folder: Path, field: str, words: str) -> Registry:
    file = folder / "desk.proto"
    file.write_text(PROTO.format(field=field, words=words))
    return sources.load([file])


@pytest.mark.parametrize(
    ("field", "words", "is_told"),
    [
        ("float weight", "A positive number.", True),
        ("float weight", "Must be positive, and finite.", True),
        ("float boost", "Positive values increase the probability.", False),
        ("float boost", "A positive penalty will discourage the same words.", False),
        ("float rate", "The percentage of positive responses in the group.", False),
        ("int32 page_size", "Must be between 1 and 500.", True),
        ("int32 page_size", "How many to return; between 1 and 500.", False),
        ("int32 limit", "At most 250000 rows are returned, no matter how many are asked for.", False),
        ("int32 seats", "At most 10.", True),
        ("int32 delay", "May take up to 10 minutes to have an effect.", False),
        ("int32 results", "At most 10 for documents, or 50 for chunks.", False),
        ("double bucket", "Up to 2 decimals.", False),
        ("repeated string tags", "At least one.", True),
        ("repeated string tags", "Only what has at least one of these tags is shown.", False),
        ("repeated string kinds", "Restricts the answer to vehicles that support at least one of the kinds.", False),
    ],
)
def test_what_values_are_like(tmp_path: Path, field: str, words: str, is_told: bool) -> None:
    registry = _read(tmp_path, field, words)
    own = registry.method("desk.Desk/CreateSession").input.fields_by_name[field.rsplit(maxsplit=1)[-1]]
    assert bool(told_of_values(own, registry)) is is_told


@pytest.mark.parametrize(
    ("field", "words", "is_unique"),
    [
        ("string code", "Unique.", True),
        ("string name", "The unique name of the session.", True),
        ("string session_key", "A unique identifier for this resource.", True),
        ("string user_pseudo_id", "A unique identifier for tracking users.", False),
        ("string source_vm_id", "The unique ID of the VM in the source.", False),
        ("string parent", "The unique name of the `Shelf` that it stands on.", False),
    ],
)
def test_of_what_a_value_is_unique(tmp_path: Path, field: str, words: str, is_unique: bool) -> None:
    registry = _read(tmp_path, field, words)
    promises = promises_of(registry.method("desk.Desk/CreateSession"), registry)
    assert any(one.is_unique for one in promises) is is_unique


@pytest.mark.parametrize(
    ("words", "is_told"),
    [
        ("Required for `UPLOAD`.", True),
        ("Must be set when sealed.", False),  # by the server, maybe later
        ("Required for uploads, but not yet enforced.", False),
    ],
)
def test_for_which_kinds_something_is_needed(tmp_path: Path, words: str, is_told: bool) -> None:
    registry = _read(tmp_path, "string file_name", words)
    own = registry.method("desk.Desk/CreateSession").input.fields_by_name["file_name"]
    assert (needed_for(own, registry) is not None) is is_told


@pytest.mark.parametrize(
    ("words", "state", "is_broken"),
    [
        ("Only present when `state` is `STORED`.", 3, True),
        ("Populated when state becomes STORED.", 3, False),  # it may stay
        ("Populated when state becomes STORED.", 1, True),
    ],
)
def test_in_which_states_something_is_there(tmp_path: Path, words: str, state: int, is_broken: bool) -> None:
    registry = _read(tmp_path, "string place", words)
    session = registry.method("desk.Desk/CreateSession").response_class
    own = session.DESCRIPTOR.fields_by_name["place"]
    told = presences(own, registry)
    assert told
    assert any(one.is_broken(session(state=state, place="here"), is_there=True) for one in told) is is_broken
