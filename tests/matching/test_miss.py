"""What a miss tells: the method, the request, the nearest stubs and what each of them refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from support import registry

from grpcmock.errors import Location, Problems
from grpcmock.matching import CallContext, Conditions, Index, Miss, Stage, compile_conditions, explain_miss
from grpcmock.matching.miss import shorten
from grpcmock.stubs.model import Stub
from grpcmock.tree import Node

USERS = registry("user.proto")
GET = USERS.method("user.UserService/GetUser")
CREATE = USERS.method("user.UserService/CreateUsers")
LIST = USERS.method("user.UserService/ListUsers")


@dataclass(eq=False)
class Entry:
    stub: Stub
    conditions: Conditions
    rank: tuple[Any, ...]
    exhausted: bool = False


def index_of(method: Any, *stubs: dict[str, Any], exhausted: tuple[str, ...] = ()) -> Index[Entry]:
    index: Index[Entry] = Index()
    problems = Problems()
    for line, keys in enumerate(stubs, 1):
        name = keys.get("name", f"stub {line}")
        nodes: dict[str, Any] = {key: Node.of(value) for key, value in keys.items() if key != "name"}
        stub = Stub(method=str(method), name=name, location=Location("stubs/users.yaml", line * 10), **nodes)
        compiled = compile_conditions(stub, method, USERS, problems)
        index.add(Entry(stub, compiled, (-compiled.count, line), name in exhausted))
    problems.raise_errors()
    return index


def request(**fields: Any) -> CallContext:
    return CallContext(request=GET.request_class(**fields))


def test_a_miss_reads_well() -> None:
    index = index_of(
        LIST,
        {"name": "first page", "request": {"page": 1, "page_size": 10}},
        {"name": "with a token", "request": {"page": 2}, "metadata": {"authorization": {"$prefix": "Bearer "}}},
        {"name": "far off", "request": {"page": {"$gt": 1000}, "page_size": {"$in": [7, 8]}}},
    )
    context = CallContext({"authorization": ["Basic x"]}, request=LIST.request_class(page=2, page_size=10))
    miss = explain_miss(index, context, LIST)
    assert miss.text == (
        "No stub matches this call of user.UserService/ListUsers.\n"
        'Request: {"page": 2, "page_size": 10}\n'
        "\n"
        "The nearest stubs:\n"
        "  1. first page  stubs/users.yaml:10\n"
        "     1 of 2 conditions held\n"
        "       request.page  expected 1  actual 2\n"
        "  2. with a token  stubs/users.yaml:20\n"
        "     1 of 2 conditions held\n"
        '       metadata.authorization  expected beginning with "Bearer "  actual "Basic x"\n'
        "  3. far off  stubs/users.yaml:30\n"
        "     0 of 2 conditions held\n"
        "       request.page       expected > 1000       actual 2\n"
        "       request.page_size  expected one of 7, 8  actual 10"
    )
    assert [(near.name, near.matched, near.total) for near in miss.nearest] == [
        ("first page", 1, 2),
        ("with a token", 1, 2),
        ("far off", 0, 2),
    ]


def names(miss: Miss) -> list[str]:
    return [near.name for near in miss.nearest]


def test_the_nearest_are_those_of_which_the_most_held() -> None:
    index = index_of(
        LIST,
        {"name": "none", "request": {"page": 7}},
        {"name": "half", "request": {"page": 1, "page_size": 9}},
        {"name": "other none", "request": {"page": 8}},
    )
    miss = explain_miss(index, CallContext(request=LIST.request_class(page=1, page_size=10)), LIST)
    assert names(miss)[0] == "half"


def test_a_slip_of_the_pen_is_near() -> None:
    wanted = ["Robert", "Alice", "Bob", "Carol", "Charlie"]
    index = index_of(CREATE, *({"name": name, "request": {"name": name}} for name in wanted))
    miss = explain_miss(index, CallContext(request=CREATE.request_class(name="Alcie")), CREATE)
    assert names(miss)[0] == "Alice"


def test_an_exhausted_stub_is_shown_as_such() -> None:
    index = index_of(GET, {"name": "once", "request": {"id": 1}}, exhausted=("once",))
    miss = explain_miss(index, request(id=1), GET)
    assert miss.nearest[0].exhausted and miss.nearest[0].matched == miss.nearest[0].total == 1
    assert "1 of 1 condition held, but it is exhausted" in miss.text


def test_a_method_without_stubs_names_those_that_have_some() -> None:
    miss = explain_miss(Index(), request(id=1), GET, ["user.UserService/ListUsers", "user.UserService/CreateUsers"])
    assert miss.nearest == ()
    assert "no stub for user.UserService/GetUser" in miss.text
    assert "user.UserService/ListUsers\n" in miss.text and "user.UserService/CreateUsers\n" in miss.text
    assert '{"id": 1}' in miss.text


def test_without_any_stub_at_all_it_says_so() -> None:
    assert "no stubs at all" in explain_miss(Index(), request(id=1), GET).text


def test_a_stream_is_shown_message_by_message() -> None:
    index = index_of(CREATE, {"name": "two", "requests": [{"name": "a"}, {"name": "b"}]})
    messages = [CREATE.request_class(name=name) for name in ("a", "c")]
    miss = explain_miss(index, CallContext(request=messages[0], requests=messages, half_closed=True), CREATE)
    assert 'Requests (2):\n  [0] {"name": "a"}\n  [1] {"name": "c"}' in miss.text
    assert 'requests[1].name  expected "b"  actual "c"' in miss.text


def test_a_stream_without_messages() -> None:
    index = index_of(CREATE, {"name": "one", "request": {"name": "a"}})
    miss = explain_miss(index, CallContext(requests=[], half_closed=True), CREATE)
    assert "no message was sent" in miss.text and "actual no message" in miss.text


@pytest.fixture(scope="module")
def many() -> Index[Entry]:
    stubs = [{"name": f"user {number}", "request": {"id": number}} for number in range(0, 4000, 10)]
    stubs += [{"name": f"page {number}", "request": {"id": number}, "metadata": {"k": "x"}} for number in range(50)]
    return index_of(GET, *stubs, {"name": "long", "request": {"id": {"$gt": 100_000}}})


def test_of_many_stubs_the_neighbors_are_found(many: Index[Entry]) -> None:
    miss = explain_miss(many, request(id=2001), GET)
    assert {"user 2000", "user 2010"} <= set(names(miss))
    assert "of 451" in miss.text


def test_of_many_stubs_one_that_nearly_holds_comes_first(many: Index[Entry]) -> None:
    miss = explain_miss(many, CallContext({"k": ["y"]}, request=GET.request_class(id=33)), GET)
    assert names(miss)[0] == "page 33"
    assert (miss.nearest[0].matched, miss.nearest[0].total) == (1, 2)


def test_of_many_stubs_few_are_looked_at(many: Index[Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    count = Conditions.matched_count
    monkeypatch.setattr(
        Conditions, "matched_count", lambda self, context: looked_at.append(self) or count(self, context)
    )
    explain_miss(many, request(id=2001), GET)
    assert 3 <= len(looked_at) <= 64


def test_stubs_that_come_and_go_are_seen(many: Index[Entry]) -> None:
    explain_miss(many, request(id=2001), GET)
    problems = Problems()
    stub = Stub(method="x", name="new", request=Node.of({"id": 2002}))
    entry = Entry(stub, compile_conditions(stub, GET, USERS, problems), (-1, 99_999))
    many.add(entry)
    assert "new" in names(explain_miss(many, request(id=2001), GET))
    many.remove(entry)
    assert "new" not in names(explain_miss(many, request(id=2001), GET))


def test_the_nearest_of_few_are_exact() -> None:
    """Of up to 64 stubs each one is looked at: none has more conditions held than those shown."""
    stubs = [{"request": {"page": n % 8, "page_size": n // 8}, "metadata": {"k": str(n % 5)}} for n in range(64)]
    index = index_of(LIST, *stubs)
    context = CallContext({"k": ["9"]}, request=LIST.request_class(page=3, page_size=5))
    assert index.first(context, lambda entry: True, Stage.ALL) is None
    miss = explain_miss(index, context, LIST)
    best = sorted((entry.conditions.matched_count(context) for entry in index), reverse=True)[:3]
    assert [near.matched for near in miss.nearest] == best


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 100, "short"),
        ("first\nsecond\nthird" + "x" * 100, 45, "first\nsecond\n… (the rest is in the log)"),
        ("a" * 100, 40, "a" * 11 + "\n… (the rest is in the log)"),
        ("a" * 100, 5, "aaaaa"),
        ("a" * 100, 0, ""),
    ],
)
def test_a_text_is_cut_at_a_line(text: str, limit: int, expected: str) -> None:
    assert shorten(text, limit) == expected
    assert len(shorten(text, limit).encode()) <= max(limit, len(text) if len(text) <= limit else 0)


@pytest.mark.parametrize("limit", range(120))
def test_a_text_is_never_longer_than_its_limit(limit: int) -> None:
    assert len(shorten("äöü ß\n" * 12, limit).encode()) <= limit
