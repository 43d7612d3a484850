"""The words of findings: how a reply is told, and what tells one fault from another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.model.asked_error import asks_for_error
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.readable import all_decoded
from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply

_LONGEST = 200
_READ = 5
"""So many requests of a stream are read for what a text may have taken from them."""

_VARIABLE = re.compile(
    r"""(["'`]).*?\1|\[.*\]|\(.*\)|0x[0-9a-fA-F]+|[+-]?\d+(\.\d+)?([eE][+-]?\d+)?|[0-9a-fA-F]{8,}|[^\x20-\x7e]+"""
    r"""|\b(?:true|false)\b"""
)


_NAME = re.compile(r"""(["'`])[\w.]+(?:Error|Exception)\1""")
"""The name of an exception stays, though it stands in quotes."""


_LARGE = 4_000
"""Bytes of a request whose repetition may be too large for headers: clients take 8 to 16 KiB of all of them."""


def said(reply: Reply) -> str:
    """Tell how a call ended: ``UNKNOWN: Exception calling application``."""
    if reply.termination is Termination.OVERDUE:
        return f"nothing within {reply.seconds:.2f} s"
    if reply.termination in (Termination.DEADLINE, Termination.STARVED):
        return f"no status within the deadline of {reply.seconds:.2g} s"
    if reply.termination in (Termination.ENOUGH, Termination.CANCELLED):
        count = len(reply.responses)
        return f"{count} response{'' if count == 1 else 's'}, and no end before {reply.termination.value}"
    text = reply.message if len(reply.message) <= _LONGEST else reply.message[: _LONGEST - 1] + "…"
    whose = {Termination.RESET: " (the stream was reset)", Termination.LOST: " (the connection was lost)"}.get(
        reply.termination, ""
    )
    return f"{reply.name}: {text}{whose}" if text not in ("", reply.name) else f"{reply.name}{whose}"


def shape(reply: Reply) -> str:
    """Give what stays the same of a status when only values differ: its code, and the shape of its text."""
    text = _VARIABLE.sub(lambda found: found[0] if _NAME.fullmatch(found[0]) else "…", _without_own(reply))
    # What was given may be nothing at all, so that its place doesn't count; nor does the article, as the plainest text
    # that a request has is "a".
    words = [word for word in text.split() if word not in ("…", "a")]
    return f"{reply.name} {' '.join(words[:8])}".strip()[:100]


def _without_own(reply: Reply) -> str:
    """Return the text of a status without the name of the method, and the texts that the request itself holds."""
    text, method = reply.message, reply.call.method
    if not text or method is None:
        return text
    text = _without(text, method.name)
    if reply.call.raw is not None:
        return text
    requests = all_decoded(method.request_class, reply.call.messages[:_READ]) or ()
    for own in sorted({own for request in requests for own in _texts(request)}, key=len, reverse=True):
        if own.strip() and own in text:
            text = _without(text, own)
    return text


def _without(text: str, word: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "…", text)


def _texts(message: Message) -> Iterator[str]:
    for inner in messages_in(message):
        for field, value in inner.ListFields():
            parts: Any = value if field.is_repeated else (value,)
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                parts = (*value, *value.values())
            elif field.enum_type is not None:
                named = field.enum_type.values_by_number
                parts = [named[number].name for number in parts if number in named]
            yield from (part for part in parts if isinstance(part, str))


# fmt: off
_VAGUE = frozenset({
    "a", "all", "an", "and", "application", "at", "be", "by", "calling", "caught", "class", "code", "could", "down",
    "err", "error", "exception", "failed", "failure", "fault", "for", "from", "go", "grpc", "handler", "handling",
    "http", "in", "internal", "is", "issue", "later", "method", "not", "occurred", "of", "on", "panic", "please",
    "problem", "processing", "received", "request", "reset", "rpc", "rst_stream", "runtime", "server", "service",
    "something", "status", "stream", "system", "the", "to", "try", "unable", "unexpected", "unhandled", "unknown",
    "unspecified", "was", "went", "while", "with", "wrong",
})
# fmt: on
"""Words that a server may say of any error at all."""

_BY_LIBRARIES = ("Unexpected <class", "Exception calling application", "Exception was thrown", "Application error")
"""How the libraries of Python, .NET and Java begin to tell of an exception."""

_EXCEPTION = re.compile(r"\w+(Error|Exception|Panic)\b")
_WORD = re.compile(r"[a-zA-Z_]{2,}")


def cause(reply: Reply) -> str:
    """Tell what is behind an error that nobody handled: the same for all methods where its text is one that hardly two
    faults have in common, such as ``list index out of range``; else the method's own."""
    text = shape(reply)
    words = _WORD.findall(_EXCEPTION.sub("", text.removeprefix(reply.name)))
    if len([word for word in words if word.lower() not in _VAGUE]) >= 2:
        return text
    return f"{reply.call.path} {text}"


_ACCIDENT = re.compile(
    rf"{_EXCEPTION.pattern}"
    r"|\b(?:runtime error|panic|traceback|(?:nil|null) pointer|NoneType|undefined|out of (?:range|bounds)"
    r"|not (?:a function|iterable|defined)|cannot read (?:property|properties)|unwrap\w*|overflow|by zero|assertion"
    r"|conversion)\b",
    re.IGNORECASE,
)
"""What runtimes say, and hardly anybody who refuses a request."""


def is_without_status(words: str) -> bool:
    """Whether an error of this :func:`shape` was told on purpose, only without a status: a plain ``error`` of Go's."""
    text = words.removeprefix(f"{Code.UNKNOWN.name} ")
    return text not in (words, "") and not text.startswith(_BY_LIBRARIES) and not _ACCIDENT.search(text)


def endless(reply: Reply) -> str:
    """Tell what is behind a call that doesn't end: whatever was sent, its method doesn't notice that this was all."""
    return f"{reply.call.path} doesn't end"


def _may_be_too_large(reply: Reply) -> bool:
    """Whether a stream may have been reset for the text of its status, which repeats what was sent: it hasn't more room
    than headers have. Some clients say so; grpc-go resets the stream where it may not send as much."""
    is_large = any(len(data) > _LARGE for data in reply.call.messages)
    return reply.code == Code.RESOURCE_EXHAUSTED or (is_large and "error code 2" in reply.message)


def unhandled(reply: Reply) -> bool:
    """Whether a call ended as it does where nobody handled an error: gRPC makes UNKNOWN of what a handler raises."""
    if reply.termination is Termination.RESET:
        return not _may_be_too_large(reply)
    if reply.termination is not Termination.SERVER or reply.code not in (Code.UNKNOWN, Code.INTERNAL):
        return False
    return not asks_for_error(reply.call)
