"""What a run knows of the requests that a server takes: one of each method, as far as one was found."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.roles import MAKING, Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import chosen_at
from grpcmock.fuzz.learning.candidates import Candidates
from grpcmock.fuzz.learning.door_search import DoorSearch
from grpcmock.fuzz.learning.known_things import KnownThings
from grpcmock.fuzz.learning.widening import Widening
from grpcmock.fuzz.resources.inference import resources_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.links import Links
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_LISTING = re.compile(r"(List|Search|Export|Browse|Find|Query|All)")
_ENDING = re.compile(
    r"(Delete|Remove|Destroy|Erase|Cancel|Close|Retire|Expire|Revoke|Purge|Drop|Archive|Finish|Stop|End|Forget|Discard|Unregister)"
)
_MAKING = re.compile(
    r"(Create|Add|Insert|Register|New|Make|Open|Start|Begin|Put|Post|Submit|Place|Import|Upload|Set|Save)"
)


_MAKES, _USES, _LAST = 1, 3, 4
"""The ranks of methods that make things, of those that do something or other, and of those that take things away."""


class Acceptance:
    """Grows as the server answers. What it holds depends on the answers and their order alone."""

    def __init__(self, registry: Registry, links: Links | None = None) -> None:
        self._registry = registry
        self._links = links
        self._candidates = Candidates(registry)
        self.things = KnownThings(registry)
        self._taken: dict[FieldDescriptor, dict[Any, bool]] = {}
        """Whether the server has taken values of fields of messages that stand in requests, whatever the method."""
        self.requests: dict[str, AcceptedRequest] = {}
        """By the paths of methods: only those that differ from what the contract alone suggests."""
        self.first: dict[str, AcceptedRequest] = {}
        """The same, of all methods that have answered OK."""

    def search(self, method: Method, start: Message) -> DoorSearch:
        """Begin to look for a request of a method, from the simplest that the contract allows."""
        return DoorSearch(method, start, self._registry, self._candidates, self.things)

    def take(self, search: DoorSearch, reply: Reply, start: bytes) -> None:
        """Hear of the end of a search."""
        accepted = search.accepted
        if accepted is None:
            return
        if self.rank(search.method)[0] == _MAKES:
            key = next(self.things.keys_in(reply), None)
            accepted = replace(accepted, own_id=chosen_at(accepted.message, key) if key is not None else None)
        self.keep(accepted, start)
        self.things.learn(reply, accepted if self.rank(search.method)[0] == _MAKES else None)

    def keep(self, accepted: AcceptedRequest, start: bytes) -> None:
        """Take a request for the one of its method; *start* is what the contract alone suggests."""
        path = accepted.method.path
        before = self.first.get(path)
        if before is not None:
            self.things.remake(before, accepted)
        self.first[path] = accepted
        if accepted.data != start or accepted.full:
            self.requests[path] = accepted

    def renew(self, path: str, accepted: AcceptedRequest) -> None:
        """Take a request for the one of the method at a *path*, which differs in how that is made which it needs."""
        self.things.remake(self.first[path], accepted)
        self.first[path] = accepted
        if path in self.requests:
            self.requests[path] = accepted

    def values_of(self, field: FieldDescriptor) -> Iterator[Any]:
        """Yield values to try in a field."""
        return self._candidates.of(field)

    def may_make(self, method: Method) -> bool:
        """Whether each call of a method may make another thing, as far as its name tells."""
        rank, _ = self.rank(method)
        return rank == _MAKES or (rank == _USES and not only_reads(method))

    def widening(self, accepted: AcceptedRequest) -> Widening:
        """Begin to look for more values that the server takes in a request."""
        return Widening(accepted, self._candidates, self._taken)

    def of(self, method: Method) -> AcceptedRequest | None:
        """Return the request of a method that the server takes, where the contract alone didn't lead to one."""
        return self.requests.get(method.path)

    def in_order(self, methods: Iterable[Method]) -> list[Method]:
        """Return methods so that those come first which make what others ask for."""
        # A stream that goes on for ever takes its time to show that it does.
        return sorted(methods, key=lambda one: (self.rank(one), one.kind.server_streams, one.full_name))

    def takes_away(self, method: Method) -> bool:
        """Whether a method takes away what others need."""
        return self.rank(method)[0] == _LAST

    def rank(self, method: Method) -> tuple[int, int]:
        """Tell when a method's turn is: those that make things, parents first, then those that use them, then those
        that take them away."""
        resources = resources_of(self._registry, self._links)
        known = resources.by_path.get(method.path)
        if known is not None:
            resource, operation = known
            if operation.role in MAKING:
                depth, above = 0, resources.parent_of(resource)
                while above is not None and depth < 5:
                    depth, above = depth + 1, resources.parent_of(above)
                return _MAKES, depth
            if operation.role in (Role.LIST, Role.EXPORT):
                return 0, 0  # what there is already
            if operation.role in (Role.DELETE, Role.UNDELETE, Role.EXPUNGE):
                return _LAST, 0
            return 2, 0
        if _LISTING.match(method.name):
            return 0, 1
        if _ENDING.match(method.name):
            return _LAST, 1
        return (_MAKES, 6) if _MAKING.match(method.name) else (_USES, 0)
