"""What the user names is loaded, whatever its import roots; what can't be loaded is told, all of it, with its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from support import ROOT

from grpcmock.errors import CompileError, SchemaError
from grpcmock.schema import sources
from grpcmock.schema.sources import Imports

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a proto3 file below the test's directory; give its path."""

    def write(path: str, *body: str, package: str = "") -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        declared = f"package {package};" if package else ""
        file.write_text(f'syntax = "proto3"; {declared}\n' + "\n".join(body))
        return file

    return write


def names(files: FileDescriptorSet) -> list[str]:
    return [file.name for file in files.file if not file.name.startswith(("google/", "buf/"))]


# --- what is loaded ---------------------------------------------------------------------------------------------------


def test_a_directory_is_the_import_root_of_all_below_it(write: Write, tmp_path: Path) -> None:
    write("app/a.proto", 'import "app/deep/b.proto";', "message A { B b = 1; }", package="app")
    write("app/deep/b.proto", "message B {}", package="app")
    write(".hidden/c.proto", "nonsense")
    write("node_modules/c.proto", "nonsense")
    assert sorted(names(sources.read([tmp_path]))) == ["app/a.proto", "app/deep/b.proto"]


@pytest.mark.parametrize(
    "given",
    [
        ["protos/app/a.proto"],
        ["protos/app/b.proto", "protos/app/a.proto"],
        ["protos/app"],
        ["protos"],
        ["protos", "protos/app/a.proto"],
    ],
)
def test_the_import_root_of_a_file_is_the_ancestor_that_its_imports_agree_with(
    write: Write, tmp_path: Path, given: list[str]
) -> None:
    write("protos/app/a.proto", 'import "app/b.proto";', "message A { B b = 1; }", package="app")
    write("protos/app/b.proto", "message B {}", package="app")
    registry = sources.load([tmp_path / path for path in given])
    assert registry.message_names() == ["app.B", "app.A"]
    assert "app/b.proto" in names(registry.files)


def test_a_file_is_named_by_its_package_if_its_folders_are(write: Write) -> None:
    assert names(sources.read([write("x/one/two/a.proto", "message A {}", package="one.two")])) == ["one/two/a.proto"]
    assert names(sources.read([write("y/a.proto", "message A {}", package="other")])) == ["a.proto"]


def test_import_roots_can_be_named(write: Write, tmp_path: Path) -> None:
    file = write("a/a.proto", 'import "lib/b.proto";', "message A { lib.B b = 1; }", package="a")
    write("elsewhere/lib/b.proto", "message B {}", package="lib")
    with pytest.raises(CompileError, match=r'"lib/b.proto" is not found. It stands below .*/elsewhere: add -I '):
        sources.load([file])
    assert names(sources.read([file], imports=[tmp_path / "elsewhere"])) == ["lib/b.proto", "a/a.proto"]


def test_a_root_inside_the_directory_is_found(write: Write, tmp_path: Path) -> None:
    write("a.proto", 'import "lib/b.proto";', "message A { lib.B b = 1; }", package="a")
    write("third_party/stuff/lib/b.proto", 'import "lib/c.proto";', "message B { C c = 1; }", package="lib")
    write("third_party/stuff/lib/c.proto", "message C {}", package="lib")
    assert sorted(names(sources.read([tmp_path]))) == ["a.proto", "lib/b.proto", "lib/c.proto"]


def test_siblings_import_each_other_by_their_bare_names(write: Write, tmp_path: Path) -> None:
    write("deep/er/a.proto", 'import "b.proto";', "message A { B b = 1; }")
    write("deep/er/b.proto", "message B {}")
    assert sources.load([tmp_path]).message_names() == ["B", "A"]


def test_two_directories_may_have_files_of_one_name(write: Write, tmp_path: Path) -> None:
    write("one/user.proto", "message User {}", package="one")
    write("two/user.proto", "message User {}", package="two")
    registry = sources.load([tmp_path / "one", tmp_path / "two"])
    assert sorted(registry.message_names()) == ["one.User", "two.User"]


def test_copies_of_one_file_below_two_roots_are_one(write: Write, tmp_path: Path) -> None:
    for root in ("one", "two"):
        write(f"{root}/common.proto", "message Common {}", package="common")
        write(f"{root}/{root}.proto", 'import "common.proto";', "message M { common.Common c = 1; }", package=root)
    registry = sources.load([tmp_path / "one", tmp_path / "two"])
    assert sorted(registry.message_names()) == ["common.Common", "one.M", "two.M"]


def test_one_file_may_import_two_copies_of_another(write: Write, tmp_path: Path) -> None:
    for folder in ("app", "vendor"):
        write(f"{folder}/x.proto", "message X {}", package="x")
    write("a.proto", 'import "app/x.proto"; import "vendor/x.proto";', "message A { x.X x = 1; }")
    assert sources.load([tmp_path]).message_names() == ["x.X", "A"]


IMPORTS = [
    ("google/protobuf/timestamp.proto", "google.protobuf.Timestamp"),
    ("google/protobuf/descriptor.proto", "google.protobuf.FileOptions"),
    ("google/rpc/error_details.proto", "google.rpc.ErrorInfo"),
    ("google/type/money.proto", "google.type.Money"),
    ("google/api/httpbody.proto", "google.api.HttpBody"),
    ("google/longrunning/operations.proto", "google.longrunning.Operation"),
    ("buf/validate/validate.proto", "buf.validate.FieldRules"),
]


@pytest.mark.parametrize(("imported", "message"), IMPORTS)
def test_common_imports_need_not_be_supplied(write: Write, imported: str, message: str) -> None:
    file = write("a.proto", f'import "{imported}";', f"message A {{ {message} x = 1; }}")
    assert sources.load([file]).message("A").DESCRIPTOR.fields_by_name["x"].message_type.full_name == message  # type: ignore[union-attr]


def test_their_options_are_kept(write: Write) -> None:
    file = write(
        "a.proto",
        'import "google/api/annotations.proto"; import "buf/validate/validate.proto";',
        "message A { string s = 1 [(buf.validate.field).string.min_len = 7]; }",
        'service S { rpc Get(A) returns (A) { option (google.api.http) = { get: "/x" }; } }',
        package="app",
    )
    registry = sources.load([file])
    assert registry.method("app.S/Get").descriptor.GetOptions().SerializeToString()
    assert registry.message("app.A").DESCRIPTOR.fields[0].GetOptions().SerializeToString()


def test_well_known_files_may_be_there_in_several_copies(write: Write, tmp_path: Path) -> None:
    for root in ("one", "two"):
        write(
            f"{root}/vendor/google/api/http.proto",
            "message Http {} message HttpRule { string get = 2; }",
            f"message Of{root} {{}}",
            package="google.api",
        )
        write(
            f"{root}/{root}.proto",
            'import "google/api/http.proto";',
            "message M { google.api.Http h = 1; }",
            package=root,
        )
    found = sources.load([tmp_path / "one", tmp_path / "two"]).message_names()
    assert {"one.M", "two.M", "google.api.Http"} <= set(found)


def test_what_comes_along_is_not_listed_for_being_there(write: Write) -> None:
    assert [file.name for file in sources.read([write("a.proto", "message A {}")]).file] == ["a.proto"]


def test_comments_are_kept(write: Write) -> None:
    [file] = sources.read([write("a.proto", "// Says hello.", "message A {}")]).file
    assert " Says hello.\n" in [location.leading_comments for location in file.source_code_info.location]


def test_paths_may_hold_what_protoc_takes_for_syntax(write: Write, tmp_path: Path) -> None:
    write("a=b/@c:d/x=y:z.proto", 'import "@c:d/-w.proto";', "message A { B b = 1; }")
    write("a=b/@c:d/-w.proto", "message B {}")
    for given in (["a=b"], ["a=b/@c:d/x=y:z.proto"], ["."]):
        assert sources.load([tmp_path / path for path in given]).message_names() == ["B", "A"]
    broken = write("e=f/@c:d/broken.proto", "message {")
    for path in (broken, tmp_path / "e=f"):
        with pytest.raises(CompileError) as raised:
            sources.load([path])
        assert str(raised.value).startswith(f"{broken}:2:9: ")


def test_links_that_lead_in_circles_end(write: Write, tmp_path: Path) -> None:
    write("a.proto", "message A {}")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert sources.load([tmp_path]).message_names() == ["A"]


def test_the_project_files_load() -> None:
    registry = sources.load([ROOT / "protos"])
    assert "/user.UserService/GetUser" in registry.methods


# --- descriptor sets --------------------------------------------------------------------------------------------------


def write_set(path: Path, *files: Any) -> Path:
    path.write_bytes(FileDescriptorSet(file=files).SerializeToString())
    return path


@pytest.mark.parametrize("suffix", [".binpb", ".pb", ".protoset", ".desc", ".fds"])
def test_descriptor_sets_are_loaded(write: Write, tmp_path: Path, suffix: str) -> None:
    files = sources.read([write("a.proto", "message A {}")])
    path = write_set(tmp_path / f"all{suffix}", *files.file)
    assert sources.read([path]) == files


def test_a_directory_without_protos_may_hold_descriptor_sets(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write_set(tmp_path / "sub" / "a.binpb", {"name": "a.proto", "message_type": [{"name": "A"}]})
    assert sources.load([tmp_path]).message_names() == ["A"]


def test_a_proto_may_import_from_a_descriptor_set(write: Write, tmp_path: Path) -> None:
    compiled = write_set(
        tmp_path / "b.binpb", {"name": "lib/b.proto", "package": "lib", "message_type": [{"name": "B"}]}
    )
    file = write("a.proto", 'import "lib/b.proto";', "message A { lib.B b = 1; }")
    assert sources.load([compiled, file]).message_names() == ["lib.B", "A"]


def test_a_set_may_lack_what_comes_along(tmp_path: Path) -> None:
    dependencies = ["google/protobuf/timestamp.proto", "google/api/annotations.proto", "buf/validate/validate.proto"]
    compiled = write_set(tmp_path / "a.binpb", {"name": "a.proto", "dependency": dependencies})
    assert "buf.validate.FieldRules" in sources.load([compiled]).message_names()


def test_a_set_that_lacks_an_import_is_told(tmp_path: Path) -> None:
    compiled = write_set(tmp_path / "a.binpb", {"name": "a.proto", "dependency": ["b.proto"]})
    with pytest.raises(SchemaError, match=r"a.proto imports 'b.proto', which is in none of the descriptors given"):
        sources.load([compiled])


def test_the_same_file_in_two_sets_is_one_unless_it_differs(tmp_path: Path) -> None:
    file = {"name": "a.proto", "message_type": [{"name": "A"}]}
    one = write_set(tmp_path / "one.pb", {**file, "source_code_info": {"location": [{"leading_comments": "x"}]}})
    two = write_set(tmp_path / "two.pb", file)
    assert sources.load([one, two]).message_names() == ["A"]
    other = write_set(tmp_path / "other.pb", {**file, "dependency": ["google/protobuf/any.proto"]})
    told = r"other.pb: a.proto is there twice, and its two versions differ: both define A\. Load only one of them"
    with pytest.raises(SchemaError, match=told):
        sources.load([one, other])


def test_of_a_well_known_file_the_newer_version_is_kept(tmp_path: Path) -> None:
    older = {"name": "google/api/http.proto", "package": "google.api", "message_type": [{"name": "Http"}]}
    newer = {**older, "message_type": [{"name": "Http"}, {"name": "HttpRule"}]}
    paths = [write_set(tmp_path / f"{number}.pb", file) for number, file in enumerate([older, newer, older])]
    assert sources.load(paths).message_names() == ["google.api.Http", "google.api.HttpRule"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (b"\xff\xff", "not a descriptor set"),
        (b"\x0a\x00", "not a descriptor set"),
        (b"hello world", "not a"),
    ],
)
def test_what_is_no_descriptor_set_is_refused(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "a.pb"
    path.write_bytes(data)
    with pytest.raises(SchemaError, match=text) as raised:
        sources.load([path])
    assert str(path) in str(raised.value)
    assert "--descriptor_set_out" in str(raised.value)


# --- what can't be loaded ---------------------------------------------------------------------------------------------


def test_all_paths_that_cannot_be_used_are_told(write: Write, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SchemaError) as raised:
        sources.load([tmp_path / "gone", tmp_path / "empty", tmp_path / "notes.txt"], imports=[tmp_path / "nowhere"])
    kinds = "Name a .proto file, a directory of them, or a descriptor set."
    remedy = "Make one with protoc --include_imports --descriptor_set_out, or with buf build."
    assert str(raised.value).splitlines() == [
        f"{tmp_path}/nowhere: there is no such directory to import from.",
        f"{tmp_path}/gone: there is no such file or directory.",
        f"{tmp_path}/empty: the directory holds no .proto file.",
        f"{tmp_path}/notes.txt: this is not a descriptor set. {kinds} {remedy}",
    ]
    with pytest.raises(SchemaError, match=r"no .proto file, directory or descriptor set is named"):
        sources.load([])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_are_told(write: Write) -> None:
    file = write("a.proto", "message A {}")
    file.chmod(0)
    with pytest.raises(SchemaError, match="permission denied"):
        sources.load([file])


def test_a_name_declared_twice_is_told_once_for_each_pair_of_files(write: Write, tmp_path: Path) -> None:
    body = [f"message M{number} {{}}" for number in range(30)]
    one = write("app/a.proto", *body, package="app")
    two = write("old/a.proto", *body, "message Old { Wrong w = 1; }", package="app")
    write("user.proto", 'import "app/a.proto";', "message User { app.M1 m = 1; }")
    with pytest.raises(CompileError) as raised:
        sources.load([tmp_path])
    remedy = f"Load only one of the two files: --exclude-path {two}."
    assert str(raised.value) == f"{two}:2:9: app.M0 and 29 more are defined in {one}, too. {remedy}"
    assert len(sources.load([tmp_path], imports=Imports(exclude=[str(two)])).message_names()) == 31


# --- trees that don't know of each other ------------------------------------------------------------------------------


def write_two_trees(write: Write) -> None:
    for root in ("one", "two"):
        write(f"{root}/common.proto", f"message Common {{ string of_{root} = 1; }}", package=root)
        write(
            f"{root}/service.proto",
            'import "common.proto";',
            "service S { rpc Get(Common) returns (Common); }",
            package=root,
        )


@pytest.mark.parametrize("given", [["one", "two"], ["."], ["one/service.proto", "two/service.proto"]])
def test_trees_with_files_of_one_name_load_together(write: Write, tmp_path: Path, given: list[str]) -> None:
    write_two_trees(write)
    registry = sources.load([tmp_path / path for path in given])
    assert {method.path: str(method.descriptor.input_type.full_name) for method in registry.methods.values()} == {
        "/one.S/Get": "one.Common",
        "/two.S/Get": "two.Common",
    }
    known = set(names(registry.files))
    assert len(known) == 4
    assert all(imported in known for file in registry.files.file for imported in file.dependency)


def test_a_tree_and_a_descriptor_set_with_files_of_one_name_load_together(write: Write, tmp_path: Path) -> None:
    write_two_trees(write)
    files = sources.read([tmp_path / "one"]).file
    compiled = write_set(tmp_path / "api.binpb", *files)
    for given in ([compiled, tmp_path / "two"], [tmp_path / "two", compiled]):
        found = sources.load(given)
        assert set(found.services) == {"one.S", "two.S"}
        assert sorted(names(found.files)) == [
            "common.proto",
            "protos/common.proto",
            "protos/service.proto",
            "service.proto",
        ]


def test_two_descriptor_sets_with_files_of_one_name_load_together(write: Write, tmp_path: Path) -> None:
    write_two_trees(write)
    sets = [write_set(tmp_path / f"{root}.pb", *sources.read([tmp_path / root]).file) for root in ("one", "two")]
    found = sources.load(sets)
    assert set(found.services) == {"one.S", "two.S"}
    assert sorted(names(found.files)) == ["common.proto", "service.proto", "two/common.proto", "two/service.proto"]


# --- copies of what comes along ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["google/pubsub/v1/pubsub.proto", "google/pubsub/v1", "google/pubsub", "."])
def test_a_part_of_a_tree_that_has_its_own_google_protos(write: Write, tmp_path: Path, given: str) -> None:
    write("google/api/annotations.proto", "message Own {}", package="google.api")
    annotations = 'import "google/api/annotations.proto";'
    write("google/pubsub/v1/schema.proto", annotations, "message Schema {}", package="google.pubsub.v1")
    write(
        "google/pubsub/v1/pubsub.proto",
        annotations,
        'import "google/pubsub/v1/schema.proto";',
        "message Topic { Schema schema = 1; google.api.Own own = 2; }",
        package="google.pubsub.v1",
    )
    assert "google.pubsub.v1.Topic" in sources.load([tmp_path / given]).message_names()


def test_a_file_beside_a_tree_with_its_own_google_protos(write: Write, tmp_path: Path) -> None:
    write("tree/google/api/http.proto", "message Http {} message HttpRule {} message Own {}", package="google.api")
    write("tree/app/a.proto", 'import "google/api/http.proto";', "message A { google.api.Own o = 1; }", package="app")
    alone = write("alone.proto", 'import "google/api/http.proto";', "message B { google.api.Http h = 1; }")
    for given in ([alone, tmp_path / "tree"], [tmp_path / "tree", alone], [alone, tmp_path / "tree/app/a.proto"]):
        assert {"app.A", "B", "google.api.Own"} <= set(sources.load(given).message_names())


# --- imports as they are found in the wild ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("imported", "given"),
    [
        ("../shared/uuid.proto", "."),
        ("../shared/uuid.proto", "app/a.proto"),
        ("./../shared/uuid.proto", "."),
        ("..\\shared\\uuid.proto", "."),
        ("shared\\uuid.proto", "."),
        ("shared\\\\uuid.proto", "app"),
        ("./shared/uuid.proto", "."),
        ("github.com/me/clone/shared/uuid.proto", "."),
    ],
)
def test_imports_that_other_loaders_take(write: Write, tmp_path: Path, imported: str, given: str) -> None:
    write("shared/uuid.proto", "message Uuid {}", package="shared")
    write("shared/user.proto", 'import "shared/uuid.proto";', "message User { Uuid id = 1; }", package="shared")
    write("app/a.proto", f'import "{imported}"; // here', "message A { shared.Uuid id = 1; }", package="app")
    assert "app.A" in sources.load([tmp_path / given]).message_names()
    again = sources.load([tmp_path / given, tmp_path / "shared"])
    assert {"app.A", "shared.User"} <= set(again.message_names())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_encodings_that_begin_with_their_mark(tmp_path: Path, encoding: str) -> None:
    lines = [
        "// Gr\u00fc\u00dfe.",
        'syntax = "proto3";',
        'import "google/protobuf/any.proto";',
        "message A { google.protobuf.Any a = 1; }",
    ]
    text = "\r\n".join(lines)
    path = tmp_path / "a.proto"
    path.write_text(text, encoding, newline="")
    assert sources.load([path]).message_names()[-1] == "A"
    path.write_text(text.replace("Any a", "Any.No a"), encoding, newline="")
    with pytest.raises(CompileError, match=r'a.proto:4:13: "google.protobuf.Any.No" is not defined'):
        sources.load([path])


def test_options_that_protoc_no_longer_knows_are_let_pass(write: Write, tmp_path: Path) -> None:
    write("a.proto", "option php_generic_services = true; message A { No b = 1; }")
    with pytest.raises(CompileError, match=r'a.proto:\d+:\d+: "No" is not defined'):
        sources.load([tmp_path])
    write("a.proto", "option javanano_use_deprecated_package = true;", "message A {}")
    assert sources.load([tmp_path]).message_names() == ["A"]


def test_a_file_may_be_named_as_its_importers_name_it(write: Write, tmp_path: Path) -> None:
    write("protos/wallet/service.proto", "message A {}", package="wallet")
    root = tmp_path / "protos"
    for given in ("wallet/service.proto", "wallet"):
        assert sources.load([given], imports=[root]).message_names() == ["wallet.A"]
        assert sources.watched([given], imports=[root])[0] == root / given


# --- what is watched --------------------------------------------------------------------------------------------------


def test_what_is_watched_are_the_paths_and_what_they_import(write: Write, tmp_path: Path) -> None:
    file = write("one/a.proto", 'import "google/protobuf/any.proto"; import "one/b.proto";', package="one")
    imported = write("one/b.proto")
    assert sources.watched([file]) == [file, imported]
    assert sources.watched([tmp_path]) == [tmp_path]
    assert sources.watched([tmp_path / "gone"]) == [tmp_path / "gone"]


def test_a_broken_file_is_watched_still(write: Write) -> None:
    file = write("a.proto", 'message { import "x"')
    assert sources.watched([file]) == [file]


def test_descriptors_given_are_those_that_are_used(write: Write) -> None:
    files = sources.read([write("a.proto", "message A { repeated int32 x = 1; }")])
    assert files.file[0].message_type[0].field[0].label == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
