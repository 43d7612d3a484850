"""Where descriptors come from, as a command's arguments say: a server or protos; and what is named besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.cli.options import proto_paths, proto_source
from grpcmock.cli.target_options import Connection, registry_of
from grpcmock.errors import ConfigError

if TYPE_CHECKING:
    from grpcmock.schema import Registry
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import Imports


@dataclass(frozen=True, slots=True)
class Places:
    """What the arguments mean."""

    address: str | None
    """The server to ask; None if there are protos instead."""

    protos: tuple[ProtoSource, ...]
    names: tuple[str, ...]
    """What is neither a server nor a path: the names of services, methods and so on."""

    @classmethod
    def of(cls, arguments: Sequence[str], protos: Sequence[ProtoSource]) -> Places:
        """Tell the arguments apart: what exists, or ends like a descriptor file, is a path; what is written like an
        address is a server; anything else is a name. With none of the former two, it is ``protos/``.

        Raises :class:`ConfigError`.
        """
        from grpcmock.client.target import is_address

        paths, addresses, names = list(protos), [], []
        for argument in arguments:
            if Path(argument).is_socket():
                raise ConfigError(f"{argument} is a socket: write unix:{argument}.")
            if _is_path(argument):
                paths.append(proto_source(argument))
            elif is_address(argument):
                addresses.append(argument)
            elif ":" in argument or "\\" in argument:
                raise ConfigError(f"{argument!r} is neither a path, nor an address (HOST:PORT), nor a name.")
            else:
                names.append(argument)
        if len(addresses) > 1:
            raise ConfigError(f"There is more than one server: {', '.join(addresses)}. Name one.")
        if paths and addresses and not protos:
            raise ConfigError(f"{addresses[0]} is a server and {paths[0]} is a file. Name one of them.")
        if addresses:
            return cls(addresses[0], tuple(paths), tuple(names))
        return cls(None, proto_paths(paths), tuple(names))


def _is_path(argument: str) -> bool:
    from grpcmock.schema.descriptor_sets import ENDINGS

    return argument.endswith((".proto", *ENDINGS, "/")) or argument.startswith(("./", "../")) or Path(argument).exists()


async def load(places: Places, imports: Imports, connection: Connection) -> Registry:
    """Load the registry of these places. Raises :class:`SchemaError` or :class:`TargetError`."""
    if places.protos or places.address is None:
        from grpcmock.schema import sources

        return sources.load(places.protos, imports=imports)
    target = connection.target(places.address)
    async with connection.connect(target) as channel:
        registry = await registry_of(target, channel, (), imports)
        from grpcmock.client.learning import Learning

        learning = Learning(channel, registry, target.metadata)
        # A type that no service's file imports, for an Any, is known to the server by its full name only.
        await learning.learn(name for name in places.names if "." in name and "/" not in name)
        return learning.registry
