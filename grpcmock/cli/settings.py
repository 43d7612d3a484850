"""Where an option's value comes from: the flag, else the environment, else the configuration file, else its default."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from grpcmock import config
from grpcmock.cli import values
from grpcmock.errors import ConfigError, nearest

PREFIX = "GRPCMOCK"

_KEY = "grpcmock.config"
"""Under this key, click's context keeps the configuration file that was named before the command."""

_PLACES = "grpcmock.places"
"""Under this key, it keeps where the file sets each parameter."""

ADDRESSES = (f"{PREFIX}_ADDRESS", f"{PREFIX}_ADDRESSES", f"{PREFIX}_HOST", f"{PREFIX}_PORT")
"""The variables in which a command that ``grpcmock run`` starts finds its server. No option has these names."""

HTTP_ADDRESS = f"{PREFIX}_HTTP_ADDRESS"
"""The variable in which it finds the address for HTTP."""

_NO_OPTIONS = frozenset(
    {
        *ADDRESSES,
        HTTP_ADDRESS,
        f"{PREFIX}_CONFIG",
        f"{PREFIX}_TRACEBACK",
        f"{PREFIX}_PYTHON",  # read by scripts/setup
        *(f"{PREFIX}_PYTEST_{key}" for key in ("TARGET", "SESSION", "ADMIN_TOKEN")),
        f"{PREFIX}_GO_CLIENT",  # read by this project's tests
        f"{PREFIX}_WEB_CLIENTS",
        f"{PREFIX}_UPDATE_SNAPSHOTS",
        *(f"{PREFIX}_{name}" for name in ("ACTION", "CONSUMER", "GIVEN", "METHOD", "STUB", "TARGET")),
    }
)
"""What else begins like an option's variable; the last ones are told to a ``--setup`` command."""

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
            param.envvar = [f"{PREFIX}_{name.upper().replace('-', '_')}_{key}", f"{PREFIX}_{key}"]
    if command.callback is not None:
        command.callback = _blaming(command.callback)

    def load(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
        if not ctx.resilient_parsing:
            _tell_unknown_variables(ctx, command, group)
            _load(ctx, name, command, group, value or ctx.meta.get(_KEY))

    # Eager, and before what else is eager, so that the file is read before other options look for their values.
    first = next((at for at, param in enumerate(command.params) if param.is_eager), len(command.params))
    command.params.insert(
        first,
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            is_eager=True,
            expose_value=False,
            callback=load,
            help="The configuration file, instead of the nearest grpcmock.toml or pyproject.toml.",
        ),
    )


def _blaming(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Let errors of configuration name the file or the variable that set the option they begin with."""

    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except ConfigError as error:
            said = str(error)
            blamed = blame(click.get_current_context(), said)
            if blamed == said:
                raise
            raise ConfigError(blamed) from None

    return run


def key_of(param: click.Parameter) -> str:
    """Give the name of a parameter in configuration files: that of its first long option, without dashes."""
    if isinstance(param, click.Option):
        return next((name for name in param.opts if name.startswith("--")), param.opts[0]).lstrip("-")
    return (param.name or "").replace("_", "-")


def blame(ctx: click.Context, text: str, param: click.Parameter | None = None) -> str:
    """Return the text of an error, with the place that set the option: for who has typed no such option.

    Without *param*, it is the option that *text* begins with.
    """
    if param is None:
        named = re.match(r"--([a-z-]+)", text)
        param = next((one for one in ctx.command.params if named and key_of(one) == named[1]), None)
    if param is None or param.name is None:
        return text
    match ctx.get_parameter_source(param.name):
        case ParameterSource.DEFAULT_MAP:
            where = ctx.meta.get(_PLACES, {}).get(param.name)
        case ParameterSource.ENVIRONMENT:
            where = next((name for name in _variables(param) if os.environ.get(name)), None)
        case _:
            return text
    return f"{where}: {text}" if where else text


def _variables(param: click.Parameter) -> list[str]:
    return [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or ())


def _tell_unknown_variables(ctx: click.Context, command: click.Command, group: click.Group) -> None:
    """Warn of environment variables that look like settings, and are none."""
    names = [name for name in os.environ if name.startswith(f"{PREFIX}_") and name not in _NO_OPTIONS]
    known = {variable for param in command.params for variable in _variables(param)}
    if all(name in known for name in names):
        return
    # Only now are the other commands imported.
    for other in group.list_commands(ctx):
        if (found := group.get_command(ctx, other)) is not None:
            known |= {variable for param in _all_params(found) for variable in _variables(param)}
    for name in names:
        if name not in known:
            # Without what all have in common, which would make any two alike.
            near = nearest(name.removeprefix(f"{PREFIX}_"), (one.removeprefix(f"{PREFIX}_") for one in known))
            hint = f"Did you mean {PREFIX}_{near}?" if near else ""
            prefix = click.style("warning:", fg="yellow", bold=True)
            click.echo(f"{prefix} {name} is no setting of grpcmock, and does nothing. {hint}".rstrip(), err=True)


def _all_params(command: click.Command) -> Iterable[click.Parameter]:
    parts = command.commands.values() if isinstance(command, click.Group) else ()
    return [*command.params, *(param for part in parts for param in part.params)]


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
    default_map: dict[str, Any] = {}
    places, wrong = {}, []
    for setting in read.settings(name, own):
        if (param := own.get(setting.key)) is None or param.name is None:
            continue  # it is for another subcommand
        try:
            value = _relative(param, _shaped(param, setting.value), file.parent)
            param.type_cast_value(ctx, value)
            default_map[param.name] = value
            places[param.name] = setting.location
        except click.BadParameter as error:
            error.param = param
            wrong.append(f"{setting.location}: {setting.key}: {values.complaint(error)}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    ctx.default_map = default_map
    ctx.meta[_PLACES] = places


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
    if isinstance(value, bool) and getattr(param, "flag_value", None) == "":  # its value may be left out
        return str(value).lower()
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
