"""A failure as a test: it makes the same calls and asserts the contract, so it fails until the server is mended."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING

from grpcmock.fuzz.casefile import plain

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.casefile import CaseFile
    from grpcmock.fuzz.evidence import Evidence
    from grpcmock.schema import Registry

_MODULE = '''\
"""{title}"""

import json
import os

from grpcmock.fuzz.replaying import replay_now

TARGET = os.environ.get("GRPCMOCK_TARGET", {address!r})
"""Where the server is. If it has no reflection, name the protos: replay_now(CASE, TARGET, protos=["protos"])."""

CASE = json.loads(
    r"""
{case}
"""
)


def test_{name}() -> None:
    """{expected}"""
    findings = replay_now(CASE, TARGET)
    assert not findings, "\\n".join(findings)
'''


def write(case: CaseFile, target: Target, registry: Registry, evidence: Evidence | None = None) -> str:
    """Write the module of the test."""
    del registry, evidence
    text = json.dumps(plain(case), indent=1)  # escapes all that isn't ASCII, and so every quote that could end it
    return _MODULE.format(
        title=_docstring(f"{case.id}: {case.trial.method}, {case.trial.why}."),
        address=target.address,
        case=text.replace('"""', '\\"\\"\\"'),
        name=re.sub(r"\W", "_", f"{case.id}_{case.trial.method.name}").lower(),
        expected=_docstring(f"{case.expected[:1].upper()}{case.expected[1:]}."),
    )


def _docstring(text: str) -> str:
    plain_text = text.encode("ascii", "backslashreplace").decode().replace("\\", "\\\\").replace('"', "'")
    return "\n    ".join(textwrap.wrap(" ".join(plain_text.split()), 110))
