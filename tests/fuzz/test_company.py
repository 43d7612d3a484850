"""Which cases may be made at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import registry

from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.run.isolation import Isolation, isolation_of


def case(name: str, phase: Phase, **about: object) -> Case:
    method = registry("user.proto").methods[f"/user.UserService/{name}"]
    made = Case(id="x", phase=phase, method=method, calls=(call_of(method, b""),), why="")
    return replace(made, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "phase", "about", "expected"),
    [
        ("CreateUsers", Phase.RANDOM, {}, Isolation.ANY),
        ("CreateUsers", Phase.BOUNDARY, {"targets": frozenset({"G112"})}, Isolation.ANY),
        ("CreateUsers", Phase.WIRE, {"targets": frozenset({"G115"}), "expect": Expect.UNDECODABLE}, Isolation.ANY),
        ("CreateUsers", Phase.WIRE, {"mostly_idle": True}, Isolation.WAITING),
        ("ListUsers", Phase.BOUNDARY, {}, Isolation.WAITING),
        ("GetUser", Phase.WIRE, {"expect": Expect.SAME, "targets": frozenset({"G116"})}, Isolation.READERS),
        ("CreateUsers", Phase.WIRE, {"expect": Expect.SAME, "targets": frozenset({"G116"})}, Isolation.IDLERS),
        ("GetUser", Phase.BOUNDARY, {"targets": frozenset({"G109"})}, Isolation.NONE),
        ("GetUser", Phase.BOUNDARY, {"targets": frozenset({"G147"}), "repeat": 9}, Isolation.NONE),
        ("CreateUsers", Phase.BOUNDARY, {"targets": frozenset({"G107"}), "mostly_idle": True}, Isolation.LEAVERS),
        ("GetUser", Phase.BOUNDARY, {"targets": frozenset({"G107"}), "mostly_idle": True}, Isolation.WATCHERS),
        ("GetUser", Phase.STATEFUL, {}, Isolation.NONE),
    ],
)
def test_a_trial_is_made_with_others_only_if_they_dont_matter_to_it(
    name: str, phase: Phase, about: dict[str, object], expected: Isolation
) -> None:
    assert isolation_of(case(name, phase, **about), {"/user.UserService/ListUsers"}) is expected
