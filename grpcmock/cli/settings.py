"""Where an option's value comes from: the flag, else the environment, else the configuration file, else its default."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from grpcmock import config
from grpcmock.errors import ConfigError

PREFIX = "GRPCMOCK"

_KEY = "grpcmock.config"
"""Under this key, click's context keeps the configuration file that was named before the command."""

_F = TypeVar("_F", bound=Callable[..., Any])


def config_option(function: _F) -> _F:
    """Add ``--config FILE`` to the group; each command gets its own by :func:`attach`."""

    def remember(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
        ctx.meta[_KEY] = value

    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        envvar=f"{PREFIX}_CONFIG",
        expose_value=False,
        callback=remember,
        help="The configuration file, instead of the nearest grpcmock.toml or pyproject.toml.",
    )(function)


def attach(name: str, command: click.Command, group: click.Group) -> None:
    """Let the options of *command* also come from environment variables and the configuration file.

    Those of its own subcommands have its prefix, and its table.
    """
    if isinstance(command, click.Group):
        for part in command.commands.values():
            attach(name, part, group)
        return
    for param in command.params:
        if param.envvar is None:
            key = key_of(param).upper().replace("-", "_")
            param.envvar = [f"{PREFIX}_{name.upper()}_{key}", f"{PREFIX}_{key}"]

    def load(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
        if not ctx.resilient_parsing:
            _load(ctx, name, command, group, value or ctx.meta.get(_KEY))

    # Eager, so that the file is read before the other options look for their values.
    command.params.append(
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            is_eager=True,
            expose_value=False,
            callback=load,
            help="The configuration file, instead of the nearest grpcmock.toml or pyproject.toml.",
        )
    )


def key_of(param: click.Parameter) -> str:
    """Give the name of a parameter in configuration files: that of its first long option, without dashes."""
    if isinstance(param, click.Option):
        return next((name for name in param.opts if name.startswith("--")), param.opts[0]).lstrip("-")
    return (param.name or "").replace("_", "-")


def _load(ctx: click.Context, name: str, command: click.Command, group: click.Group, file: Path | None) -> None:
    file = file or config.find(Path.cwd())
    if file is None:
        return
    read = config.read(file)
    own = _params(command)
    params = {name: own}
    for other in read.commands:
        if (found := group.get_command(ctx, other)) is not None:
            params[other] = _params(found)
    # Commands without a table need not be imported to be named in a hint.
    unused = dict.fromkeys(group.list_commands(ctx), ())
    read.check({**unused, **params})
    default_map, wrong = {}, []
    for setting in read.settings(name, own):
        if (param := own.get(setting.key)) is None:
            continue  # it is for another subcommand
        try:
            value = _relative(param, _shaped(param, setting.value), file.parent)
            param.type_cast_value(ctx, value)
            default_map[param.name] = value
        except click.BadParameter as error:
            wrong.append(f"{setting.location}: {setting.key}: {error.message}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    ctx.default_map = default_map


def _params(command: click.Command) -> dict[str, click.Parameter]:
    found = {key_of(param): param for param in command.params if param.expose_value}
    if isinstance(command, click.Group):
        for part in command.commands.values():
            found |= _params(part)
    return found


def _shaped(param: click.Parameter, value: Any) -> Any:
    """Check the TOML type of a value; one value may stand where many are taken."""
    if param.multiple or param.nargs == -1:
        return [_scalar(param, item) for item in (value if isinstance(value, list) else [value])]
    return _scalar(param, value)


def _scalar(param: click.Parameter, value: Any) -> Any:
    if isinstance(param, click.Option) and param.is_bool_flag:
        if not isinstance(value, bool):
            raise click.BadParameter(f"expected true or false, not {value!r}.")
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise click.BadParameter(f"expected a string or a number, not {value!r}.")
    # As on the command line: the type of the option reads text.
    return str(value)


def _relative(param: click.Parameter, value: Any, folder: Path) -> Any:
    """Take paths as relative to the file that names them."""
    if not isinstance(param.type, click.Path):
        return value
    base = os.path.relpath(folder)
    if isinstance(value, list):
        return [_relative(param, item, folder) for item in value]
    return value if base == "." or value == "-" else str(Path(base) / value)
