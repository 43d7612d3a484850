"""A command run as a shell would run it: with an environment, signals passed on, its exit code given back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

NOT_EXECUTABLE = 126
NOT_FOUND = 127
_KILLED = 128
"""Exit codes as shells have them; to the last, the number of the signal is added."""

_TYPED = ("SIGINT", "SIGQUIT")
"""Signals that a terminal sends to all programs in its foreground when a key is pressed."""

_PASSED_ON = (*_TYPED, "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


class CannotStartError(Exception):
    """The command can't be started. ``code`` is the exit code that a shell has for that."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Child:
    """A running command. It has this program's streams and its terminal."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it, with *environment* on top of what is there. Raises :class:`CannotStartError`."""
        try:
            # Not by the event loop: its children are forked, which gRPC's threads don't stand well.
            self._process = subprocess.Popen(words, env={**os.environ, **environment})  # noqa: S603 (the user's own)
        except FileNotFoundError:
            raise CannotStartError(f"There is no command {words[0]!r}.", NOT_FOUND) from None
        except OSError as error:
            hint = " Is it a program?" if isinstance(error, PermissionError) else ""
            message = f"The command {words[0]!r} can't be started: {error.strerror or error}.{hint}"
            raise CannotStartError(message, NOT_EXECUTABLE) from None

    async def wait(self) -> int:
        """Return its exit code once it has ended: 128 and the number of the signal, if one killed it."""
        code = await asyncio.to_thread(self._process.wait)
        return code if code >= 0 else _KILLED - code

    def tell(self, number: int) -> None:
        """Pass a signal on, unless the terminal has sent it to all programs at once."""
        if signal.Signals(number).name in _TYPED and _is_in_foreground():
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


@contextmanager
def passing_on(child: Child) -> Iterator[None]:
    """Let the signals that come to this program go to *child*, and end it as it wishes to end."""
    loop = asyncio.get_running_loop()
    numbers = [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]
    if sys.platform == "win32":  # there the console tells both; this program waits
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
        return
    for number in numbers:
        loop.add_signal_handler(number, child.tell, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _is_in_foreground() -> bool:
    """Whether this program belongs to those that a terminal has in its foreground."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def shown(words: Sequence[str]) -> str:
    """Write a command as one would type it, no longer than fits in a line."""
    text = shlex.join(words)
    return text if len(text) <= 60 else f"{text[:59]}…"
