from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

import grpcmock as package
from grpcmock.cli import app


def test_version(grpcmock: Callable[..., tuple[int, str, str]]) -> None:
    assert grpcmock("--version") == (0, f"grpcmock {package.__version__}\n", "")


def test_without_a_command_the_help_is_shown_as_wrong_usage(grpcmock: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = grpcmock()
    assert (code, out) == (2, "")
    assert "Commands:" in err


@pytest.mark.parametrize("name", app.COMMANDS)
def test_each_command_has_the_help_that_the_list_shows(name: str) -> None:
    command = app.cli.get_command(click.Context(app.cli), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == app.COMMANDS[name]


@pytest.mark.parametrize("name", app.COMMANDS)
def test_each_option_is_also_an_environment_variable_and_has_a_help(name: str) -> None:
    command = app.cli.get_command(click.Context(app.cli), name)
    assert command is not None
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, param.name
        if param.expose_value:
            assert param.envvar, param.name


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["sevre"], "There is no command 'sevre'. Did you mean 'serve'?\nSee 'grpcmock --help'.\n"),
        (["xyzzy"], "There is no command 'xyzzy'. The commands are: serve, run, check, call, "),
        (["xyzzy"], ", journal, mcp, fuzz, replay, export, report, explain, completion.\n"),
        (["serve", "--port", "50051"], "No such option '--port'. Where to listen is --listen HOST:PORT"),
        (["serve", "--proto", "protos"], "Protos are named without an option: grpcmock serve protos/."),
        (["serve", "--proto-path", "protos"], "Where imports are looked up is -I DIRECTORY"),
        (["call", "--port", "1"], "The server is named without an option: grpcmock call HOST:PORT."),
        (["call", "--protos", "x"], "Did you mean '--proto'?"),
        (["call", "--plaintext"], "Plaintext is spoken anyway, unless --tls is given."),
        (["call", "--timeout", "1s"], "How long a call may take is --deadline 2s."),
        (["serve", "--seed", "abc"], "Invalid value for '--seed': 'abc' is not a whole number.\n"),
        (["fuzz", "x:1", "--seed", "abc"], "'abc' is not a whole number from 0 upwards."),
        (["fuzz", "x:1", "--seed", "-1"], "-1 is too small; it is a number from 0 upwards."),
        (["fuzz", "127.0.0.1:1", "--checks", "nosuch"], "each with a name: `grpcmock explain` lists them all."),
        (["explain", "G999"], "There is no check 'G999'. They run from G101 to G1"),
        (["explain", "unhandeld_error"], "Did you mean 'unhandled_error'?"),
        (["--verison"], "No such option '--verison'. Did you mean '--version'?"),
        (["serve", "--lisen"], "No such option '--lisen'. Did you mean '--listen'?\nSee 'grpcmock serve --help'.\n"),
        (["serve", "--grace", "x"], "Invalid value for '--grace': 'x' is not a number from 0 upwards."),
        (["serve", "--unmatched-code", "NOTFOUND"], "Did you mean 'NOT_FOUND'?"),
        (["serve", "--unmatched-code", "OK"], "OK is no error"),
        (["serve", "--max-message-size", "4 lots"], "'4 lots' is not a size; write 4194304, 4MiB"),
    ],
)
def test_wrong_usage_is_one_clear_message_with_the_nearest_name(
    grpcmock: Callable[..., tuple[int, str, str]], args: list[str], said: str
) -> None:
    code, out, err = grpcmock(*args)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_asks_this_program(
    grpcmock: Callable[..., tuple[int, str, str]], shell: str
) -> None:
    code, out, _ = grpcmock("completion", shell)
    assert code == 0
    assert f"_GRPCMOCK_COMPLETE={shell}_complete" in out


def test_completion_of_an_option(
    grpcmock: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_GRPCMOCK_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "grpcmock serve --unm")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert grpcmock() == (0, "plain,--unmatched-code\n", "")


def test_the_help_imports_nothing_heavy() -> None:
    heavy = {"grpc", "google.protobuf", "jinja2", "rich", "yaml", "hypothesis", "asyncio"}
    code = (
        "import sys\n"
        "from grpcmock.cli import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print(sorted({heavy!r} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout.splitlines()[-1] == "[]"


def test_python_m_is_the_same_program() -> None:
    shown = subprocess.run([sys.executable, "-m", "grpcmock", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"grpcmock {package.__version__}\n"
