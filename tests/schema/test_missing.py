"""An import that names no file is told once, with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from grpcmock.errors import CompileError, Location, SchemaError, SchemaWarning
from grpcmock.schema import sources


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files; each text is what it imports, and needs."""
    for name, imports in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        statements = "".join(f'import "{one}";\n' for one in imports.split())
        message = path.stem.replace("-", "_")
        needed = (re.findall(r"\w+", one)[-2] for one in imports.split())
        fields = " ".join(f"{one} f{number} = {number};" for number, one in enumerate(needed, start=1))
        path.write_text(f'syntax = "proto3";\n{statements}message {message} {{{fields}}}\n')


def told(given: list[Path], *imports: Path) -> list[str]:
    with pytest.raises(CompileError) as raised:
        sources.load(given, imports=imports)
    return [f"{problem.message} {problem.hint}" for problem in raised.value.problems]


KNOWN = "It is known from github.com/{}: add -I with the directory of a copy."
PLAIN = "Add -I with the directory that holds it."


@pytest.mark.parametrize(
    ("imported", "hint"),
    [
        ("acme/money.proto", PLAIN),
        ("validate/validate.proto", KNOWN.format("bufbuild/protoc-gen-validate")),
        ("udpa/annotations/status.proto", KNOWN.format("cncf/xds")),
        ("xds/core/v3/authority.proto", KNOWN.format("cncf/xds")),
        ("gogoproto/gogo.proto", KNOWN.format("cosmos/gogoproto")),
        ("cosmos_proto/cosmos.proto", KNOWN.format("cosmos/cosmos-proto, below proto")),
        ("protoc-gen-openapiv2/options/annotations.proto", KNOWN.format("grpc-ecosystem/grpc-gateway")),
        ("cel/expr/checked.proto", KNOWN.format("google/cel-spec, below proto")),
        ("google/pubsub/v1/pubsub.proto", KNOWN.format("googleapis/googleapis")),
        # What is near by its spelling.
        ("google/protobuf/Empty.proto", 'Did you mean "google/protobuf/empty.proto"?'),
        ("google/protobuf/timestmp.proto", 'Did you mean "google/protobuf/timestamp.proto"?'),
        ("app/shared/uuids.proto", 'Did you mean "app/shared/uuid.proto"?'),
        # What isn't a name at all.
        ("../nowhere/uuid.proto", "Imports are sought from the import roots: write the path from there, with slashes."),
        (
            "app\\\\\\\\nowhere.proto",
            "Imports are sought from the import roots: write the path from there, with slashes.",
        ),
    ],
)
def test_the_next_step_is_told(tmp_path: Path, imported: str, hint: str) -> None:
    write(tmp_path, {"tree/app/a.proto": imported, "tree/app/shared/uuid.proto": ""})
    [text] = told([tmp_path / "tree"])
    assert text.endswith(f"is not found. {hint}")


def test_a_file_that_stands_nearby_is_named_with_its_root(tmp_path: Path) -> None:
    write(tmp_path, {"proto/a.proto": "gogoproto/gogo.proto", "third_party/x/gogoproto/gogo.proto": ""})
    root = tmp_path / "third_party/x"
    [text] = told([tmp_path / "proto"])
    assert text == f'"gogoproto/gogo.proto" is not found. It stands below {root}: add -I {root}.'
    assert sources.load([tmp_path / "proto"], imports=[root])


def test_a_root_that_is_a_level_too_deep_is_named_as_it_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"protos/app/a.proto": "ext/price.proto", "lib/ext/price.proto": ""})
    monkeypatch.chdir(tmp_path)
    [text] = told([Path("protos")], Path("lib/ext"))
    assert text == '"ext/price.proto" is not found. It stands below lib: add -I lib.'


def test_a_clone_that_goes_by_another_name(tmp_path: Path) -> None:
    write(tmp_path, {"clone/api/rpc.proto": "etcd/api/kv.proto", "clone/api/kv.proto": ""})
    assert sources.load([tmp_path / "clone/api/rpc.proto"]).message_names() == ["kv", "rpc"]


def test_a_module_of_buf_is_built_by_buf(tmp_path: Path) -> None:
    write(tmp_path, {"module/app/a.proto": "acme/money.proto"})
    (tmp_path / "module/buf.yaml").write_text("version: v2\n")
    [text] = told([tmp_path / "module/app"])
    assert text.endswith(
        f"{tmp_path / 'module'} names what it needs: run buf build -o image.binpb there, and load that."
    )


def test_what_many_files_lack_is_told_once(tmp_path: Path) -> None:
    lacking = {f"app/f{number}.proto": f"udpa/s{number % 7}.proto validate/validate.proto" for number in range(300)}
    following = {f"zzz/g{number}.proto": f"app/f{number}.proto" for number in range(300)}
    write(tmp_path, {**lacking, **following, "good.proto": ""})
    with pytest.raises(CompileError) as raised:
        sources.load([tmp_path])
    assert [problem.message for problem in raised.value.problems] == [
        '"udpa/s0.proto" and 6 others of udpa/ are not found; 300 files import them.',
        '"validate/validate.proto" is not found; 300 files import it.',
    ]
    assert raised.value.problems[0].location == Location(str(tmp_path / "app/f0.proto"), 2, 1)
    assert raised.value.problems[1].location == Location(str(tmp_path / "app/f0.proto"), 3, 1)


def test_other_faults_are_told_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.proto": "no/such.proto"})
    (tmp_path / "b.proto").write_text("message {")
    with pytest.raises(CompileError) as raised:
        sources.load([tmp_path])
    assert [problem.location for problem in raised.value.problems] == [
        Location(str(tmp_path / "a.proto"), 2, 1),
        Location(str(tmp_path / "b.proto"), 1, 9),
    ]


OPTIONS = """
syntax = "proto3";
package acme;
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { string tag = 50001; repeated int32 levels = 50002; }
extend google.protobuf.MethodOptions { Audit audit = 50003; }
message Audit { bool on = 1; repeated string tags = 2; }
"""
USING = """
syntax = "proto3";
package app;
import "acme/options.proto";
import "google/api/annotations.proto";
service Notes {
  option deprecated = true;
  rpc Get(Note) returns (Note) {
    option (acme.audit) = { on: true, tags: ["a;b", "]"] };
    option (google.api.http) = { get: "/v1/notes/{id}" };
  }
}
message Note {
  string id = 1 [(acme.tag) = "x, y", deprecated = true, (acme.levels) = 3];
  string text = 2 [(acme.tag) = "//"]; // [(acme.tag) = "kept"]
}
"""


def test_what_only_options_need_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/notes.proto").write_text(USING)
    (tmp_path / "app/other.proto").write_text(
        'syntax = "proto3"; import "app/notes.proto"; message M { app.Note n = 1; }'
    )
    with pytest.warns(SchemaWarning) as warned:
        lacking = sources.read([tmp_path / "app"])
    place = f"{tmp_path / 'app/notes.proto'}:4:1"
    assert [str(one.message) for one in warned] == [
        f'{place}: "acme/options.proto" is not found. Add -I with the directory that holds it.',
        "Options are left out whose declarations are not found: (acme.*).",
    ]
    [notes] = [one for one in lacking.file if one.name == "app/notes.proto"]
    assert notes.dependency == ["google/api/annotations.proto"]
    first, second = notes.message_type[0].field
    assert first.options.deprecated
    assert not second.HasField("options")
    assert b"/v1/notes/{id}" in notes.service[0].method[0].options.SerializeToString()
    (tmp_path / "lib/acme").mkdir(parents=True)
    (tmp_path / "lib/acme/options.proto").write_text(OPTIONS)
    assert "acme.Audit" in sources.load([tmp_path / "app"], imports=[tmp_path / "lib"]).message_names()


def test_an_option_with_a_slip_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/options.proto").write_text(OPTIONS)
    (tmp_path / "a.proto").write_text(
        'syntax = "proto3"; import "acme/options.proto"; message M { int32 n = 1 [(acme.tga) = "x"]; }'
    )
    [text] = told([tmp_path])
    assert text.startswith('Option "(acme.tga)" unknown.')


def test_a_name_alone_leads_to_no_file_that_is_not_meant(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/options.proto").write_text(OPTIONS.replace("acme", "log"))
    (tmp_path / "a.proto").write_text(
        'syntax = "proto3"; import "log/options.proto"; import "options.proto"; package app;\n'
        'message M { int32 n = 1 [(log.tag) = "x", (rpc.timeout) = 1]; }'
    )
    (tmp_path / "b.proto").write_text('syntax = "proto3"; import "options.proto"; message N { log.Audit a = 1; }')
    with pytest.warns(SchemaWarning) as warned:
        assert {"app.M", "N", "log.Audit"} <= {*sources.load([tmp_path]).message_names()}
    assert [str(one.message) for one in warned] == [
        f'{tmp_path / "a.proto"}:1:48: "options.proto" is not found. Add -I with the directory that holds it.',
        "Options are left out whose declarations are not found: (rpc.*).",
    ]


def test_a_root_that_is_a_file_is_told_with_its_directory(tmp_path: Path) -> None:
    write(tmp_path, {"a.proto": "ext/price.proto", "roots/ext/price.proto": ""})
    with pytest.raises(SchemaError, match=r"ext/price\.proto: this is a file; -I takes .* such as -I .*/roots\.$"):
        sources.load([tmp_path / "a.proto"], imports=[tmp_path / "roots/ext/price.proto"])
