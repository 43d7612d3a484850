"""The command, against running servers: what differs is told, and nothing that doesn't."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from drift_servers import serve
from drift_versions import compiled

from grpcmock.cli import app
from grpcmock.schema import sources

USERS = Path(__file__).parents[2] / "protos" / "user.proto"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in a directory with ``protos/user.proto``; without buf, which may be installed or not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("grpcmock.drift.buf.find", lambda: None)
    (tmp_path / "protos").mkdir()
    (tmp_path / "protos" / "user.proto").write_text(USERS.read_text())

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            app.main(arguments)
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def users(*changes: tuple[str, str]) -> str:
    text = USERS.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


STUBS = """\
- name: alice
  method: UserService/GetUser
  request: {id: 1}
  response: {id: 1, email: alice@example.com}
- name: bob
  method: UserService/GetUser
  request: {id: 2}
  response: {id: 2}
"""


NEWER = ("  string email = 3;", "  string email = 3;\n  string phone = 4;")
"""A field more."""


@pytest.mark.parametrize(
    ("at_home", "served", "said"),
    [
        ([NEWER], [], "protos/user.proto:28:3: compatible: user.UserResponse.phone: is only in the protos."),
        ([], [NEWER], "breaks the wire, JSON and source: user.UserResponse.phone: isn't in the protos."),
        ([("email = 3", "email = 5")], [], "its number is 3 on the server, 5 in the protos."),
    ],
)
def test_protos_that_are_ahead_of_the_server(
    run: Run, tmp_path: Path, at_home: list[tuple[str, str]], served: list[tuple[str, str]], said: str
) -> None:
    (tmp_path / "protos" / "user.proto").write_text(users(*at_home))
    with serve(compiled(users(*served), "", "user.proto")) as address:
        code, out, _ = run("drift", address, "--newer", "protos")
        found = json.loads(run("drift", address, "--newer", "protos", "--format", "json")[1])
    assert said in out
    assert code == int("breaks" in out.splitlines()[0])
    assert "--newer" not in out
    assert (found["old"], found["new"], found["ahead"]) == (address, "protos", True)


@pytest.mark.parametrize("version", [0, 1])
def test_a_server_with_the_same_protos(run: Run, version: int) -> None:
    with serve(compiled(USERS.read_text(), "", "user.proto"), version=version) as address:
        code, out, _ = run("drift", address)
    assert (code, out) == (0, f"No differences between protos and {address} in 1 service and 5 types.\n")


def test_what_differs_is_told_with_the_stubs_it_touches(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stubs").mkdir()
    (tmp_path / "stubs" / "stubs.yaml").write_text(STUBS)
    new = compiled(users(("string email = 3", "string email = 4")), "", "user.proto")
    with serve(new) as address:
        code, out, err = run("drift", address, "protos")
    assert err == ""
    assert code == 1
    assert out == (
        "protos/user.proto:27:3: breaks the wire: user.UserResponse.email: "
        "its number is 3 in the protos, 4 on the server. [field-renumbered]\n"
        "    on the server: user.proto\n"
        "    why: What one side writes as email the other doesn't know; it reads the field as unset.\n"
        "    next: Give it its number 3 back; new fields take numbers that were never used.\n"
        "    stubs: alice (stubs/stubs.yaml:1)\n"
        f"note: Where the server is right, take over its protos: `grpcmock describe {address}` shows them. "
        "Where yours are newer than it, ask with --newer protos.\n"
        f"1 difference between protos and {address}: 1 breaks the wire. They touch 1 stub.\n"
    )


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (("string email = 3", "string email = 4"), (1, 1, 1, 1)),
        (("string email = 3;", 'string email = 3 [json_name = "mail"];'), (0, 1, 1, 1)),
        (("string email = 3;", "optional string email = 3;"), (0, 0, 1, 1)),
        (("string email = 3;", "string email = 3; string phone = 4;"), (0, 0, 0, 1)),
    ],
)
def test_what_counts_can_be_chosen(run: Run, change: tuple[str, str], codes: tuple[int, ...]) -> None:
    with serve(compiled(users(change), "", "user.proto")) as address:
        found = [run("drift", address, "--fail-on", level)[0] for level in ("wire", "json", "source", "any")]
    assert tuple(found) == codes


def test_for_programs_and_for_github(run: Run) -> None:
    with serve(compiled(users(("rpc GetUser", "rpc FetchUser")), "", "user.proto")) as address:
        _, out, _ = run("drift", address, "--format", "json")
        document = json.loads(out)
        assert document["breaks"] == {"wire": 1, "json": 1, "source": 1}
        [one] = document["differences"]
        assert (one["rule"], one["element"]) == ("method-renamed", "user.UserService/GetUser")
        assert one["old"] == {"file": "protos/user.proto", "line": 8, "column": 3}
        assert one["new"] == {"file": "user.proto", "line": None, "column": None}
        _, out, _ = run("drift", address, "--format", "github")
        assert out.startswith("::error file=protos/user.proto,line=8,col=3,title=grpcmock%3A method-renamed::user.User")


def test_reports(run: Run, tmp_path: Path) -> None:
    changes = (("string email = 3;", "string email = 4; string phone = 5;"),)
    with serve(compiled(users(*changes), "", "user.proto")) as address:
        more = ("--report", "html=out/d.html", "--report", "sarif=out/d.sarif,allure=out/allure")
        code, _, _ = run("drift", address, "--report", "junit=out/d.xml,json=out/d.json", *more)
    assert code == 1
    (sarif,) = json.loads((tmp_path / "out" / "d.sarif").read_text())["runs"]
    assert [(one["ruleId"], one["level"]) for one in sarif["results"]] == [
        ("field-renumbered", "error"),
        ("field-added", "note"),
    ]
    place = sarif["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("protos/user.proto", 27)
    results = [json.loads(path.read_text()) for path in (tmp_path / "out" / "allure").glob("*-result.json")]
    assert sorted(one["status"] for one in results) == ["failed", "passed"]
    suite = ET.parse(tmp_path / "out" / "d.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert len(json.loads((tmp_path / "out" / "d.json").read_text())["differences"]) == 2
    page = (tmp_path / "out" / "d.html").read_text()
    assert "user.UserResponse.email" in page
    assert "drifted" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("127.0.0.1:1",), "Nothing is listening on 127.0.0.1:1"),
        (("{server}", "nowhere/"), "nowhere: there is no such file"),
        (("{server}", "--stubs", "nowhere"), "nowhere"),
        (("{server}", "--report", "pdf=x"), "There is no report 'pdf'"),
        (("{server}", "--with", "buf"), "pip install buf-bin"),
        (("{server}", "--service", "UserServic"), "Did you mean 'user.UserService'?"),
        (("{server}", "protos/types.proto"), "declare no service"),
    ],
)
def test_what_can_not_be_compared(run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "protos" / "types.proto").write_text('syntax = "proto3"; message Alone {}')
    with serve(compiled(USERS.read_text(), "", "user.proto")) as address:
        code, out, err = run("drift", *(one.replace("{server}", address) for one in arguments))
    assert said in err
    assert code in (1, 2)
    assert out == ""


# --- Servers that show little -----------------------------------------------------------------------------------------

SHARED = 'syntax = "proto3"; package shared; message Page { int32 number = 1; }'
SERVED = (
    'syntax = "proto3"; package p; import "shared.proto"; import "unused.proto"; '
    "service S { rpc Get(M) returns (M); } message M { shared.Page page = 1; int32 a = 2; }"
)
UNUSED = 'syntax = "proto3"; package shared; message Unused {}'


def written(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.proto").write_text(text)
    return folder


def test_a_file_that_the_server_can_not_give_is_not_compared(run: Run, tmp_path: Path) -> None:
    written(tmp_path / "old", shared=SHARED, p=SERVED, unused=UNUSED)
    new = sources.load([written(tmp_path / "new", shared=SHARED.replace("int32", "string"), p=SERVED, unused=UNUSED)])
    with serve(new, hidden=["shared.proto", "unused.proto"]) as address:
        code, out, _ = run("drift", address, "old")
    assert code == 0
    assert "note: shared.proto was not compared: the server's files import it, but its reflection" in out
    assert "No differences" in out
    with serve(new) as address:
        code, out, _ = run("drift", address, "old")
    assert code == 1
    assert "shared.Page.number: its type is int32 in the protos, string on the server" in out


def test_a_server_whose_files_stand_elsewhere_and_lack_what_it_needs_not(run: Run, tmp_path: Path) -> None:
    old = SERVED.replace('import "unused.proto"; ', "") + "message Extra { int32 a = 1; }"
    written(tmp_path / "old", shared=SHARED, p=old, unused=UNUSED)
    one_file = (
        'syntax = "proto3"; package p; service S { rpc Get(M) returns (M); } '
        "message M { Page page = 1; int32 a = 2; } message Page { int32 number = 1; }"
    )
    with serve(compiled(one_file, "", "api/v1/all.proto")) as address:
        code, out, _ = run("drift", address, "old", "--fail-on", "json")
    assert code == 0
    assert "p.M.page: its type is shared.Page in the protos, p.Page on the server" in out
    assert "Extra" not in out


def test_a_service_that_is_missing_and_one_that_is_more(run: Run, tmp_path: Path) -> None:
    body = (
        'syntax = "proto3"; package p; message M {{}} service {} {{ rpc Get(M) returns (M); }} '
        "service S {{ rpc Put(M) returns (M); }}"
    )
    written(tmp_path / "old", p=body.format("One"))
    with serve(compiled(body.format("Two").replace("rpc Get", "rpc Fetch"), "", "p.proto")) as address:
        code, out, _ = run("drift", address, "old")
        assert code == 1
        assert "breaks the wire, JSON and source: p.One: isn't on the server. [service-removed]" in out
        assert "compatible: p.Two: is only on the server. [service-added]" in out
        code, out, _ = run("drift", address, "old", "--service", "S")
        assert (code, out) == (0, f"No differences between old and {address} in 1 service and 1 type.\n")


def test_a_server_with_nothing_in_common(run: Run, tmp_path: Path) -> None:
    other = 'syntax = "proto3"; package other; message M {} service Other { rpc Get(M) returns (M); }'
    with serve(compiled(other, "", "other.proto")) as address:
        code, out, _ = run("drift", address)
    assert code == 1
    assert "user.UserService: isn't on the server." in out


# --- Two local versions -----------------------------------------------------------------------------------------------


def test_check_against_an_older_version(run: Run, tmp_path: Path) -> None:
    written(tmp_path / "before", user=users(("string email = 3", "string mail = 3")))
    (tmp_path / "stubs").mkdir()
    (tmp_path / "stubs" / "stubs.yaml").write_text(STUBS)
    code, out, _ = run("check", "--against", "before")
    assert code == 1
    assert out.startswith("No problems in 2 stubs for 4 methods.\nprotos/user.proto:27:3: breaks JSON and source: ")
    assert "    was: before/user.proto:27:3\n" in out
    assert "    stubs: alice (stubs/stubs.yaml:1)\n" in out
    assert run("check", "--against", "before", "--fail-on", "wire")[0] == 0
    assert run("check", "--against", "protos")[0] == 0
    code, out, _ = run("check", "--against", "before", "--format", "json")
    document = json.loads(out)
    assert document["errors"] == 0
    assert document["drift"]["breaks"] == {"wire": 0, "json": 1, "source": 1}
    assert run("check", "--against", "before", "--report", "junit=out/d.xml,json=out/d.json,html=out/d.html")[0] == 1
    assert json.loads((tmp_path / "out" / "d.json").read_text()) == document["drift"]
    assert 'failures="1"' in (tmp_path / "out" / "d.xml").read_text()
    assert "drifted" in (tmp_path / "out" / "d.html").read_text()
    code, _, err = run("check", "--report", "json=out/d.json")
    assert code == 2
    assert "it needs --against" in err


def test_check_against_tells_of_stubs_that_the_change_has_broken(run: Run, tmp_path: Path) -> None:
    written(tmp_path / "before", user=USERS.read_text())
    (tmp_path / "protos" / "user.proto").write_text(users(("string email = 3", "string mail = 3")))
    (tmp_path / "stubs").mkdir()
    (tmp_path / "stubs" / "stubs.yaml").write_text(STUBS)
    code, out, _ = run("check", "--against", "before")
    assert code == 1
    assert "user.UserResponse has no field 'email'" in out
    assert "    stubs: alice (stubs/stubs.yaml:1)\n" in out


def test_check_against_protos_that_do_not_compile(run: Run, tmp_path: Path) -> None:
    written(tmp_path / "before", user='syntax = "proto3"; message {')
    code, _, err = run("check", "--against", "before")
    assert code == 1
    assert "before/user.proto:1" in err
    (tmp_path / "protos" / "user.proto").write_text('syntax = "proto3"; message {')
    code, out, _ = run("check", "--against", "before")
    assert code == 1
    assert "protos/user.proto:1" in out
