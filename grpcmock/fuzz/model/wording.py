"""The words of findings: how a reply is told, and what tells one fault from another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply

_LONGEST = 200

_VARIABLE = re.compile(
    r"""(["'`]).*?\1|\[.*\]|\(.*\)|0x[0-9a-fA-F]+|[+-]?\d+(\.\d+)?([eE][+-]?\d+)?|[0-9a-fA-F]{8,}|[^\x20-\x7e]+"""
)


def said(reply: Reply) -> str:
    """Tell how a call ended: ``UNKNOWN: Exception calling application``."""
    if reply.termination is Termination.OVERDUE:
        return f"nothing within {reply.seconds:.2f} s"
    if reply.termination is Termination.DEADLINE:
        return f"no status within the deadline of {reply.seconds:.2g} s"
    if reply.termination in (Termination.ENOUGH, Termination.CANCELLED):
        count = len(reply.responses)
        return f"{count} response{'' if count == 1 else 's'}, and no end before {reply.termination.value}"
    text = reply.message if len(reply.message) <= _LONGEST else reply.message[: _LONGEST - 1] + "…"
    whose = {Termination.RESET: " (the stream was reset)", Termination.LOST: " (the connection was lost)"}.get(
        reply.termination, ""
    )
    return f"{reply.name}: {text}{whose}" if text else f"{reply.name}{whose}"


def shape(reply: Reply) -> str:
    """Give what stays the same of a status when only values differ: its code, and the shape of its text."""
    text = _VARIABLE.sub("…", reply.message)
    return f"{reply.name} {' '.join(text.split()[:8])}".strip()[:100]


def unhandled(reply: Reply) -> bool:
    """Whether a call ended as it does where nobody handled an error: gRPC makes UNKNOWN of what a handler raises."""
    if reply.termination is Termination.RESET:
        return True
    return reply.termination is Termination.SERVER and reply.code in (Code.UNKNOWN, Code.INTERNAL)
