"""The exported script and the exported Go test tell by running whether the contract holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from failing_users import (
    CONVERSATION,
    CREATE,
    REGISTRY,
    case_file,
    get,
    run,
)
from failing_users import get as get_user

from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import call_of
from grpcmock.fuzz.replay.case_file import CaseFile, Seen
from grpcmock.fuzz.reproducers.reproducer import reproducer


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl isn't installed")
@pytest.mark.parametrize(
    ("found", "code"),
    [
        (case_file(get(2000)), 1),
        (case_file(get(3)), 0),
        (case_file(get(7, metadata=(("x-name", "it's"),), deadline=5.0)), 0),
        (CONVERSATION, 1),
        (replace(CONVERSATION, expected="UNKNOWN for 42"), 0),
    ],
)
async def test_the_exported_script_tells_by_its_exit_code(
    found: CaseFile, code: int, target: Target, tmp_path: Path
) -> None:
    script = tmp_path / "script.sh"
    script.write_text(reproducer("bash", found, Target.parse("127.0.0.1:1"), REGISTRY))
    await run("bash", script, code=code, GRPCMOCK_TARGET=str(target))
    if code == 0:
        assert "Failed to dial target host" in await run("bash", script, code=2, GRPCMOCK_TARGET="nowhere.invalid:1")


GRPCURL = """\
#!/usr/bin/env bash
exit "$(case "${!#}" in *GetUser) echo "$GET_ENDS_WITH" ;; *) echo "$OTHERS_END_WITH" ;; esac)"
"""


@pytest.mark.parametrize(
    ("others", "get", "code"),
    [
        (0, 64 + 2, 1),
        (0, 0, 0),
        (0, 64 + 3, 0),
        (64 + 5, 0, 3),  # what was there isn't
        (64 + 16, 64 + 2, 3),
        (0, 64 + 16, 3),  # turned away
        (0, 1, 2),  # grpcurl itself
    ],
)
def test_the_exported_script_says_where_nothing_can_be_seen(others: int, get: int, code: int, tmp_path: Path) -> None:
    calls = (call_of(CREATE, b""), get_user(2000))
    found = replace(case_file(*calls), seen=(Seen(0), Seen(2)))
    script, grpcurl = tmp_path / "script.sh", tmp_path / "grpcurl"
    script.write_text(reproducer("bash", found, Target.parse("127.0.0.1:1"), REGISTRY))
    grpcurl.write_text(GRPCURL)
    grpcurl.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "GET_ENDS_WITH": str(get),
        "OTHERS_END_WITH": str(others),
    }
    done = subprocess.run(["bash", script], env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == code, done.stderr


def test_the_exported_script_is_bash() -> None:
    text = reproducer("bash", CONVERSATION, Target.parse("127.0.0.1:1"), REGISTRY)
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = (line for line in text.splitlines() if line.startswith("call reply"))
    assert """'{"id": '"$(sed -n '/^ \\{2\\}"ids": """ in line


OFFLINE = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off"}


@pytest.fixture(scope="module")
def go_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a module of Go that has the library of grpcurl, where it was downloaded before."""
    if shutil.which("go") is None:
        pytest.skip("go isn't installed")
    cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    if not Path(cache, "github.com", "fullstorydev", "grpcurl@v1.9.3").is_dir():
        pytest.skip("the modules that grpcurl is made of weren't downloaded")
    folder = tmp_path_factory.mktemp("go")
    (folder / "contract_test.go").write_text(go_tests())
    offline = {
        **os.environ,
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GONOSUMDB": "*",
        "GONOSUMCHECK": "1",
        "GOSUMDB": "off",
    }
    for words in (("init", "contract"), ("edit", "-require", "github.com/fullstorydev/grpcurl@v1.9.3"), ("tidy",)):
        done = subprocess.run(
            ["go", "mod", *words], cwd=folder, env=offline, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"the modules that grpcurl is made of aren't all here: {done.stderr[-200:]}")
    return folder


GO = {
    "G102-000001": case_file(get(2000)),
    "G102-000002": case_file(get(3)),
    "G102-000003": case_file(get(7, metadata=(("x-name", "it's"), ("x-bin", b"\0\xff")), deadline=5.0)),
    "G130-000004": CONVERSATION,
    "G130-000005": replace(CONVERSATION, expected="UNKNOWN for 42"),
}
"""Those with an odd number at the end are tests that hold, but for the first."""


def go_tests() -> str:
    """Put all tests into one file, as they stand beside each other in one package."""
    texts = [reproducer("go", replace(one, id=name), Target.parse("127.0.0.1:1"), REGISTRY) for name, one in GO.items()]
    imports = sorted({line for text in texts for line in text.partition("import (")[2].partition(")")[0].splitlines()})
    bodies = [text.partition("\n)\n")[2] for text in texts]
    return "\n".join(("package contract_test", "import (", *imports, ")", *bodies))


async def test_the_exported_tests_in_go_tell_what_holds(go_module: Path, target: Target) -> None:
    out = await run(
        "go",
        "test",
        "-v",
        "./...",
        code=1,
        cwd=go_module,
        GRPCMOCK_TARGET=str(target),
        GOFLAGS="-mod=mod",
        GOPROXY="off",
    )
    verdicts = {found[2]: found[1] for found in re.finditer(r"--- (PASS|FAIL): Test\w+_(\d+)", out)}
    assert verdicts == {"000001": "FAIL", "000002": "PASS", "000003": "PASS", "000004": "FAIL", "000005": "PASS"}


@pytest.mark.skipif(shutil.which("gofmt") is None, reason="gofmt isn't installed")
@pytest.mark.parametrize("name", GO)
def test_the_exported_test_in_go_is_formatted(name: str) -> None:
    text = reproducer("go", GO[name], Target.parse("127.0.0.1:1"), REGISTRY)
    done = subprocess.run(["gofmt"], input=text, text=True, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (text, "")
