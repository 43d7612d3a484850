"""``grpcmock run``: a mock server for as long as a command runs."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli import child, failures, live, serve, settings
from grpcmock.cli.child import CannotStartError, Child
from grpcmock.cli.running import on_signals, say

if TYPE_CHECKING:
    import asyncio

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.host import Host

_FREE_PORT = "127.0.0.1:0"
_WORDS = "grpcmock.run"
"""Under this key, click's context keeps the command that stands after ``--``."""

_MAX_NAMED = 5
"""Methods that the summary names."""


class _RunCommand(click.Command):
    """Takes a command after ``--``, of which click itself would make more of the arguments before."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "--", "COMMAND..."]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, dashes, words = args, False, []
        if "--" in args:
            at = args.index("--")
            own, dashes, words = args[:at], True, args[at + 1 :]
        ctx.meta[_WORDS] = words
        asks_for_help = any(name in own for name in ctx.help_option_names)
        if not words and not asks_for_help and not ctx.resilient_parsing:
            example = f"grpcmock run {' '.join(own)}".rstrip() if dashes else "grpcmock run"
            raise click.UsageError(
                f"There is no command to run. Write it after two dashes: `{example} -- pytest`.", ctx
            )
        return super().parse_args(ctx, own)


def _options() -> list[click.Parameter]:
    """Give the options of ``grpcmock serve``, as they are here."""
    found: list[click.Parameter] = []
    for param in serve.command.params:
        if param.name == "config":
            continue  # each command gets its own
        param = copy.copy(param)
        if not isinstance(param.envvar, str):
            param.envvar = None  # likewise
        if isinstance(param, click.Option) and param.name == "listen":
            param.help = "Where to listen; repeatable.  [default: a free port of 127.0.0.1]"
        if isinstance(param, click.Option) and param.name == "log":
            param.help = (
                "Print on stderr: each call as a line, only the misses, each call as JSON, or none.  [default: misses]"
            )
        found.append(param)
    return found


@click.command(
    cls=_RunCommand,
    params=_options(),
    epilog="The command finds the address in GRPCMOCK_ADDRESS (127.0.0.1:38211), GRPCMOCK_HOST and GRPCMOCK_PORT, and "
    "all of several in GRPCMOCK_ADDRESSES; that for HTTP in GRPCMOCK_HTTP_ADDRESS. "
    "--env gives it in other variables, too. Signals are passed on to it, and "
    "its exit code is this program's: 127 if there is no such command, 128 + N if signal N killed it.",
)
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME[=TEXT]",
    help="Give the address to the command in this environment variable, too; repeatable. In TEXT, {address}, {host} "
    "and {port} stand for it: --env USERS_URL=http://{address}.",
)
@click.option(
    "--fail-on-miss", is_flag=True, help="Exit with 1 if a call had no stub, though the command exits with 0."
)
@click.pass_context
def command(ctx: click.Context, /, variables: tuple[str, ...], fail_on_miss: bool, **options: Any) -> None:
    """Run a command while a mock server answers: serve, wait until it is ready, run, stop.

    PROTOS are .proto files, directories of them, or descriptor sets.  [default: protos/]

    \b
    Examples:
      grpcmock run -- pytest
      grpcmock run protos --stubs stubs --env USERS_ADDRESS -- go test ./...
      grpcmock run -- sh -c 'grpcurl -plaintext "$GRPCMOCK_ADDRESS" list'
    """
    options["listen"] = options["listen"] or (_FREE_PORT,)
    run = _Run(ctx.meta[_WORDS], dict(map(_variable, variables)))
    assert serve.command.callback is not None
    serve.command.callback(meanwhile=run, **options)
    run.sum_up()
    ctx.exit(run.code or (failures.PROBLEMS if fail_on_miss and run.misses else 0))


def _variable(text: str) -> tuple[str, str]:
    """Read ``NAME`` or ``NAME=TEXT``."""
    name, equals, value = text.partition("=")
    if not name:
        raise click.BadParameter(f"{text!r} names no variable; write NAME, or NAME=http://{{address}}.")
    return name, value if equals else "{address}"


class _Run:
    """One run of the command, and what became of it."""

    def __init__(self, words: Sequence[str], variables: Mapping[str, str]) -> None:
        self.whom = child.shown(words)
        self.code = 0
        self.misses: Counter[str] = Counter()
        """How often a method was called in a way that no stub answers."""

        self._words = words
        self._variables = variables
        self._calls = 0

    async def __call__(self, host: Host, ended: asyncio.Event, hurried: asyncio.Event) -> None:
        if ended.is_set():
            raise click.Abort
        host.engine.journal.subscribe(self._count)
        http = host.http_addresses or (host.addresses if host.transport == "native" else ())
        environment = told(host.addresses, http)
        own = {name: _filled(text, environment) for name, text in self._variables.items()}
        try:
            started = Child(self._words, {**environment, **own})
        except CannotStartError as error:
            say("error", str(error))
            self.code = error.code
            return
        with child.passing_on(started):
            self.code = await started.wait()
        ended.set()
        on_signals(ended, hurried)

    def _count(self, call: CallRecord) -> None:
        self._calls += 1
        if live.is_miss(call):
            self.misses[call.name] += 1

    def sum_up(self) -> None:
        """Say how many calls came, and which had no stub."""
        if self.code in (child.NOT_FOUND, child.NOT_EXECUTABLE) and not self._calls:
            return
        if not self._calls:
            say(
                "warning",
                f"No call came. Does the command read {settings.ADDRESSES[0]}, or a variable that --env names?",
            )
            return
        calls = f"{self._calls:,} call{'' if self._calls == 1 else 's'}"
        if not self.misses:
            say("info", f"{calls}, no misses.")
            return
        total = self.misses.total()
        named = [f"{name} ({count:,})" for name, count in self.misses.most_common(_MAX_NAMED)]
        more = f" and {len(self.misses) - _MAX_NAMED} more methods" if len(self.misses) > _MAX_NAMED else ""
        missed = "1 was a miss" if total == 1 else f"{total:,} were misses"
        say("warning", f"{calls}, of which {missed}, answered by no stub: {', '.join(named)}{more}.")


def told(addresses: Sequence[Address], http: Sequence[Address] = ()) -> dict[str, str]:
    """Give the environment in which a command finds these addresses, and the first of those for HTTP."""
    texts = [str(_reachable(address)) for address in addresses]
    first = _reachable(addresses[0])
    parts = (first.host, str(first.port)) if first.scheme == "tcp" else ()
    own = {settings.HTTP_ADDRESS: str(_reachable(http[0]))} if http else {}
    return {**dict(zip(settings.ADDRESSES, (texts[0], " ".join(texts), *parts), strict=False)), **own}


def _reachable(address: Address) -> Address:
    """Name the address to call where a server listens on all networks."""
    from dataclasses import replace

    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host)  # noqa: S104
    return address if loopback is None else replace(address, host=loopback)


def _filled(text: str, environment: Mapping[str, str]) -> str:
    for name in ("address", "host", "port"):
        text = text.replace(f"{{{name}}}", environment.get(f"GRPCMOCK_{name.upper()}", ""))
    return text
