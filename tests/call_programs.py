"""Programs of calls on servers in this process: the first objection to one, and the calls that led there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from google.protobuf import json_format
from google.protobuf.message import Message

from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.results import Reply

Objections = tuple[list[str], list[Reply]]
"""What there is to say, and the replies up to the first objection."""


def count_of(usual: int) -> int:
    """Return how many programs to try: the usual number, unless the environment says another one."""
    return int(os.environ.get("GRPCMOCK_MODEL_PROGRAMS", usual))


def heard(replies: Iterable[Reply], take: Callable[[Reply], Iterable[Finding]], habits: object) -> Objections:
    """Return what *take* objects to in replies, heard one after the other up to the first objection, with the *habits*
    of the server."""
    so_far: list[Reply] = []
    for reply in replies:
        so_far.append(reply)
        if found := list(take(reply)):
            words = [f"{one.check} {one.key}: expected {one.expected}; actual {one.actual}" for one in found]
            return [str(habits), *words], so_far
    return [], so_far


def without_objections(count: int, objections: Callable[[int], Objections]) -> Iterator[list[Reply]]:
    """Yield the replies of each of so many programs. Fails at the first that is objected to."""
    for seed in range(count):
        words, replies = objections(seed)
        assert not words, _told(seed, words, replies)
        yield replies


def _told(seed: int, words: list[str], replies: list[Reply]) -> str:
    lines = [f"program {seed}", *words]
    for reply in replies:
        method = reply.call.method
        assert method is not None
        request = _shown(method.request_class.FromString(reply.call.messages[0]))
        answers = " ".join(_shown(method.response_class.FromString(one)) for one in reply.responses)
        end = f"{reply.termination.name} {reply.name} {answers}"
        lines.append(f"  {method.name} {request} {reply.call.caller.value}: {end}")
    return "\n".join(lines)


def _shown(message: Message) -> str:
    return json_format.MessageToJson(message, indent=None)
