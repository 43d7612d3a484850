"""A server that the run starts itself: awaited until it takes connections, watched, started again, its output kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING

from grpcmock.errors import ConfigError, TargetError
from grpcmock.fuzz.execution.guard import Guard
from grpcmock.fuzz.execution.last_words import last_words
from grpcmock.fuzz.execution.resource_usage import find_process, name_of

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.fuzz.model.results import LastWords

_LOOK_EVERY = 0.03
_ENDED_EVERY = 0.01
_TAIL = 4000
_LONGEST = 80
_GENTLY = 3.0
_KILLED_WITHIN = 1.0
_MOST_OUTPUT = 1 << 16

_WAITED = 0.2
"""So many seconds a server may take to end that finds somebody else at its address."""

_FREE_WITHIN = 2.0
"""So many seconds an address may take to become free, once the server that had it has ended."""

_TAKEN = re.compile(
    r"address (?:is )?already in use|EADDRINUSE|only one usage of each socket address|failed to bind to address",
    re.IGNORECASE,
)
"""What servers say that find somebody else at their address, as the systems and runtimes have it."""


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
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._guard = Guard()
        self._written_at_start = 0
        """How many bytes it had written when it took connections."""
        self._is_over = True
        """Whether the whole group has ended: its number may become another's."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def found_its_address_taken(self) -> bool:
        """Whether it has ended and says that its address is taken."""
        return self.exit_code is not None and _TAKEN.search(self.output()) is not None

    async def was_another(self) -> bool:
        """Whether what answers is another process, since that had the address first: the end of ours was no crash."""
        return self.found_its_address_taken and await self._is_answered()

    async def _is_answered(self) -> bool:
        """Whether something takes connections at its address, where that can be tried."""
        return can_be_tried(self._target.address) and await accepts(self._target.address)

    def output(self) -> str:
        """Give the last of what it wrote since it was started."""
        return self.output_since(max(self.written - _TAIL, 0))

    @property
    def last_words(self) -> LastWords | None:
        """What brought it down, by what it wrote; None if it wrote nothing."""
        words = last_words(self.output_since(max(self.written - _MOST_OUTPUT, 0)))
        if words is not None and not words.is_error and self.written == self._written_at_start:
            return None  # that it was up is all that it has said
        return words

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
        """Start it and wait until it takes connections. Raises :class:`TargetError`, with its last words, also where
        another process is at its address, for that would be taken for it."""
        is_first = self._process is None
        is_there = shutil.which(self._command[0]) is not None  # else that is what is wrong
        if is_there and await self._is_taken():
            raise TargetError(
                f"Another process listens at {self._target} already{self._holder()}, so that the server of "
                f"--server-cmd ({self._shown}) wasn't started. End that process, choose another port, or leave out "
                "--server-cmd to try the server that runs."
            )
        if self._output is not None:
            self._output.close()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (closed by close)
        try:
            # Not by the event loop: whoever is cancelled while that starts a process never gets to know it.
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220  (the user's own; quick)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                start_new_session=True,
            )
        except OSError as error:
            raise ConfigError(f"--server-cmd: {self._command[0]} can't be started: {error.strerror}.") from None
        self._is_over = False
        self._guard.watch(self._process.pid)
        if not await self._answers(is_first=is_first):
            trouble = await self._trouble()
            await self.stop()
            raise TargetError(trouble)
        self._written_at_start = self.written

    async def _answers(self, *, is_first: bool) -> bool:
        until = time.monotonic() + self._within
        while time.monotonic() < until and self.exit_code is None:
            if await accepts(self._target.address):
                # Later on it was seen to have its address; :meth:`was_another` tells if that has changed.
                return not is_first or self._is_ours() or not await self.ended(_WAITED)
            await asyncio.sleep(_LOOK_EVERY)
        return False

    def _is_ours(self) -> bool:
        """Whether what listens at its address is of its group, as far as that can be seen."""
        pid = find_process(self._target.address)
        try:
            return pid is not None and self._process is not None and os.getpgid(pid) == self._process.pid
        except OSError:
            return False

    async def _is_taken(self) -> bool:
        """Whether another process is at its address, and stays there: an earlier one of ours may be about to go."""
        if not can_be_tried(self._target.address):
            return False
        until = time.monotonic() + (_FREE_WITHIN if self._process is not None else 0)
        while await accepts(self._target.address):
            if time.monotonic() >= until:
                return True
            await asyncio.sleep(_LOOK_EVERY)
        return False

    async def _trouble(self) -> str:
        """Tell why it can't be talked to."""
        how = "takes no connections" if self.exit_code is None else f"ended with exit code {self.exit_code}"
        trouble = f"The server of --server-cmd ({self._shown}) {how} at {self._target}."
        if self.exit_code is not None and await self._is_answered():
            trouble += f" That address is taken{self._holder()}: end what listens there, or choose another port."
        elif self.found_its_address_taken:
            trouble += " It found an address taken, this one or another of its own: end what listens there."
        words = self.output().strip()
        return trouble + (f" It wrote:\n{words}" if words else " It wrote nothing.")

    @property
    def _shown(self) -> str:
        text = shlex.join(self._command)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

    def _holder(self) -> str:
        """Tell which process is at its address, where that can be seen."""
        pid = find_process(self._target.address)
        if pid is None:
            return ""
        name = name_of(pid)
        return f" ({name}, process {pid})" if name else f" (process {pid})"

    async def ended(self, within: float) -> bool:
        """Wait for its end, for so many seconds at most."""
        until = time.monotonic() + within
        while self._process is not None and self._process.poll() is None:
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(_ENDED_EVERY)
        return True

    async def stop(self) -> None:
        """End it and all that it has started: gently, then not, and at once if this is broken off."""
        process = self._process
        if process is None or self._is_over:
            return
        try:
            _tell(process, signal.SIGTERM)
            await self.ended(_GENTLY)
        finally:
            _tell(process, signal.SIGKILL)  # its children may have outlived it
        if await self.ended(_GENTLY):
            self._released()

    def _released(self) -> None:
        self._is_over = True
        self._guard.release()

    async def close(self) -> None:
        try:
            await self.stop()
        finally:
            if self._process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):  # it was killed, where the stop was broken off
                    self._process.wait(_KILLED_WITHIN)
                    self._released()
            self._guard.close()
            if self._output is not None:
                self._output.close()
                self._output = None


def _tell(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    """Send a signal to a process and all of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sign)


def can_be_tried(address: str) -> bool:
    """Whether :func:`accepts` can tell of an address; of the others, only gRPC knows what they mean."""
    return not address.startswith(("unix-abstract:", "dns:", "ipv4:", "ipv6:", "vsock:", "xds:"))


async def accepts(address: str) -> bool:
    """Whether something takes connections at an address; True where that can't be tried."""
    try:
        if address.startswith("unix:"):
            _, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        elif not can_be_tried(address):
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
