from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from grpcmock.cli import settings
from grpcmock.errors import ConfigError


class _Group(click.Group):
    """A group with one command that gives back what its options came to."""

    seen: dict[str, Any]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        @click.command()
        @click.argument("protos", nargs=-1, type=click.Path(path_type=Path))
        @click.option("-I", "--import-path", "imports", multiple=True, type=click.Path(path_type=Path))
        @click.option("--listen", multiple=True)
        @click.option("--auto", is_flag=True)
        @click.option("--admin", is_flag=False, flag_value="")
        @click.option("--watch/--no-watch", default=True)
        @click.option("--seed", type=int, default=0)
        @click.option("--mode", type=click.Choice(["a", "b"]), default="a")
        def command(**given: Any) -> None:
            self.seen = given

        if name != "serve":
            return None
        settings.attach(name, command, self)
        return command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["serve", "other"]


@pytest.fixture
def given(project: Path) -> Any:
    """Run the command; gives the values of its options."""

    def run(*args: str, config: str = "", before: tuple[str, ...] = (), **environment: str) -> dict[str, Any]:
        if config:
            (project / "grpcmock.toml").write_text(config)

        @click.group(cls=_Group)
        @settings.config_option
        def group() -> None: ...

        CliRunner().invoke(
            group, [*before, "serve", *args], env=environment, catch_exceptions=False, standalone_mode=False
        )
        return group.seen  # type: ignore[attr-defined, no-any-return]

    return run


@pytest.mark.parametrize(
    ("args", "environment", "config", "expected"),
    [
        ([], {}, "", 0),
        ([], {}, "[serve]\nseed = 1", 1),
        ([], {"GRPCMOCK_SEED": "2"}, "[serve]\nseed = 1", 2),
        ([], {"GRPCMOCK_SEED": "2", "GRPCMOCK_SERVE_SEED": "3"}, "[serve]\nseed = 1", 3),
        (["--seed", "4"], {"GRPCMOCK_SEED": "2", "GRPCMOCK_SERVE_SEED": "3"}, "[serve]\nseed = 1", 4),
    ],
    ids=["default", "file", "variable of all commands", "variable of this command", "flag"],
)
def test_precedence(given: Any, args: list[str], environment: dict[str, str], config: str, expected: int) -> None:
    assert given(*args, config=config, **environment)["seed"] == expected


def test_values_from_the_file_have_the_types_of_the_options(given: Any) -> None:
    seen = given(config="[serve]\nlisten = ['a', 'b']\nauto = true\nwatch = false\nimport-path = 'i'\nmode = 'b'\n")
    assert seen["listen"] == ("a", "b")
    assert (seen["auto"], seen["watch"], seen["mode"]) == (True, False, "b")
    assert seen["imports"] == (Path("i"),)


@pytest.mark.parametrize(("value", "taken"), [("true", "true"), ("false", "false"), ("'a:1'", "a:1")])
def test_a_value_that_may_be_left_out_may_be_true_or_false(given: Any, value: str, taken: str) -> None:
    assert given(config=f"[serve]\nadmin = {value}")["admin"] == taken


def test_one_value_may_stand_where_many_are_taken(given: Any) -> None:
    assert given(config="[serve]\nlisten = 'unix:/x'")["listen"] == ("unix:/x",)
    assert given(GRPCMOCK_LISTEN="a b")["listen"] == ("a", "b")


def test_paths_are_relative_to_the_file(given: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = f"protos = ['p']\n[serve]\nimport-path = ['i', {str(project / 'abs')!r}]"
    assert given(config=config)["protos"] == (Path("p"),)
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    seen = given()
    assert seen["protos"] == (Path("../p"),)
    assert seen["imports"] == (Path("../i"), project / "abs")


def test_shared_keys_without_such_an_option_are_for_other_commands(given: Any) -> None:
    assert given(config="stubs = 's'")["protos"] == ()


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_the_file_can_be_named(given: Any, project: Path, place: str) -> None:
    (project / "other.toml").write_text("[serve]\nseed = 5")
    config = "[serve]\nseed = 1"
    match place:
        case "before":
            seen = given(before=("--config", "other.toml"), config=config)
        case "after":
            seen = given("--config", "other.toml", config=config)
        case _:
            seen = given(config=config, GRPCMOCK_CONFIG="other.toml")
    assert seen["seed"] == 5


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[serve]\n\nsede = 1", r"grpcmock\.toml:3: \[serve\] has no key 'sede'\. Did you mean 'seed'\?"),
        ("[serv]\n", r"grpcmock\.toml:1: there is no command 'serv'\. Did you mean 'serve'\?"),
        ("seed = 1", r"grpcmock\.toml:1: there is no key 'seed' here\. It belongs into the table \[serve\]"),
        ("[serve]\nseed = 'x'", r"grpcmock\.toml:2: seed: 'x' is not a whole number"),
        ("[serve]\nseed = [1]", r"grpcmock\.toml:2: seed: expected a string or a number, not \[1\]"),
        ("[serve]\nauto = 'yes'", r"grpcmock\.toml:2: auto: expected true or false, not 'yes'"),
        ("[serve]\nlisten = [true]", r"grpcmock\.toml:2: listen: expected a string or a number, not True"),
        ("[serve]\nmode = 'c'\nseed = 'x'", r"(?s)toml:2: mode: 'c' is not one of.*toml:3: seed"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(given: Any, config: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        given(config=config)


@pytest.mark.parametrize(
    ("environment", "config", "said"),
    [
        ({}, "[serve]\nlisten = 5", "error: grpcmock.toml:2: --listen '5': the host is missing."),
        ({}, "\n[serve]\ngrace = 'x'", "error: grpcmock.toml:3: grace: 'x' is not a number from 0 upwards."),
        ({"GRPCMOCK_LISTEN": "5"}, "[serve]\nlisten = 6", "error: GRPCMOCK_LISTEN: --listen '5': the host is missing."),
        ({"GRPCMOCK_SERVE_GRACE": "x"}, "", "error: GRPCMOCK_SERVE_GRACE: Invalid value for '--grace': 'x' is not a"),
        ({}, "[run]\nseed = 'x'", "grpcmock.toml:2: seed: 'x' is not a whole number."),
    ],
)
def test_the_place_that_set_a_value_is_blamed_for_it(
    grpcmock: Callable[..., Any],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    config: str,
    said: str,
) -> None:
    (project / "grpcmock.toml").write_text(config)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    command = ["run", "--", "x"] if "[run]" in config else ["serve"]
    assert said in grpcmock(*command).err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("GRPCMOCK_SERV_SEED", " is no setting of grpcmock, and does nothing. Did you mean GRPCMOCK_SERVE_SEED?\n"),
        ("GRPCMOCK_LISTN", "Did you mean GRPCMOCK_LISTEN?"),
        ("GRPCMOCK_XYZZY", " is no setting of grpcmock, and does nothing.\n"),
        ("GRPCMOCK_SERVE_SEED", None),
        ("GRPCMOCK_CONTRACT_CONSUMER", None),
        ("GRPCMOCK_ADDRESS", None),
        ("GRPCMOCK_TRACEBACK", None),
        ("SERVE_SEED", None),
    ],
)
def test_variables_that_are_no_settings_are_told(
    grpcmock: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str, said: str | None
) -> None:
    monkeypatch.setenv(name, "1")
    code, _, err = grpcmock("list", "protos")
    assert code == 0
    assert err == "" if said is None else f"warning: {name}" in err and said in err
