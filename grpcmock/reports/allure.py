"""Results for Allure: a folder of JSON files, one for each case, beside the texts that belong to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import md5
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from grpcmock.reports.junit import Case, Suite


def to_allure(suites: Iterable[Suite], name: str = "grpcmock") -> dict[str, str]:
    """Return files by their names: the same suites and cases that JUnit's XML has."""
    suites = tuple(suites)
    files: dict[str, str] = {}
    for suite in suites:
        milliseconds = (suite.started or datetime.now(UTC)).timestamp() * 1000
        for case in suite.cases:
            attachment = f"{uuid4()}-attachment.txt" if case.output else ""
            if attachment:
                files[attachment] = case.output
            stop = milliseconds + case.seconds * 1000
            document = _document(case, suite, name, attachment) | {"start": int(milliseconds), "stop": int(stop)}
            files[f"{document['uuid']}-result.json"] = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
            milliseconds = stop
    properties = dict(pair for suite in suites for pair in suite.properties)
    lines = (f"{key} = {_escaped(value)}\n" for key, value in properties.items())
    return files | ({"environment.properties": "".join(lines)} if properties else {})


def _document(case: Case, suite: Suite, name: str, attachment: str) -> dict[str, Any]:
    full_name = f"{case.classname}: {case.name}" if case.classname else case.name
    document: dict[str, Any] = {
        "uuid": str(uuid4()),
        "historyId": md5(f"{name}\0{suite.name}\0{full_name}".encode(), usedforsecurity=False).hexdigest(),
        "fullName": full_name,
        "name": case.name,
        "status": _status(case),
        "stage": "finished",
        "labels": [{"name": label, "value": value} for label, value in _labels(case, suite, name)],
    }
    trouble = case.failure or case.error
    if trouble is not None:
        document["statusDetails"] = {"message": trouble.message, "trace": trouble.text}
    elif case.skipped is not None:
        document["statusDetails"] = {"message": case.skipped}
    if attachment:
        document["attachments"] = [{"name": "details", "source": attachment, "type": "text/plain"}]
    return document


def _status(case: Case) -> str:
    if case.failure is not None:
        return "failed"
    if case.error is not None:
        return "broken"
    return "passed" if case.skipped is None else "skipped"


def _labels(case: Case, suite: Suite, name: str) -> Iterator[tuple[str, str]]:
    yield "framework", "grpcmock"
    yield "parentSuite", name
    yield "suite", suite.name
    if case.classname:
        yield "package", case.classname
    trouble = case.failure or case.error
    if trouble is not None and trouble.type:
        yield "tag", trouble.type


def _escaped(text: str) -> str:
    r"""Return a value as ``.properties`` files have it: on one line, and in ASCII."""
    return (
        text.replace("\\", "\\\\")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        .encode("ascii", "backslashreplace")
        .decode()
    )
