"""JSON over HTTP by google.api.http: paths, queries, bodies, streams, and the errors of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine.playbook import engine
from protocols.playbook import Face, each_cut
from support import registry

from grpcmock.protocols.http import Abort, End
from grpcmock.protocols.status_json import HTTP_STATUS
from grpcmock.protocols.transcoding.routes import Routes
from grpcmock.schema import Registry, sources
from grpcmock.schema.codec import to_tree
from grpcmock.status import Code

BOOK = "/v1/shelves/1/books/2"
ADD = "/v1/shelves/7/books"
STUBS = """
- method: library.Library/GetBook
  request: {name: shelves/1/books/2}
  response: {name: shelves/1/books/2, title: "Ä", pages: 12, printedAt: "2020-01-01T00:00:00Z"}
- method: library.Library/GetBook
  request: {name: gone}
  headers: {x-said: first}
  error:
    code: NOT_FOUND
    message: gone
    trailers: {x-last: at the end}
    details: [{"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: GONE}]
- method: library.Library/GetBook
  request: {name: said}
  headers: {x-said: first}
  trailers: {x-last: at the end}
  response: {}
- {method: library.Library/ListBooks, response: {books: [{name: b}], titles: [Q, R], total: 3}}
- {method: library.Library/CreateBook, response: {name: made}}
- {method: library.Library/UpdateBook, response: {name: changed}}
- {method: library.Library/DeleteBook, response: {}}
- {method: library.Library/LendBook, response: {title: "{{ request.reader }}"}}
- {method: library.Library/HeadBook, response: {}}
- {method: library.Library/GetCover, response: {content_type: image/png, data: AAE=}}
- {method: library.Library/PutCover, response: {}}
- method: library.Library/WatchBooks
  request: {page_size: 0}
  responses: [{name: a}, {name: b}]
- method: library.Library/WatchBooks
  request: {page_size: 1}
  responses: [{name: a}]
  headers: {x-said: first}
  error: {code: UNAVAILABLE, message: lost, trailers: {x-last: at the end}}
- method: library.Library/WatchBooks
  request: {page_size: 2}
  error: {code: PERMISSION_DENIED, message: "no"}
- method: library.Library/WatchBooks
  request: {page_size: 3}
  responses: []
- method: library.Library/ImportBooks
  response: {total: "{{ requests | length }}"}
- method: library.Library/EchoBooks
  script: [on: [send: {name: "{{ message.name }}"}]]
"""


@pytest.fixture
def library() -> Face:
    return Face(engine(registry("library.proto"), STUBS))


def request_of(face: Face) -> Any:
    """The request of the only call, as a tree."""
    (call,) = face.engine.journal
    assert call.protocol == "json"
    (message,) = call.requests
    return to_tree(message)


# Paths --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (BOOK, "shelves/1/books/2"),
        ("/v1/books/shelves%2F1%2Fbooks%2F2", "shelves/1/books/2"),
        ("/v1/files/shelves/1/books/2", "shelves/1/books/2"),
    ],
)
def test_every_binding_leads_to_the_method(library: Face, path: str, name: str) -> None:
    answer = library.ask("GET", path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == {"name": name, "title": "Ä", "pages": "12", "printedAt": "2020-01-01T00:00:00Z"}
    assert request_of(library) == {"name": name}


@pytest.mark.parametrize(
    ("method", "path", "body", "request_"),
    [
        ("POST", f"{ADD}?bookId=b", '{"title": "T"}', {"shelf": "7", "book": {"title": "T"}, "book_id": "b"}),
        ("POST", ADD, "", {"shelf": "7"}),
        ("PATCH", f"{BOOK}?mask=title", '{"title": "T"}', {"book": {"title": "T", "name": BOOK[4:]}, "mask": "title"}),
        ("PATCH", BOOK, '{"name": "other"}', {"book": {"name": BOOK[4:]}}),
        ("DELETE", BOOK, "", {"name": BOOK[4:]}),
        ("POST", f"{BOOK}:lend", '{"period": "60s"}', {"name": BOOK[4:], "period": "60s"}),
        ("POST", f"{BOOK}:lend", '{"name": "other"}', {"name": BOOK[4:]}),
        ("POST", f"{BOOK}:lend", "", {"name": BOOK[4:]}),
        ("HEAD", "/v1/books/x", "", {"name": "x"}),
    ],
)
def test_what_a_request_is_made_of(library: Face, method: str, path: str, body: str, request_: Any) -> None:
    assert library.ask(method, path, body.encode(), content_type="application/json").status == 200
    assert request_of(library) == request_


def test_a_field_alone_may_be_the_answer(library: Face) -> None:
    assert library.ask("GET", "/v1/titles").json == ["Q", "R"]
    assert library.ask("GET", "/v1/total").json == "3"


def test_a_field_that_is_empty_is_answered_as_its_default() -> None:
    face = Face(engine(registry("library.proto"), "[{method: library.Library/ListBooks, response: {}}]"))
    assert face.ask("GET", "/v1/titles").json == []
    assert face.ask("GET", "/v1/total").json == "0"


def test_bodies_of_any_type(library: Face) -> None:
    answer = library.ask("GET", "/v1/covers/x")
    assert (answer.headers["content-type"], answer.body) == ("image/png", b"\0\1")
    library.engine.journal.clear()
    assert library.ask("PUT", "/v1/covers/x", b"\xff", content_type="image/gif").status == 200
    assert request_of(library) == {"name": "x", "cover": {"content_type": "image/gif", "data": "/w=="}}


# Queries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "request_"),
    [
        ("", {}),
        ("pageSize=5", {"page_size": 5}),
        ("page_size=5&$alt=json%3Benum-encoding=int", {"page_size": 5}),
        ("filter.author=Ana+Mae&filter.pages.from=3", {"filter": {"author": "Ana Mae", "pages": {"from": "3"}}}),
        ("filter.words=a&filter.words=b%26c", {"filter": {"words": ["a", "b&c"]}}),
        ("genres=GENRE_NOVEL&genres=2", {"genres": ["GENRE_NOVEL", "GENRE_POEM"]}),
        ("fields=books.name,total", {"fields": "books.name,total"}),
        ("printed=true&all=false", {"printed": True}),
        ("since=2020-01-01T00:00:00Z", {"since": "2020-01-01T00:00:00Z"}),
        ("spans=1s&spans=2.5s", {"spans": ["1s", "2.500s"]}),
        ("token=AAE", {"token": "AAE="}),
        ("rating=4.5", {"rating": 4.5}),
        ('extra={"a":[1]}', {"extra": {"a": [1]}}),
    ],
)
def test_fields_in_the_query(library: Face, query: str, request_: Any) -> None:
    assert library.ask("GET", f"/v1/books?{query}").status == 200
    assert request_of(library) == request_


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/books?pagesize=5", "pagesize: library.ListBooksRequest has no field 'pagesize'. Did you mean"),
        ("/v1/books?filter.autor=5", "library.ListBooksRequest.Filter has no field 'autor'. Did you mean"),
        ("/v1/books?page_size=x", "page_size: expected an int32"),
        ("/v1/books?page_size=1&pageSize=2", "pageSize: the field is given twice"),
        ("/v1/books?all=yes", "all: expected a bool"),
        ("/v1/books?genres=NOVEL", "genres[0]: expected a value of enum library.Genre"),
        ("/v1/books?filter=x", "is a message: set its fields, such as filter.author=…"),
        ("/v1/books?labels=x", "is a map"),
        ("/v1/books?page_size.x=1", "is no single message"),
        ("/v1/books?extra=[", "is no JSON"),
        ("/v1/books?page_size=%ff", "The query can't be read"),
        (f"{BOOK}?name=x", "the field name is said by the path already"),
        (f"{BOOK}?x=y", "has no field 'x'"),
    ],
)
def test_a_query_that_is_wrong_is_told_with_its_field(library: Face, path: str, said: str) -> None:
    answer = library.ask("GET", path)
    assert (answer.status, answer.json["code"]) == (400, 3)
    assert said in answer.json["message"]
    (call,) = library.engine.journal
    assert call.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", ADD, '{"titel": 1}', "book.titel: library.Book has no field 'titel'. Did you mean"),
        ("POST", ADD, '{"authors": [1]}', "book.authors[0]: expected a string"),
        ("POST", f"{ADD}?book.title=x", "{}", "the field book is the body"),
        ("POST", f"{BOOK}:lend?reader=x", "{}", "the whole request is in the body"),
        ("POST", f"{BOOK}:lend", "{", "line 1, column 2"),
        ("DELETE", BOOK, "{}", "DELETE /v1/{name=shelves/*/books/*} takes no body"),
        ("PATCH", BOOK, '{"hardcover": true, "otherBinding": "x"}', "members of one oneof"),
    ],
)
def test_a_body_that_is_wrong_is_told_with_its_path(
    library: Face, method: str, path: str, body: str, said: str
) -> None:
    answer = library.ask(method, path, body.encode(), content_type="application/json")
    assert (answer.status, answer.json["code"]) == (400, 3)
    assert said in answer.json["message"]


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/v1/bookz", "There is no path /v1/bookz here. Did you mean GET /v1/books?"),
        ("GET", "/v1/shelvez/1/books/2", "Did you mean"),
        ("GET", "/v2/elsewhere/altogether", "The paths are: "),
        ("GET", "/library.Library/GetBok", "Did you mean POST /library.Library/GetBook?"),
    ],
)
def test_a_path_that_there_isnt(library: Face, method: str, path: str, said: str) -> None:
    answer = library.ask(method, path)
    assert (answer.status, answer.json["code"]) == (404, 5)
    assert said in answer.json["message"]
    (call,) = library.engine.journal
    assert (call.path, call.protocol) == (path, "json")
    assert call.code is Code.NOT_FOUND


def test_without_annotations_the_paths_for_connect_are_told(users: Face) -> None:
    assert "/user.UserService/GetUser" in users.ask("GET", "/").json["message"]


def test_another_method_of_http(library: Face) -> None:
    answer = library.ask("PUT", BOOK)
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, PATCH")
    assert answer.json["code"] == 12


def test_another_content_type(library: Face) -> None:
    answer = library.ask("POST", f"{BOOK}:lend", b"reader=x", content_type="application/x-www-form-urlencoded")
    assert (answer.status, answer.headers["accept-post"]) == (415, "application/json")
    assert answer.json["code"] == 3


def test_a_miss_is_told_in_a_header_too(library: Face) -> None:
    answer = library.ask("GET", "/v1/books/unknown")
    assert (answer.status, answer.headers["grpcmock-miss"]) == (501, "1")
    assert answer.json["code"] == 12
    assert answer.json["details"][0]["@type"].endswith("google.rpc.DebugInfo")


def test_a_body_that_is_too_large() -> None:
    face = Face(engine(registry("library.proto"), STUBS), max_message_size=10)
    answer = face.ask("POST", f"{BOOK}:lend", b" " * 100, content_type="application/json")
    assert (answer.status, answer.json["code"]) == (413, 8)


# Answers ------------------------------------------------------------------------------------------


def test_an_error_is_a_status(library: Face) -> None:
    answer = library.ask("GET", "/v1/books/gone")
    assert answer.status == 404
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "GONE"}
    assert answer.json == {"code": 5, "message": "gone", "details": [info]}
    assert (answer.headers["x-said"], answer.headers["grpc-trailer-x-last"]) == ("first", "at the end")


def test_headers_and_trailers(library: Face) -> None:
    answer = library.ask("GET", "/v1/books/said")
    assert (answer.headers["x-said"], answer.headers["grpc-trailer-x-last"]) == ("first", "at the end")


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK], ids=lambda code: code.name)
def test_every_code_has_its_http_status(code: Code) -> None:
    stubs = f"[{{method: library.Library/GetBook, error: {{code: {code.name}}}}}]"
    answer = Face(engine(registry("library.proto"), stubs)).ask("GET", BOOK)
    assert (answer.status, answer.json) == (HTTP_STATUS[code], {"code": int(code), "message": ""})


def test_metadata_and_deadline(library: Face) -> None:
    library.ask("GET", BOOK, grpc_timeout="2S", authorization="Bearer x", accept="*/*", host="here")
    (call,) = library.engine.journal
    assert (call.deadline, call.metadata) == (2.0, (("authorization", "Bearer x"),))


# Streams ------------------------------------------------------------------------------------------

WATCH = "/v1/books:watch"


def test_a_stream_is_a_line_a_message(library: Face) -> None:
    answer = library.ask("GET", WATCH)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert answer.lines == [{"result": {"name": "a"}}, {"result": {"name": "b"}}]


@pytest.mark.parametrize(("takes_trailers", "trailers"), [(True, {"grpc-trailer-x-last": "at the end"}), (False, {})])
def test_a_stream_that_breaks_ends_with_its_status(library: Face, takes_trailers: bool, trailers: Any) -> None:
    answer = library.ask("GET", f"{WATCH}?page_size=1", takes_trailers=takes_trailers)
    assert answer.lines == [{"result": {"name": "a"}}, {"error": {"code": 14, "message": "lost"}}]
    assert answer.headers["x-said"] == "first"
    assert answer.trailers == trailers


def test_a_stream_that_never_begins_has_the_status_of_its_error(library: Face) -> None:
    answer = library.ask("GET", f"{WATCH}?page_size=2", accept="text/event-stream")
    assert (answer.status, answer.json) == (403, {"code": 7, "message": "no"})


def test_a_stream_without_messages(library: Face) -> None:
    answer = library.ask("GET", f"{WATCH}?page_size=3")
    assert (answer.status, answer.body) == (200, b"")


def test_server_sent_events(library: Face) -> None:
    answer = library.ask("GET", f"{WATCH}?page_size=1", accept="text/event-stream, */*;q=0.1")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.body == b'data: {"name":"a"}\n\nevent: error\ndata: {"code":14,"message":"lost"}\n\n'


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_a_client_stream_is_a_line_a_message(library: Face, kind: str) -> None:
    body = b'{"name": "a"}\n\n{"name":\t"b"}\r\n{"name": "c"}'
    whole = library.post("/v1/books:import", body, kind)
    assert whole.json == {"total": "3"}
    for chunks in each_cut(body):
        assert library.post("/v1/books:import", chunks, kind).parts == whole.parts


def test_a_stream_both_ways(library: Face) -> None:
    answer = library.post("/v1/books:echo", b'{"name": "a"}\n{"name": "b"}\n')
    assert answer.lines == [{"result": {"name": "a"}}, {"result": {"name": "b"}}]


def test_lines_before_a_wrong_one_are_answered(library: Face) -> None:
    answer = library.post("/v1/books:echo", b'{"name": "a"}\n{"nam": "b"}\n')
    assert answer.lines[0] == {"result": {"name": "a"}}
    assert answer.lines[1]["error"]["code"] == 3


def test_a_client_stream_without_messages(library: Face) -> None:
    assert library.post("/v1/books:import", b" \n ").json == {}


# Faults -------------------------------------------------------------------------------------------


def struck(method: str, fault: str, key: str) -> Face:
    name = fault.strip("{}").partition(":")[0]
    stubs = f"[{{method: library.Library/{method}, {key}, fault: {fault}}}]"
    return Face(engine(registry("library.proto"), stubs, faults=frozenset([name])))


def test_a_body_cut_short() -> None:
    answer = struck("GetBook", "{truncate: true}", "response: {title: Q}").ask("GET", BOOK)
    assert int(answer.headers["content-length"]) > len(answer.body) > 0
    assert answer.is_broken_off


def test_a_stream_cut_short() -> None:
    answer = struck("WatchBooks", "{truncate: true}", "responses: [{title: Q}]").ask("GET", WATCH)
    assert answer.is_broken_off
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_a_reset() -> None:
    assert list(struck("GetBook", "{reset: true}", "response: {}").ask("GET", BOOK).parts) == [Abort()]


def test_more_messages_than_asked_for() -> None:
    answer = struck("WatchBooks", "{extra_messages: 1}", "responses: [{title: Q}]").ask("GET", WATCH)
    assert len(answer.lines) == 2
    refused = struck("GetBook", "{extra_messages: 1}", "response: {}").ask("GET", BOOK)
    assert (refused.status, refused.json["code"]) == (500, 13)
    assert refused.parts[-1] == End()


# Annotations that are wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('get: "/v1/{nam}"', "wrong.Request has no field 'nam'. Did you mean 'name'?"),
        ('get: "v1"', "must begin with '/'"),
        ('post: "/v1" body: "boddy"', "wrong.Request has no field 'boddy'"),
        ('get: "/v1" response_body: "x"', "wrong.Request has no field 'x'"),
        ('body: "*"', "it has no path"),
    ],
)
def test_an_annotation_that_is_wrong_is_told_and_the_others_work(tmp_path: Any, rule: str, said: str) -> None:
    (tmp_path / "wrong.proto").write_text(
        'syntax = "proto3"; package wrong; import "google/api/annotations.proto"; message Request {string name = 1;}'
        'service S { rpc Right(Request) returns (Request) { option (google.api.http) = {get: "/v1/right"}; }'
        f"rpc Wrong(Request) returns (Request) {{ option (google.api.http) = {{{rule}}}; }} }}"
    )
    protos: Registry = sources.load([tmp_path / "wrong.proto"])
    (problem,) = Routes(protos.methods.values()).problems
    assert said in problem
    face = Face(engine(protos, "[{method: wrong.S/Right, response: {}}]"))
    assert face.ask("GET", "/v1/right").status == 200
    assert face.warnings == [problem]
