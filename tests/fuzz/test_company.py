"""Which trials may be made at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import registry

from grpcmock.fuzz.run.isolation import Company, company
from grpcmock.fuzz.model.cases import Expect, Phase, Trial, call_of


def trial(name: str, phase: Phase, **about: object) -> Trial:
    method = registry("user.proto").methods[f"/user.UserService/{name}"]
    made = Trial(id="x", phase=phase, method=method, calls=(call_of(method, b""),), why="")
    return replace(made, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "phase", "about", "expected"),
    [
        ("CreateUsers", Phase.RANDOM, {}, Company.ANY),
        ("CreateUsers", Phase.BOUNDARY, {"aims": frozenset({"G112"})}, Company.ANY),
        ("CreateUsers", Phase.WIRE, {"aims": frozenset({"G115"}), "expect": Expect.UNDECODABLE}, Company.ANY),
        ("CreateUsers", Phase.WIRE, {"waits": True}, Company.WAITING),
        ("ListUsers", Phase.BOUNDARY, {}, Company.WAITING),
        ("GetUser", Phase.WIRE, {"expect": Expect.SAME, "aims": frozenset({"G116"})}, Company.READERS),
        ("CreateUsers", Phase.WIRE, {"expect": Expect.SAME, "aims": frozenset({"G116"})}, Company.IDLERS),
        ("GetUser", Phase.BOUNDARY, {"aims": frozenset({"G109"})}, Company.NONE),
        ("GetUser", Phase.BOUNDARY, {"aims": frozenset({"G147"}), "repeat": 9}, Company.NONE),
        ("CreateUsers", Phase.BOUNDARY, {"aims": frozenset({"G107"}), "waits": True}, Company.LEAVERS),
        ("GetUser", Phase.BOUNDARY, {"aims": frozenset({"G107"}), "waits": True}, Company.WATCHERS),
        ("GetUser", Phase.STATEFUL, {}, Company.NONE),
    ],
)
def test_a_trial_is_made_with_others_only_if_they_dont_matter_to_it(
    name: str, phase: Phase, about: dict[str, object], expected: Company
) -> None:
    assert company(trial(name, phase, **about), {"/user.UserService/ListUsers"}) is expected
