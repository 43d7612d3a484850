"""The words of the JSON Schema: what each key and step means, and what the protos' own comments say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcmock.schema.locations import declarations
from grpcmock.stubs import steps

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

KEYS: Final = {
    "name": "A name of its own, unique over all files; shown in every message. Default: `path:line`.",
    "method": "The method that this stub answers: `package.Service/Method`.",
    "priority": "Of the stubs that hold, one with a higher priority wins. Default: 0.",
    "request": "A pattern for the request; where the client streams, for its first message.",
    "requests": "For a client stream: a list of patterns, one for each message, or operators over all messages.",
    "metadata": "Patterns for the request's metadata, by lower-case key.",
    "deadline": "A pattern for the seconds left when the call came in. `{$exists: true}`: the client set one.",
    "when": "A CEL expression over `request`, `requests`, `metadata` and `deadline`. Needs the extra `cel`.",
    "state": "Holds only while each of these scenarios is in this state; all begin in `started`.",
    "times": "Match so many times at most, then step aside.",
    "given": "The state of the provider, in words, for when this stub is verified against a real server.",
    "response": "The response message. On a streaming method: a stream of one.",
    "responses": "The response messages of a streaming method.",
    "error": "The status to end the call with; after `response` or `responses`, the stream breaks after them.",
    "script": "The steps of a conversation, for streams that plain lists can't say.",
    "answers": "Several answers, given in turn.",
    "then": "What follows the last of several answers: it again, the first one, or no match.",
    "headers": "Metadata sent before the answer. A list repeats a key.",
    "trailers": "Metadata sent after the answer. A list repeats a key.",
    "delay": "How long to wait before the answer: `200ms`, `{min, max}` or `{median, sigma}`.",
    "interval": "How long to wait between `responses`.",
    "set": "The states that scenarios enter when this stub is chosen.",
    "fault": "What goes wrong with the answer, on purpose.",
    "each": "A table: one stub for each row, known as `{{ row.column }}`. A list, or a CSV, JSON or JSONL file.",
    "verify": "How this stub is held against a real server; `false`: not at all.",
    "defaults": "Keys that lie under every stub of this file.",
    "stubs": "The stubs.",
}

STEPS: Final = {
    steps.EXPECT: "Wait for the next request message; it must match.",
    steps.SEND: "Send one response message.",
    steps.WAIT: "Pause; `forever` lasts until the client cancels.",
    steps.HEADERS: "Send initial metadata now.",
    steps.HALF_CLOSE: "Wait until the client has finished sending.",
    steps.ON: "Answer each incoming message by the first arm that matches.",
    steps.UNTIL: "How long `on` goes on: `half_close`.",
    steps.REPEAT: "Do these steps again and again.",
    steps.ERROR: "End the call with a status.",
    steps.FINISH: "End the call with OK.",
}

FAULTS: Final = {
    "abort": "End the call with this status code.",
    "hang": "Answer nothing, until the deadline or cancellation.",
    "drip": "Pause so long between the messages of a stream.",
    "garbage": "So many bytes that can't be decoded, in place of the first message.",
    "truncate": "Cut a message short.",
    "reset": "Reset the stream.",
    "oversize": "A message of this size, such as `5MiB`, in place of the first one.",
    "extra_messages": "So many copies of a message too many.",
    "drop_trailers": "Leave out the trailers.",
    "rate": "The share of calls that the fault strikes, from 0 to 1.",
}


def comments(files: FileDescriptorSet) -> dict[str, str]:
    """Give the comments of all declarations by their full names, where the descriptors carry source information."""
    found: dict[str, str] = {}
    for file in files.file:
        names = dict(declarations(file))
        for location in file.source_code_info.location:
            name = names.get(tuple(location.path))
            text = (location.leading_comments or location.trailing_comments).strip()
            if name and text:
                found[name] = "\n".join(line.strip() for line in text.splitlines())
    return found
