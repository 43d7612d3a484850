"""The forms in which a failure is handed on, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.fuzz.reproducers import bash_script, go_test, grpcurl_line, pytest_test, python_program, stub_file
from grpcmock.fuzz.reproducers.errors import NotSayableError

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.schema import Registry


class Writer(Protocol):
    """What the module of a form has."""

    def write(self, case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None) -> str:
        """Return a failure in this form. Raises :class:`NotSayableError`."""


_WRITERS: Mapping[str, Writer] = {
    "grpcurl": grpcurl_line,
    "bash": bash_script,
    "go": go_test,
    "python": python_program,
    "pytest": pytest_test,
    "stub": stub_file,
}

FORMS = tuple(_WRITERS)


def reproducer(
    form: str, case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None
) -> str:
    """Return a failure in one of the :data:`FORMS`.

    *result* is what came back; only a stub needs it. Raises :class:`NotSayableError`, and :class:`ConfigError` for a
    form that there isn't.
    """
    if form not in _WRITERS:
        raise ConfigError(f"There is no form {form!r}. {did_you_mean(form, FORMS, known='The forms')}")
    if case_file.case.together:
        raise NotSayableError("some of its calls are made at once, after others; `grpcmock replay` makes them.")
    return _WRITERS[form].write(case_file, target, registry, result)
