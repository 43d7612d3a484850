"""What methods do to resources."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """What a method does to resources."""

    CREATE = "create"
    IMPORT = "import"
    """Creates many in one call."""
    GET = "get"
    BATCH_GET = "batch get"
    LOOKUP = "lookup"
    """Gives one for each message of a stream."""
    LIST = "list"
    EXPORT = "export"
    """Lists all in one stream."""
    UPDATE = "update"
    DELETE = "delete"
    UNDELETE = "undelete"
    EXPUNGE = "expunge"
    """Removes for good what was deleted."""
    MOVE = "move"
    """Puts one below another parent, under another name."""
    WATCH = "watch"


READING = frozenset({Role.GET, Role.BATCH_GET, Role.LOOKUP, Role.LIST, Role.EXPORT, Role.WATCH})
MAKING = frozenset({Role.CREATE, Role.IMPORT})
