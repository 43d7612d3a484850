"""A server that the run starts itself: awaited until it takes connections, watched, started again, its output kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import tempfile
import time
from typing import IO, TYPE_CHECKING

from grpcmock.errors import ConfigError, TargetError
from grpcmock.fuzz.execution.last_words import last_words

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.results import LastWords

_LOOK_EVERY = 0.03
_TAIL = 4000
_GENTLY = 3.0
_MOST_OUTPUT = 1 << 16


class ServerProcess:
    """The process of ``--server-cmd``."""

    def __init__(self, command: str, target: Target, *, within: float) -> None:
        """Take a command line as a shell has it; nothing is started yet. Raises :class:`ConfigError`."""
        try:
            self._command = shlex.split(command)
        except ValueError as error:
            raise ConfigError(f"--server-cmd {command!r} is no command line: {error}.") from None
        if not self._command:
            raise ConfigError("--server-cmd is empty.")
        self._target = target
        self._within = within
        self._process: asyncio.subprocess.Process | None = None
        self._output: IO[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.returncode if self._process else None

    def output(self) -> str:
        """Give the last of what it wrote since it was started."""
        return self.output_since(max(self.written - _TAIL, 0))

    @property
    def last_words(self) -> LastWords | None:
        """What brought it down, by what it wrote; None if it wrote nothing."""
        return last_words(self.output_since(max(self.written - _MOST_OUTPUT, 0)))

    @property
    def written(self) -> int:
        """How many bytes it has written since it was started."""
        return os.fstat(self._output.fileno()).st_size if self._output is not None else 0

    def output_since(self, written: int) -> str:
        """Give what it wrote after so many bytes, up to a bound."""
        if self._output is None:
            return ""
        # The process writes where the file stands, so that it isn't moved here.
        return os.pread(self._output.fileno(), _MOST_OUTPUT, written).decode("utf-8", "replace")

    async def start(self) -> None:
        """Start it and wait until it takes connections. Raises :class:`TargetError`, with its last words."""
        if self._output is not None:
            self._output.close()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (closed by close)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                start_new_session=True,
            )
        except OSError as error:
            raise ConfigError(f"--server-cmd: {self._command[0]} can't be started: {error.strerror}.") from None
        if not await self._answers():
            words = self.output().strip()
            how = f"ended with exit code {self.exit_code}" if self.exit_code is not None else "takes no connections"
            await self.stop()
            raise TargetError(
                f"The server of --server-cmd {how} at {self._target}."
                + (f" It wrote:\n{words}" if words else " It wrote nothing.")
            )

    async def _answers(self) -> bool:
        until = time.monotonic() + self._within
        while time.monotonic() < until and self.exit_code is None:
            if await accepts(self._target.address):
                return True
            await asyncio.sleep(_LOOK_EVERY)
        return False

    async def ended(self, within: float) -> bool:
        """Wait for its end, for so many seconds at most."""
        if self._process is None or self._process.returncode is not None:
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), within)
        return self._process.returncode is not None

    async def stop(self) -> None:
        """End it and all that it has started: gently, then not."""
        process = self._process
        if process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            if await self.ended(_GENTLY):
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its children may have outlived it

    async def close(self) -> None:
        await self.stop()
        if self._output is not None:
            self._output.close()
            self._output = None


async def accepts(address: str) -> bool:
    """Whether something takes connections at an address; True where that can't be tried."""
    try:
        if address.startswith("unix:"):
            _, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        elif address.startswith(("unix-abstract:", "dns:", "ipv4:", "ipv6:", "vsock:", "xds:")):
            return True
        else:
            host, _, port = address.rpartition(":")
            async with asyncio.timeout(1.0):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
