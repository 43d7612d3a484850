"""The command ``grpcmock``: its subcommands, each imported only when it is used."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword
from typing import Any, NoReturn

import click

from grpcmock._version import __version__
from grpcmock.cli import failures, settings, terminals
from grpcmock.errors import SchemaWarning, nearest

NAME = "grpcmock"

COMPLETE = "_GRPCMOCK_COMPLETE"
"""The environment variable by which a shell asks for completions."""

COMMANDS: Mapping[str, str] = {
    "serve": "Serve the methods of protos from stubs.",
    "run": "Run a command while a mock server answers: serve, wait until it is ready, run, stop.",
    "check": "Check stubs against their protos, and point out what can't be meant.",
    "call": "Call any method of a server, with JSON in and out.",
    "verify": "Verify a real server with stubs: does it answer as they say?",
    "contract": "Write down what a consumer asks of its provider, and read what others have.",
    "list": "List the services and methods of a server or of protos.",
    "describe": "Show services, methods, messages and enums as proto source.",
    "drift": "Compare a running server with the local protos, and tell whom each difference breaks.",
    "record": "Record what a server answers, as stubs.",
    "import": "Write the stubs of another tool, such as GripMock or WireMock, as stubs of this one.",
    "init": "Write an example stub for each method of protos.",
    "schema": "Write a JSON Schema for stubs, so that an editor completes them.",
    "openapi": "Write an OpenAPI 3.1 document of the services of protos.",
    "admin-proto": "Print the proto of the admin service, grpcmock.admin.v1.",
    "lsp": "Tell an editor about stubs while they are written: a language server.",
    "journal": "Show what a running server was asked, and what it answered.",
    "mcp": "Give assistants the tools of grpcmock, by the Model Context Protocol over stdin and stdout.",
    "fuzz": (
        "Try a server against its contract: valid and invalid requests, unusual bytes, broken streams, calls in a row."
    ),
    "replay": "Make a failure again that grpcmock fuzz has found, and say whether it still fails.",
    "export": "Hand on a failure that grpcmock fuzz has found, in a form that others can run.",
    "report": "Work with reports that runs have written.",
    "explain": "Explain a check of grpcmock fuzz: why it matters, what usually breaks it, and how to fix that.",
    "completion": "Print the completion script of a shell.",
}
"""The commands, in the order of the help, with their first lines: the help is shown without importing any of them.

The command ``x-y`` is the attribute ``command`` of the module ``grpcmock.cli.x_y``; ``x_`` where ``x`` is a keyword.
"""


class _Group(click.Group):
    """The subcommands: imported when used, with configuration files and environment variables behind each option."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        if name not in self.commands:
            module = f"{name}_" if iskeyword(name) else name.replace("-", "_")
            command: click.Command = import_module(f"grpcmock.cli.{module}").command
            settings.attach(name, command, self)
            self.commands[name] = command
        return self.commands[name]

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run, and exit. Not click's own way, where a broken pipe, Ctrl-C and our own errors would end differently."""
        name = prog_name or NAME
        if COMPLETE in os.environ:
            return super().main(args, name, complete_var=COMPLETE)

        def run() -> int:
            words = list(sys.argv[1:] if args is None else args)
            with _warnings_told(), self.make_context(name, words, color=terminals.wants_color(), **extra) as context:
                self.invoke(context)
            return 0

        sys.exit(failures.guard(run))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and name not in COMMANDS and not name.startswith("-"):
            near = nearest(name, COMMANDS)
            hint = f"Did you mean {near!r}?" if near else f"The commands are: {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every option can also be set in grpcmock.toml, in [tool.grpcmock] of pyproject.toml, and by an environment "
    "variable: `grpcmock serve --seed 7` is GRPCMOCK_SERVE_SEED=7, or GRPCMOCK_SEED=7 for every command.",
)
@click.version_option(__version__, prog_name="grpcmock", message="%(prog)s %(version)s")
@settings.config_option
def cli() -> None:
    """Contract testing and mock servers for gRPC."""


@contextmanager
def _warnings_told() -> Iterator[None]:
    """Say what is warned of in the words of a command, not with a line of code, as Python does."""
    python_says = warnings.showwarning

    def told(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, SchemaWarning):
            from grpcmock.cli.running import say

            say("warning", str(message))
        else:
            python_says(message, category, *place, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", SchemaWarning)
        warnings.showwarning = told
        yield


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and exit: 0 fine, 1 problems found, 2 wrong usage."""
    cli.main(args, NAME)
    raise AssertionError("main() exits")
