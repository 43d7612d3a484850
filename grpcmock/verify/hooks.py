"""Set-up hooks: a provider's own command, HTTP endpoint or function is told which state a stub takes as given."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import re
import shlex
import signal
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from grpcmock.errors import ConfigError, GrpcmockError, did_you_mean

Action = Literal["setup", "teardown"]

UNKNOWN = 3
"""The exit code of a command that doesn't know a state."""

_NOT_FOUND = 404
_SHOWN = 500
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Given:
    """What a hook is told."""

    words: str
    """The provider state, as the stub's ``given`` has it."""

    stub: str = ""
    method: str = ""
    consumer: str = ""


class HookError(GrpcmockError):
    """A hook failed, or took too long."""


class UnknownGivenError(HookError):
    """The hook doesn't know this state."""

    def __init__(self, given: Given, more: str = "") -> None:
        super().__init__(f"the set-up hook doesn't know the state {given.words!r}{more}.")


Undo = Callable[[], Awaitable[None]]


class Hook(Protocol):
    """Brings a provider into a state."""

    async def set_up(self, given: Given) -> Undo:
        """Do so, and give what undoes it. Raises :class:`HookError` or :class:`UnknownGivenError`."""
        ...


async def _nothing() -> None: ...


def parse(text: str, timeout: float = 30.0) -> Hook:
    """Understand ``module:function``, or a command. Raises :class:`ConfigError`."""
    if _FUNCTION.fullmatch(text.strip()):
        return CallableHook.parse(text.strip(), timeout)
    return CommandHook.parse(text, timeout)


_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


# --- A command --------------------------------------------------------------------------------------------------------


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
        document = _document(action, given)
        told = {f"GRPCMOCK_{key.upper()}": value for key, value in document.items()}
        # Files rather than pipes: what the command leaves running may hold them open.
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as asked:
            asked.write(json.dumps(document).encode())
            asked.seek(0)
            try:
                process = await asyncio.create_subprocess_exec(
                    *self.command,
                    action,
                    given.words,
                    stdin=asked,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=said,
                    env={**os.environ, **told},
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
            said.seek(0)
            errors = said.read().decode(errors="replace").strip()[-_SHOWN:]
        if code == UNKNOWN:
            if action == "setup":
                raise UnknownGivenError(given, f" (it exited with {UNKNOWN}{f': {errors}' if errors else ''})")
        elif code:
            raise HookError(f"{self._what(action, given)} exited with {code}{_said(errors)}")

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


# --- HTTP -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UrlHook:
    """Posts JSON to an HTTP endpoint: ``{"action": "setup", "given": …, "stub": …, "method": …, "consumer": …}``.

    Any 2xx status says that all went well, 404 that the state isn't known, any other one that it failed.
    """

    url: str
    timeout: float = 30.0

    @classmethod
    def parse(cls, text: str, timeout: float = 30.0) -> UrlHook:
        """Raises :class:`ConfigError` if this isn't a URL of HTTP."""
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{text!r} is not the URL of a set-up hook. Write http://HOST:PORT/PATH.")
        return cls(text, timeout)

    async def set_up(self, given: Given) -> Undo:
        await self._post("setup", given)

        async def undo() -> None:
            await self._post("teardown", given)

        return undo

    async def _post(self, action: Action, given: Given) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                status, text = await _in_thread(lambda: self._send(action, given))
        except (TimeoutError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise HookError(f"the set-up hook at {self.url} took longer than {self.timeout:g} s.") from None
            reason = getattr(error, "reason", error)
            raise HookError(f"the set-up hook at {self.url} can't be reached: {reason}.") from None
        if status == _NOT_FOUND:
            if action == "setup":
                raise UnknownGivenError(given, f" ({self.url} answered 404)")
        elif not 200 <= status < 300:
            raise HookError(
                f"the set-up hook at {self.url} ({action} {given.words!r}) answered {status}{_said(text[:_SHOWN])}"
            )

    def _send(self, action: Action, given: Given) -> tuple[int, str]:
        body = json.dumps(_document(action, given)).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})  # noqa: S310 - its scheme was checked
        # What runs on this machine is not reached by way of a proxy.
        local = urlsplit(self.url).hostname in _LOOPBACK
        opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
        try:
            with opener.open(request, timeout=self.timeout) as response:
                return response.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(_SHOWN).decode(errors="replace").strip()


# --- Python -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallableHook:
    """Calls Python: a function of the words, or a mapping from the words to functions without parameters.

    A function may be asynchronous; it may give a context manager (asynchronous or not) or be a generator that yields
    once, and what comes after that undoes it. A state that isn't known is a ``LookupError``, or no key of the mapping.
    A function with two parameters gets the :class:`Given` as the second.
    """

    function: Callable[..., Any] | Mapping[str, Any]
    name: str = ""
    timeout: float = 30.0

    @classmethod
    def parse(cls, text: str, timeout: float = 30.0) -> CallableHook:
        """Import ``module:name``. Raises :class:`ConfigError`."""
        module_name, colon, name = text.partition(":")
        if not colon or not module_name or not name:
            raise ConfigError(f"{text!r} is not a function. Write module:function.")
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)
        try:
            found: Any = importlib.import_module(module_name)
        except Exception as error:  # noqa: BLE001 - whatever the user's module raises
            raise ConfigError(f"{module_name!r} can't be imported: {type(error).__name__}: {error}.") from None
        for part in name.split("."):
            if not hasattr(found, part):
                hint = did_you_mean(part, [word for word in vars(found) if not word.startswith("_")])
                raise ConfigError(f"{module_name!r} has no {part!r}. {hint}".rstrip())
            found = getattr(found, part)
        if not callable(found) and not isinstance(found, Mapping):
            raise ConfigError(f"{text} is neither a function nor a mapping of them.")
        return cls(found, text, timeout)

    async def set_up(self, given: Given) -> Undo:
        undo: Undo = await self._bounded(self._begin(given), f"set-up of {given.words!r}", given)
        return undo

    async def _begin(self, given: Given) -> Undo:
        made = await self._call(given)
        if inspect.isgenerator(made):
            await _in_thread(lambda: next(made, None))
            return self._undoing(lambda: _in_thread(lambda: next(made, None)), given)
        if inspect.isasyncgen(made):
            await anext(made, None)
            return self._undoing(lambda: anext(made, None), given)
        if isinstance(made, AbstractAsyncContextManager):
            await made.__aenter__()
            return self._undoing(lambda: made.__aexit__(None, None, None), given)
        if isinstance(made, AbstractContextManager):
            await _in_thread(made.__enter__)
            return self._undoing(lambda: _in_thread(lambda: made.__exit__(None, None, None)), given)
        return _nothing

    async def _call(self, given: Given) -> Any:
        function = self.function
        arguments: tuple[Any, ...] = (given.words, given)
        if isinstance(function, Mapping):
            if given.words not in function:
                hint = did_you_mean(given.words, map(str, function))
                raise UnknownGivenError(
                    given, f" ({self.name or 'the mapping'} has no such key; {hint})" if hint else ""
                )
            function, arguments = function[given.words], ()
            managers = (AbstractContextManager, AbstractAsyncContextManager)
            if not callable(function) or isinstance(function, managers):
                return function
        call = function

        def called() -> Any:
            return call(*arguments[: _parameters(call)])

        try:
            made = called() if inspect.iscoroutinefunction(call) else await _in_thread(called)
            return await made if inspect.isawaitable(made) else made
        except LookupError as error:
            raise UnknownGivenError(given, f" ({type(error).__name__}: {error})") from None

    def _undoing(self, undo: Callable[[], Awaitable[Any]], given: Given) -> Undo:
        async def undone() -> None:
            await self._bounded(_awaited(undo), f"undoing of {given.words!r}", given)

        return undone

    async def _bounded(self, work: Awaitable[Any], what: str, given: Given) -> Any:
        try:
            async with asyncio.timeout(self.timeout):
                return await work
        except TimeoutError:
            raise HookError(f"the {what} took longer than {self.timeout:g} s.") from None
        except HookError:
            raise
        except LookupError as error:
            raise UnknownGivenError(given, f" ({type(error).__name__}: {error})") from None
        except Exception as error:
            raise HookError(f"the {what} failed: {type(error).__name__}: {error}.") from error


async def _awaited(make: Callable[[], Awaitable[Any]]) -> None:
    await make()


def _parameters(function: Callable[..., Any]) -> int:
    """Count the positional parameters that a function takes, up to two."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(2, sum(kind in positional for kind in kinds))


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Call a function in a thread that, should it never return, doesn't keep the program from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def finish(result: Any, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        result, raised = None, None
        try:
            result = function()
        except StopIteration as error:  # no future takes it
            raised = RuntimeError(f"it raised StopIteration: {error}")
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            raised = error  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(finish, result, raised)

    threading.Thread(target=run, daemon=True, name="grpcmock-setup").start()
    return await done


def _document(action: Action, given: Given) -> dict[str, str]:
    told = asdict(given)
    return {"action": action, "given": told.pop("words"), **told}


def _said(text: str) -> str:
    return f": {text}" if text else "."
