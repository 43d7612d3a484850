"""gRPC's own layer on HTTP/2: what is read, what is written, and what is refused."""

from __future__ import annotations

import doctest
import gzip
import zlib
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.protocols import framing
from grpcmock.protocols.framing import MessageReader
from grpcmock.protocols.interface import WireError
from grpcmock.status import Code


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(framing).failed == 0


@given(messages=st.lists(st.binary(max_size=40), max_size=6), cut=st.integers(1, 50))
@settings(max_examples=100)
def test_messages_come_out_whole_however_they_are_cut(messages: list[bytes], cut: int) -> None:
    data = b"".join(map(framing.framed, messages))
    reader = MessageReader()
    found = [message for at in range(0, len(data), cut) for message in reader.feed(data[at : at + cut])]
    assert found == messages
    assert not reader.is_within_message


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_messages_are_read(encoding: str, compress: object) -> None:
    packed = compress(b"x" * 1000)  # type: ignore[operator]
    frame = b"\1" + len(packed).to_bytes(4, "big") + packed
    plain = framing.framed(b"plain")
    assert list(MessageReader(encoding).feed(frame + plain)) == [b"x" * 1000, b"plain"]


def _compressed(data: bytes, size: int | None = None) -> bytes:
    return b"\1" + (len(data) if size is None else size).to_bytes(4, "big") + data


@pytest.mark.parametrize(
    ("encoding", "limit", "data", "code", "words"),
    [
        ("snappy", -1, b"", Code.UNIMPLEMENTED, "identity, deflate, gzip"),
        ("identity", -1, b"\2\0\0\0\0", Code.INTERNAL, "flag 2"),
        ("identity", 3, framing.framed(b"four"), Code.RESOURCE_EXHAUSTED, "(4 vs. 3)"),
        ("identity", 3, b"\0\xff\xff\xff\xff", Code.RESOURCE_EXHAUSTED, "4294967295"),
        ("identity", -1, _compressed(gzip.compress(b"x", mtime=0)), Code.INTERNAL, "names no compression"),
        ("gzip", -1, _compressed(b"nonsense"), Code.INTERNAL, "decompressed as gzip"),
        ("gzip", -1, _compressed(gzip.compress(b"x" * 99, mtime=0)[:-10]), Code.INTERNAL, "ends within"),
        ("gzip", 10_000, _compressed(gzip.compress(bytes(50_000_000), mtime=0)), Code.RESOURCE_EXHAUSTED, "10000"),
    ],
)
def test_what_breaks_the_rules_is_refused(encoding: str, limit: int, data: bytes, code: Code, words: str) -> None:
    with pytest.raises(WireError) as caught:
        list(MessageReader(encoding, limit).feed(data))
    assert caught.value.code is code
    assert words in caught.value.message


@pytest.mark.parametrize("message", [b"", b"x", b"four", bytes(1000)])
def test_a_truncated_message_announces_more_than_there_is(message: bytes) -> None:
    head = framing.truncated(message)
    assert framing.framed(message).startswith(head)
    assert 0 < len(head) < len(framing.framed(message))


@pytest.mark.parametrize(
    ("text", "seconds"), [("1H", 3600), ("2M", 120), ("99999999S", 99999999), ("5m", 0.005), ("5u", 5e-6), ("0n", 0)]
)
def test_timeouts_are_read(text: str, seconds: float) -> None:
    assert framing.parse_timeout(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "S", "1s", "-1S", "123456789S", "1.5S", "٣S"])
def test_timeouts_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(WireError, match="grpc-timeout"):
        framing.parse_timeout(text)


@given(text=st.text(max_size=50))
@settings(max_examples=100)
def test_status_messages_survive(text: str) -> None:
    encoded = framing.percent_encoded(text)
    assert all(0x20 <= ord(char) <= 0x7E for char in encoded)
    assert unquote(encoded) == text.encode("utf-8", "replace").decode()


def test_only_metadata_is_metadata() -> None:
    headers = [
        (":path", "/a/b"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-timeout", "1S"),
        ("user-agent", "me"),
        ("x-bytes-bin", "AAE, Ag=="),
        ("x-empty-bin", ""),
    ]
    assert framing.metadata_of(headers) == (
        ("user-agent", "me"),
        ("x-bytes-bin", b"\0\1"),
        ("x-bytes-bin", b"\2"),
        ("x-empty-bin", b""),
    )
    with pytest.raises(WireError, match="x-bin"):
        framing.metadata_of([("x-bin", "%")])


def test_metadata_become_headers() -> None:
    assert framing.headers_of((("X-Text", "a\r\nb"), ("x-bin", b"\0\1"))) == [("x-text", "a b"), ("x-bin", "AAE")]
