"""What one caller keeps in the directory: users, their notes, the requests already carried out, and who listens."""

from __future__ import annotations

import bisect
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mutants.schema import Message
    from benchmarks.mutants.steps import Feed


@dataclass(slots=True)
class Shelf:
    """Resources by id, in the order of their ids."""

    ids: list[str] = field(default_factory=list)
    by_id: dict[str, Message] = field(default_factory=dict)

    def put(self, key: str, resource: Message) -> None:
        if key not in self.by_id:
            bisect.insort(self.ids, key)
        self.by_id[key] = resource

    def remove(self, key: str) -> Message:
        del self.ids[bisect.bisect_left(self.ids, key)]
        return self.by_id.pop(key)

    def after(self, key: str, count: int) -> list[Message]:
        """Give up to *count* resources whose ids come after this one."""
        start = bisect.bisect_right(self.ids, key) if key else 0
        return [self.by_id[found] for found in self.ids[start : start + count]]

    def new_id(self, letter: str) -> str:
        while (made := f"{letter}-{uuid.uuid4().hex[:12]}") in self.by_id:
            pass
        return made

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Message]:
        return (self.by_id[key] for key in self.ids)


@dataclass(slots=True)
class Store:
    """All that one caller sees."""

    owner: str
    users: Shelf = field(default_factory=Shelf)
    notes: dict[str, Shelf] = field(default_factory=dict)
    """The notes of each user, by the user's id."""

    requests: dict[tuple[str, bytes], str] = field(default_factory=dict)
    """Which user came of a request, by its request id and its bytes."""

    feeds: list[Feed] = field(default_factory=list)

    def tell(self, event: Message) -> None:
        for feed in self.feeds:
            feed.put(event)

    def forget_user(self, user_id: str) -> Message:
        self.notes.pop(user_id, None)
        self.requests = {key: made for key, made in self.requests.items() if made != user_id}
        return self.users.remove(user_id)
