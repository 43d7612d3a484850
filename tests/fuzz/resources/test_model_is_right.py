"""The model of what servers keep objects to no legal server, whatever it is asked; and to each that does a thing wrong.

``GRPCMOCK_MODEL_PROGRAMS=50000 pytest tests/fuzz/resources/test_model_is_right.py`` tries more programs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import pytest
import reference_server
from call_programs import Objections, count_of, heard, without_objections
from google.protobuf import json_format
from reference_server import ReferenceServer, Style, contract

from grpcmock.client.actions import HALF_CLOSE, Send
from grpcmock.fuzz.expectations.documented_codes import documented
from grpcmock.fuzz.model.cases import Call, Caller
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.state_model import StateModel
from grpcmock.status import Code

PROGRAMS = count_of(600)
STEPS = 18

_LOST = (Termination.DEADLINE, Termination.LOST, Termination.OVERDUE)
_ENDS = ("OK", "NOT_FOUND", "ALREADY_EXISTS", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "ABORTED")
_TITLES = ("", "a", "b", "a b", " c ", "Ü", "d" * 40)
_PATHS = ("title", "tags", "width", "place", "place.room", "*", "nobody", "name", "etag")


class Program:
    """Calls by chance on few things, each of which sees what the ones before have told."""

    def __init__(self, seed: int, fault: str = "") -> None:
        self.random = Random(f"program {seed}")
        self.server = ReferenceServer(Style.drawn(self.random), fault)
        self.nouns = self.random.choice((["Shelf", "Book"], ["Shelf"], ["Item"], ["Page"]))
        self.tokens: list[str] = []
        self.etags: list[str] = []
        self.last: Call | None = None

    def replies(self) -> Iterator[Reply]:
        """Make the calls, and yield what comes of each."""
        is_shared = self.random.random() < 0.3
        if "Book" in self.nouns:
            for own_id in ("a", "b"):
                yield self._made(self._call("CreateShelf", {"shelfId": own_id, "shelf": {"title": own_id}}))
        for _ in range(STEPS):
            if is_shared and self.random.random() < 0.3:
                self.server.by_others(self.random)
            for call in self._calls():
                yield self._made(call)

    def _made(self, call: Call) -> Reply:
        chance = self.random.random()
        if chance < 0.04:  # nobody hears what became of it
            reply = self.server.reply(call) if self.random.random() < 0.5 else None
            termination = self.random.choice(_LOST)
            code = Code.UNAVAILABLE if termination is Termination.LOST else Code.DEADLINE_EXCEEDED
            return Reply(call=call, termination=termination, code=code, sent=reply is not None)
        if chance < 0.06:  # an honest failure of what is behind it
            return Reply(call=call, termination=Termination.SERVER, code=Code.UNAVAILABLE, sent=1)
        reply = self.server.reply(call)
        assert call.method is not None
        for data in reply.responses:
            message = call.method.response_class.FromString(data)
            self.tokens += filter(None, [getattr(message, "next_page_token", "")])
            self.etags += filter(None, [getattr(message, "etag", "")])
        return reply

    # Calls --------------------------------------------------------------------------------------------

    def _calls(self) -> Iterator[Call]:
        random = self.random
        if self.last is not None and random.random() < 0.15:
            yield self.last  # the very same once more
            return
        noun = random.choice(self.nouns)
        make = random.choice(
            [self._create, self._create, self._get, self._get, self._list, self._update, self._update, self._delete]
            + ([self._undelete] if noun in ("Shelf", "Book") else [])
            + ([self._batch_get] if noun == "Book" else [])
        )
        if make == self._list and random.random() < 0.5:
            yield from self._walk(noun)
            return
        name, request = make(noun)
        self.last = self._call(name, request)
        yield self.last

    def _call(self, name: str, request: Any) -> Call:
        service = {"Item": "Items", "Page": "Pages"}.get(self.nouns[0], "Library")
        method = contract().method(f"library.v1.{service}/{name}")
        message = json_format.ParseDict(request, method.request_class())
        caller = Caller.OTHER if self.random.random() < 0.05 else Caller.OWN
        actions = (Send(message.SerializeToString(deterministic=True)), HALF_CLOSE)
        return Call(path=method.path, method=method, actions=actions, caller=caller)

    def _shelf(self) -> str:
        return "shelves/" + self.random.choice(["a", "b", "s1", "s2", *self._known("Shelf")])

    def _known(self, noun: str) -> list[Any]:
        return [str(key).rpartition("/")[2] for key in self.server.kept.get(noun, {})]

    def _key(self, noun: str) -> Any:
        random = self.random
        if noun == "Item":
            return random.choice([0, 1, 2, 3, *(int(key) for key in self._known(noun))])
        if noun == "Page":
            return random.choice(["", "a", "b", "c", "C", "a b"])
        if random.random() < 0.05:
            return random.choice(["", "x", "shelves/"])
        if noun == "Shelf":
            return self._shelf()
        return f"{self._shelf()}/books/{random.choice(['a', 'b', 's1', *self._known('Book')])}"

    def _content(self) -> dict[str, Any]:
        random = self.random
        content: dict[str, Any] = {"title": random.choice(_TITLES)}
        if random.random() < 0.5:
            content["tags"] = random.choice([[], ["x"], ["x", "y"], ["y", "x"], ["x", "x"]])
        if random.random() < 0.4:
            content["width"] = random.choice([0, 1, 7])
        if random.random() < 0.4:
            content["place"] = random.choice([{}, {"room": "1"}, {"room": "2", "row": 3}])
        return content

    def _create(self, noun: str) -> tuple[str, Any]:
        random, content = self.random, self._content()
        if noun == "Item":
            return "AddItem", content
        if noun == "Page":
            return "CreatePage", {**content, "id": self._key(noun)}
        label = noun.lower()
        if random.random() < 0.2:
            content["secret"] = "s"
        request: dict[str, Any] = {label: content}
        if random.random() < 0.7:
            request[f"{label}Id"] = random.choice(["a", "b", "B", "a/b", "s1"])
        if random.random() < 0.2:
            request["requestId"] = random.choice(["r1", "r2"])
        if noun == "Book":
            request["parent"] = self._shelf()
        return f"Create{noun}", request

    def _named(self, noun: str) -> dict[str, Any]:
        return {"id" if noun in ("Item", "Page") else "name": self._key(noun)}

    def _get(self, noun: str) -> tuple[str, Any]:
        return f"Get{noun}", self._named(noun)

    def _batch_get(self, noun: str) -> tuple[str, Any]:
        names = [self._key(noun) for _ in range(self.random.randrange(3))]
        return "BatchGetBooks", {"parent": "shelves/-", "names": names}

    def _undelete(self, noun: str) -> tuple[str, Any]:
        return f"Undelete{noun}", self._named(noun)

    def _delete(self, noun: str) -> tuple[str, Any]:
        random, request = self.random, self._named(noun)
        if noun in ("Shelf", "Book"):
            request |= {flag: True for flag in ("force", "allowMissing") if random.random() < 0.3}
            if random.random() < 0.1 and self.etags:
                request["etag"] = random.choice(self.etags)
        return f"{'Remove' if noun == 'Item' else 'Delete'}{noun}", request

    def _update(self, noun: str) -> tuple[str, Any]:
        random, content = self.random, {**self._content(), **self._named(noun)}
        if noun == "Page":
            return "UpdatePage", content
        if random.random() < 0.3:
            del content["title"]
        if noun != "Item" and random.random() < 0.15 and self.etags:
            content["etag"] = random.choice(self.etags)
        request: dict[str, Any] = {noun.lower(): content}
        if random.random() < 0.6:
            paths = _PATHS[:6] if random.random() < 0.8 else _PATHS
            request["updateMask"] = ",".join(random.sample(paths, random.choice([1, 1, 2])))
        if noun != "Item" and random.random() < 0.15:
            request["allowMissing"] = True
        return f"Update{noun}", request

    def _list(self, noun: str) -> tuple[str, Any]:
        random = self.random
        request: dict[str, Any] = {}
        if random.random() < 0.6:
            request["pageSize"] = random.choice([-1, 0, 1, 2, 1000])
        if noun == "Item":
            return "ListItems", {**request, "page": random.choice([0, 1, 2])}
        if random.random() < 0.3:
            request["pageToken"] = random.choice([*self.tokens, "fz-no-such-page"])
        if noun == "Book":
            request["parent"] = self._shelf()
        if noun != "Page":
            request |= {"showDeleted": True} if random.random() < 0.3 else {}
            request |= {"filter": "a"} if random.random() < 0.1 else {}
        return f"List{reference_server._PLURAL[noun]}", request

    def _walk(self, noun: str) -> Iterator[Call]:
        """Read a list page by page, while more happens now and then."""
        name, request = self._list(noun)
        request = {**request, "pageSize": self.random.choice([1, 2, 3])}
        request.pop("pageToken", None)
        request |= {"page": 1} if noun == "Item" else {}
        for number in range(2, 7):
            before = len(self.tokens)
            yield self._call(name, request)
            if noun == "Item":
                request["page"] = number
            elif len(self.tokens) == before:
                return
            else:
                request["pageToken"] = self.tokens[-1]
            if self.random.random() < 0.1:
                changed, other = self.random.choice([self._create, self._delete, self._update])(noun)
                yield self._call(changed, other)


@cache
def _documented() -> dict[str, frozenset[int]]:
    return documented(contract())


def objections(seed: int, fault: str = "") -> Objections:
    program = Program(seed, fault)
    model = StateModel(resources_of(contract()), documented=_documented())
    return heard(program.replies(), model.take, program.server.style)


def test_no_legal_server_is_objected_to() -> None:
    ends = Counter(dict.fromkeys(_ENDS, 0))
    for replies in without_objections(PROGRAMS, objections):
        ends.update(reply.name for reply in replies)
    assert all(count > PROGRAMS // 100 for count in ends.values()), ends  # all of it was tried


@pytest.mark.parametrize("fault", sorted(reference_server._FAULTS))
def test_each_fault_is_objected_to(fault: str) -> None:
    assert any(objections(seed, fault)[0] for seed in range(300))
