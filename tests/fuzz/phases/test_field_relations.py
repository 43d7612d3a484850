# mypy: disable-error-code="attr-defined"
"""Two references that name the same thing: only where both come of what was made before."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.field_relations import pairs
from grpcmock.schema import sources

PROTO = """\
syntax = "proto3";
package lines;
service Lines {
  rpc Open(OpenRequest) returns (Line);
  rpc Join(JoinRequest) returns (Line);
}
message Line { string name = 1; }
message OpenRequest {}
message JoinRequest { string first = 1; string second = 2; }
"""


@pytest.mark.parametrize(("made", "labels"), [(("first", "second"), ["first==second"]), (("first",), []), ((), [])])
def test_references_are_made_the_same_where_both_are_made(
    tmp_path: Path, made: tuple[str, ...], labels: list[str]
) -> None:
    (tmp_path / "lines.proto").write_text(PROTO)
    registry = sources.load([tmp_path / "lines.proto"])
    joining = registry.method("lines.Lines/Join")
    opening = AcceptedRequest(registry.method("lines.Lines/Open"), b"")
    accepted = AcceptedRequest(
        joining,
        joining.request_class(first="a", second="b").SerializeToString(),
        tuple(Need(opening, ("name",), (name,)) for name in made),
        references=frozenset({("first",), ("second",)}),
    )
    found = list(pairs(accepted))
    assert [one.label for one in found] == labels
    for one in found:
        assert {binding.target for binding in one.calls(accepted, "")[-2].bindings} == {("first",), ("second",)}
