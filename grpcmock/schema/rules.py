"""The judge of ``buf.validate`` rules, protovalidate, with one word for all rules that it can't read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.message import Message


class UnreadableRulesError(Exception):
    """Rules that can't be compiled; the text is the reason."""


class BrokenRulesError(Exception):
    """Rules that fail while they judge a message; the text is the reason."""


class Judge:
    """Tells which rules a message breaks. The rules of each type are compiled once."""

    def __init__(self) -> None:
        # Only protos that have rules are worth its import.
        import protovalidate

        self._validator = protovalidate.Validator()
        self._unreadable = (protovalidate.CompilationError, RuntimeError, TypeError, ValueError)
        """What it raises for files that it can't read, besides an error of its own."""
        self._broken = protovalidate.EvaluationError

    def violations(self, message: Message) -> list[Any]:
        """Return the violations, as protovalidate has them.

        Raises :class:`UnreadableRulesError` or :class:`BrokenRulesError`.
        """
        try:
            return list(self._validator.collect_violations(message))
        except self._broken as error:
            raise BrokenRulesError(_words(error)) from None
        except self._unreadable as error:
            raise UnreadableRulesError(_words(error)) from None


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
