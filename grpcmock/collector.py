"""How a great many objects come and go without holding up the threads beside: the garbage collector, and freeing.

Both stop every thread of the process for as long as they take, which grows with the number of objects.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NEVER = 1 << 30

_lock = threading.Lock()
_pauses = 0
_usual = 0


@contextmanager
def full_collections_paused() -> Iterator[None]:
    """Keep the collector to the objects that are new: to walk a heap that only grows, again and again, finds nothing.

    It goes on with those, so that little is left for afterwards. Threads may pause it at once.
    """
    global _pauses, _usual  # noqa: PLW0603 - the collector is one for all, too
    with _lock:
        if not _pauses:
            newest, new, _usual = gc.get_threshold()
            gc.set_threshold(newest, new, _NEVER)
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if not _pauses:
                newest, new, _ = gc.get_threshold()
                gc.set_threshold(newest, new, _usual)


def keep() -> None:
    """Leave all that is there now out of later collections: it is to stay. What nobody refers to is still freed."""
    gc.freeze()


def let_go(objects: list[Any]) -> None:
    """Empty a list, one object after the other; other threads get their turns between them."""
    while objects:
        objects.pop()
