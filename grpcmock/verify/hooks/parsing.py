"""The set-up hook that an option names: a function in Python, or a command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grpcmock.verify.hooks.command import CommandHook
from grpcmock.verify.hooks.function import CallableHook

if TYPE_CHECKING:
    from grpcmock.verify.hooks.protocol import Hook

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def parse(text: str, timeout: float = 30.0) -> Hook:
    """Understand ``module:function``, or a command. Raises :class:`ConfigError`."""
    if _FUNCTION.fullmatch(text.strip()):
        return CallableHook.parse(text.strip(), timeout)
    return CommandHook.parse(text, timeout)
