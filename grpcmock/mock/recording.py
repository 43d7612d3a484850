"""Passes the calls that no stub accepts on to a real server, and writes them down as stubs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.client.target import Target
from grpcmock.record import recorder
from grpcmock.record.forwarding import forwarding
from grpcmock.record.writing.folder import Folder

if TYPE_CHECKING:
    from grpcmock.mock.running import Running
    from grpcmock.record.summary import Summary
    from grpcmock.stubs.model import Stub


class Recorder:
    """Passes calls on, and keeps what was said, until it is stopped.

    Raises :class:`ConfigError` or :class:`TargetError` when made, if *target* can't be called.
    """

    def __init__(self, running: Running, target: str, options: recorder.Options | None = None) -> None:
        self._running = running
        self._engine = running.engine
        self.target = Target.parse(target)
        self._recorder = recorder.Recorder(lambda: self._engine.registry, options=options)
        self._forwarding = forwarding(self._engine, self.target, self._recorder)
        running.run(self._forwarding.__aenter__())

    def stop(self) -> None:
        """Pass no more calls on."""
        self._running.run(self._forwarding.__aexit__(None, None, None))

    def summary(self) -> Summary:
        """Sum up what was recorded and what was not, once it is stopped."""
        return self._recorder.summary()

    @property
    def left_out(self) -> list[str]:
        """Calls that were passed on but not written, and why."""
        return list(self.summary().missing())

    def stubs(self) -> dict[str, list[Stub]]:
        """Give the stubs of all that was said, by method, once it is stopped."""
        return self._recorder.stubs()

    def write(self, folder: Path) -> list[Path]:
        """Write the stubs, a file for each method; give the files.

        Of a file that is there already, those stubs are kept whose requests were not made again. Raises
        :class:`StubError` or :class:`ConfigError` if a file can't be read or written.
        """
        return self._recorder.write(Folder(folder))
