"""``grpcmock list``: the services and methods of a server, or of protos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli.target_options import Connection, proto_options, target_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.schema import Method, Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports


@click.command("list")
@click.argument("where", nargs=-1, metavar="[TARGET|PROTOS...] [SERVICE]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@proto_options
@target_options
def command(
    where: tuple[str, ...], form: str, protos: tuple[ProtoSource, ...], imports: Imports, connection: Connection
) -> None:
    """List the services and methods of a server or of protos.

    TARGET is HOST:PORT, unix:PATH, or a URL; PROTOS are .proto files, directories of them, or descriptor sets.
    [default: protos/]  With SERVICE, only that one is listed.

    \b
    Examples:
      grpcmock list 127.0.0.1:50051
      grpcmock list protos/ user.UserService
    """
    import asyncio

    from grpcmock.cli.places import Places, load

    places = Places.of(where, protos)
    registry = asyncio.run(load(places, imports, connection))
    services = _services(registry, places.names)
    if form == "json":
        from grpcmock.cli.json_output import print_json

        print_json([_as_json(service, registry) for service in services])
        return
    if not services:
        click.echo("There is no service here.", err=True)
    for number, service in enumerate(services):
        if number:
            click.echo()
        click.echo(click.style(service, bold=True))
        for line in _lines(_methods(service, registry)):
            click.echo(line)


def _services(registry: Registry, names: Sequence[str]) -> list[str]:
    """Give the services to list. Raises :class:`SchemaError` for a name that is none."""
    if not names:
        return sorted(registry.services)
    from grpcmock.errors import SchemaError, did_you_mean

    found = []
    for name in names:
        fitting = [one for one in registry.services if one == name] or sorted(
            one for one in registry.services if one.endswith(f".{name}")
        )
        if not fitting:
            by_short = {one.rpartition(".")[2]: one for one in registry.services}
            hint = did_you_mean(name, [*registry.services, *by_short], known="The services")
            raise SchemaError(f"There is no service {name!r}. {hint}".rstrip())
        found += fitting
    return list(dict.fromkeys(found))


def _methods(service: str, registry: Registry) -> list[Method]:
    return [registry.methods[f"/{service}/{method.name}"] for method in registry.services[service].methods]


def _lines(methods: Sequence[Method]) -> list[str]:
    widest = max((len(method.name) for method in methods), default=0)
    longest = max((len(method.kind.value) for method in methods), default=0)
    return [
        f"  {method.name:{widest}}  {click.style(f'{method.kind.value:{longest}}', dim=True)}  "
        f"{method.input.full_name} → {method.output.full_name}"
        for method in methods
    ]


def _as_json(service: str, registry: Registry) -> dict[str, Any]:
    return {
        "service": service,
        "methods": [
            {
                "method": str(method),
                "kind": method.kind.value,
                "request": method.input.full_name,
                "response": method.output.full_name,
            }
            for method in _methods(service, registry)
        ],
    }
