"""All that listens to a run on behalf of people and files, in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from grpcmock.errors import ConfigError
from grpcmock.fuzz.model.events import FailureFound, FailureRevised
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.reporting import html_report, json_report, junit_report, sarif_report
from grpcmock.fuzz.reporting.history import History
from grpcmock.fuzz.reporting.ndjson_events import Lines
from grpcmock.reports import files
from grpcmock.reports.allure import to_allure

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.events import Event
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.replay.case_file import Origin
    from grpcmock.status import Metadata

_WRITERS = {
    "junit": junit_report.write,
    "json": json_report.write,
    "html": html_report.write,
    "sarif": sarif_report.write,
}

KINDS = ("junit", "json", "ndjson", "html", "sarif", "allure")
"""The reports that there are, for ``report_option``."""


class Reporting:
    """Hears a run, keeps each failure as a file, and writes the reports.

    Plug in ``hear``. It is a context manager: ``ndjson`` grows from entering on, the others are written on leaving,
    however the run ended.
    """

    def __init__(
        self,
        target: Target,
        reports: Mapping[str, Path] | None = None,
        *,
        origin: Origin | None = None,
        second_identity: Metadata = (),
        min_answered: float | None = None,
        folder: Path = case_files.FOLDER,
    ) -> None:
        self.history = History(target, origin=origin, second_identity=second_identity, min_answered=min_answered)
        self.trouble = ""
        """Why failures couldn't be kept; empty if they could."""
        self._reports = dict(reports or {})
        self._folder = folder
        self._lines: Lines | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Raises :class:`ConfigError` if a file can't be written."""
        if (path := self._reports.get("ndjson")) is not None:
            self._lines = Lines(self._stack.enter_context(files.lines(path)), self.history)
        return self

    def hear(self, event: Event) -> None:
        """Take an event into account: this is the listener."""
        self.history.hear(event)
        if self._lines is not None:
            self._lines.hear(event)
        if isinstance(event, FailureFound | FailureRevised):
            self._keep(event.failure)
        if isinstance(event, FailureRevised) and event.replaces:
            with suppress(OSError):
                (self._folder / f"{event.replaces}.json").unlink(missing_ok=True)

    def _keep(self, failure: Failure) -> None:
        history = self.history
        try:
            if not history.origin.contract and history.registry is not None:
                path = case_files.keep_contract(history.registry, self._folder)
                history.origin = replace(history.origin, contract=str(path))
            case_files.keep([failure], history.origin, self._folder, hidden=history.secrets.hidden)
        except ConfigError as error:
            self.trouble = self.trouble or f"Failures can't be kept for `grpcmock replay`: {error}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if self.history.started is None:
            return
        for report, path in self._reports.items():
            if report == "allure":
                files.write_all(path, to_allure(junit_report.suites(self.history), junit_report.NAME))
            elif report != "ndjson":
                files.write(path, text(report, self.history))


def text(report: str, history: History) -> str:
    """Write one of the reports that are a text and written at the end."""
    return _WRITERS[report](history)
