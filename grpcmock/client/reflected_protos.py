"""Protos as the reflection of a server tells them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from grpcmock.client.target import Target
from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.errors import TargetError
from grpcmock.schema.remote import is_url

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema.remote import Remote

_WITHIN = 5.0

_BESIDES = ("grpc.reflection.", "grpc.health.", "grpc.channelz.", "grpcmock.admin.")

SCHEMES = ("grpc://", "grpcs://")
"""How a server is written where protos are expected."""


class ReflectedProtos:
    """All that a server's reflection tells. It is asked anew each time."""

    def __init__(
        self,
        target: Target,
        *,
        within: float = _WITHIN,
        left_out: Callable[[str], None] | None = None,
        way_out: str = "",
    ) -> None:
        """Wait *within* so many seconds for a connection.

        With *left_out*, services that the server can't describe are left out, and it is told of each. *way_out* is what
        to do where there is no reflection.
        """
        self.target = target
        self._within = within
        self._left_out = left_out
        self._way_out = way_out

    def read(self) -> Sequence[FileDescriptorProto]:
        """Return the files. Raises :class:`TargetError` if the server can't be asked, :class:`SchemaError`."""
        # In a loop of its own: whoever reads protos may be in one, or in a thread without.
        thread = LoopThread("grpcmock-reflection")
        try:
            return thread.run(self._fetch())
        except TargetError as error:
            raise TargetError(f"{self}: {str(error).rstrip('.')}. {self._way_out}".rstrip()) from None
        finally:
            thread.close()

    async def _fetch(self) -> Sequence[FileDescriptorProto]:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what gRPC would log is said by our errors
        from grpcmock.client.channel import connect
        from grpcmock.schema import reflection

        metadata = self.target.metadata
        async with connect(self.target, within=self._within) as channel:
            listed = await reflection.listed(channel, metadata=metadata)
            # What a server offers besides is not what it is asked for: whoever serves these protos has it, too.
            services = [name for name in listed if not name.startswith(_BESIDES)] or listed
            registry = await reflection.fetch(channel, services, metadata=metadata, left_out=self._left_out)
        return registry.files.file

    def __str__(self) -> str:
        return f"{'grpc' if self.target.tls is None else 'grpcs'}://{self.target}"


def remote_of(text: str) -> Remote | None:
    """Return the protos that a text means: those behind a URL, or those of a server; None if it is a path.

    Raises :class:`ConfigError` or :class:`SchemaError` if it can't be either.
    """
    if text.lower().startswith(SCHEMES):
        return ReflectedProtos(Target.parse(text))
    if is_url(text):
        from grpcmock.schema.download import Download

        return Download(text)
    return None
