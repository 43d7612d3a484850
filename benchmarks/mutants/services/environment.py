"""What a service takes from the world around it: the time, ids that nobody has had before, and waits."""

from __future__ import annotations

import asyncio
import random
import time
import uuid


class Environment:
    """The real world."""

    def now(self) -> float:
        """The seconds since 1970."""
        return time.time()

    def token(self) -> str:
        """Sixteen hexadecimal digits that nobody can guess."""
        return uuid.uuid4().hex[:16]

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Repeatable(Environment):
    """A world in which the same call gets the same answer, whatever those before it did, and nobody waits."""

    def __init__(self) -> None:
        self._random = random.Random(0)
        self._now = 0.0
        self.turn(0)

    def turn(self, number: int) -> None:
        """Go on to the next call: a second passes, and ids come from its number."""
        self._random.seed(number)
        self._now = 1_700_000_000.0 + number

    def now(self) -> float:
        return self._now

    def token(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(0)
