"""A failure as a stub, with which the mock server answers as the broken server did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.client.keys import error_keys, metadata_keys
from grpcmock.errors import Problems
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.schema.codec import to_tree, try_decode
from grpcmock.schema.method import MethodKind
from grpcmock.status import Code
from grpcmock.stubs.dump import literals, to_yaml
from grpcmock.stubs.parser import parse_stub
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub


def write(case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None) -> str:
    """Write the stubs, one for each call. Raises :class:`NotSayableError` for what no stub can match or answer."""
    del target
    if result is None:
        raise NotSayableError("a stub needs the server's answers, and none were seen.")
    stubs: list[Stub] = []
    groups = _groups(result.replies[: len(case_file.case.calls)], registry)
    for index, (keys, answers) in enumerate(groups, 1):
        number = f", call {index}" if len(groups) > 1 else ""
        answer = answers[0] if len(answers) == 1 else {"answers": answers}
        problems = Problems()
        stub = parse_stub(Node.of({"name": f"{case_file.id}{number}", **keys, **answer}), problems)
        problems.raise_errors()
        if stub is not None:
            stubs.append(stub)
    return f"# {case_file.case.method} as it was seen: {case_file.case.why}.\n{to_yaml(stubs)}"


def _groups(replies: Sequence[Reply], registry: Registry) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Give what each stub matches, and its answers: several in turn where the same request was answered differently.

    Raises :class:`NotSayableError` where requests differ in bytes alone, and their answers do, too.
    """
    groups: list[tuple[dict[str, Any], list[dict[str, Any]], list[tuple[bytes, ...]]]] = []
    for reply in replies:
        keys, answer, sent = _matched(reply), dict(_answer(reply, registry)), reply.call.messages
        group = next((one for one in groups if one[0] == keys), None)
        if group is None:
            groups.append((keys, [answer], [sent]))
            continue
        group[1].append(answer)
        group[2].append(sent)
    found = []
    for keys, answers, all_sent in groups:
        if all(answer == answers[0] for answer in answers):
            answers = answers[:1]
        elif len(set(all_sent)) > 1:
            raise NotSayableError("its requests differ in their bytes alone, which no stub can tell apart.")
        found.append((keys, answers))
    return found


def _matched(reply: Reply) -> dict[str, Any]:
    """Give the keys of a stub that takes this call."""
    call = reply.call
    method = call.method
    if method is None:
        raise NotSayableError(f"the contract has no method {call.path}, so no stub can be for it.")
    if call.raw is not None:
        raise NotSayableError("this is HTTP/2 below any message, which no stub can match.")
    requests = [_tree(data, method.request_class, "a request") for data in call.messages]
    keys: dict[str, Any] = {"method": method.full_name}
    if method.kind is MethodKind.CLIENT_STREAMING:
        keys["requests"] = [{"$eq": request} for request in requests]
    elif requests:
        keys["request"] = {"$eq": requests[0]}
    return keys


def _answer(reply: Reply, registry: Registry) -> Iterator[tuple[str, Any]]:
    method = reply.call.method
    assert method is not None
    if reply.termination in (Termination.LOST, Termination.RESET):
        yield "fault", {"abort": "UNAVAILABLE"}
        return
    if reply.termination in (Termination.DEADLINE, Termination.OVERDUE):
        yield "fault", {"hang": True}
        return
    if not 0 <= reply.code <= 16:
        raise NotSayableError(f"a stub can't answer with the status {reply.code}, which gRPC doesn't have.")
    responses = [literals(_tree(data, method.response_class, "a response")) for data in reply.responses]
    streams = method.kind.server_streams
    if streams:
        yield "responses", responses
    elif responses:
        yield "response", responses[0]
        if len(responses) > 1:
            yield "fault", {"extra_messages": len(responses) - 1}
    elif reply.code == Code.OK:
        raise NotSayableError(f"a stub can't answer a {method.kind.value} method with OK and no message.")
    if reply.headers and (headers := metadata_keys(reply.headers)):
        yield "headers", headers
    if reply.code not in (Code.OK, Code.CANCELLED) or (
        reply.code == Code.CANCELLED and reply.termination is Termination.SERVER
    ):
        if responses and not streams:
            raise NotSayableError(f"a stub can't answer a {method.kind.value} method with a message and an error.")
        yield "error", error_keys(reply.name, reply.message, reply.trailers, registry)
    elif trailers := metadata_keys(reply.trailers):
        yield "trailers", trailers


def _tree(data: bytes, message_class: type[Message], what: str) -> Any:
    message = try_decode(message_class, data)
    if message is None:
        raise NotSayableError(f"{what} isn't a {message_class.DESCRIPTOR.full_name}, so no stub can say it.")
    return to_tree(message)
