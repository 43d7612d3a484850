"""Tools that steer a mock server, each a call of its admin service or two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from pydantic import Field

from grpcmock.client.admin import RefusedError
from grpcmock.errors import GrpcmockError
from grpcmock.schema import admin
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.client.admin import AdminClient

_TEXT_LIMIT = 4_000
"""Characters of one message in ProtoJSON."""

_MOST_CALLS = 200

Method = Annotated[str, Field(description="A method as package.Service/Method.")]
Stubs = Annotated[
    str,
    Field(
        description="Stubs in grpcmock's YAML: a list of mappings with `method`, `request`, `response` or `error`, …"
    ),
]


class MockTools:
    """The tools, over one mock server. They give plain trees, and raise :class:`GrpcmockError`."""

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    async def describe_services(
        self, name: Annotated[str, Field(description="The full name of one service; empty for an overview.")] = ""
    ) -> dict[str, Any]:
        """Describe what the mock serves, as the protos say.

        Without a name: all services and methods, with how many stubs each has, how often it was called, and how many of
        these calls no stub answered. With the name of a service: its methods with an example of a request each, and the
        text of all messages that they take and give. Ask for a service before you write stubs or requests for it.
        """
        if not name:
            return await self._ask("ListServices")
        return await self._ask("GetService", name=name)

    async def check_stubs(self, stubs: Stubs) -> dict[str, Any]:
        """Check stubs without adding them.

        Gives every problem with its line, column and path in the text, the nearest valid name, and what to do. Stubs
        are fine if no problem has the severity "error". Use it while you write stub files, too.
        """
        found = await self._ask("CheckStubs", stubs=stubs)
        problems = found.get("problems", [])
        return {"fine": not any(problem["severity"] == "error" for problem in problems), "problems": problems}

    async def add_stubs(
        self,
        stubs: Stubs,
        replace: Annotated[bool, Field(description="Replace added stubs that have the same names.")] = False,
    ) -> dict[str, Any]:
        """Add stubs to the running mock, all or none. They go before those from files, and are gone when it ends.

        To keep stubs, write them to a file in the directory of the stubs: the mock picks that up by itself.
        """
        return await self._ask("AddStubs", stubs=stubs, replace=replace)

    async def list_stubs(
        self,
        method: Annotated[str, Field(description="Only those of this method: package.Service/Method.")] = "",
        unused: Annotated[bool, Field(description="Only those that never answered a call.")] = False,
        with_text: Annotated[bool, Field(description="Give each stub as YAML, too.")] = False,
    ) -> dict[str, Any]:
        """List stubs in the order in which they are tried, with where each was written and how often it answered.

        Also tells why the last reload of the files failed, if it did: the stubs of before answer meanwhile.
        """
        listed = await self._ask("ListStubs", method=method, unused=unused, with_yaml=with_text)
        status = await self._ask("GetStatus")
        stubs = [{**stub, "count": stub.get("count", "0")} for stub in listed.pop("stubs", [])]
        return {"stubs": stubs, **listed, **{key: status[key] for key in ("reload_error",) if key in status}}

    async def remove_stubs(
        self, names: Annotated[list[str], Field(description="Their names; empty for all that were added.")]
    ) -> dict[str, Any]:
        """Remove stubs that were added. Those from files are changed in their files."""
        return await self._ask("RemoveStubs", **({"names": names} if names else {"all": True}))

    async def make_call(
        self,
        method: Method,
        messages: Annotated[list[dict[str, Any]], Field(description="The request messages, each in ProtoJSON.")],
        metadata: Annotated[dict[str, str] | None, Field(description="Request metadata.")] = None,
        timeout_seconds: Annotated[float, Field(gt=0, le=60, description="The deadline of the call.")] = 10,
    ) -> dict[str, Any]:
        """Call a method of the mock as a client would, and give messages and status that came back.

        A status UNIMPLEMENTED that says that no stub matches is a miss; explain_miss tells why.
        """
        pairs = [{"key": key, "text": value} for key, value in (metadata or {}).items()]
        timeout = f"{timeout_seconds:f}s"
        return await self._ask("MakeCall", method=method, messages=messages, metadata=pairs, timeout=timeout)

    async def read_journal(
        self,
        method: Annotated[str, Field(description="Only calls of this method; * stands for any characters.")] = "",
        stub: Annotated[str, Field(description="Only calls that this stub answered.")] = "",
        misses: Annotated[bool, Field(description="Only calls that no stub answered.")] = False,
        text: Annotated[str, Field(description="Only calls that hold this text, in messages or elsewhere.")] = "",
        limit: Annotated[int, Field(ge=1, le=_MOST_CALLS, description="How many calls at most.")] = 20,
    ) -> dict[str, Any]:
        """Give the last calls that clients made, oldest first: messages, metadata, status, stub, or why there was none.

        `dropped` says how many older calls are not remembered any more.
        """
        chosen = {"method": method, "stub": stub, "misses": misses, "text": text}
        found = await self._ask("ListCalls", **chosen, limit=limit, newest=True, text_limit=_TEXT_LIMIT)
        return {"calls": [], "dropped": "0", **found}

    async def explain_miss(
        self,
        call_id: Annotated[int, Field(ge=0, description="The id of the call in the journal; 0 for the last miss.")] = 0,
    ) -> dict[str, Any]:
        """Explain why no stub answered a call: the nearest stubs, and for each condition what it wants and what came.

        Gives the call, too, and where the mock can write one, a stub for it to start from.
        """
        if call_id:
            call = await self._ask("GetCall", id=call_id, text_limit=_TEXT_LIMIT)
            if not call.get("miss"):
                raise GrpcmockError(f"Call {call_id} is no miss: it was answered by {call.get('stub') or 'no stub'!r}.")
        else:
            found = await self._ask("ListCalls", misses=True, limit=1, newest=True, text_limit=_TEXT_LIMIT)
            calls = found.get("calls", [])
            if not calls:
                raise GrpcmockError("There is no miss in the journal: each call that it remembers had a stub.")
            call = calls[0]
        try:
            return {"call": call, "draft": await self._ask("DraftStub", id=call["id"])}
        except RefusedError as error:
            if error.code is not Code.UNIMPLEMENTED:  # a server of another version
                raise
            return {"call": call}

    async def reset_mock(
        self,
        journal: Annotated[bool, Field(description="Forget all calls.")] = False,
        counts: Annotated[bool, Field(description="Forget how often each stub answered.")] = False,
        states: Annotated[bool, Field(description='Put every scenario into "started" again.')] = False,
        stubs: Annotated[bool, Field(description="Remove the stubs that were added.")] = False,
    ) -> dict[str, Any]:
        """Go back to how the mock was at its start; with nothing chosen, in everything."""
        await self._ask("Reset", journal=journal, counts=counts, states=states, stubs=stubs)
        return await self._ask("GetStatus")

    async def _ask(self, method: str, /, **tree: Any) -> dict[str, Any]:
        """Call a method of the admin service with a request in ProtoJSON, and give the response."""
        request_class: Any = self._client.registry.method(f"{admin.SERVICE}/{method}").request_class
        try:
            request: Message = ParseDict(tree, request_class())
        except ParseError as error:
            raise GrpcmockError(f"{method}: {error}") from None
        return _plain(await self._client.send(method, request))


def _plain(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return plain
