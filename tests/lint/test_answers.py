"""Lint of what stubs send: responses that break the rules of their protos, words where base64 is read."""

from __future__ import annotations

import pytest

from grpcmock.engine.compile import compile_stubs
from grpcmock.errors import Problems
from grpcmock.lint.answers import lint_answers
from grpcmock.responses.faults import AIO_FAULTS
from grpcmock.schema import Registry, sources
from grpcmock.stubs import loader

PROTO = """
syntax = "proto3"; package shop;
import "buf/validate/validate.proto";
message Order {
  string sku = 1 [(buf.validate.field).string.min_len = 3];
  int32 count = 2 [(buf.validate.field).int32.gt = 0];
  bytes data = 3;
  repeated bytes parts = 4;
  map<string, bytes> named = 5;
  repeated Order more = 6;
}
service Shop { rpc Place(Order) returns (Order); }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("protos") / "shop.proto"
    path.write_text(PROTO)
    return sources.load([path])


def linted(shop: Registry, answer: str) -> list[str]:
    problems = Problems()
    text = f"- {{name: a, method: shop.Shop/Place, {answer}}}"
    entries = compile_stubs(loader.load_text(text, "s.yaml", problems), shop, problems, faults=AIO_FAULTS)
    assert not problems.errors
    return [str(problem) for entry in entries for problem in lint_answers(entry, shop)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("response: {sku: pen, count: 1}", []),
        ("response: {sku: a, count: 1}", ["breaks a rule of its proto: sku: must be at least 3 characters"]),
        ("response: {sku: '{{ request.sku }}', count: 1}", []),
        ("error: {code: 5}", []),
        (
            "response: {sku: pen, count: 1, data: test}",
            ["response.data: 'test' is read as base64, which gives b'\\xb5"],
        ),
        ("response: {sku: pen, count: 1, data: Test}", ["'Test' is read as base64"]),
        ("response: {sku: pen, count: 1, data: dGVzdA==}", []),
        ("response: {sku: pen, count: 1, data: {$text: test}}", []),
        ("response: {sku: pen, count: 1, parts: [abcd, YQ==, word]}", ["response.parts: 'abcd'", "'word'"]),
        ("response: {sku: pen, count: 1, named: {a: word}}", ["response.named: 'word'"]),
        ("response: {sku: pen, count: 1, more: [{sku: pen, count: 1, data: word}]}", ["response.more.data: 'word'"]),
    ],
)
def test_answers_that_can_not_be_meant_are_warned_of(shop: Registry, answer: str, said: list[str]) -> None:
    found = linted(shop, answer)
    assert len(found) == len(said)
    assert all(part in text for part, text in zip(said, found, strict=True))
