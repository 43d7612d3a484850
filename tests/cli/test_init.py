from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

from grpcmock.errors import Problems
from grpcmock.schema import MethodKind
from grpcmock.stubs import loader
from grpcmock.synthesis import well_known

Run = Callable[..., Any]


def test_writes_a_stub_for_each_method_and_kind(grpcmock: Run, project: Path) -> None:
    assert grpcmock("init") == (0, "Wrote stubs/user.UserService.yaml (4 stubs).\n", "")
    problems = Problems()
    stubs = loader.load([project / "stubs"], problems)
    assert not list(problems)
    assert [stub.method.rpartition("/")[2] for stub in stubs] == ["GetUser", "ListUsers", "CreateUsers", "LookupUsers"]
    text = (project / "stubs" / "user.UserService.yaml").read_text()
    assert text.endswith("\n")
    assert "# Gives one user; NOT_FOUND if there is none with this id.\n" in text
    for kind in MethodKind:
        assert f"# {kind.value.capitalize()}: user." in text


def test_what_is_written_passes_the_check(grpcmock: Run) -> None:
    grpcmock("init")
    assert grpcmock("check", "--strict").code == 0


def test_only_the_methods_asked_for_at_the_place_asked_for(grpcmock: Run, project: Path) -> None:
    assert grpcmock("init", "protos/user.proto", "--method", "UserService/GetUser", "--out", "a/b").code == 0
    (file,) = (project / "a" / "b").iterdir()
    assert file.read_text().count("- name:") == 1


def test_an_unknown_method_is_named_with_the_nearest(grpcmock: Run, project: Path) -> None:
    code, _, err = grpcmock("init", "--method", "user.UserService/GetUsr")
    assert code == 2
    assert "Did you mean 'user.UserService/GetUser'?" in err
    assert not (project / "stubs").exists()


def test_never_writes_over_a_file_unless_told_to(grpcmock: Run, project: Path) -> None:
    file = project / "stubs" / "user.UserService.yaml"
    file.parent.mkdir()
    file.write_text("mine")
    code, _, err = grpcmock("init")
    assert (code, file.read_text()) == (2, "mine")
    assert err.startswith("error: stubs/user.UserService.yaml: there already")
    assert grpcmock("init", "--force").code == 0
    assert file.read_text() != "mine"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda project: (project / "protos" / "user.proto").write_text('syntax = "proto3";'),
            "There is no service in",
        ),
        (lambda project: (project / "protos").rename(project / "elsewhere"), "There is no directory protos/ here."),
    ],
)
def test_says_what_is_missing(grpcmock: Run, project: Path, make: Callable[[Path], object], said: str) -> None:
    make(project)
    code, _, err = grpcmock("init")
    assert code == 2
    assert said in err


def test_methods_whose_names_would_clash_get_their_package_before_them(grpcmock: Run, project: Path) -> None:
    text = 'syntax = "proto3"; package {}; message M {{}} service {} {{ rpc {}(M) returns (M); }}'
    cases = [("shop.v1", "Shop", "Get"), ("shop.v2", "Shop", "Get"), ("a", "User", "ServiceGet")]
    cases += [("b", "UserService", "Get"), ("c", "Alone", "Get")]
    for package, service, method in cases:
        (project / f"{package}.proto").write_text(text.format(package, service, method))
    assert grpcmock("init", *(f"{package}.proto" for package, _, _ in cases)).code == 0
    assert grpcmock("check", "--strict", *(f"{package}.proto" for package, _, _ in cases)).code == 0
    names = {stub.name for stub in loader.load([project / "stubs"], Problems())}
    assert names == {"shop-v1-shop-get", "shop-v2-shop-get", "a-user-service-get", "b-user-service-get", "alone-get"}


@pytest.mark.parametrize("proto", ["answers.proto", "operations.proto", "kitchen_sink.proto", "rules.proto"])
def test_what_is_written_for_any_sort_of_answer_passes_the_check(grpcmock: Run, proto: str) -> None:
    path = str(ROOT / "tests" / "protos" / proto)
    assert grpcmock("init", path).code == 0
    assert grpcmock("check", "--strict", path).code == 0


def test_a_method_for_which_nothing_can_be_made_up_is_left_to_its_owner(
    grpcmock: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(well_known.FILLERS, "google.protobuf.Timestamp", lambda *_: 1 // 0)
    path = str(ROOT / "tests" / "protos" / "answers.proto")
    assert grpcmock("init", path).code == 0
    assert grpcmock("check", "--strict", path).code == 0
    text = (project / "stubs" / "answers.v1.Whole.yaml").read_text()
    assert "# To be written by hand, since no google.protobuf.Timestamp could be made up" in text
    assert "\n- name: whole-how-long\n" in text
