"""Who brings a provider into the state that a stub takes as given?"""

from grpcmock.verify.hooks.command import CommandHook
from grpcmock.verify.hooks.function import CallableHook
from grpcmock.verify.hooks.parsing import parse
from grpcmock.verify.hooks.protocol import Given, Hook, HookError, Undo, UnknownGivenError
from grpcmock.verify.hooks.url import UrlHook

__all__ = [
    "CallableHook",
    "CommandHook",
    "Given",
    "Hook",
    "HookError",
    "Undo",
    "UnknownGivenError",
    "UrlHook",
    "parse",
]
