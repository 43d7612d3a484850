"""The words of scripts: the names of steps, and the keys inside of them."""

from __future__ import annotations

from typing import Final

EXPECT: Final = "expect"
SEND: Final = "send"
WAIT: Final = "wait"
HEADERS: Final = "headers"
HALF_CLOSE: Final = "half_close"
ON: Final = "on"
REPEAT: Final = "repeat"
ERROR: Final = "error"
FINISH: Final = "finish"

STEPS: Final = (EXPECT, SEND, WAIT, HEADERS, HALF_CLOSE, ON, REPEAT, ERROR, FINISH)

BARE: Final = (HALF_CLOSE, FINISH)
"""Steps that may stand alone, without a value."""

UNTIL: Final = "until"
"""Stands beside ``on``: how long that goes on."""

REQUEST: Final = "request"
NESTED: Final = "steps"

ARM_KEYS: Final = (REQUEST, WAIT, SEND, ERROR, FINISH, NESTED)
"""The keys of one arm of an ``on``."""

TIMES: Final = "times"
EVERY: Final = "every"
FOREVER: Final = "forever"

REPEAT_KEYS: Final = (TIMES, EVERY, NESTED)
