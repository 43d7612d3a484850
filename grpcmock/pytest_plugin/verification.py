"""The verification of a test's calls and stubs, and what a report shows of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.outcomes import Failed  # pytest.fail.Exception, by the name that type checkers know

from grpcmock.pytest_plugin.marker import Marked, merged

if TYPE_CHECKING:
    from grpcmock.mock.calls import Call, CallLog
    from grpcmock.mock.server import MockServer
    from grpcmock.pytest_plugin.config import Config

SECTION = "grpcmock"
"""The name of the report section: pytest titles it ``Captured grpcmock call``."""

_NOTES = 3
"""Unmatched calls whose whole text a failure carries."""


class UnverifiedError(Failed, AssertionError):
    """A test that passed by itself, but whose calls or stubs are not as they should be."""


class Watch:
    """The mocks that one test uses, and how strictly they are verified."""

    def __init__(self, marked: Marked, config: Config) -> None:
        self.marked = marked
        self.unmatched = marked.unmatched or config.unmatched
        self.unused = marked.unused or config.unused
        self._mocks: list[MockServer] = []

    @contextmanager
    def watching(self, mock: MockServer) -> Iterator[None]:
        """Verify this mock, too, until the context ends."""
        self._mocks.append(mock)
        try:
            yield
        finally:
            self._mocks.remove(mock)

    def failure(self) -> str:
        """Say everything that is wrong; empty if nothing is."""
        texts = []
        for mock in self._mocks:
            try:
                mock.verify(unmatched=self.unmatched == "fail", unused=self.unused)
            except AssertionError as error:
                texts.append(str(error))
        return "\n\n".join(texts)

    def journal(self) -> str:
        """Show the calls of all mocks, in lines; empty if there are none."""
        several = len(self._mocks) > 1
        parts = []
        for mock in self._mocks:
            calls = mock.calls
            if len(calls):
                heading = [f"{mock.target}:"] if several else []
                parts.append("\n".join([*heading, *calls.lines(100)]))
        return "\n".join(parts)

    def misses(self) -> list[str]:
        """Give the explanations of the calls that no stub accepted; the first few."""
        found = [call.miss or str(call) for mock in self._mocks for call in _unmatched(mock.calls)]
        more = len(found) - _NOTES
        return [*found[:_NOTES], f"… and {more} more"] if more > 0 else found


def _unmatched(calls: CallLog[Any, Any]) -> Iterator[Call[Any, Any]]:
    return (call for call in calls if not call.matched and not call.under_way)


_WATCH = pytest.StashKey[Watch]()


def watch_of(item: pytest.Item, config: Config) -> Watch:
    """Give the watch of a test; the first of its fixtures to ask makes it."""
    watch = item.stash.get(_WATCH, None)
    if watch is None:
        watch = item.stash[_WATCH] = Watch(merged(item), config)
    return watch


def verify(item: pytest.Item) -> None:
    """Fail a test that passed by itself, if a call was not matched or a stub not used."""
    watch = item.stash.get(_WATCH, None)
    if watch is None:
        return
    text = watch.failure()
    if text or item.config.getoption("--grpcmock-show-calls"):
        _add_section(item, watch)
    if text:
        raise UnverifiedError(text, pytrace=False)


def explain(item: pytest.Item, error: BaseException) -> None:
    """Put what the mocks saw into the report of a test that failed by itself."""
    watch = item.stash.get(_WATCH, None)
    if watch is None:
        return
    _add_section(item, watch)
    if watch.unmatched == "fail":
        for miss in watch.misses():
            error.add_note(f"\ngrpcmock: {miss}")


def forget(item: pytest.Item) -> None:
    """Begin anew, for plugins that run a test more than once."""
    if _WATCH in item.stash:
        del item.stash[_WATCH]


def _add_section(item: pytest.Item, watch: Watch) -> None:
    if text := watch.journal():
        item.add_report_section("call", SECTION, text)
