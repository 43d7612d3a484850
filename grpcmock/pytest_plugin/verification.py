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

_CHAIN = 20
"""Errors that are looked at, of those that led to one."""

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
            if calls.kept:
                heading = [f"{mock.target}:"] if several else []
                parts.append("\n".join([*heading, *calls.lines(100)]))
        return "\n".join(parts)

    def misses(self) -> list[str]:
        """Give the explanations of the calls that no stub accepted; the first few."""
        return _few([call.miss or str(call) for mock in self._mocks for call in _unmatched(mock.calls)])

    def errors(self) -> list[str]:
        """Return what handlers raised, and where; the first few."""
        from grpcmock.mock.verification import handler_failure

        records = [call.record for mock in self._mocks for call in mock.calls]
        return _few([handler_failure(record, record.error) for record in records if record.error is not None])


def _few(texts: list[str]) -> list[str]:
    more = len(texts) - _NOTES
    return [*texts[:_NOTES], f"… and {more} more"] if more > 0 else texts


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
    said = _said(error)
    for text in [*watch.errors(), *(watch.misses() if watch.unmatched == "fail" else ())]:
        if text not in said:  # a client that fails tells the text of a miss itself
            error.add_note(f"\ngrpcmock: {text}")


def _said(error: BaseException | None) -> str:
    """Return the texts of an error and of those that led to it, as pytest shows them."""
    texts: list[str] = []
    while error is not None and len(texts) < _CHAIN:
        texts.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(texts)


def forget(item: pytest.Item) -> None:
    """Begin anew, for plugins that run a test more than once."""
    if _WATCH in item.stash:
        del item.stash[_WATCH]


def _add_section(item: pytest.Item, watch: Watch) -> None:
    if text := watch.journal():
        item.add_report_section("call", SECTION, text)
