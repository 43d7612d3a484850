"""The judge of rules, protovalidate, with one word for all rules that it can't read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from grpcmock.schema import protoc_gen_validate
from grpcmock.schema.protoc_gen_validate import Successor

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Registry


class UnreadableRulesError(Exception):
    """Rules that can't be compiled; the text is the reason."""


class BrokenRulesError(Exception):
    """Rules that fail while they judge a message; the text is the reason."""


class Judge:
    """Tells which rules a message breaks, those of protoc-gen-validate included. Each type's are compiled once."""

    def __init__(self, registry: Registry) -> None:
        # Only protos that have rules are worth its import.
        import protovalidate

        self._validator = protovalidate.Validator()
        self._unreadable = (protovalidate.CompilationError, RuntimeError, TypeError, ValueError)
        """What it raises for files that it can't read, besides an error of its own."""
        self._broken = protovalidate.EvaluationError
        self._successor: Successor | None = None
        if any(file.package == protoc_gen_validate.PACKAGE for file in registry.files.file):
            with contextlib.suppress(KeyError):
                self._successor = Successor(registry)

    def violations(self, message: Message) -> list[Any]:
        """Return the violations, as protovalidate has them.

        Raises :class:`UnreadableRulesError` or :class:`BrokenRulesError`.
        """
        try:
            if self._successor is not None:
                message = self._successor.of(message)
            return list(self._validator.collect_violations(message))
        except self._broken as error:
            raise BrokenRulesError(_words(error)) from None
        except self._unreadable as error:
            raise UnreadableRulesError(_words(error)) from None


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
