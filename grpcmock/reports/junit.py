"""JUnit XML: what continuous integration reads of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from xml.etree import ElementTree as ET

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't hold in any way of writing it (W3C, "Extensible Markup Language (XML) 1.0", 2.2 Characters)."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a case failed, or couldn't be run."""

    message: str
    """One line."""

    text: str = ""
    """All that there is to say."""

    type: str = ""
    """A stable name for this sort of trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was tested. With neither failure, error nor skipped, it passed."""

    name: str
    classname: str = ""
    """What the case belongs to; many readers group by it."""

    seconds: float = 0.0
    failure: Trouble | None = None
    """What was expected and didn't hold."""

    error: Trouble | None = None
    """Why it couldn't be found out."""

    skipped: str | None = None
    """Why it wasn't tried."""

    file: str = ""
    line: int = 0
    output: str = ""
    """More for people to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Cases that belong together."""

    name: str
    cases: Sequence[Case] = ()
    seconds: float | None = None
    """None for the sum of those of the cases."""

    started: datetime | None = None
    properties: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """What else is to be known of the run: the target, the seed."""


def to_xml(suites: Iterable[Suite], name: str = "grpcmock") -> str:
    """Write suites as one document ``<testsuites>``."""
    suites = tuple(suites)
    root = ET.Element("testsuites", {"name": _clean(name)})
    cases = [case for suite in suites for case in suite.cases]
    _count(root, cases, sum(map(_seconds, suites)))
    for suite in suites:
        root.append(_suite(suite))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(suite: Suite) -> ET.Element:
    element = ET.Element("testsuite", {"name": _clean(suite.name)})
    _count(element, suite.cases, _seconds(suite))
    element.set("skipped", str(sum(case.skipped is not None for case in suite.cases)))
    if suite.started is not None:
        element.set("timestamp", suite.started.isoformat(timespec="seconds"))
    if suite.properties:
        properties = ET.SubElement(element, "properties")
        for key, value in suite.properties:
            ET.SubElement(properties, "property", {"name": _clean(key), "value": _clean(value)})
    element.extend(map(_case, suite.cases))
    return element


def _seconds(suite: Suite) -> float:
    return sum(case.seconds for case in suite.cases) if suite.seconds is None else suite.seconds


def _count(element: ET.Element, cases: Sequence[Case], seconds: float) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.failure is not None for case in cases)))
    element.set("errors", str(sum(case.error is not None for case in cases)))
    element.set("time", f"{seconds:.3f}")


def _case(case: Case) -> ET.Element:
    element = ET.Element("testcase", {"name": _clean(case.name), "classname": _clean(case.classname)})
    element.set("time", f"{case.seconds:.3f}")
    if case.file:
        element.set("file", _clean(case.file))
    if case.line:
        element.set("line", str(case.line))
    for tag, trouble in (("failure", case.failure), ("error", case.error)):
        if trouble is not None:
            child = ET.SubElement(element, tag, {"message": _clean(trouble.message)})
            if trouble.type:
                child.set("type", _clean(trouble.type))
            child.text = _clean(trouble.text or trouble.message)
    if case.skipped is not None:
        ET.SubElement(element, "skipped", {"message": _clean(case.skipped)})
    if case.output:
        ET.SubElement(element, "system-out").text = _clean(case.output)
    return element


def _clean(text: str) -> str:
    """Write what XML can't hold as ``\\x1b``."""
    return _FORBIDDEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def from_xml(document: str) -> list[Suite]:
    """Read suites from JUnit XML, whoever wrote it. Raises ``ValueError`` for what is none."""
    try:
        root = ET.fromstring(document)  # noqa: S314 (expat refuses entities that grow: CVE-2013-0340 is mended)
    except ET.ParseError as error:
        raise ValueError(f"it is no XML: {error}") from None
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError(f"it is no JUnit XML: the outermost element is <{root.tag}>, not <testsuites>")
    return [_read_suite(element) for element in root.iter("testsuite")]


def _read_suite(element: ET.Element) -> Suite:
    started = element.get("timestamp")
    return Suite(
        name=element.get("name", ""),
        cases=[_read_case(case) for case in element.findall("testcase")],
        seconds=float(element.get("time") or 0),
        started=datetime.fromisoformat(started) if started else None,
        properties=[(one.get("name", ""), one.get("value", "")) for one in element.iterfind("properties/property")],
    )


def _read_case(element: ET.Element) -> Case:
    skipped = element.find("skipped")
    return Case(
        name=element.get("name", ""),
        classname=element.get("classname", ""),
        seconds=float(element.get("time") or 0),
        failure=_read_trouble(element.find("failure")),
        error=_read_trouble(element.find("error")),
        skipped=None if skipped is None else skipped.get("message", ""),
        file=element.get("file", ""),
        line=int(element.get("line") or 0),
        output=element.findtext("system-out", ""),
    )


def _read_trouble(element: ET.Element | None) -> Trouble | None:
    if element is None:
        return None
    return Trouble(element.get("message", ""), element.text or "", element.get("type", ""))
