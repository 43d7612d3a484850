"""``grpcmock call``: call any method of a server, with JSON in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from grpcmock.cli import failures
from grpcmock.cli.target_options import SECONDS, Connection, proto_options, registry_of, target_options
from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc.aio

    from grpcmock.cli.call_input import Requests
    from grpcmock.client.call import Call, Status
    from grpcmock.client.details import Detail
    from grpcmock.client.http.call import HttpCall
    from grpcmock.client.learning import Learning
    from grpcmock.client.target import Target
    from grpcmock.schema import Method, Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports
    from grpcmock.status import Metadata

_MAX_NAMED = 20
"""Methods that are listed where none was named."""


@click.command()
@click.argument("target")
@click.argument("method", required=False)
@click.option(
    "-d",
    "--data",
    metavar="JSON|@FILE|-",
    help="The request; for a stream a JSON array, or values one after another. - is stdin.  "
    "[default: an empty message; stdin where the client streams]",
)
@click.option(
    "--protocol",
    type=click.Choice(("grpc", "grpc-web", "connect", "json")),
    default="grpc",
    show_default=True,
    help="What to speak: all but grpc over HTTP/1.1, with --proto; json by the protos' google.api.http annotations.",
)
@click.option("--deadline", type=SECONDS, metavar="TIME", help="How long the call may take: 500ms, 2s.")
@click.option("--compact/--pretty", default=None, help="One line a message, or several.  [default: as stdout is]")
@click.option("--emit-defaults", is_flag=True, help="Print fields that are at their default, too.")
@click.option("-v", "--verbose", is_flag=True, help="Print metadata, trailers and timing on stderr.")
@proto_options
@target_options
def command(
    target: str,
    method: str | None,
    data: str | None,
    protocol: str,
    deadline: float | None,
    compact: bool | None,
    emit_defaults: bool,
    verbose: bool,
    protos: tuple[ProtoSource, ...],
    imports: Imports,
    connection: Connection,
) -> None:
    """Call any method of a server, with JSON in and out.

    TARGET is HOST:PORT, unix:PATH, or a URL. METHOD is package.Service/Method; what is clear without may be left out.

    Where the client streams, messages are read from stdin and sent as they come, one a line, and each response is
    printed as it comes. The exit code is 0 for OK, 1 for any other status, 2 if there was no call.

    \b
    Examples:
      grpcmock call 127.0.0.1:50051 user.UserService/GetUser -d '{"id": 1}'
      grpcmock call 127.0.0.1:50051 LookupUsers -H 'authorization: Bearer ${TOKEN}'
      grpcmock call http://127.0.0.1:8080 GetUser --proto protos --protocol connect
    """
    import asyncio

    if protocol != "grpc" and not protos:
        raise ConfigError(f"--protocol {protocol} needs protos: name them with --proto. Reflection is asked by gRPC.")
    server = connection.target(target, may_be_url=protocol != "grpc")
    talk = _Talk(server, connection, protocol, compact, emit_defaults, verbose)
    if not asyncio.run(talk.run(method, data, deadline, protos, imports)):
        raise click.exceptions.Exit(failures.PROBLEMS)


class _Talk:
    """One call, and what is printed of it."""

    def __init__(
        self,
        target: Target,
        connection: Connection,
        protocol: str,
        compact: bool | None,
        defaults: bool,
        verbose: bool,
    ) -> None:
        self._target = target
        self._protocol = protocol
        self._connection = connection
        self._compact = compact
        self._defaults = defaults
        self._verbose = verbose
        self._undecodable = False
        self._registry: Registry | None = None
        self._learning: Learning | None = None
        """Asks for types that aren't known; None if protos were given."""

    async def run(
        self,
        name: str | None,
        data: str | None,
        deadline: float | None,
        protos: tuple[ProtoSource, ...],
        imports: Imports,
    ) -> bool:
        """Make the call; say whether all was well."""
        from grpcmock.cli.call_input import Requests

        if protos:  # what is wrong with them, or with the request, is said whether the server runs or not
            from grpcmock.schema import sources

            registry = sources.load(protos, imports=imports)
            method = self._method(registry, name)
            requests = Requests(data, method, registry)
            await requests.check()
            if self._protocol != "grpc":
                return await self._converse(self._http_call(method, registry, deadline), method, registry, requests)
            async with self._connection.connect(self._target) as channel:
                return await self._converse(self._call(channel, method, deadline), method, registry, requests)
        async with self._connection.connect(self._target) as channel:
            from grpcmock.client.learning import Learning

            registry = await registry_of(self._target, channel, protos, imports, _service_of(name))
            method = self._method(registry, name)
            self._learning = Learning(channel, registry, self._target.metadata)
            requests = Requests(data, method, registry, learn=self._learning.learn_named)
            await requests.check()
            return await self._converse(self._call(channel, method, deadline), method, registry, requests)

    def _call(self, channel: grpc.aio.Channel, method: Method, deadline: float | None) -> Call:
        from grpcmock.client.call import Call

        return Call(channel, method.path, metadata=self._target.metadata, deadline=deadline)

    def _http_call(self, method: Method, registry: Registry, deadline: float | None) -> HttpCall:
        from grpcmock.client.http.call import HttpCall
        from grpcmock.client.http.forms import ConnectForm, Form, GrpcWebForm
        from grpcmock.client.http.json_form import JsonForm

        form: Form
        match self._protocol:
            case "connect":
                form = ConnectForm(method)
            case "grpc-web":
                form = GrpcWebForm(method)
            case _:
                form = JsonForm(method, registry)
        return HttpCall(self._target, form, deadline=deadline, within=self._connection.within)

    def _method(self, registry: Registry, name: str | None) -> Method:
        if name is not None:
            return registry.method(name)
        names = sorted(map(str, registry.methods.values()))
        more = f", and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        listed = f"The methods are: {', '.join(names[:_MAX_NAMED])}{more}." if names else "There is none here."
        raise click.UsageError(f"METHOD is missing: which one of {self._target} is called? {listed}")

    async def _converse(self, call: Call | HttpCall, method: Method, registry: Registry, requests: Requests) -> bool:
        from grpcmock.cli.json_output import print_json, tree_of
        from grpcmock.client.conversation import converse
        from grpcmock.schema.codec import DecodeError, decode

        self._registry = registry

        async def show(data: bytes) -> None:
            try:
                message = decode(method.response_class, data)
            except DecodeError as error:
                self._undecodable = True
                _complain(f"The response can't be decoded: {error}")
                return
            if self._learning is not None:
                await self._learning.learn_from(message)
            print_json(tree_of(message, defaults=self._defaults), compact=self._compact)

        self._say(f"> {method} ({method.kind.value}) at {self._target}")
        self._say_metadata(">", self._target.metadata)
        status = await converse(call, aiter(requests), show)
        return await self._conclude(call, status, method, registry)

    async def _conclude(self, call: Call | HttpCall, status: Status, method: Method, registry: Registry) -> bool:
        from grpcmock.cli.json_output import harmless
        from grpcmock.client.call import breach
        from grpcmock.client.details import decode_details
        from grpcmock.status import DETAILS_KEY, Code

        self._say_metadata("<", await call.headers())
        self._say_metadata("< trailer", tuple(pair for pair in status.trailers if pair[0] != DETAILS_KEY))
        sent, received = (f"{n} message{'' if n == 1 else 's'}" for n in (call.sent, call.received))
        self._say(f"* {status.code.name} in {call.seconds * 1000:.1f} ms, {sent} sent, {received} received")
        if broken := breach(method.kind, status, call.received):
            _complain(broken)
        if status.code is Code.OK:
            return not broken and not self._undecodable
        name = click.style(status.code.name, fg="red", bold=True)
        rich = decode_details(status.trailers, registry)
        if rich is not None and self._learning is not None:
            await self._learning.learn(detail.type_name for detail in rich.details if detail.is_unknown)
            rich = decode_details(status.trailers, self._learning.registry)
        message, details = told_once(status.message, rich.details if rich else ())
        click.echo(f"{name} ({status.code.value}): {harmless(message) or '(no message)'}", err=True)
        for detail in details:
            click.echo(_detail_line(detail), err=True)
        return False

    def _say(self, text: str) -> None:
        if self._verbose:
            click.echo(click.style(text, dim=True), err=True)

    def _say_metadata(self, prefix: str, metadata: Metadata) -> None:
        from grpcmock.cli.json_output import metadata_line

        for key, value in metadata:
            self._say(f"{prefix} {metadata_line(key, value, self._registry)}")


def _service_of(name: str | None) -> list[str] | None:
    """Give the service that a method's full name names, so that reflection need not give all; None if it is short."""
    if name is None:
        return None
    written = name.removeprefix("/")
    service = written.rpartition("/" if "/" in written else ".")[0]
    return [service] if "." in service else None


def told_once(message: str, details: Sequence[Detail]) -> tuple[str, Sequence[Detail]]:
    """Of a miss, the message is the head of a DebugInfo among the details: give the longer text, and the others."""
    head = message.rpartition("\n…")[0] or message
    for detail in details:
        if detail.type_name == "google.rpc.DebugInfo" and detail.message is not None:
            text = str(detail.tree().get("detail", ""))
            if head and text.startswith(head):
                return text, [other for other in details if other is not detail]
    return message, details


def _detail_line(detail: Detail) -> str:
    from grpcmock.cli.json_output import dumps, harmless

    tree = detail.tree()
    tree.pop("@type", None)
    return harmless(f"  {detail.type_name}: {dumps(tree, compact=True)}")


def _complain(text: str) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {text}", err=True)
