"""Regular expressions in RE2's syntax, searched in linear time by whichever engine is there."""

from grpcmock.regex.engines import Regex, compile_regex, escape

__all__ = ["Regex", "compile_regex", "escape"]
