"""What to try on after a request that has brought the server down: others with more in them.

The usual first fault of a handler is that it looks into a message that isn't there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import Fields, is_set, reachable

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.request_changes import Change

MOST_LOST = 4
"""So often a search goes on after the server went down: it has to come up each time."""

_MOST_FIELDS = 12


def more_parts(message: Message, values: Callable[[Fields], Iterable[Change]]) -> Iterator[Change]:
    """Yield changes that put into a request what isn't there: all of its messages at once, then all of its fields, then
    each message by itself, then each field. *values* gives a change for the field at the end of a way."""
    own = [way for way in reachable(message.DESCRIPTOR) if len(way) == 1 and not is_set(message, way)]
    own = own[:_MOST_FIELDS]
    parts = [way for way in own if way[-1].message_type is not None]
    others = [way for way in own if way[-1].message_type is None]
    singles = {way: change for way in (*parts, *others) for change in islice(values(way), 1)}
    for ways in (parts, own):
        changes = [singles[way] for way in ways if way in singles and not _is_later_arm(way, ways)]
        if len(changes) > 1:
            yield _together(changes)
    yield from singles.values()


def _is_later_arm(way: Fields, ways: Iterable[Fields]) -> bool:
    """Whether a field takes the place of another one of its oneof that comes before it."""
    oneof = way[-1].containing_oneof
    return oneof is not None and next(one for one in ways if one[-1].containing_oneof is oneof) is not way


def _together(changes: list[Change]) -> Change:
    made = changes[-1]
    for change in reversed(changes[:-1]):
        made = replace(change, also=made)
    return made
