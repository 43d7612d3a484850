"""What a test of a contract fails with: the failure in words, and how it is made again."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.rendering import failure_lines
from grpcmock.fuzz.model.secrets import Secrets
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.reproducers.errors import NotSayableError
from grpcmock.fuzz.reproducers.reproducer import reproducer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.run.session import Settings
    from grpcmock.schema import Registry

_LONGEST = 1000
"""Characters of a line of grpcurl that is worth printing."""


class ContractError(AssertionError):
    """A server doesn't keep its contract; the text says how, with the smallest calls that show it."""

    failures: tuple[Failure, ...] = ()
    """What was found; empty where it is a stub that doesn't hold."""

    def add_note(self, note: str) -> None:
        """Take a note, but for Hypothesis' list of arguments: what was tried is in the text, and better said."""
        if not note.startswith(("Failing test case", "Failing explicit example", "Falsifying")):
            super().add_note(note)

    @property
    def is_final(self) -> bool:
        """Whether the server is gone, so that there is no use in going on."""
        return any(not failure.result.health.alive for failure in self.failures)


ContractError.__module__ = "grpcmock"


@cache
def _kind(failure: str) -> type[ContractError]:
    """Give a type of error for each failure: Hypothesis tells faults apart by it, and makes each small by itself."""
    return type("ContractError", (ContractError,), {"__module__": "grpcmock", "__doc__": failure})


def error_of(failure: Failure, settings: Settings, registry: Registry) -> ContractError:
    """Make the error of one failure that was seen under these settings."""
    error = _kind(failure.id)("\n".join(_lines(failure, settings, registry)))
    error.failures = (failure,)
    return error


def joined(errors: Sequence[ContractError]) -> ContractError:
    """Make one error of several; of one, itself."""
    if len(errors) == 1:
        return errors[0]
    text = "\n".join(str(error) for error in errors)
    error = ContractError(f"{len(errors)} ways in which the contract isn't kept\n{text}")
    error.failures = tuple(failure for one in errors for failure in one.failures)
    return error.with_traceback(errors[-1].__traceback__)


def _lines(failure: Failure, settings: Settings, registry: Registry) -> list[str]:
    target = settings.target
    lines = failure_lines(failure, registry)
    try:
        case = case_files.of_failure(failure, case_files.Origin.of(settings))
        grpcurl = reproducer("grpcurl", case, target, registry, failure.result).rstrip()
    except NotSayableError:
        grpcurl = ""
    if grpcurl and len(grpcurl) <= _LONGEST:
        lines.append(f"  grpcurl   {grpcurl}")
    lines.append(f"  again     grpcmock replay {failure.id} --target {target}")
    lines.append(f"            grpcmock export {failure.id} --as pytest|stub|python")
    secrets = Secrets(target.metadata, public=[failure.case.method.full_name])
    return [secrets.hide(line) for line in lines]
