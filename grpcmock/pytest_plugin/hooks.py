"""The hooks of pytest that the plugin takes part in."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from grpcmock.pytest_plugin import config as settings
from grpcmock.pytest_plugin import contract, marker, recording, verification

_TITLE = f"Captured {verification.SECTION} call"


def pytest_addoption(parser: pytest.Parser) -> None:
    settings.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", marker.HELP)
    recording.check(config)
    settings.read(config)  # what is wrong in it is said before anything runs


def pytest_report_header(config: pytest.Config) -> str:
    return f"grpcmock: {settings.read(config)}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the mock to every test with the marker, so that the marker alone is enough."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is not None and "grpcmock" not in names and item.get_closest_marker(marker.NAME) is not None:
            names.append("grpcmock")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    verification.forget(item)
    if item.get_closest_marker(marker.NAME) is not None:
        marker.merged(item)  # what is wrong in it is said even where the test asks for no mock


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Verify in the phase of the test itself, so that what is wrong makes it FAILED and not an error besides."""
    try:
        result = yield
    except (pytest.skip.Exception, pytest.xfail.Exception):
        raise
    except (Exception, pytest.fail.Exception) as error:
        verification.explain(item, error)
        raise
    if (caught := _caught_by_unittest(item)) is not None:
        verification.explain(item, caught)
        return result
    verification.verify(item)
    return result


def _caught_by_unittest(item: pytest.Item) -> BaseException | None:
    """Give the failure that ``unittest.TestCase`` keeps to itself until the report is made."""
    caught = getattr(item, "_excinfo", None)
    return caught[-1].value if caught else None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    contract.write(session.config, exitstatus)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Of pytest-xdist: a worker has ended."""
    contract.take(node)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was recorded, and show the calls of tests that passed, if asked to; pytest shows those that failed."""
    if recorded := recording.summary(config):
        terminalreporter.section("grpcmock: recorded stubs")
        for line in recorded:
            terminalreporter.line(line)
    if written := contract.summary(config):
        terminalreporter.section("grpcmock: contract")
        for line in written:
            terminalreporter.line(line)
    if not config.getoption("--grpcmock-show-calls"):
        return
    shown = [
        (report, text)
        for outcome in ("passed", "xfailed", "xpassed")
        for report in terminalreporter.getreports(outcome)
        for title, text in getattr(report, "sections", ())
        if title == _TITLE and report.when == "call"
    ]
    if shown:
        terminalreporter.section("calls of the tests that passed")
        for report, text in shown:
            terminalreporter.line(report.nodeid)
            for line in text.splitlines():
                terminalreporter.line(f"  {line}")
