"""The script of the GitHub Action, run as a job runs it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from broken_server import broken_server
from support import ROOT, registry

SCRIPT = ROOT / "scripts" / "action"


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """Run a step of a job."""
    environment = {
        **os.environ,
        "RUNNER_TEMP": str(tmp_path),
        "ACTION_PROGRAM": shlex.join([sys.executable, "-m", "grpcmock"]),
        "PYTHONPATH": str(ROOT),
        **{name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")},
    }

    def step(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, str(SCRIPT), command]
        return subprocess.run(
            words, env=environment | variables, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
        )

    return step


def _ask(address: str, number: int) -> None:
    method = registry("user.proto").method("GetUser")
    request: Any = method.request_class(id=number)
    with grpc.insecure_channel(address, options=(("grpc.enable_http_proxy", 0),)) as channel:
        call = channel.unary_unary(method.path, None, None)
        try:
            call(request.SerializeToString(), timeout=20)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED  # type: ignore[attr-defined]


def test_serves_in_the_background_and_tells_of_misses_at_the_end(job: Any, tmp_path: Path) -> None:
    (tmp_path / "stubs.yaml").write_text("- {method: user.UserService/GetUser, request: {id: 1}}\n")
    begun = job("serve", ARGUMENTS=f"{ROOT / 'protos'} --stubs stubs.yaml")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    assert "Serving 1 stub for 4 methods on 127.0.0.1:" in begun.stdout
    address = (tmp_path / "GITHUB_OUTPUT").read_text().removeprefix("address=").strip()
    assert (tmp_path / "GITHUB_ENV").read_text() == f"GRPCMOCK_ADDRESS={address}\n"
    _ask(address, 1)
    _ask(address, 2)
    ended = job("stop", FAIL_ON_MISS="true")
    assert ended.returncode == 1
    assert "::warning title=grpcmock::1 call of user.UserService/GetUser had no stub. No stub matches" in ended.stdout
    assert "| `user.UserService/GetUser` | 2 | 1 |" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert job("stop").returncode == 1, "there is nothing more to stop"


def test_a_server_that_cant_start_fails_the_step(job: Any) -> None:
    ended = job("serve", ARGUMENTS="nowhere")
    assert ended.returncode == 1
    assert "nowhere" in ended.stdout
    assert "::error title=grpcmock::The server didn't start." in ended.stdout
    stopped = job("stop")
    assert stopped.returncode == 1
    assert "There is no server to stop" in stopped.stdout


def test_a_misspelled_command_is_an_error_that_names_the_nearest(job: Any) -> None:
    ended = job("srve")
    assert ended.returncode == 2
    assert ended.stdout.startswith("::error title=grpcmock::There is no command 'srve': ")
    assert "Did you mean 'serve'?" in ended.stdout


def test_serves_around_a_command(job: Any, tmp_path: Path) -> None:
    (tmp_path / "stubs.yaml").write_text("- {method: user.UserService/GetUser, response: {name: Alice}}\n")
    call = shlex.join([sys.executable, "-m", "grpcmock", "call"])
    ended = job(
        "run",
        ARGUMENTS=f"{ROOT / 'protos'} --stubs stubs.yaml",
        RUN=f'{call} "$GRPCMOCK_ADDRESS" GetUser -d "{{}}" > answer\n{call} "$GRPCMOCK_ADDRESS" ListUsers -d "{{}}"',
        FAIL_ON_MISS="true",
    )
    assert "Alice" in (tmp_path / "answer").read_text()
    assert ended.returncode == 1
    assert "1 call of user.UserService/ListUsers had no stub" in ended.stdout


def test_asks_a_real_server_and_keeps_the_reports(job: Any, tmp_path: Path) -> None:
    with broken_server(tmp_path) as target:
        quick = "--include GetUser --phases boundary --max-cases 20 --seed 7"
        ended = job("fuzz", ARGUMENTS=f"{target} {ROOT / 'protos'} {quick}")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "::error " in ended.stdout
    assert "G102 unhandled_error" in ended.stdout
    folder = Path((tmp_path / "GITHUB_OUTPUT").read_text().removeprefix("reports=").strip())
    assert {path.name for path in folder.iterdir()} == {"junit.xml", "report.html", "report.sarif"}
    assert "### grpcmock fuzz" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()


def test_a_server_out_of_reach_has_no_report(job: Any) -> None:
    ended = job("verify", ARGUMENTS=f"127.0.0.1:1 {ROOT / 'protos'} --stubs {ROOT / 'stubs'} --connect-timeout 1")
    assert ended.returncode != 0
    assert "::error " in ended.stdout


def test_the_action_runs_the_script_with_its_inputs() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = next(one for one in action["runs"]["steps"] if one.get("id") == "run")
    assert step["run"] == 'python "$GITHUB_ACTION_PATH/scripts/action" "$COMMAND"'
    assert set(step["env"]) == {"COMMAND", "ARGUMENTS", "RUN", "FAIL_ON_MISS"}
    assert set(action["inputs"]) == {"command", "arguments", "run", "artifact", "fail-on-miss"}
