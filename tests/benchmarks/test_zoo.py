"""The zoo on what is in the environment anyway; how it reads descriptors, and what its table says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from benchmarks.zoo.environment import Environment
from benchmarks.zoo.generated_code import descriptors
from benchmarks.zoo.outcome import Outcome, Verdict, Visit
from benchmarks.zoo.packages import PACKAGES, Package, package
from benchmarks.zoo.programs import ProgramError, run, server
from benchmarks.zoo.specimen import Collector, Specimen
from benchmarks.zoo.steps import STEPS, Limits, visit
from benchmarks.zoo.table import markdown

FILE = FileDescriptorProto(name="a/b.proto", package="a")
FILE.message_type.add(name="M")
BYTES = FILE.SerializeToString()


@pytest.mark.parametrize("name", ["googleapis-common-protos"])
def test_every_step_passes_on_what_is_in_the_environment(name: str, tmp_path: Path) -> None:
    specimen = Collector(Environment.current()).collect(package(name), tmp_path / "specimen")
    made = visit(specimen, tmp_path, Limits(fuzz_seconds=1, fuzzed=1, recorded=4))
    assert not made.failed, markdown([made])
    assert list(made.outcomes) == list(STEPS)
    assert made.methods > 0


@pytest.mark.parametrize(
    "source",
    [
        f"DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile({BYTES!r})",
        f"DESCRIPTOR = _descriptor.FileDescriptor(name='a/b.proto', serialized_pb={BYTES!r})",
        f"DESCRIPTOR = _descriptor.FileDescriptor(serialized_pb=_b({BYTES.decode('latin-1')!r}))",
    ],
    ids=["today", "before 2022", "for Python 2, too"],
)
def test_descriptors_are_read_out_of_the_source_of_generated_code(source: str, tmp_path: Path) -> None:
    module = tmp_path / "b_pb2.py"
    module.write_text(f"import something_that_is_not_there\n{source}\n")
    assert descriptors([module]) == {"a/b.proto": FILE}


def environment(folder: Path, **modules: FileDescriptorProto) -> Environment:
    """Return an environment with one package, ``strange``, of generated modules."""
    package, told = folder / "strange", folder / "strange-1.0.dist-info"
    package.mkdir(parents=True)
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    (told / "RECORD").write_text("".join(f"strange/{name}_pb2.py,,\n" for name in modules))
    for name, file in modules.items():
        (package / f"{name}_pb2.py").write_text(f"pool.AddSerializedFile({file.SerializeToString()!r})\n")
    return Environment(Path(sys.executable), folder)


def test_files_that_import_what_no_package_holds_are_left_out_and_told(tmp_path: Path) -> None:
    world = environment(
        tmp_path / "site",
        whole=FileDescriptorProto(name="whole.proto", dependency=["google/protobuf/empty.proto"]),
        first=FileDescriptorProto(name="first.proto", dependency=["nowhere.proto"]),
        second=FileDescriptorProto(name="second.proto", dependency=["first.proto"]),
    )
    specimen = Collector(world).collect(Package("strange"), tmp_path / "specimen")
    assert specimen.version == "1.0"
    assert specimen.files == 1
    assert specimen.left_out == ["first.proto (imports nowhere.proto)", "second.proto (imports nowhere.proto)"]


def test_a_package_without_descriptors_is_no_specimen(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="strange holds no descriptors as modules"):
        Collector(environment(tmp_path / "site")).collect(Package("strange"), tmp_path / "specimen")


def test_a_program_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"list ended with 2: .*nowhere"):
        run("list", tmp_path / "nowhere", seconds=60)
    serving = server("serve", tmp_path / "nowhere", log=tmp_path / "log", seconds=60)
    with pytest.raises(ProgramError, match=r"serve didn't start: .*nowhere"), serving:
        raise AssertionError("it serves")


def test_the_table_tells_what_failed_and_what_was_left_out() -> None:
    specimen = Specimen(Package("strange"), "1.0", Path("x"), 1_234, ["a.proto (imports b.proto)"])
    outcomes = {
        "load": Outcome(seconds=0.26),
        "list": Outcome(Verdict.FAILED, "it\nfell", 1.0),
        "grpcurl": Outcome(Verdict.SKIPPED, "it is not there"),
    }
    lines = markdown([Visit(specimen, 5, outcomes)]).splitlines()
    assert lines[2].startswith("| strange | 1.0 | modules | 1,234 | 5 | 0.3 | ✗ 1.0 | – |")
    assert "1 packages, 1,234 files, 5 methods: 1 steps passed, 1 failed, 1 skipped." in lines
    assert lines[-3:] == [
        "- grpcurl: skipped everywhere, since it is not there.",
        "- strange: left out a.proto (imports b.proto).",
        "- strange, list: it fell",
    ]


def test_the_packages_are_told_apart() -> None:
    names = [one.name for one in PACKAGES]
    assert len(names) == len(set(names))
    with pytest.raises(KeyError, match="There is no 'nothing' in the zoo"):
        package("nothing")
