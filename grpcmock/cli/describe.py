"""``grpcmock describe``: services, methods, messages and enums as the source of a proto."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli import terminals
from grpcmock.cli.target_options import Connection, proto_options, target_options

if TYPE_CHECKING:
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.source_text import Symbol
    from grpcmock.schema.sources import Imports


@click.command()
@click.argument("where", nargs=-1, metavar="[TARGET|PROTOS...] [SYMBOL...]")
@click.option("--template", is_flag=True, help="Print a request to fill in, as JSON, instead of the source.")
@proto_options
@target_options
def command(
    where: tuple[str, ...],
    template: bool,
    protos: tuple[ProtoSource, ...],
    imports: Imports,
    connection: Connection,
) -> None:
    """Show services, methods, messages and enums as proto source.

    TARGET is HOST:PORT, unix:PATH, or a URL; PROTOS are .proto files, directories of them, or descriptor sets.
    [default: protos/]  SYMBOL is a name such as user.UserService, GetUser, or user.UserResponse; without any, all
    services are shown.

    \b
    Examples:
      grpcmock describe 127.0.0.1:50051 user.UserService/GetUser
      grpcmock describe protos/ GetUser --template
    """
    import asyncio

    from grpcmock.cli.places import Places, load
    from grpcmock.schema import source_text

    places = Places.of(where, protos)
    registry = asyncio.run(load(places, imports, connection))
    known = source_text.symbols(registry)
    found = [source_text.find(known, name) for name in places.names or registry.services]
    if template:
        _print_templates(registry, found)
        return
    shown: dict[str, Symbol] = {}
    for symbol in found:
        shown.setdefault(symbol.full_name, symbol)
        if symbol.kind == "method":  # of little use without its messages
            for name in (symbol.proto.input_type, symbol.proto.output_type):
                message = source_text.find(known, name)
                shown.setdefault(message.full_name, message)
    _print_source(
        "\n\n".join(f"// {_title(symbol)}\n{source_text.source_text(registry, symbol)}" for symbol in shown.values())
    )


def _print_templates(registry: Registry, found: list[Symbol]) -> None:
    from grpcmock.cli.json_output import print_json
    from grpcmock.errors import ConfigError
    from grpcmock.schema.skeleton import skeleton

    for symbol in found:
        match symbol.kind:
            case "message":
                names = [symbol.full_name]
            case "method":
                names = [symbol.proto.input_type.removeprefix(".")]
            case "service":
                names = [method.input_type.removeprefix(".") for method in symbol.proto.method]
            case _:
                raise ConfigError(f"{symbol.full_name} is an enum: there is a template for methods and messages only.")
        for name in names:
            message: Any = registry.message(name)
            print_json(skeleton(message.DESCRIPTOR), compact=False)


def _title(symbol: Symbol) -> str:
    name = symbol.full_name
    if symbol.kind == "method":
        service, _, method = name.rpartition(".")
        name = f"{service}/{method}"
    return f"{name} ({symbol.file.name})"


def _print_source(text: str) -> None:
    if not terminals.shows_color(sys.stdout):
        click.echo(text)
        return
    from rich.console import Console
    from rich.syntax import Syntax

    Console().print(Syntax(text, "proto", background_color="default", theme="ansi_dark"), soft_wrap=True)
