"""Which engine carries out regular expressions: RE2, or Rust's where RE2 has no wheel.

Both take time that is linear in the text, whatever the expression: stubs and rules for redaction come from anywhere,
and so do the texts. An engine that tracks back is never taken in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from grpcmock.errors import ConfigError
from grpcmock.regex.rust_syntax import to_rust


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled regular expression. Its functions are the engine's own: they are called for each call of a mock."""

    search: Callable[[str], object]
    """Gives something true if the expression is found in a text."""
    fullmatch: Callable[[str], object]
    """Gives something true if the expression fits a text as a whole."""
    replace: Callable[[str, str], str]
    """Gives a text with each place that fits, and isn't empty, replaced by another text, which stands for itself."""


def compile_regex(written: str) -> Regex:
    """Compile a regular expression. Raises ``ValueError`` with the engine's words, :class:`ConfigError` without one."""
    return _engine()(written)


def escape(text: str) -> str:
    """Return the regular expression that fits *text* alone."""
    return "".join(
        one
        if one.isalnum() or one == "_"
        else f"\\{one}"
        if one.isascii() and one.isprintable()
        else f"\\x{{{ord(one):x}}}"
        for one in text
    )


@cache
def _engine() -> Callable[[str], Regex]:
    # Looked for at the first expression: most sets of stubs have none.
    found = _re2() or _rust()
    if found is None:
        raise ConfigError(
            "Regular expressions need an engine that takes linear time, and there is none: install google-re2, or "
            "grpcmock-native where that has no wheel (Alpine Linux, new versions of Python)."
        )
    return found


def _re2() -> Callable[[str], Regex] | None:
    try:
        import re2
    except ImportError:
        return None
    options = re2.Options()
    options.log_errors = False

    def compile_(written: str) -> Regex:
        try:
            compiled = re2.compile(written, options)
        except re2.error as error:
            words = error.args[0] if error.args else "it doesn't compile"
            raise ValueError(words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)) from None

        def replace(text: str, by: str) -> str:
            replaced: str = compiled.sub(lambda found: by if found.group() else "", text)
            return replaced

        return Regex(compiled.search, compiled.fullmatch, replace)

    return compile_


def _rust() -> Callable[[str], Regex] | None:
    try:
        from grpcmock_native import Regex as RustRegex
    except ImportError:
        return None

    def compile_(written: str) -> Regex:
        compiled = RustRegex(to_rust(written))
        return Regex(compiled.search, compiled.fullmatch, compiled.replace)

    return compile_
