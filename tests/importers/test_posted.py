"""Scripts that send stubs to a running GripMock."""

from __future__ import annotations

from pathlib import Path

import pytest
from importers.imported import market

from grpcmock.importers.run import import_files
from grpcmock.importers.shell import commands, curl_request

SCRIPT = """\
#!/bin/bash
curl -X POST -d '{"service": "Market", "method": "Order", "input": {"equals": {"name": "Ann"}},
  "output": {"data": {"text": "a > b"}}}' localhost:4771/add > added.json
# curl -d '{"service": "Market", "method": "Order", "output": {"data": {}}}' localhost:4771/add
curl -sd'{"name": "Bob"}' localhost:8080/market.Market/Order
MOCK=mock:4771 && true
curl --silent -XPOST "http://$MOCK/api/stubs" -H 'Content-Type: application/json' -d @stubs.json
curl -sX POST "http://$MOCK/api/stubs?session=a" --data-binary @- <<EOF
[{"service": "Market", "method": "Order", "input": {"equals": {"name": "Bob"}}, "output": {"error": "no", "code": 5}},
 {"service": "Market", "method": "Watch", "output": {"stream": [{"number": 1}]}}]
EOF
"""


def test_what_a_script_posts_is_imported_with_its_places(tmp_path: Path) -> None:
    script = tmp_path / "setup.sh"
    script.write_text(SCRIPT)
    found = import_files("auto", [tmp_path], market())
    assert found.format.name == "gripmock"
    assert [(draft.keys["method"], draft.place.line) for draft in found.drafts] == [
        ("market.Market/Order", 2),
        ("market.Market/Order", 9),
        ("market.Market/Watch", 10),
    ]
    ann, bob, watch = (draft.keys for draft in found.drafts)
    assert (ann["request"], ann["response"]) == ({"name": "Ann"}, {"text": "a > b"})
    assert (bob["request"], bob["error"]) == ({"name": "Bob"}, {"code": "NOT_FOUND", "message": "no"})
    assert watch["responses"] == [{"number": 1}]


def test_a_script_that_posts_nothing_is_no_file_of_gripmock(tmp_path: Path) -> None:
    script = tmp_path / "setup.sh"
    script.write_text("curl localhost:4771/api/stubs\ncurl -d '{\"a\": 1}' localhost/other\nls | grep curl\n")
    assert import_files("gripmock", [script]).drafts == []


@pytest.mark.parametrize(
    ("line", "url", "data", "headers"),
    [
        ("curl -X POST -d '{}' http://a/b", "http://a/b", "{}", {}),
        ("curl -XPOST http://a/b -d '{}'", "http://a/b", "{}", {}),
        ("curl -sSkd '{}' http://a/b", "http://a/b", "{}", {}),
        ("curl --url http://a/b -d'{}'", "http://a/b", "{}", {}),
        ("curl http://a/b -H 'X-A: 1' --header x-b:2", "http://a/b", "", {"x-a": "1", "x-b": "2"}),
        ('curl -s http://a/b -d \'{"a": "| > ; &"}\' | jq .', "http://a/b", '{"a": "| > ; &"}', {}),
        ("curl http://a/b 2>/dev/null && rm -r c", "http://a/b", "", {}),
        ("X=1 curl http://a/b; echo done", "http://a/b", "", {}),
        ("curl --retry 3 -o out.json http://a/b", "http://a/b", "", {}),
    ],
)
def test_what_a_line_of_curl_sends(line: str, url: str, data: str, headers: dict[str, str]) -> None:
    (command,) = commands(line)
    request = curl_request(command.words[1:])
    assert (request.url, request.data, request.headers) == (url, data, headers)


def test_a_quote_that_never_ends_is_told() -> None:
    (command,) = commands("curl -d '{ http://a/b\nmore")
    assert (command.words, command.problem) == ([], "No closing quotation")
