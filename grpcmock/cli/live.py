"""Calls as they end, printed: one line each for people, one JSON object each for programs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from grpcmock.engine.call_record import PROTOCOLS
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord

FORMATS = ("calls", "misses", "json", "none")

_TEXT_LIMIT = 200
"""Characters of a message in a line for people, where the terminal doesn't set a smaller bound."""

_BYTES_LIMIT = 1 << 16
"""Bytes of the largest message that is decoded just to show its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is shown of a call, wherever it comes from: this process, or a server's admin service."""

    id: int
    method: str
    peer: str
    started: float
    """Seconds since the epoch."""
    duration: float
    """Seconds."""
    code: str
    message: str
    requests: Sequence[str]
    """The messages in ProtoJSON; empty texts where only their number is of interest."""
    responses: Sequence[str]
    stub: str | None
    """The name of the stub that answered."""
    location: str | None
    """Where it was written."""
    miss: str | None
    """The whole explanation of a miss."""
    auto: bool
    """Whether the answer was generated."""
    cancelled: bool
    protocol: str = "grpc"
    """What the client spoke."""
    session: str = ""
    """The session that it belongs to; empty if it belongs to none."""
    forwarded: bool = False
    """Whether another server answered, to which the call was passed on."""
    faults: Sequence[str] = ()
    """The fault profiles that struck it."""


def line_of(call: CallRecord, *, whole: bool) -> Line:
    """Give the line of a call of this process. *whole* asks for all messages, not only where there is just one."""
    stub = call.stub.stub if call.stub is not None else None
    return Line(
        id=call.id,
        method=call.name,
        peer=call.peer,
        started=call.started,
        duration=call.duration or 0.0,
        code=call.code.name if call.code is not None else "",
        message=call.message,
        requests=_messages(call, "request", whole=whole),
        responses=_messages(call, "response", whole=whole),
        stub=stub.name if stub is not None else None,
        location=str(stub.location) if stub is not None and stub.location else None,
        miss=call.miss.text if call.miss is not None else None,
        auto=call.auto,
        cancelled=call.cancelled,
        protocol=call.protocol,
        session=call.session,
        forwarded=call.forwarded,
        faults=call.faults,
    )


def _messages(call: CallRecord, direction: str, *, whole: bool) -> list[str]:
    from grpcmock.schema.codec import DecodeError, decode, to_text

    frames = [frame for frame in call.frames if frame.direction == direction]
    method = call.method
    if method is None or (not whole and len(frames) != 1):
        return [""] * len(frames)
    type_ = method.request_class if direction == "request" else method.response_class
    texts = []
    for frame in frames:
        if not whole and len(frame.data) > _BYTES_LIMIT:
            texts.append(f"{len(frame.data):,} bytes")
            continue
        try:
            texts.append(to_text(decode(type_, frame.data), sys.maxsize))
        except DecodeError as error:
            texts.append(json.dumps(str(error)))
    return texts


def as_json(line: Line) -> str:
    """Give one line of JSON for a call."""
    document: dict[str, Any] = {
        "event": "call",
        "id": line.id,
        "time": datetime.fromtimestamp(line.started, UTC).isoformat(timespec="microseconds"),
        "method": line.method,
        "peer": line.peer,
        "protocol": line.protocol,
        "code": line.code,
        "message": line.message,
        "duration_ms": round(line.duration * 1000, 3),
        "requests": list(map(_parsed, line.requests)),
        "responses": list(map(_parsed, line.responses)),
        "stub": line.stub,
        "location": line.location,
        "auto": line.auto,
        "cancelled": line.cancelled,
    }
    if line.session:
        document["session"] = line.session
    if line.forwarded:
        document["forwarded"] = True
    if line.faults:
        document["faults"] = list(line.faults)
    if line.miss is not None:
        document["miss"] = line.miss
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:  # a text that was cut at a limit
        return text


def as_text(line: Line, width: int | None = None, to_stub: str = "") -> str:
    """Give one line for people, no wider than *width*; after a miss, its explanation below.

    *to_stub* says how a stub is made of the call whose id stands for ``{id}``; with it, a miss ends with that.
    """
    clock = datetime.fromtimestamp(line.started).astimezone().strftime("%H:%M:%S")
    took, method = f"{line.duration * 1000:.1f}ms", _clean(line.method)
    color = "yellow" if line.cancelled else "green" if line.code == Code.OK.name else "red"
    rest = f"{_by(line)}  {_exchanged(line)}"
    if width is not None:
        rest = _cut(rest, max(width - len(f"{clock} {line.code} {took} {method}  "), 0))
    styled = click.style(clock, dim=True), click.style(line.code, fg=color), took, click.style(method, bold=True)
    text = f"{' '.join(styled)}  {rest}"
    if line.miss is not None:
        steps = ["", f"Make a stub of it: {to_stub.format(id=line.id)}"] if to_stub else []
        text += "".join(f"\n    {_clean(below)}".rstrip(" ") for below in (*line.miss.splitlines(), *steps))
    return text


def _by(line: Line) -> str:
    who = "forwarded" if line.forwarded else "generated" if line.auto else line.stub or "no stub"
    if line.faults:
        struck = f"struck by {', '.join(map(_clean, line.faults))}"
        who = f"{who}, {struck}" if who != "no stub" else struck
    besides = [] if line.protocol == "grpc" else [PROTOCOLS.get(line.protocol, line.protocol)]
    besides += [f"session {_clean(line.session)}"] if line.session else []
    return f"{who} ({', '.join(besides)})" if besides else who


def _exchanged(line: Line) -> str:
    if line.miss is not None:
        return _shown(line.requests)
    if line.code == Code.OK.name:
        return f"{_shown(line.requests)} → {_shown(line.responses)}"
    sent = f"{_shown(line.responses)}, " if line.responses else ""
    return f"{_shown(line.requests)} → {sent}{_clean(line.message) or line.code}"


def _shown(messages: Sequence[str]) -> str:
    if len(messages) == 1:
        return _cut(_clean(messages[0]), _TEXT_LIMIT) or "1 message"
    return f"{len(messages)} messages"


def _clean(text: str) -> str:
    """What a client sent must not steer the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def is_miss(call: CallRecord) -> bool:
    """Return whether nothing was found that could answer."""
    return call.stub is None and not (call.auto or call.cancelled or call.forwarded or call.is_struck_down)


class Printer:
    """Prints calls as they end; a listener of the journal of this process, too."""

    def __init__(self, form: str, out: TextIO, *, to_stub: str = "") -> None:
        """*to_stub* is as for :func:`as_text`."""
        self._form = form
        self._to_stub = to_stub
        self._out = out
        self._terminal = out.isatty()
        self._open = True

    def __call__(self, call: CallRecord) -> None:
        """Print a call of this process. Whoever reads it may go away; the calls go on."""
        if not self._open or (self._form == "misses" and not is_miss(call)):
            return
        try:
            self.print(line_of(call, whole=self._form == "json"))
        except (OSError, ValueError):
            self._open = False

    def print(self, line: Line) -> None:
        """Print one line, at once."""
        if self._form == "json":
            text = as_json(line)
        else:
            width = shutil.get_terminal_size().columns if self._terminal else None
            text = as_text(line, width, self._to_stub)
        click.echo(text, file=self._out)
