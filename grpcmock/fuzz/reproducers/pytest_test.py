"""A failure as a test: it makes the same calls and asserts the contract, so it fails until the server is fixed."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.replay.case_file import plain
from grpcmock.fuzz.reproducers.identities import callers, identities, pairs

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.fuzz.replay.case_file import CaseFile
    from grpcmock.schema import Registry

_MODULE = '''\
"""{title}"""

{first}import json
import os
{imports}
from grpcmock.testing import {tls}replay_failure

TARGET = os.environ.get("GRPCMOCK_TARGET", {address!r})
"""Where the server is.{hint}"""
{settings}
CASE = json.loads(
    r"""
{case}
"""
)


def test_{name}() -> None:
    """{expected}"""
    findings = replay_failure(CASE, TARGET{arguments})
    assert not findings, "\\n".join(findings)
'''


def write(case_file: CaseFile, target: Target, registry: Registry, result: CaseResult | None = None) -> str:
    """Write the module of the test."""
    del registry, result
    settings = dict(_settings(case_file, target))
    tls = target.tls is not None
    hint = (
        ""
        if case_file.protos
        else " If it has no reflection, name the protos: replay_failure(CASE, TARGET, protos=[…])."
    )
    text = json.dumps(plain(case_file), indent=1)  # escapes all that isn't ASCII, and so every quote that could end it
    return _MODULE.format(
        title=_docstring(f"{case_file.id}: {case_file.case.method}, {case_file.case.why}."),
        address=f"https://{target.address}" if tls and not target.address.startswith("unix") else target.address,
        first="import base64\n" if "base64." in settings.get("metadata", "") else "",
        imports="from pathlib import Path\n" if tls else "",
        tls="Tls, " if tls else "",
        hint=hint,
        settings="\n".join(("", *(f"{name.upper()} = {value}" for name, value in settings.items()), "")),
        arguments="".join(f", {name}={name.upper()}" for name in settings),
        case=text.replace('"""', '\\"\\"\\"'),
        name=re.sub(r"\W", "_", f"{case_file.id}_{case_file.case.method.name}").lower(),
        expected=_docstring(f"{case_file.expected[:1].upper()}{case_file.expected[1:]}."),
    )


def _settings(case_file: CaseFile, target: Target) -> Iterator[tuple[str, str]]:
    """Yield what the calls need besides the case: names of arguments, and Python for their values."""
    given = identities(case_file, target)
    if case_file.protos:
        yield "protos", repr(list(case_file.protos))
    if case_file.imports:
        yield "imports", repr(list(case_file.imports))
    if case_file.exclude:
        yield "exclude", repr(list(case_file.exclude))
    if given[Caller.OWN]:
        yield "metadata", pairs(given[Caller.OWN])
    if Caller.OTHER in callers(case_file):
        yield "second_identity", pairs(given[Caller.OTHER])
    if target.authority:
        yield "authority", repr(target.authority)
    if target.tls is not None:
        given_files = (("ca", target.tls.ca), ("cert", target.tls.cert), ("key", target.tls.key))
        words = [f"{name}=Path({str(path)!r})" for name, path in given_files if path is not None]
        words += ["insecure=True"] if target.tls.insecure else []
        yield "tls", f"Tls({', '.join(words)})"


def _docstring(text: str) -> str:
    plain_text = text.encode("ascii", "backslashreplace").decode().replace("\\", "\\\\").replace('"', "'")
    return "\n    ".join(textwrap.wrap(" ".join(plain_text.split()), 110))
