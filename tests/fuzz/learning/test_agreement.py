# mypy: disable-error-code="attr-defined"
"""Sizes, digests and places in a request, made true."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.learning.agreement import agreed
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package archive;
message Piece { oneof part { Head head = 1; bytes chunk = 2; Place place = 3; } }
message Head {
  string title = 1;
  int64 total_bytes = 2;
  string sha256 = 3;
  // MD5, in Base64.
  string digest = 4;
  uint32 crc32 = 5;
  bytes sha1 = 6;
  int32 chunk_count = 7;
  string checksum = 8;
  int32 page_size = 9;
}
message Place { int64 offset = 1; bytes data = 2; bool last = 3; }
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("archive") / "archive.proto"
    file.write_text(PROTO)
    return sources.load([file])


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_what_a_head_says_of_the_chunks_is_true(archive: Registry, chunks: list[bytes]) -> None:
    piece: Any = archive.message("archive.Piece")
    first = piece(head={"title": "a", "sha256": "abc", "checksum": "abc", "page_size": 7})
    head, *rest = agreed([first, *(piece(chunk=chunk) for chunk in chunks)], field_comments(archive))
    whole, told = b"".join(chunks), head.head
    assert [one.chunk for one in rest] == chunks
    assert (told.title, told.total_bytes, told.chunk_count) == ("a", len(whole), len(chunks))
    assert told.sha256 == hashlib.sha256(whole).hexdigest()
    assert told.digest == base64.b64encode(hashlib.md5(whole).digest()).decode()
    assert told.sha1 == hashlib.sha1(whole).digest()
    assert told.crc32 == zlib.crc32(whole)
    assert not told.checksum  # of what kind it is nobody says
    assert told.page_size == 7
    assert first.head.sha256 == "abc"


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=2, max_size=5))
def test_parts_tell_where_they_begin_and_which_is_the_last(archive: Registry, parts: list[bytes]) -> None:
    piece: Any = archive.message("archive.Piece")
    made = agreed([piece(place={"data": part}) for part in parts], {})
    assert [one.place.offset for one in made] == [sum(map(len, parts[:number])) for number in range(len(parts))]
    assert [one.place.last for one in made] == [False] * (len(parts) - 1) + [True]
