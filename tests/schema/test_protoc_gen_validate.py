"""Rules of protoc-gen-validate hold as those of protovalidate do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from support import registry

from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.schema.annotations import AnnotationReader
from grpcmock.schema.rules import Judge
from grpcmock.synthesis import generate, violations

OLDER = registry("older_rules.proto")
ITEM = OLDER.message("older.Item")
GOOD: dict[str, Any] = {"part": {"code": "ABC"}, "tags": ["a"], "made": "2001-01-01T00:00:00Z", "text": "x"}


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        ({}, []),
        ({"name": "ab"}, [("name", "string.min_len")]),
        ({"part": {"code": "ab"}}, [("part.code", "string.pattern")]),
        ({"part": None}, [("part", "required")]),
        ({"tags": []}, [("tags", "repeated.min_items")]),
        ({"tags": ["abc"]}, [("tags", "string.max_len")]),
        ({"counts": {"a": 0}}, [("counts", "int32.gte"), ("counts", "string.min_len")]),
        ({"made": None}, [("made", "required")]),
        ({"made": "2999-01-01T00:00:00Z"}, [("made", "timestamp.lt_now")]),
        ({"text": None}, [("kind", "required")]),
        ({"text": None, "number": 0}, []),
        ({"text": None, "number": 6}, [("number", "int32.lte")]),
        ({"loose": {"code": "ab"}}, []),
        ({"mail": "nobody"}, [("mail", "string.email")]),
        ({"size": 101}, [("size", "int32.gte_lte")]),
        ({"parts": {"a": {}}}, [("parts.code", "string.pattern")]),
        ({"free": {"code": "a"}}, []),
    ],
)
def test_what_breaks_them(given: dict[str, Any], broken: list[tuple[str, str]]) -> None:
    message = ParseDict({key: value for key, value in (GOOD | given).items() if value is not None}, ITEM())
    found = [
        (".".join(element.field_name for element in violation.proto.field.elements), violation.proto.rule_id)
        for violation in Judge(OLDER).violations(message)
    ]
    assert sorted(found) == broken
    assert bool(violations(message, OLDER)) is bool(broken)


def test_what_is_made_keeps_them() -> None:
    assert not violations(generate(ITEM, OLDER, 1), OLDER)
    generator = Generators(OLDER).of(ITEM)
    for number in range(60):
        message = ITEM.FromString(generator.encode(RandomSource(number)))
        assert not generator.broken(message), message
    assert {violation.path for violation in generator.violations()} >= {"name", "part.code", "tags[]", "counts[]"}


def test_rules_that_are_off_are_none() -> None:
    read = AnnotationReader(OLDER)

    def rules(name: str) -> Mapping[str, Any]:
        found: Any = OLDER.pool.FindFieldByName(f"older.Item.{name}")
        return read.field(found).rules.values

    assert not rules("Free.code")
    assert not rules("loose")
    assert rules("name") == {"min_len": 3, "max_len": 9}
