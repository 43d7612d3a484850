"""A set-up hook that is a command."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass

from grpcmock.errors import ConfigError
from grpcmock.verify.hooks.protocol import SHOWN, Action, Given, HookError, Undo, UnknownGivenError, document, said

UNKNOWN = 3
"""The exit code of a command that doesn't know a state."""


@dataclass(frozen=True, slots=True)
class CommandHook:
    """Runs a command: ``COMMAND setup WORDS`` before, ``COMMAND teardown WORDS`` after.

    It gets the same in the environment, as ``GRPCMOCK_ACTION``, ``GRPCMOCK_GIVEN``, ``GRPCMOCK_STUB``,
    ``GRPCMOCK_METHOD`` and ``GRPCMOCK_CONSUMER``, and as JSON on stdin. It exits with 0 if all went well, with 3 if it
    doesn't know the state, and with anything else if it failed.
    """

    command: tuple[str, ...]
    timeout: float = 30.0
    """Seconds that it may take."""

    @classmethod
    def parse(cls, text: str, timeout: float = 30.0) -> CommandHook:
        """Read a command as a shell would, but without one. Raises :class:`ConfigError`."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise ConfigError(f"The set-up command {text!r} can't be read: {str(error).lower()}.") from None
        if not words:
            raise ConfigError("The set-up command is empty.")
        return cls(tuple(words), timeout)

    async def set_up(self, given: Given) -> Undo:
        await self._run("setup", given)

        async def undo() -> None:
            await self._run("teardown", given)

        return undo

    async def _run(self, action: Action, given: Given) -> None:
        words = document(action, given)
        variables = {f"GRPCMOCK_{key.upper()}": value for key, value in words.items()}
        # Files rather than pipes: what the command leaves running may hold them open.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as input_:
            input_.write(json.dumps(words).encode())
            input_.seek(0)
            try:
                process = await asyncio.create_subprocess_exec(
                    *self.command,
                    action,
                    given.words,
                    stdin=input_,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=output,
                    env={**os.environ, **variables},
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise HookError(f"the set-up command {self.command[0]!r} can't be run: {reason}.") from None
            try:
                async with asyncio.timeout(self.timeout):
                    code = await process.wait()
            except TimeoutError:
                raise HookError(f"{self._what(action, given)} took longer than {self.timeout:g} s.") from None
            finally:
                if process.returncode is None:
                    await _kill(process)
            output.seek(0)
            errors = output.read().decode(errors="replace").strip()[-SHOWN:]
        if code == UNKNOWN:
            if action == "setup":
                raise UnknownGivenError(given, f" (it exited with {UNKNOWN}{f': {errors}' if errors else ''})")
        elif code:
            raise HookError(f"{self._what(action, given)} exited with {code}{said(errors)}")

    def _what(self, action: Action, given: Given) -> str:
        return f"the set-up command ({action} {given.words!r})"


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End a command that took too long, and whatever it has started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()
