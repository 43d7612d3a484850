"""What ``grpcmock fuzz`` shows while it runs and when it has ended."""

from __future__ import annotations

import sys
import time
from datetime import date
from typing import TYPE_CHECKING, Any, Self

import click

from grpcmock.fuzz.events import (
    Event,
    Finished,
    Found,
    MethodStopped,
    Noticed,
    PhaseFinished,
    PhaseStarted,
    Started,
    Tried,
)
from grpcmock.fuzz.text import failure_lines

if TYPE_CHECKING:
    from types import TracebackType

    from grpcmock.fuzz.baseline import Baseline
    from grpcmock.fuzz.failures import Failure
    from grpcmock.schema import Registry

_REFRESH = 0.1


class Output:
    """A listener: failures and the summary on stdout; progress on stderr, live on a terminal, else a line a phase."""

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._known: Baseline | None = None
        self._today = date.min
        self._live = _Live() if sys.stderr.isatty() else None

    def begin(self, registry: Registry, known: Baseline | None, today: date) -> None:
        """Take what is known once the contract is read."""
        self._registry, self._known, self._today = registry, known, today

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.close()

    def hear(self, event: Event) -> None:
        """Take what has happened."""
        if self._live is not None:
            self._live.hear(event)
        match event:
            case Tried():
                return
            case Started():
                self._say(_started(event))
            case Found():
                self._show(event.failure)
            case Noticed():
                where = f"{event.method}: " if event.method is not None else ""
                self._say(f"{where}{event.message}.")
            case MethodStopped():
                self._say(f"{event.method} is left alone from here on: {event.reason}.")
            case PhaseFinished() if self._live is None:
                rate = event.calls / event.seconds if event.seconds else 0
                made = f"{_count(event.trials, 'case')}, {_count(event.calls, 'call')}"
                self._say(f"{event.phase.value}: {made} in {event.seconds:.1f} s ({rate:.0f}/s)")
            case Finished():
                self._sum_up(event)
            case _:
                return

    def _say(self, text: str) -> None:
        self._clear()
        click.echo(click.style(text, dim=True), err=True)

    def _clear(self) -> None:
        if self._live is not None:
            self._live.clear()

    def _show(self, failure: Failure) -> None:
        self._clear()
        if self._is_accepted(failure):
            self._say(f"{failure.id} is accepted by the baseline.")
            return
        heading, *lines = failure_lines(failure, self._registry)
        colour = "yellow" if failure.is_flaky else "red"
        click.echo(click.style(heading, fg=colour, bold=True))
        click.echo("\n".join((*lines, "")))

    def _is_accepted(self, failure: Failure) -> bool:
        if self._known is None:
            return False
        return bool(self._known.split([failure], self._today)[1])

    def _sum_up(self, finished: Finished) -> None:
        self._clear()
        if self._known is not None:
            for entry in self._known.expired(self._today):
                click.echo(f"{entry.id} ({entry.method}) was accepted until {entry.until} and isn't any more.")
        if finished.advice:
            click.echo("Advice:")
            for advice in finished.advice:
                click.echo(f"  {advice.code}: {advice.got}; {advice.expected} would be expected.")
        counting = [failure for failure in finished.failures if not self._is_accepted(failure)]
        steady = [failure for failure in counting if not failure.is_flaky]
        flaky = len(counting) - len(steady)
        parts = [_count(len(steady), "failure")]
        parts += [f"{_count(flaky, 'failure')} that came and went"] if flaky else []
        parts += (
            [f"{len(finished.failures) - len(counting)} accepted"] if len(counting) < len(finished.failures) else []
        )
        made = f"{_count(finished.trials, 'case')}, {_count(finished.calls, 'call')}"
        text = f"{', '.join(parts)} in {made}, {finished.seconds:.1f} s."
        click.echo(click.style(text, fg="red" if counting else "green", bold=True))
        if finished.interrupted:
            click.echo(f"The run ended early: {finished.interrupted}.")


def _started(event: Started) -> str:
    count = len(event.methods)
    phases = ", ".join(phase.value for phase in event.phases)
    return f"Trying {count} {'method' if count == 1 else 'methods'} of {event.target} with seed {event.seed}: {phases}."


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
        self._in_phase = self._trials = self._found = 0
        self._calls = 0
        self._began = self._shown = time.monotonic()

    def hear(self, event: Event) -> None:
        match event:
            case PhaseStarted():
                self._phase, self._planned, self._in_phase = event.phase.value, event.planned, 0
            case Found():
                self._found += 1
            case Tried():
                self._trials += 1
                self._in_phase += 1
                now = time.monotonic()
                if now - self._shown >= _REFRESH:
                    self._shown = now
                    self._draw(str(event.trial.method), now)
            case _:
                return

    def _draw(self, method: str, now: float) -> None:
        of = f"/{self._planned}" if self._planned else ""
        rate = self._trials / max(now - self._began, 0.001)
        found = f"{self._found} found" if self._found else "nothing found"
        line = f"{self._phase} {self._in_phase}{of}  {method}  {rate:.0f} cases/s  {found}"
        self._view.update(self._text(line, style="dim", no_wrap=True, overflow="ellipsis"), refresh=True)

    def clear(self) -> None:
        self._view.update(self._text(""), refresh=True)

    def close(self) -> None:
        self._view.stop()
