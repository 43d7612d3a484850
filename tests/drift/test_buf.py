"""A second opinion by ``buf breaking``: merged with ours; and where the two differ, on purpose."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from drift_cases import CASES, ONE_WAY, TYPES, Case, case
from drift_versions import HEADS, compiled, differences
from google.protobuf import descriptor_pb2

from grpcmock.drift import buf, run
from grpcmock.drift.differences import Breaks
from grpcmock.errors import ConfigError
from grpcmock.schema import Registry

BUF = buf.find()
needs_buf = pytest.mark.skipif(BUF is None, reason="buf isn't installed (pip install buf-bin)")

ALL_CASES = [
    *(one for one in CASES if one.name != "message set"),  # buf can't read it
    *(
        case(
            f"{old} to {new}",
            f"message M {{ {old} a = 1; }} enum E {{ Z = 0; }}",
            f"message M {{ {new} a = 1; }} enum E {{ Z = 0; }}",
        )
        for old, new in (*TYPES, *ONE_WAY)
    ),
]

FINER = {
    "rules tightened", "rules added", "fewer values allowed",  # buf doesn't look at validation,
    "rules of a message added", "one of several fields must be set",
    "http rule changed", "http rule removed",  # nor at HTTP,
    "first value of a closed enum", "alias takes the lead",  # nor at what order means
}  # fmt: skip
"""Breaks that buf doesn't look for."""

STRICTER = {"idempotency promised more", "proto3 as an edition changes nothing"}
"""What buf calls breaking, though nobody is broken."""


def numbered(one: Case, number: int, side: int) -> Registry:
    """Compile a case as a file and a package of its own, so that buf can judge all of them at once."""
    text = HEADS.get(one.syntax[side], "") + (one.old, one.new)[side]
    for package in "pq":
        text = text.replace(f"package {package};", f"package {package}{number};")
    return compiled(text, "", f"p{number}.proto")


@needs_buf
def test_all_that_buf_finds_is_found_and_the_other_way_round() -> None:
    assert BUF is not None
    sides = []
    for side in (0, 1):
        files = {
            file.name: file for number, one in enumerate(ALL_CASES) for file in numbered(one, number, side).files.file
        }
        sides.append(Registry(descriptor_pb2.FileDescriptorSet(file=files.values())))
    opinion = buf.ask(BUF, sides[0], sides[1], differences(sides[0], sides[1]))
    alone = [(one.rule, one.element, one.message) for one in opinion.differences if one.rule.startswith("buf/")]
    assert alone == []
    assert opinion.added == 0
    assert opinion.agreed > len(ALL_CASES)

    names = {f"p{number}.proto": one.name for number, one in enumerate(ALL_CASES)}
    judged, broken = set(), set()
    for one in opinion.differences:
        place = one.old or one.new
        assert place is not None
        name = names.get(place.file, "")  # a type that comes along is in a file of its own
        judged |= {name} if one.buf else set()
        broken |= {name} if one.breaks else set()
    assert broken - judged == FINER
    assert judged - broken == STRICTER


@needs_buf
def test_buf_is_asked_where_it_is_installed(tmp_path: Path) -> None:
    for name, field in (("old", "a"), ("new", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.proto").write_text(f'syntax = "proto3"; package p; message M {{ int32 {field} = 1; }}')
    outcome = run.of_versions([tmp_path / "old"], [tmp_path / "new"])
    assert [one.buf for one in outcome.differences] == [("FIELD_SAME_JSON_NAME", "FIELD_SAME_NAME")]
    assert any("buf" in note and "2 of the same" in note for note in outcome.notes)
    assert run.of_versions([tmp_path / "old"], [tmp_path / "new"], with_="builtin").notes == ()


# --- With a stand-in, where buf needs not be installed ----------------------------------------------------------------

RULES = '{"id": "FIELD_SAME_TYPE", "categories": ["FILE", "PACKAGE"]}\n{"id": "ODD", "categories": ["WIRE"]}\n'


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called buf on the PATH that says what the file ``said`` beside it holds."""
    program = tmp_path / "bin" / "buf"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "if sys.argv[1] == '--version': print('9.9')\n"
        f"elif sys.argv[1] == 'config': print({RULES!r})\n"
        "elif (here / 'broken').exists(): sys.exit('no such category')\n"
        "else:\n"
        "    print((here / 'said').read_text())\n"
        "    sys.exit(100)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    for name, type_ in (("old", "int32"), ("new", "string")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.proto").write_text(f'syntax = "proto3"; package p; message M {{ {type_} a = 1; }}')
    return program.parent


def test_what_buf_alone_has_found_is_told_as_well(stand_in: Path) -> None:
    folder = stand_in.parent
    (stand_in / "said").write_text(
        '{"path": "p.proto", "start_line": 1, "start_column": 5, "type": "FIELD_SAME_TYPE", '
        '"message": "Field \\"1\\" with name \\"a\\" on message \\"M\\" changed type."}\n'
        '{"path": "p.proto", "start_line": 3, "start_column": 5, "type": "ODD", "message": "This is odd."}'
    )
    outcome = run.of_versions([folder / "old"], [folder / "new"], with_="buf")
    odd, ours = sorted(outcome.differences, key=lambda one: one.rule)
    assert (ours.rule, ours.buf) == ("type-changed", ("FIELD_SAME_TYPE",))
    assert (odd.rule, odd.breaks, odd.message) == ("buf/ODD", {Breaks.WIRE}, "This is odd.")
    assert str(odd.new) == "p.proto:3:5"
    assert outcome.notes == ("buf 9.9 was asked, too: it found 1 of the same, and 1 more.",)


def test_where_buf_fails_ours_still_counts_unless_it_was_asked_for(stand_in: Path) -> None:
    folder = stand_in.parent
    (stand_in / "broken").touch()
    outcome = run.of_versions([folder / "old"], [folder / "new"])
    assert [one.rule for one in outcome.differences] == ["type-changed"]
    assert "buf could not be asked: buf failed: no such category" in outcome.notes[0]
    with pytest.raises(ConfigError, match="no such category"):
        run.of_versions([folder / "old"], [folder / "new"], with_="buf")


def test_buf_is_missing(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stand_in / "buf").unlink()
    (stand_in / "python").symlink_to(sys.executable)
    monkeypatch.setattr("sys.executable", str(stand_in / "python"))
    folder = stand_in.parent
    assert run.of_versions([folder / "old"], [folder / "new"]).notes == ()
    with pytest.raises(ConfigError, match="pip install buf-bin"):
        run.of_versions([folder / "old"], [folder / "new"], with_="buf")
