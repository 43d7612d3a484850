"""What a server said as it ended: the error that brought it down, and where, as its runtime prints them."""

from __future__ import annotations

import re

from grpcmock.fuzz.model.results import LastWords

_LONGEST = 160
_NEVER = r"(?!)"


class _Runtime:
    """How a runtime tells of an error that nobody caught."""

    def __init__(
        self, error: str, frame: str = _NEVER, foreign: str = _NEVER, *, innermost_last: bool = False, lines: int = 0
    ) -> None:
        """Take regular expressions. *error* finds what is said (the group ``error``, or ``old`` in older versions), and
        the ``place`` where that stands beside it; *frame* a ``place`` on the stack, with its ``file`` if that is apart;
        *foreign* places in the runtime and in libraries.

        With *innermost_last*, the stack stands before the error. Where such *lines* are logged of errors that were
        caught, too, the one that ended the process is among so many of the last.
        """
        self.error = re.compile(error, re.MULTILINE)
        self.frame = re.compile(frame, re.MULTILINE)
        self.foreign = re.compile(foreign)
        self.innermost_last = innermost_last
        self.lines = lines


_PYTHON_FRAME = r"^  File \"(?P<file>[^\"]+)\", line (?P<place>\d+)"

_RUNTIMES = (
    _Runtime(  # Go
        r"^\s*(?P<error>(?:panic|fatal error): .+?)(?: \[recovered\].*)?$",
        r"^(?P<place>\S+\.\S+?)\((?:\.\.\.|0x|\{|\)).*\n\t(?:.*/)?(?P<file>\S+)",
        r"^(?:runtime|internal|sync|reflect|google\.golang\.org/grpc)[./]|^panic",
    ),
    _Runtime(  # Rust
        r"^thread '[^']*'(?: \(\d+\))? panicked at (?:'(?P<old>.*)', )?(?P<place>\S+:\d+:\d+)(?::\n(?P<error>.+))?$"
    ),
    _Runtime(  # .NET
        r"^Unhandled exception\. (?P<error>.+)$", r"^ +at (?P<place>[\w.<>`+]+\(.*)$", r"^(?:System|Microsoft|Grpc)\."
    ),
    _Runtime(  # Java
        r"^Exception in thread \"[^\"]*\" (?P<error>.+)$",
        r"^\tat (?:\S+/)?(?P<place>[\w.$<>]+\(.*\))$",
        r"^(?:java|javax|jdk|sun|io\.grpc|com\.google\.protobuf)\.",
    ),
    _Runtime(  # the sanitizers of C and C++
        r"(?P<error>(?:Address|Thread|Memory|UndefinedBehavior)Sanitizer: .+?)(?: on address .*)?$",
        r"^ +#\d+ 0x\w+ in (?P<place>.+)$",
        r"^(?:__|operator |std::|grpc::|google::)",
    ),
    _Runtime(r"^terminate called after throwing an instance of (?P<error>.+(?:\n  what\(\): .+)?)$"),  # C++
    _Runtime(r"^F\d{4,8} [\d:.]+ +\d+ (?P<place>\S+:\d+)\] (?P<error>.+)$"),  # glog, Abseil
    _Runtime(r"^(?P<error>Fatal Python error: .+)$", _PYTHON_FRAME, r"site-packages|/lib/python"),
    _Runtime(
        r"^(?P<error>[A-Za-z_][\w.]*(?:Error|Exception)(?:: .+)?)$",
        _PYTHON_FRAME,
        r"site-packages|/lib/python|^<",
        innermost_last=True,
        lines=3,
    ),
    _Runtime(  # Node
        r"^(?:Uncaught )?(?P<error>(?:[A-Z]\w*)?(?:Error|Exception)(?: \[\w+\])?: .+)$",
        r"^    at (?P<place>.+)$",
        r"node_modules|node:|<anonymous>\)?$",
        lines=30,
    ),
)
"""Those first whose words could hardly be another's."""


def last_words(output: str) -> LastWords | None:
    """Read what a process that has ended wrote last. Return its error and place where its runtime tells them, else its
    last line; None where it said nothing."""
    for runtime in _RUNTIMES:
        errors = list(runtime.error.finditer(output))
        if errors and (not runtime.lines or output.count("\n", errors[-1].end()) < runtime.lines):
            return _read(runtime, output, errors[-1])
    lines = [line for line in map(str.strip, output.splitlines()) if line]
    return LastWords(_short(lines[-1]), is_error=False) if lines else None


def _read(runtime: _Runtime, output: str, found: re.Match[str]) -> LastWords:
    told = found.groupdict()
    error = _short(" ".join((told.get("error") or told.get("old") or "panic").split()))
    if place := told.get("place"):
        return LastWords(error, place)
    stack = output[: found.start()] if runtime.innermost_last else output[found.end() :]
    places = [_place(frame) for frame in runtime.frame.finditer(stack)]
    if runtime.innermost_last:
        places.reverse()
    return LastWords(error, next((place for place in places if not runtime.foreign.search(place)), ""))


def _place(frame: re.Match[str]) -> str:
    place, file = frame["place"], frame.groupdict().get("file")
    if file is None:
        return place
    return f"{file}:{place}" if place.isdigit() else f"{place} ({file})"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
