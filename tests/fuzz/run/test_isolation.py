"""Which cases may be made at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import registry

from grpcmock.fuzz.model.cases import Case, Expect, Measure, Phase, call_of
from grpcmock.fuzz.run.isolation import Isolation, isolation_of


def case(name: str, phase: Phase, **about: object) -> Case:
    method = registry("user.proto").methods[f"/user.UserService/{name}"]
    made = Case(id="x", phase=phase, method=method, calls=(call_of(method, b""),), why="")
    return replace(made, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "phase", "about", "expected"),
    [
        ("CreateUsers", Phase.RANDOM, {}, Isolation.ANY),
        ("CreateUsers", Phase.BOUNDARY, {"targets": frozenset({"empty_request"})}, Isolation.ANY),
        (
            "CreateUsers",
            Phase.WIRE,
            {"targets": frozenset({"malformed_wire"}), "expect": Expect.UNDECODABLE},
            Isolation.ANY,
        ),
        ("CreateUsers", Phase.WIRE, {"mostly_idle": True}, Isolation.MOSTLY_IDLE),
        ("ListUsers", Phase.BOUNDARY, {}, Isolation.MOSTLY_IDLE),
        ("GetUser", Phase.WIRE, {"expect": Expect.SAME, "targets": frozenset({"tolerated_wire"})}, Isolation.READ_ONLY),
        (
            "CreateUsers",
            Phase.WIRE,
            {"expect": Expect.SAME, "targets": frozenset({"tolerated_wire"})},
            Isolation.WITH_IDLE,
        ),
        ("GetUser", Phase.BOUNDARY, {"measures": frozenset({Measure.EFFECTS})}, Isolation.EXCLUSIVE),
        ("GetUser", Phase.BOUNDARY, {"measures": frozenset({Measure.USAGE}), "repeat": 9}, Isolation.EXCLUSIVE),
        (
            "CreateUsers",
            Phase.BOUNDARY,
            {"measures": frozenset({Measure.EFFECTS}), "mostly_idle": True},
            Isolation.UNFINISHED,
        ),
        (
            "GetUser",
            Phase.BOUNDARY,
            {"measures": frozenset({Measure.EFFECTS}), "mostly_idle": True},
            Isolation.WATCHING,
        ),
        ("GetUser", Phase.STATEFUL, {}, Isolation.EXCLUSIVE),
        ("GetUser", Phase.WIRE, {"compares_calls": True}, Isolation.WITH_IDLE),
    ],
)
def test_a_case_is_made_with_others_only_if_they_dont_matter_to_it(
    name: str, phase: Phase, about: dict[str, object], expected: Isolation
) -> None:
    assert isolation_of(case(name, phase, **about), {"/user.UserService/ListUsers"}) is expected
