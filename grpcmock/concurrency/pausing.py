"""Pauses that may last for ever."""

from __future__ import annotations

import asyncio
import math


async def pause(seconds: float) -> None:
    """Wait; ``inf`` seconds last until the task is cancelled."""
    if seconds == math.inf:
        await asyncio.get_running_loop().create_future()
    else:
        await asyncio.sleep(seconds)
