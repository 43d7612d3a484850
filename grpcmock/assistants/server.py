"""The server of the Model Context Protocol: the tools, described for assistants, over stdin and stdout."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from grpcmock._version import __version__
from grpcmock.client.admin import RefusedError
from grpcmock.errors import GrpcmockError, MissingExtraError

try:
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp_types import ToolAnnotations
except ImportError:
    raise MissingExtraError("grpcmock mcp", "mcp") from None

if TYPE_CHECKING:
    from grpcmock.assistants.mock_tools import MockTools
    from grpcmock.assistants.trial_tools import TrialTools

_INSTRUCTIONS = """\
grpcmock answers for gRPC services from stubs in YAML, typed against the services' protos, and tries real servers
against the same contract.

To write stubs: describe_services for the messages, check_stubs until nothing is wrong, then write them to a file in the
directory of the stubs (the mock reloads by itself), or add_stubs for a try. make_call shows what a client gets; after a
miss, explain_miss says which condition of which stub refused the call. Messages are written in ProtoJSON with the names
of the proto; statuses by their names: NOT_FOUND.
"""

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
_REMOVES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
_TRIES = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=True)


def make_server(mock: MockTools, trials: TrialTools) -> MCPServer[Any]:
    """Make a server with all tools. A :class:`GrpcmockError` of a tool is told as its failure."""
    server: MCPServer[Any] = MCPServer("grpcmock", version=__version__, instructions=_INSTRUCTIONS, log_level="WARNING")
    tools: tuple[tuple[Callable[..., Awaitable[Any]], ToolAnnotations], ...] = (
        (mock.describe_services, _READS),
        (mock.check_stubs, _READS),
        (mock.add_stubs, _ADDS),
        (mock.list_stubs, _READS),
        (mock.remove_stubs, _REMOVES),
        (mock.make_call, _ADDS),
        (mock.read_journal, _READS),
        (mock.explain_miss, _READS),
        (mock.reset_mock, _REMOVES),
        (trials.verify_server, _TRIES),
        (trials.fuzz_server, _TRIES),
    )
    for tool, hints in tools:
        server.add_tool(_telling(tool), annotations=hints)
    return server


def _telling(tool: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(tool)
    async def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return await tool(*args, **kwargs)
        except RefusedError as error:
            raise ToolError(f"{error.code.name}: {error.message}") from None
        except GrpcmockError as error:
            raise ToolError(str(error)) from None

    return told
