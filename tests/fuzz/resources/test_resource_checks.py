"""Conversations, and what the checks on resources say of them."""

from __future__ import annotations

from typing import Any

import pytest

ANN = {"name": "users/ann", "displayName": "Ann", "email": "a@b.co"}
TIMED = {**ANN, "createTime": "2024-01-01T00:00:00Z", "updateTime": "2024-01-01T00:00:00Z"}
NEW = {"displayName": "Ann", "email": "a@b.co"}
NOTE = {"name": "users/ann/notes/one", "title": "One", "text": "…"}
BEN_NOTE = {**NOTE, "name": "users/ben/notes/one"}
BEN = {**ANN, "name": "users/ben"}

CREATE: Any = ("CreateUser", {"userId": "ann", "user": NEW}, ANN)
CREATE_BEN: Any = ("CreateUser", {"userId": "ben", "user": NEW}, BEN)
CREATE_NOTE: Any = ("CreateNote", {"parent": "users/ann", "noteId": "one", "note": {"title": "One"}}, NOTE)
DELETE: Any = ("DeleteUser", {"name": "users/ann"}, {})
GONE: Any = ("DeleteUser", {"name": "users/ann"}, "NOT_FOUND")
LOST: Any = ("GetUser", {"name": "users/ann"}, "NOT_FOUND")
ORPHAN: Any = ("CreateNote", {"parent": "users/ann", "noteId": "one", "note": {"title": "One"}}, "NOT_FOUND")
LIST: Any = ("ListNotes", {"parent": "users/ann"}, {})


def get(answer: Any, *more: str) -> Any:
    return ("GetUser", {"name": "users/ann"}, answer, *more)


def several(users: list[Any]) -> Any:
    return ("BatchGetUsers", {"names": ["users/ann", "users/ben"]}, {"users": users})


def update(user: Any, mask: str, answer: Any) -> Any:
    return ("UpdateUser", {"user": {"name": "users/ann", **user}, "updateMask": mask}, answer)


def page(users: list[Any], token: str = "", following: str = "", size: int = 2, *more: str) -> Any:
    request = {"pageSize": size, "pageToken": token}
    return ("ListUsers", request, {"users": users, "nextPageToken": following}, *more)


CASES: dict[str, tuple[dict[str, str], list[Any]]] = {
    # G129
    "what was created is read": ({}, [CREATE, get(ANN)]),
    "the server's own fields may differ": ({}, [CREATE, get(TIMED)]),
    "what was created isn't there": ({"G129": "GetUser"}, [CREATE, LOST]),
    "what was created was kept in part": ({"G129": "CreateUser"}, [CREATE, get({**ANN, "email": "x@b.co"})]),
    "a field was lost": ({"G129": "CreateUser"}, [("CreateUser", {"user": NEW}, {**ANN, "age": 7}), get(ANN)]),
    "the server goes on with a list of its own": (
        {},
        [("CreateUser", {"user": NEW}, {**ANN, "tags": ["a"]}), get({**ANN, "tags": ["a", "b"]})],
    ),
    "the server adds to a list of the client's": (
        {"G129": "CreateUser"},
        [("CreateUser", {"user": {**NEW, "tags": ["a"]}}, {**ANN, "tags": ["a"]}), get({**ANN, "tags": ["a", "b"]})],
    ),
    "the server loses what it had in a list of its own": (
        {"G129": "CreateUser"},
        [("CreateUser", {"user": NEW}, {**ANN, "tags": ["a"]}), get({**ANN, "tags": ["b", "c"]})],
    ),
    "a list may show less": (
        {},
        [("CreateUser", {"user": NEW}, {**ANN, "age": 7}), page([ANN])],
    ),
    "a list shows something else": ({"G129": "ListUsers"}, [CREATE, page([{**ANN, "email": "x@b.co"}])]),
    "it isn't in the list": ({"G129": "ListUsers"}, [CREATE, page([BEN])]),
    "the list goes on": ({}, [CREATE, page([BEN], following="t")]),
    "nothing is known of what others made": ({}, [page([BEN]), get(ANN)]),
    "an update wasn't kept": ({"G129": "UpdateUser"}, [CREATE, update({"age": 1}, "age", {**ANN, "age": 1}), get(ANN)]),
    "a creation shows less than it was given": (
        {"G129": "CreateUser"},
        [("CreateUser", {"userId": "ann", "user": {**NEW, "age": 7}}, ANN)],
    ),
    "an update adds to a list that it names": (
        {"G129": "UpdateUser"},
        [CREATE, update({"tags": ["a"]}, "tags", {**ANN, "tags": ["a", "b"]})],
    ),
    "after an error of the server nothing is sure": (
        {},
        [CREATE, ("UpdateUser", {"user": {"name": "users/ann"}}, "UNAVAILABLE"), get({**ANN, "age": 9})],
    ),
    "one by one in a stream": (
        {"G129": "LookupUsers"},
        [CREATE, ("LookupUsers", [{"name": "users/ann"}], [{"name": "users/ann"}])],
    ),
    "several at once": ({}, [CREATE, CREATE_BEN, several([ANN, BEN])]),
    "several at once, and one is left out": ({"G129": "BatchGetUsers"}, [CREATE, CREATE_BEN, several([BEN])]),
    "several at once, and none is shown": ({"G129": "BatchGetUsers"}, [CREATE, CREATE_BEN, several([])]),
    "several at once, of which nobody knows one": ({}, [CREATE, several([ANN])]),
    # G130
    "deleted and gone": ({}, [CREATE, DELETE, LOST, GONE, page([])]),
    "deleted and still there": ({"G130": "GetUser"}, [CREATE, DELETE, get(ANN)]),
    "deleted and listed": ({"G130": "ListUsers"}, [CREATE, DELETE, page([ANN])]),
    "deleted and updated": ({"G130": "UpdateUser"}, [CREATE, DELETE, update({"age": 1}, "age", {**ANN, "age": 1})]),
    "deleted twice": ({"G130": "DeleteUser"}, [CREATE, DELETE, DELETE]),
    "deleted twice where it may be missing": (
        {},
        [CREATE, DELETE, ("DeleteUser", {"name": "users/ann", "allowMissing": True}, {})],
    ),
    "deleted and made again": ({}, [CREATE, DELETE, CREATE, get(ANN)]),
    "deleted by nobody, made by somebody": ({}, [GONE, get(ANN)]),
    # G131
    "a refused creation left nothing": ({}, [GONE, ("CreateUser", {"userId": "ann"}, "INVALID_ARGUMENT"), LOST]),
    "a refused creation left something": (
        {"G131": "CreateUser"},
        [GONE, ("CreateUser", {"userId": "ann"}, "INVALID_ARGUMENT"), get(ANN)],
    ),
    "what was there before is nobody's fault": ({}, [("CreateUser", {"userId": "ann"}, "INVALID_ARGUMENT"), get(ANN)]),
    "it may have been done before the deadline": (
        {},
        [GONE, ("CreateUser", {"userId": "ann", "user": NEW}, "DEADLINE_EXCEEDED"), get(ANN)],
    ),
    "a cancelled import left something": (
        {"G131": "ImportUsers"},
        [GONE, ("ImportUsers", [{"userId": "ann", "user": NEW}], "CANCELLED", "cut"), get(ANN)],
    ),
    # G132
    "a note below its parent": ({}, [CREATE, CREATE_NOTE, ("GetNote", {"name": NOTE["name"]}, NOTE)]),
    "a note below another parent": (
        {"G132": "GetNote"},
        [CREATE, CREATE_BEN, CREATE_NOTE, ("GetNote", {"name": "users/ben/notes/one"}, NOTE)],
    ),
    "a note like that of another parent, which was deleted and is still in the way": (
        {},
        [
            *(CREATE, CREATE_BEN, CREATE_NOTE),
            ("CreateNote", {"parent": "users/ben", "noteId": "one", "note": {"title": "One"}}, BEN_NOTE),
            ("DeleteNote", {"name": BEN_NOTE["name"]}, {}),
            ("CreateNote", {"parent": "users/ben", "noteId": "one", "note": {"title": "One"}}, "ALREADY_EXISTS"),
            ("GetNote", {"name": BEN_NOTE["name"]}, BEN_NOTE),
        ],
    ),
    "a note in another's list": (
        {"G132": "ListNotes"},
        [CREATE, CREATE_BEN, CREATE_NOTE, ("ListNotes", {"parent": "users/ben"}, {"notes": [NOTE]})],
    ),
    "a list of nobody's notes": ({"G132": "ListNotes"}, [LOST, ORPHAN, LIST, LOST]),
    "a list of nobody's notes, where nobody tried to make one": ({}, [LOST, LIST, LOST]),
    "a list of nobody's notes, where somebody came later": ({}, [LOST, ORPHAN, LIST, CREATE, get(ANN)]),
    "a list of the notes of somebody who came and went": ({}, [LOST, ORPHAN, CREATE, LIST, DELETE, LOST]),
    # G133, G128
    "the same id is refused": ({}, [CREATE, ("CreateUser", {"userId": "ann", "user": NEW}, "ALREADY_EXISTS")]),
    "the same id twice": ({"G133": "CreateUser"}, [CREATE, CREATE]),
    "the same request twice": (
        {},
        [("CreateUser", {"user": NEW, "requestId": "1"}, ANN), ("CreateUser", {"user": NEW, "requestId": "1"}, ANN)],
    ),
    "the same request makes two": (
        {"G128": "CreateUser"},
        [("CreateUser", {"user": NEW, "requestId": "1"}, ANN), ("CreateUser", {"user": NEW, "requestId": "1"}, BEN)],
    ),
    "an update piles up": (
        {"G128": "UpdateUser"},
        [
            ("CreateUser", {"user": NEW}, ANN),
            update({"tags": ["a"]}, "tags", {**ANN, "tags": ["a"]}),
            update({"tags": ["a"]}, "tags", {**ANN, "tags": ["a", "b"]}),
        ],
    ),
    "reading changes it": (
        {"G128": "GetUser"},
        [CREATE, *(get({**ANN, "updateTime": f"2024-01-01T00:00:0{second}Z"}) for second in range(3))],
    ),
    # G134
    "page after page": ({}, [CREATE, page([ANN], following="t"), page([BEN], "t")]),
    "the same on two pages": ({"G134": "ListUsers"}, [page([ANN], following="t"), page([ANN, BEN], "t")]),
    "changed meanwhile": ({}, [page([ANN], following="t"), CREATE_BEN, page([ANN, BEN], "t")]),
    "on no page": ({"G134": "ListUsers"}, [CREATE, page([BEN], following="t"), page([], "t")]),
    "a token that leads nowhere": ({"G134": "ListUsers"}, [page([ANN], following="t"), page([], "t", "t")]),
    "its own token is refused": (
        {"G134": "ListUsers"},
        [page([ANN], following="t"), ("ListUsers", {"pageSize": 2, "pageToken": "t"}, "INVALID_ARGUMENT")],
    ),
    "a negative size is taken": ({"G134": "ListUsers"}, [page([ANN], size=-1)]),
    "a made-up token is taken": ({"G134": "ListUsers"}, [page([ANN], "fz-no-such-page")]),
    "a page larger than was asked for": ({"G134": "ListUsers"}, [page([ANN, BEN], size=1)]),
    "a small page leaves out what a large one has": (
        {"G134": "ListUsers"},
        [page([ANN, BEN], size=10), page([BEN], size=1)],
    ),
    "a small page begins like a large one": ({}, [page([ANN, BEN], size=10), page([ANN], following="t", size=1)]),
    "a small page in another order": ({}, [page([ANN, BEN], size=10), page([BEN, ANN], size=2)]),
    # G135
    "only what the mask names": ({}, [CREATE, update({"age": 1, "score": 2}, "age", {**ANN, "age": 1})]),
    "more than the mask names": (
        {"G135": "UpdateUser"},
        [CREATE, update({"age": 1, "score": 2}, "age", {**ANN, "age": 1, "score": 2})],
    ),
    "not even what the mask names": ({"G135": "UpdateUser"}, [CREATE, update({"age": 1}, "age", ANN)]),
    "the rest is lost": (
        {"G135": "UpdateUser"},
        [("CreateUser", {"user": NEW}, {**ANN, "age": 7}), update({"score": 1}, "score", {**ANN, "score": 1})],
    ),
    "the rest is lost, and the answer hides it": (
        {"G135": "UpdateUser"},
        [
            ("CreateUser", {"user": NEW}, {**ANN, "age": 7}),
            update({"score": 1}, "score", {**ANN, "age": 7, "score": 1}),
            get({**ANN, "score": 1}),
        ],
    ),
    "a path that names nothing": ({"G135": "UpdateUser"}, [CREATE, update({}, "nothing", ANN)]),
    "all at once": ({}, [CREATE, update({"age": 1}, "*", {**ANN, "age": 1})]),
    # G143, G142
    "somebody else finds nothing": ({}, [CREATE, get("NOT_FOUND", "other"), get(ANN)]),
    "somebody else reads it": ({"G143": "GetUser"}, [CREATE, get(ANN, "other")]),
    "somebody else lists it": ({"G143": "ListUsers"}, [CREATE, page([ANN], "", "", 2, "other")]),
    "somebody else deletes it": ({"G143": "DeleteUser"}, [CREATE, (*DELETE, "other")]),
    "nobody is let in": ({}, [get("UNAUTHENTICATED", "nobody")]),
    "nobody is told what isn't there": ({"G142": ""}, [get("NOT_FOUND", "nobody")]),
    "everybody is let in": ({"G142": ""}, [get(ANN, "garbled")]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_conversation(case: str, evaluate: Any) -> None:
    expected, said = CASES[case]
    assert evaluate(*said) == expected


FIRST, SECOND = {"id": "1", "name": "Ann"}, {"id": "2", "name": "Ben"}


def made(name: str, answer: Any) -> Any:
    return ("CreateCustomer", {"name": name}, answer)


def read(key: int, answer: Any) -> Any:
    return ("GetCustomer", {"customerId": key}, answer if isinstance(answer, str) else {"customer": answer})


THIRD = {"id": "3", "name": "Eve"}
THREE = [made("Ann", FIRST), made("Ben", SECOND), made("Eve", THIRD)]

PLAIN: dict[str, tuple[dict[str, str], list[Any]]] = {
    "two customers": ({}, [made("Ann", FIRST), made("Ben", SECOND), read(1, FIRST), read(2, SECOND)]),
    "one is lost": ({"G129": "GetCustomer"}, [made("Ann", FIRST), made("Ben", SECOND), read(1, "NOT_FOUND")]),
    "one is another": (
        {"G129": "CreateCustomer"},
        [made("Ann", FIRST), made("Ben", SECOND), read(2, {**SECOND, "name": "x"})],
    ),
    "what it was given is lost": (
        {"G129": "CreateCustomer"},
        [made("Ann", FIRST), made("Ben", {"id": "2"})],
    ),
    "a mock has no memory": ({}, [made("Ann", FIRST), made("Ben", FIRST), read(1, "NOT_FOUND"), read(1, SECOND)]),
    "of one creation nothing can be told": ({}, [made("Ann", FIRST), read(1, "NOT_FOUND")]),
    "removed": (
        {"G130": "GetCustomer"},
        [made("Ann", FIRST), made("Ben", SECOND), ("RemoveCustomer", {"id": 1}, {}), read(1, FIRST)],
    ),
    "a key that is taken": (
        {"G133": "CreateCustomer"},
        [*THREE, ("RemoveCustomer", {"id": 1}, {}), made("Dan", {**THIRD, "name": "Dan"})],
    ),
    "a key that is free again": (
        {},
        [*THREE, ("RemoveCustomer", {"id": 3}, {}), made("Dan", {**THIRD, "name": "Dan"})],
    ),
    "the same thing once more": ({}, [*THREE, ("RemoveCustomer", {"id": 1}, {}), made("Eve", THIRD)]),
    "the same in other letters": (
        {},
        [*THREE, ("RemoveCustomer", {"id": 1}, {}), made("EVE", {**THIRD, "name": "EVE"})],
    ),
    "another one, as far as is told": ({}, [*THREE, ("RemoveCustomer", {"id": 1}, {}), made("Dan", THIRD)]),
    "no third one to compare with": (
        {},
        [
            made("Ann", FIRST),
            made("Eve", THIRD),
            ("RemoveCustomer", {"id": 1}, {}),
            made("Dan", {**THIRD, "name": "Dan"}),
        ],
    ),
    "another one is shown under its key": (
        {"G129": "CreateCustomer"},
        [*THREE, ("RemoveCustomer", {"id": 1}, {}), read(2, THIRD)],
    ),
    "a key that counts below something else": (
        {},
        [
            *(("AddOrder", {"customerId": 1, "order": {"items": [one]}}, {"id": one, "items": [one]}) for one in "12"),
            ("AddOrder", {"customerId": 2, "order": {"items": ["3"]}}, {"id": "1", "items": ["3"]}),
        ],
    ),
    "removing twice is nobody's business": (
        {},
        [made("Ann", FIRST), ("RemoveCustomer", {"id": 1}, {}), ("RemoveCustomer", {"id": 1}, {})],
    ),
}


@pytest.mark.parametrize("case", PLAIN)
def test_what_is_said_where_nothing_is_annotated(case: str, plain_judge: Any) -> None:
    expected, said = PLAIN[case]
    assert plain_judge(*said) == expected
