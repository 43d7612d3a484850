"""Options and types that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

from grpcmock.cli.values import ParamType
from grpcmock.errors import ConfigError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports
    from grpcmock.servers.host import Files

_F = TypeVar("_F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


def proto_source(text: str) -> ProtoSource:
    """Return what a text means. Raises :class:`ConfigError` or :class:`SchemaError` if it can't be what it seems."""
    if "://" in text:
        from grpcmock.client.reflected_protos import remote_of

        if (remote := remote_of(text)) is not None:
            return remote
    return Path(text)


class Protos(ParamType["ProtoSource"]):
    """Where protos come from: a path, the URL of a descriptor set, or ``grpc://HOST:PORT`` of a server."""

    name = "protos"

    def convert(self, value: Any, _: click.Parameter | None, __: click.Context | None) -> ProtoSource:
        return proto_source(value) if isinstance(value, str) else value

    def shell_complete(self, _: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


PROTOS = Protos()

DEFAULT_PROTOS = Path("protos")
DEFAULT_STUBS = Path("stubs")

_STUB_SUFFIXES = (".yaml", ".yml", ".json")


def protos_argument(function: _F) -> _F:
    """Add the argument ``PROTOS…``."""

    def tell_stubs(ctx: click.Context, _: click.Parameter, values: tuple[ProtoSource, ...]) -> tuple[ProtoSource, ...]:
        has_stubs = any(param.name == "stubs" for param in ctx.command.params)
        for path in values:
            if has_stubs and isinstance(path, Path) and path.suffix in _STUB_SUFFIXES and path.is_file():
                raise click.UsageError(
                    f"{path} is no proto; it looks like a file of stubs. Those are named by an option: --stubs {path}."
                )
        return values

    return click.argument("protos", nargs=-1, type=PROTOS, metavar="[PROTOS]...", callback=tell_stubs)(function)


def stubs_option(function: _F) -> _F:
    """Add ``--stubs``."""
    return click.option(
        "--stubs",
        multiple=True,
        type=PATH,
        metavar="PATH",
        help="A stub file or a directory of them; repeatable.  [default: stubs/]",
    )(function)


def imports_option(function: _F) -> _F:
    """Add ``-I`` and ``--exclude-path``; the function gets both as ``imports``."""

    @wraps(function)
    def with_imports(*args: Any, imports: tuple[Path, ...], exclude_paths: tuple[str, ...], **kwargs: Any) -> Any:
        from grpcmock.schema.sources import Imports

        return function(*args, imports=Imports(imports, exclude_paths), **kwargs)

    options = [
        click.option(
            "-I",
            "--import-path",
            "imports",
            multiple=True,
            type=PATH,
            metavar="DIRECTORY",
            help="A directory in which imports of the protos are looked up; repeatable.",
        ),
        click.option(
            "--exclude-path",
            "exclude_paths",
            multiple=True,
            metavar="GLOB",
            help="Files and folders to leave out of the directories of protos, such as vendor; repeatable.",
        ),
    ]
    for option in reversed(options):
        with_imports = option(with_imports)
    return with_imports  # type: ignore[return-value]


class _TransportChoice(click.Choice[str]):
    """The transports, and what became of one that there was."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "h2":
            self.fail("h2 is no more: native makes all of its faults (pip install 'grpcmock[native]').", param, ctx)
        return super().convert(value, param, ctx)


def transport_option(function: _F) -> _F:
    """Add ``--transport``."""
    return click.option(
        "--transport",
        type=_TransportChoice(("auto", "native", "aio")),
        default="auto",
        show_default=True,
        help="What serves: threads of our own, which speak every protocol on one port and make the faults truncate, "
        "reset and drop_trailers, too; or grpc.aio. auto is native where that is installed, else aio.",
    )(function)


def listening_tls_options(function: _F) -> _F:
    """Add ``--tls-cert``, ``--tls-key`` and ``--tls-client-ca``: how clients are listened to."""
    options = [
        click.option("--tls-cert", type=PATH, metavar="FILE", help="Listen with TLS: the certificate chain, in PEM."),
        click.option("--tls-key", type=PATH, metavar="FILE", help="The private key of --tls-cert, in PEM."),
        click.option(
            "--tls-client-ca",
            type=PATH,
            metavar="FILE",
            help="Demand client certificates signed by one of these authorities.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def proto_paths(protos: Sequence[ProtoSource]) -> tuple[ProtoSource, ...]:
    """Give the protos to read: those named, else ``protos/``. Raises :class:`ConfigError` if there is neither."""
    if protos:
        return tuple(protos)
    if DEFAULT_PROTOS.exists():
        return (DEFAULT_PROTOS,)
    raise ConfigError(
        "There is no directory protos/ here. Name what to read: .proto files, directories, descriptor sets (.binpb) or "
        "their URLs, or grpc://HOST:PORT for a server that has reflection."
    )


def files(
    protos: Sequence[ProtoSource], stubs: Sequence[Path], imports: Imports, imported: Sequence[Path] = ()
) -> Files:
    """Give the files that a mock server is made of: those named, else ``protos/`` and ``stubs/``."""
    from grpcmock.servers.host import Files

    if not stubs and not imported and DEFAULT_STUBS.exists():
        stubs = (DEFAULT_STUBS,)
    return Files(proto_paths(protos), tuple(stubs), imports, tuple(imported))


class Size(ParamType[int]):
    """A number of bytes: ``4194304``, ``4MiB``; ``unlimited`` is -1."""

    name = "size"

    _units: ClassVar = {
        "": 1,
        "b": 1,
        "kb": 10**3,
        "mb": 10**6,
        "gb": 10**9,
        "kib": 1 << 10,
        "mib": 1 << 20,
        "gib": 1 << 30,
    }

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if value in ("unlimited", "-1"):
            return -1
        found = re.fullmatch(r"([0-9]+)\s*([a-z]*)", str(value).strip().lower())
        if not found or found[2] not in self._units:
            self.fail(f"{value!r} is not a size; write 4194304, 4MiB, 512KB or unlimited.", param, ctx)
        return int(found[1]) * self._units[found[2]]


class StatusCode(ParamType[Code]):
    """A gRPC status code, by name or number; not OK."""

    name = "code"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Code:
        if isinstance(value, Code):
            return value
        try:
            code = Code.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if code is Code.OK:
            self.fail("OK is no error; another code is needed.", param, ctx)
        return code

    def shell_complete(self, _: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in Code.__members__ if name.startswith(incomplete.upper())]


SIZE = Size()
STATUS_CODE = StatusCode()
