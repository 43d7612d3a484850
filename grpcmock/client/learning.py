"""Types that are met in an ``Any`` and aren't known: a server is asked for them by its reflection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from grpcmock.errors import TargetError
from grpcmock.schema import any_types, reflection

if TYPE_CHECKING:
    import grpc.aio
    from google.protobuf.message import Message

    from grpcmock.schema import Registry
    from grpcmock.status import Metadata


class Learning:
    """A registry that learns the types it lacks from the server that it came from; each is asked for once."""

    def __init__(self, channel: grpc.aio.Channel, registry: Registry, metadata: Metadata = ()) -> None:
        self._channel = channel
        self._metadata = metadata
        self._asked: set[str] = set()
        self.registry = registry
        """What is known by now. It shares its pool with what was known before, so older messages can be read, too."""

    async def learn(self, names: Iterable[str]) -> None:
        """Ask for types by their full names. What the server doesn't know, or won't say, stays unknown."""
        new = set(names) - self._asked
        self._asked |= new
        try:
            self.registry = await reflection.with_types(self._channel, self.registry, new, metadata=self._metadata)
        except TargetError:
            return

    async def learn_from(self, message: Message) -> None:
        """Ask for the types that a message names. As what they hold may name others, until there is nothing new."""
        while new := any_types.unknown_in(message) - self._asked:
            await self.learn(new)

    async def learn_named(self, urls: Iterable[str]) -> None:
        """Ask for the types that type URLs name, as far as they aren't known."""
        await self.learn(any_types.unknown_among(urls, self.registry))
