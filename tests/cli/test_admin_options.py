"""The options of the admin service: as a flag, with an address, from the environment."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from grpcmock.cli.admin_options import AdminGiven, admin_options
from grpcmock.errors import ConfigError
from grpcmock.servers.admin.options import AdminOptions


def given(*args: str, **environment: str) -> AdminGiven:
    found: list[AdminGiven] = []

    @click.command()
    @click.argument("protos", nargs=-1)
    @admin_options
    def command(protos: tuple[str, ...], admin: AdminGiven) -> None:
        found.append(admin)

    for param in command.params:
        param.envvar = f"GRPCMOCK_{(param.name or '').upper()}"
    result = CliRunner().invoke(command, args, env=environment)
    if isinstance(result.exception, ConfigError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return found[0]


@pytest.mark.parametrize(
    ("args", "environment", "options", "address"),
    [
        ([], {}, None, None),
        (["--admin"], {}, AdminOptions(), None),
        (["protos", "--admin"], {}, AdminOptions(), None),
        (["--admin", "--admin-token", "x"], {}, AdminOptions("x"), None),
        (["--admin-token", "x"], {}, AdminOptions("x"), None),
        (["--admin", "127.0.0.1:0"], {}, AdminOptions(apart=True), "127.0.0.1:0"),
        (["--admin=[::1]:9000", "protos"], {}, AdminOptions(apart=True), "[::1]:9000"),
        (["--admin", "unix:/tmp/a.sock"], {}, AdminOptions(apart=True), "unix:/tmp/a.sock"),
        (["--admin", "--admin-host", "a", "--admin-host", "b"], {}, AdminOptions(hosts=("a", "b")), None),
        (["--admin", "--admin-cors", "http://a:1"], {}, AdminOptions(origins=("http://a:1",)), None),
        ([], {"GRPCMOCK_ADMIN": "true"}, AdminOptions(), None),
        ([], {"GRPCMOCK_ADMIN": "0"}, None, None),
        ([], {"GRPCMOCK_ADMIN": "127.0.0.1:0"}, AdminOptions(apart=True), "127.0.0.1:0"),
    ],
)
def test_what_is_given(
    args: list[str], environment: dict[str, str], options: AdminOptions | None, address: str | None
) -> None:
    found = given(*args, **environment)
    assert found.options == options
    assert (None if found.address is None else str(found.address)) == address


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["--admin", "protos"],
            "--admin 'protos': this is no HOST:PORT. Without an address, --admin goes behind the files.",
        ),
        (["--admin", "localhost:x"], "--admin"),
        (["--admin-host", "a"], "--admin-host is for the admin service, which --admin offers."),
        (["--admin", "--admin-cors", "a.example"], "--admin-cors 'a.example' is no origin"),
    ],
)
def test_what_cannot_be_meant(args: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        given(*args)
    assert said in str(caught.value)
