"""The files behind an editor: each is read again when it changed, and only then."""

from __future__ import annotations

import os
from pathlib import Path

from grpcmock.language_server.files import StubFiles


def _write(path: Path, text: str, version: int) -> str:
    path.write_text(text)
    os.utime(path, ns=(version, version))  # a clock may be too coarse for two writes of a test
    return path.resolve().as_uri()


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    one = _write(tmp_path / "one.yaml", "- name: one\n", 1)
    two = _write(tmp_path / "two.yml", "- name: two\n", 1)
    (tmp_path / "rows.json").write_text("[]")
    files = StubFiles([tmp_path])
    assert files.current({}) == {}

    files.look()
    before = files.current({})
    assert set(before) == {one, two}

    _write(tmp_path / "two.yml", "- name: too\n", 2)
    three = _write(tmp_path / "three.yaml", "- name: three\n", 2)
    files.look()
    after = files.current({})
    assert after[one] is before[one]
    assert [entry.text for entry in after[two].outline.entries] == ["too"]
    assert three in after

    (tmp_path / "one.yaml").unlink()
    files.look()
    assert set(files.current({})) == {two, three}


def test_what_is_edited_goes_before_what_is_on_the_disk(tmp_path: Path) -> None:
    one = _write(tmp_path / "one.yaml", "- name: one\n", 1)
    new = (tmp_path / "new.yaml").as_uri()
    files = StubFiles([tmp_path])
    files.look()
    on_disk = files.current({})[one]

    edited = files.current({one: "- name: other\n", new: "- name: new\n"})
    assert [file.text for file in edited.values()] == ["- name: other\n", "- name: new\n"]
    assert files.current({one: "- name: other\n"})[one] is edited[one]
    assert files.current({})[one] is on_disk


def test_what_cannot_be_read_as_stubs_has_none(tmp_path: Path) -> None:
    one = _write(tmp_path / "one.yaml", "- method: [\n", 1)
    files = StubFiles([tmp_path])
    files.look()
    assert list(files.current({})[one].stubs) == []
