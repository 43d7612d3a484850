"""What ``grpcmock fuzz`` shows while it runs and when it has ended."""

from __future__ import annotations

import sys
import time
from datetime import date
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Self

import click

from grpcmock.cli import terminals
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.model.events import (
    CaseFinished,
    Event,
    FailureFound,
    FailureRevised,
    Finished,
    MethodStopped,
    Notice,
    PhaseFinished,
    PhaseStarted,
    Started,
)

if TYPE_CHECKING:
    from types import TracebackType

    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.reporting.history import History
    from grpcmock.fuzz.run.baseline import Baseline

_REFRESH = 0.1


class Output:
    """A listener: failures and the summary on stdout; progress on stderr, live on a terminal, else a line a phase."""

    def __init__(self, history: History) -> None:
        """Show a run of which *history* hears before this does."""
        self._history = history
        self._known: Baseline | None = None
        self._today = date.min
        self._live = _Live() if terminals.is_live(sys.stderr) else None

    def begin(self, known: Baseline | None, today: date) -> None:
        """Take what is known to fail, and accepted today."""
        self._known, self._today = known, today
        if known is not None:
            self._history.accepted |= {
                entry.id: entry.reason for entry in known.accepted.values() if entry.holds(today)
            }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._history.failures and self._history.finished is None:
            self._sum_up()  # what was found isn't lost with a run that fails itself
        if self._live is not None:
            self._live.close()

    def hear(self, event: Event) -> None:
        """Take what has happened."""
        if self._live is not None:
            self._live.hear(event)
        match event:
            case CaseFinished():
                return
            case Started():
                self._say(_started(event))
            case FailureFound():
                self._show(event.failure)
            case FailureRevised() if event.replaces:
                self._say(f"{event.replaces} is of one cause with {event.failure.id}.")
            case Notice():
                where = f"{event.method}: " if event.method is not None else ""
                self._say(f"{where}{event.message}.")
            case MethodStopped():
                self._say(f"{event.method} is left alone from here on: {event.reason}.")
            case PhaseFinished() if self._live is None and event.cases:
                self._say(_phase(event, self._history))
            case Finished():
                self._sum_up()
            case _:
                return

    def _say(self, text: str) -> None:
        self._clear()
        click.echo(click.style(text, dim=True), err=True)

    def _clear(self) -> None:
        if self._live is not None:
            self._live.clear()

    def _show(self, failure: Failure) -> None:
        """Say that something was found: all that there is to it comes with the summary."""
        if failure.id in self._history.accepted:
            self._say(f"{failure.id} is accepted by the baseline.")
            return
        check = find_check(failure.finding.check)
        found = "seen once, not again:" if failure.is_remark else "found"
        self._say(f"{found} {check.code} {check.name} in {failure.method}: {failure.id}")

    def _sum_up(self) -> None:
        self._clear()
        if self._known is not None:
            for entry in self._known.expired(self._today):
                click.echo(f"{entry.id} ({entry.method}) was accepted until {entry.until} and isn't any more.")
        from grpcmock.fuzz.reporting import summary

        if terminals.shows_color(sys.stdout):
            from rich.console import Console

            summary.show(self._history, Console())
        else:
            # A file or the log of a job has lines of any length.
            columns = {"columns": get_terminal_size().columns} if sys.stdout.isatty() else {}
            click.echo(summary.plain(self._history, **columns), nl=False)


def _started(event: Started) -> str:
    count = len(event.methods)
    phases = ", ".join(phase.value for phase in event.phases)
    return f"Trying {count} {'method' if count == 1 else 'methods'} of {event.target} with seed {event.seed}: {phases}."


def _phase(event: PhaseFinished, history: History) -> str:
    """Tell of a phase: all that was made of it so far, in this turn and those before."""
    whole = next(span for span in history.phases if span.phase is event.phase)
    seconds = whole.end - whole.begin
    made = f"{_count(whole.cases, 'case')}, {_count(whole.calls, 'call')}"
    turn = " so far" if event.goes_on else ""
    return f"{event.phase.value}{turn}: {made} in {seconds:.1f} s ({whole.calls / seconds if seconds else 0:.0f}/s)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


class _Live:
    """One line at the bottom of a terminal: the phase, the method, how fast, how much was found."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        self._text = Text
        self._view: Any = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
        self._view.start()
        self._phase = ""
        self._planned: int | None = None
        self._in_phase = self._cases = self._found = 0
        self._calls = 0
        self._began = self._shown = time.monotonic()

    def hear(self, event: Event) -> None:
        match event:
            case PhaseStarted():
                self._phase, self._planned, self._in_phase = event.phase.value, event.planned, 0
            case FailureFound():
                self._found += 1
            case CaseFinished():
                self._cases += 1
                self._in_phase += 1
                now = time.monotonic()
                if now - self._shown >= _REFRESH:
                    self._shown = now
                    self._draw(str(event.case.method), now)
            case _:
                return

    def _draw(self, method: str, now: float) -> None:
        of = f"/{self._planned}" if self._planned else ""
        rate = self._cases / max(now - self._began, 0.001)
        found = f"{self._found} found" if self._found else "nothing found"
        line = f"{self._phase} {self._in_phase}{of}  {method}  {rate:.0f} cases/s  {found}"
        self._view.update(self._text(line, style="dim", no_wrap=True, overflow="ellipsis"), refresh=True)

    def clear(self) -> None:
        self._view.update(self._text(""), refresh=True)

    def close(self) -> None:
        self._view.stop()
