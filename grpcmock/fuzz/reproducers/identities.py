"""In whose name the calls of a failure are made, said without any secret: by the names of environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.fuzz.model.callers import is_credential
from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.model.secrets import variable

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.replay.case_file import CaseFile

Given = tuple[tuple[str, str], ...]
"""Keys of metadata, each with the variable that holds its value; with an empty name, a value that nobody has."""


def identities(case_file: CaseFile, target: Target) -> dict[Caller, Given]:
    """Give what each caller sends: the keys are those of the run that found the failure, and those of *target*."""
    keys = tuple(dict.fromkeys((*case_file.headers, *(key for key, _ in target.metadata))))
    own = tuple((key, variable(key)) for key in keys)
    plain = tuple((key, name) for key, name in own if not is_credential(key))
    credentials = tuple(key for key, _ in own if is_credential(key)) or ("authorization",)
    return {
        Caller.OWN: own,
        Caller.NOBODY: plain,
        Caller.GARBLED: (*plain, *((key, "") for key in credentials)),
        Caller.OTHER: (*plain, *((key, variable(key, other=True)) for key in credentials)),
    }


def callers(case_file: CaseFile) -> frozenset[Caller]:
    """Give all in whose names calls are made."""
    return frozenset(call.caller for call in case_file.case.calls)


def pairs(given: Given) -> str:
    """Write metadata in Python; of a key that ends with ``-bin``, the variable holds base64, as for ``-H``."""
    parts = []
    for key, name in given:
        value = f"os.environ[{name!r}]" if name else "'garbled'"
        parts.append(f"({key!r}, {f'base64.b64decode({value})' if key.endswith('-bin') else value}), ")
    return f"({''.join(parts).rstrip()})"
