"""Regular expressions in RE2's syntax, written for Rust's crate ``regex``, which reads some things differently.

What is written means what https://github.com/google/re2/wiki/Syntax says; what isn't there is refused, even if Rust
would take it: an expression must not come to mean something else on another machine.
"""

from __future__ import annotations

import re

_DIGIT, _WORD, _SPACE = "0-9", "0-9A-Za-z_", r"\t\n\x0C\r\x20"
_PERL_CLASSES = {
    # In RE2 these know ASCII alone.
    "d": f"[{_DIGIT}]",
    "D": f"[^{_DIGIT}]",
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "s": f"[{_SPACE}]",
    "S": f"[^{_SPACE}]",
}
_ANCHORS = {"A": r"\A", "z": r"\z", "b": r"(?-u:\b)", "B": r"(?-u:\B)"}
_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_MOST_REPEATS = 1_000
"""RE2's own bound of ``{n,m}``."""

_COUNTED = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_FLAGS = re.compile(r"\?(?!-?[:)])[imsU]*(?:-[imsU]+)?[:)]|\?:")
_NAME = re.compile(r"\?P?<\w+>")
_NUMBER = re.compile(r"x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|([1-7][0-7]{1,2}|0[0-7]{0,2})")
_UNICODE_CLASS = re.compile(r"([pP])(?:\{(\^?)(\w+)\}|(\w))")
_POSIX_CLASS = re.compile(r"\[:\^?[a-z]+:\]")


def to_rust(written: str) -> str:
    """Return the expression in the syntax of Rust's ``regex``. Raises ``ValueError`` for what RE2 wouldn't take."""
    return _Translation(written).whole()


class _Translation:
    def __init__(self, written: str) -> None:
        self._written = written
        self._at = 0

    def whole(self) -> str:
        parts: list[str] = []
        while self._at < len(self._written):
            parts.append(self._next())
        return "".join(parts)

    def _take(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        found = expression.match(self._written, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _next(self) -> str:
        one = self._written[self._at]
        if one == "{" and not _COUNTED.match(self._written, self._at):
            self._at += 1
            return _literal("{")
        if one in "*+?{":
            return self._repetition()
        self._at += 1
        if one == "\\":
            return self._escape(inside=False)
        if one == "[":
            return self._class()
        if one == "(" and self._written.startswith("?", self._at):
            if (found := self._take(_FLAGS) or self._take(_NAME)) is None:
                raise ValueError(f"invalid perl operator: ({self._written[self._at : self._at + 3]}")
            # Nobody asks for a group by its name, and RE2 lets several have one.
            return "(" if "<" in found[0] else f"({found[0]}"
        return one if one in "^$.|()" else _literal(one)

    def _repetition(self) -> str:
        begin = self._at
        if counted := self._take(_COUNTED):
            most = max(int(counted[1]), int(counted[3] or 0))
            if most > _MOST_REPEATS or (counted[3] and int(counted[3]) < int(counted[1])):
                raise ValueError(f"invalid repetition size: {counted[0]}")
        else:
            self._at += 1
        if self._written.startswith("?", self._at):
            self._at += 1
        # RE2 takes a repetition of a repetition for an oversight.
        if self._written[self._at : self._at + 1] in ("*", "+", "?") or _COUNTED.match(self._written, self._at):
            raise ValueError(f"bad repetition operator: {self._written[begin : self._at + 1]}")
        return self._written[begin : self._at]

    def _escape(self, *, inside: bool) -> str:
        """Read what stands behind a backslash; *inside* of brackets."""
        one = self._written[self._at : self._at + 1]
        if one == "Q" and not inside:
            text, _, _ = self._written[self._at + 1 :].partition(r"\E")
            self._at = min(self._at + 1 + len(text) + 2, len(self._written))
            return "".join(map(_literal, text))
        if number := self._take(_NUMBER):
            return _literal(_character(int(number[1] or number[2] or number[3], 8 if number[3] else 16)))
        if found := self._take(_UNICODE_CLASS):
            upper = (found[1] == "P") != bool(found[2])
            return f"\\{'P' if upper else 'p'}{{{found[3] or found[4]}}}"
        self._at += 1
        if one in _PERL_CLASSES:
            return _PERL_CLASSES[one]
        if one in _ANCHORS and not inside:
            return _ANCHORS[one]
        if one in _CONTROLS:
            return _literal(chr(_CONTROLS[one]))
        if one and one.isascii() and not one.isalnum():
            return _literal(one)
        raise ValueError(f"invalid escape sequence: \\{one}" if one else "trailing \\")

    def _class(self) -> str:
        begin, parts = self._at, ["["]
        if self._written.startswith("^", self._at):
            self._at += 1
            parts.append("^")
        while True:
            rest = self._written[self._at :]
            if not rest:
                raise ValueError(f"missing ]: [{self._written[begin:]}")
            if rest[0] == "]" and parts[-1] not in ("[", "^"):
                self._at += 1
                return "".join(parts) + "]"
            if posix := self._take(_POSIX_CLASS):
                parts.append(posix[0])
                continue
            low = self._member()
            # A hyphen before the end, or behind a class, stands for itself.
            is_range = self._written.startswith("-", self._at) and not self._written.startswith("-]", self._at)
            if is_range and not _is_class(low) and self._at + 1 < len(self._written):
                self._at += 1
                high = self._member()
                if _is_class(high):
                    raise ValueError(f"invalid character class range: {low}-{high}")
                low = f"{low}-{high}"
            parts.append(low)

    def _member(self) -> str:
        one = self._written[self._at]
        self._at += 1
        return self._escape(inside=True) if one == "\\" else _literal(one)


def _is_class(translated: str) -> bool:
    return translated.startswith(("[", r"\p", r"\P"))


def _literal(one: str) -> str:
    return one if one.isalnum() else f"\\x{{{ord(one):x}}}"


def _character(number: int) -> str:
    if number > 0x10FFFF:
        raise ValueError(f"invalid escape sequence: \\x{{{number:x}}}")
    return chr(number)
