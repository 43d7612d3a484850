"""A set-up hook that is a function in Python."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grpcmock.concurrency.blocking import in_thread
from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.verify.hooks.protocol import Given, HookError, Undo, UnknownGivenError


async def _nothing() -> None: ...


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
            await in_thread(lambda: next(made, None))
            return self._undoing(lambda: in_thread(lambda: next(made, None)), given)
        if inspect.isasyncgen(made):
            await anext(made, None)
            return self._undoing(lambda: anext(made, None), given)
        if isinstance(made, AbstractAsyncContextManager):
            await made.__aenter__()
            return self._undoing(lambda: made.__aexit__(None, None, None), given)
        if isinstance(made, AbstractContextManager):
            await in_thread(made.__enter__)
            return self._undoing(lambda: in_thread(lambda: made.__exit__(None, None, None)), given)
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
            made = called() if inspect.iscoroutinefunction(call) else await in_thread(called)
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
