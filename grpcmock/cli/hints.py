"""What click's errors leave out: the option that is meant, and the place that set one."""

from __future__ import annotations

import click

from grpcmock.cli import settings, values
from grpcmock.errors import did_you_mean

_WHERE = "Where to listen is --listen HOST:PORT, such as --listen 127.0.0.1:50051."
_PROTOS = "Protos are named without an option: {command} protos/."
_SECRETS = "Metadata is given by -H 'authorization: Bearer …'."

_MEANT: dict[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(
        ("--port", "-p", "--host", "--addr", "--address", "--bind"),
        (("listen", _WHERE), ("target", "The server is named without an option: {command} HOST:PORT.")),
    ),
    **dict.fromkeys(("--proto", "--protos", "--proto-file"), (("protos", _PROTOS),)),
    **dict.fromkeys(
        ("--proto-path", "--proto_path", "--include-path"),
        (("import-path", "Where imports are looked up is -I DIRECTORY, or --import-path."),),
    ),
    **dict.fromkeys(("--token", "--auth", "--metadata", "--rpc-header"), (("header", _SECRETS),)),
    "--plaintext": (("tls", "Plaintext is spoken anyway, unless --tls is given."),),
    "--timeout": (("deadline", "How long a call may take is --deadline 2s."),),
}
"""What other tools call an option, by the parameter here that it stands for, and what to write instead."""


def wrong_usage(error: click.UsageError) -> str:
    """Return what is wrong with how a command is used, and what was meant."""
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        return f"No such option {error.option_name!r}. {_option_meant(error.option_name, error.ctx)}".rstrip()
    if isinstance(error, click.BadParameter) and error.param is not None:
        if type(error) is click.BadParameter:  # a missing one is told in another way
            told = values.complaint(error)
            error = click.BadParameter(told, ctx=error.ctx, param=error.param, param_hint=error.param_hint)
        text = _sentence(error.format_message())
        return settings.blame(error.ctx, text, error.param) if error.ctx is not None else text
    return _sentence(error.format_message())


def _option_meant(name: str, ctx: click.Context) -> str:
    keys = {settings.key_of(param) for param in ctx.command.params}
    for key, hint in _MEANT.get(name, ()):
        if key in keys:
            return hint.format(command=ctx.command_path)
    options = [
        option
        for param in ctx.command.get_params(ctx)
        for option in (*param.opts, *param.secondary_opts)
        if option.startswith("-")  # an argument has none
    ]
    return did_you_mean(name, options)


def _sentence(text: str) -> str:
    """Let click's message end like one of ours."""
    text = text.replace("\n", " ").strip()
    return text if text.endswith((".", "?", "!", ")")) else f"{text}."
