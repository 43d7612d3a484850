"""Interceptors of a server, loaded by the names that users give: ``module:attribute``."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import grpc

_OPTION = "--interceptor"


def load(names: Iterable[str]) -> list[grpc.aio.ServerInterceptor]:
    """Load interceptors, in order: the first is the outermost.

    Each name is ``module:attribute``; modules beside the current directory are found, too. A class is called without
    arguments; anything else must be a ``grpc.aio.ServerInterceptor`` itself.

    Raises :class:`ConfigError`, which names the interceptor and what is wrong with it.
    """
    return [_load_one(name) for name in names]


def _load_one(name: str) -> grpc.aio.ServerInterceptor:
    import grpc

    module_name, colon, attribute = name.partition(":")
    if not (colon and module_name and attribute):
        raise ConfigError(
            f"{_OPTION} {name!r}: an interceptor is named module:attribute, such as interceptors:LoggingInterceptor."
        )
    found: object = _import(name, module_name)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            hint = did_you_mean(part, (public for public in dir(found) if not public.startswith("_")))
            owner = found.__name__ if inspect.ismodule(found) else repr(found)
            raise ConfigError(f"{_OPTION} {name!r}: {owner} has no attribute {part!r}. {hint}".rstrip()) from None
    if inspect.isclass(found):
        if issubclass(found, grpc.ServerInterceptor):
            raise _synchronous(name)
        try:
            found = found()
        except Exception as error:  # whatever the user's code raises
            raise ConfigError(
                f"{_OPTION} {name!r}: the class can't be called without arguments: {_said(error)}. "
                "Name an instance instead, made in that module."
            ) from error
    if isinstance(found, grpc.ServerInterceptor):
        raise _synchronous(name)
    if not isinstance(found, grpc.aio.ServerInterceptor):
        raise ConfigError(
            f"{_OPTION} {name!r}: a grpc.aio.ServerInterceptor is needed; this is of type {type(found).__name__}. "
            "Derive a class from it, and write its method intercept_service."
        )
    return found


def _import(name: str, module_name: str) -> object:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ConfigError(
                f"{_OPTION} {name!r}: there is no module {missing!r}, neither installed nor in {here}."
            ) from None
        raise ConfigError(f"{_OPTION} {name!r}: {module_name} imports {missing!r}, which isn't installed.") from error
    except Exception as error:  # whatever the user's module raises
        raise ConfigError(f"{_OPTION} {name!r}: {module_name} can't be imported: {_said(error)}.") from error


def _synchronous(name: str) -> ConfigError:
    return ConfigError(
        f"{_OPTION} {name!r}: this is a grpc.ServerInterceptor of the synchronous server. Derive it from "
        "grpc.aio.ServerInterceptor, and make its method intercept_service a coroutine (async def)."
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".: ")
