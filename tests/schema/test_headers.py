"""The head of a proto is read as protoc reads it, in any encoding, and imports are respelled in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.schema import headers
from grpcmock.schema.headers import Header

TEXT = """\
// import "commented.proto";
syntax = "proto3"; /* package commented; */
package a.b;
import public 'one.proto'; import weak "two.proto";
option java_package = "import \\"string.proto\\";";
message M { string package = 1; }
  import "three.proto";
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.proto"
    path.write_text(TEXT)
    return path


def test_what_is_read(file: Path) -> None:
    header = headers.read(file)
    assert header.package == "a.b"
    assert [(one.name, one.line, one.column) for one in header.imports] == [
        ("one.proto", 4, 1),
        ("two.proto", 4, 28),
        ("three.proto", 7, 3),
    ]
    assert not header.for_another_protoc


def test_imports_are_respelled_and_all_else_stays(file: Path) -> None:
    names = {"one.proto": "a/long/name.proto", "three.proto": "3.proto"}
    text = headers.rewritten(file, names).decode()
    assert text == TEXT.replace("one.proto", "a/long/name.proto").replace("three.proto", "3.proto")


def test_what_would_be_imported_twice_is_imported_once(file: Path) -> None:
    text = headers.rewritten(file, {"two.proto": "one.proto", "three.proto": "3.proto"}).decode()
    assert len(text) == len(TEXT) - len("three") + len("3")
    file.write_text(text)
    assert [one.name for one in headers.read(file).imports] == ["one.proto", "3.proto"]


def test_bytes_that_are_no_text_stay(file: Path) -> None:
    file.write_bytes(b'// \xff\xfe\nimport "one.proto";')
    assert headers.rewritten(file, {"one.proto": "1.proto"}) == b'// \xff\xfe\nimport "1.proto";'


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings(file: Path, encoding: str) -> None:
    mark = "" if encoding in ("utf-16", "utf-32") else "\ufeff"
    before = headers.read(file)
    file.write_bytes(f"{mark}{TEXT}".encode(encoding))
    header = headers.read(file)
    assert header.for_another_protoc
    assert (header.package, [one.name for one in header.imports]) == ("a.b", [one.name for one in before.imports])
    assert headers.rewritten(file, {}).decode().removeprefix("\ufeff") == TEXT


def test_copies_are_known_and_a_file_that_has_gone_is_none(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.proto"
    copy.write_text(TEXT)
    assert headers.read(copy).digest == headers.read(file).digest
    copy.write_text(f"{TEXT} ")
    assert headers.read(copy).digest != headers.read(file).digest
    assert headers.read(tmp_path / "gone.proto") == Header()
