"""The forms in which a failure is handed on, by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, GrpcmockError, did_you_mean

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.schema import Registry

FORMS = ("grpcurl", "python", "pytest", "stub")
"""Each is a module of this package with a function ``write``."""


class NotSayableError(GrpcmockError):
    """A failure can't be said in this form; the text says why, and which form can."""


def reproducer(
    form: str, case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None
) -> str:
    """Write a failure in one of the :data:`FORMS`.

    *evidence* is what came back; only a stub needs it. Raises :class:`NotSayableError`, and :class:`ConfigError` for a
    form that there isn't.
    """
    if form not in FORMS:
        raise ConfigError(f"There is no form {form!r}. {did_you_mean(form, FORMS, known='The forms')}")
    write = import_module(f"grpcmock.fuzz.reproducers.{form}").write
    text: str = write(case_file, target, registry, result)
    return text
