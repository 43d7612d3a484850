"""What annotations say of responses: the check G124 on single replies."""

from __future__ import annotations

from typing import Any

import pytest

ANN = {"name": "users/ann", "displayName": "Ann", "email": "a@b.co"}

CASES: dict[str, tuple[bool, str, Any]] = {
    "a whole user": (False, "GetUser", ANN),
    "a password": (True, "GetUser", {**ANN, "password": "secret-secret"}),
    "no name": (True, "GetUser", {"displayName": "Ann", "email": "a@b.co"}),
    "no required field": (True, "GetUser", {"name": "users/ann", "displayName": "Ann"}),
    "a name of another sort": (True, "GetUser", {**ANN, "name": "people/ann"}),
    "a name with too many parts": (True, "GetUser", {**ANN, "name": "users/ann/x"}),
    "a full name": (False, "GetUser", {**ANN, "name": "//directory.example.com/users/ann"}),
    "a password in a list": (True, "ListUsers", {"users": [ANN, {**ANN, "password": "secret-secret"}]}),
    "a password far inside": (True, "LookupUsers", [{"name": "x", "user": {**ANN, "password": "secret-secret"}}]),
    "nobody": (False, "LookupUsers", [{"name": "x"}]),
    "a note": (False, "GetNote", {"name": "users/ann/notes/one", "title": "One"}),
    "a note without a parent": (True, "GetNote", {"name": "notes/one", "title": "One"}),
    "a message that holds itself": (
        False,
        "GetNote",
        {"name": "users/a/notes/b", "title": "1", "outline": {"sections": [{}]}},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_response(case: str, evaluate: Any) -> None:
    wrong, method, answer = CASES[case]
    assert ("G124" in evaluate((method, {"name": "users/ann"} if "List" not in method else {}, answer))) == wrong
