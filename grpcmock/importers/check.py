"""A look at what an import has made: does it pass as stubs of the protos?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.engine.compile import compile_stubs
from grpcmock.errors import Problems, StubError
from grpcmock.importers.loading import stubs_of
from grpcmock.responses.faults import AIO_FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.errors import Problem
    from grpcmock.importers.draft import Draft
    from grpcmock.schema import Registry


def errors_of(drafts: Iterable[Draft], registry: Registry) -> list[Problem]:
    """Give what keeps drafts from being stubs of the protos, at the places of their originals."""
    problems = Problems()
    try:
        compile_stubs(stubs_of(drafts, problems), registry, problems, faults=AIO_FAULTS)
    except StubError as error:
        return [*problems.errors, *(one for one in error.problems if one not in problems.errors)]
    return list(problems.errors)
