"""A foundry: a small server with lists by several fields, and castings that go from state to state, in many habits.

It keeps what it has in memory. A ``Foundry`` is healthy whatever its habits are; a fault makes it a wrong one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf import json_format

from grpcmock.fuzz.model.cases import Call, call_of
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package foundry;
service Foundry {
  rpc OrderCasting(OrderCastingRequest) returns (Casting);
  rpc GetCasting(CastingName) returns (Casting);
  rpc ListCastings(ListCastingsRequest) returns (ListCastingsResponse);
  // The castings that match all filters that are set.
  rpc FindCastings(FindCastingsRequest) returns (ListCastingsResponse);
  // FAILED_PRECONDITION once it is cast.
  rpc CastCasting(CastingName) returns (Casting);
  // FAILED_PRECONDITION unless the casting is cast.
  rpc PolishCasting(CastingName) returns (Casting);
  // FAILED_PRECONDITION if the casting is scrapped.
  rpc TagCasting(TagCastingRequest) returns (Casting);
  rpc ScrapCasting(CastingName) returns (Casting);
  rpc CreateDelivery(CastingName) returns (Delivery);
}
enum State { STATE_UNSPECIFIED = 0; ORDERED = 1; CAST = 2; POLISHED = 3; SCRAPPED = 4; }
enum Grade { GRADE_UNSPECIFIED = 0; ROUGH = 1; FINE = 2; FINEST = 3; }
message Casting {
  string hall_id = 1; int32 number = 2; State state = 3; string owner = 4; repeated string tags = 5; int32 weight = 6;
  Grade finish = 7; string due = 8; bool archived = 9; string note = 10; int64 version = 11;
}
message Delivery { string id = 1; string hall_id = 2; int32 number = 3; }
message CastingName { string hall_id = 1; int32 number = 2; }
message OrderCastingRequest { string hall_id = 1; string owner = 2; repeated string tags = 3; int32 weight = 4;
  Grade finish = 5; string due = 6; }
message TagCastingRequest { string hall_id = 1; int32 number = 2; string tag = 3; }
message ListCastingsRequest { string hall_id = 1; State state = 2; string owner = 3; repeated string tags = 4;
  int32 weight = 5; Grade finish = 6; string due_before = 7; bool include_archived = 8; int32 page_size = 9;
  string page_token = 10; }
message FindCastingsRequest {
  string hall_id = 1;
  // Only those in this state.
  State state = 2;
  // Only those of this owner.
  string owner = 3;
  // Those that have all of these tags.
  repeated string tags = 4;
  // Only those of at least this weight.
  int32 min_weight = 5;
  // Those that are due before this day.
  string due_before = 6;
  bool include_archived = 7;
  int32 page_size = 8;
}
message ListCastingsResponse { repeated Casting castings = 1; string next_page_token = 2; }
"""

HALLS, OWNERS, TAGS = ("north", "south"), ("Ann", "ann", "anna", "Bo"), ("a", "b", "ab")
DAYS, STATES = ("2030-01-01", "2030-01-02", "2030-01-03"), ("ORDERED", "CAST", "POLISHED", "SCRAPPED")
GRADES = ("GRADE_UNSPECIFIED", "ROUGH", "FINE", "FINEST")

FAULTS = frozenset(
    {"forgets the owner", "forgets one", "either of two", "shows what is later", "shows what is scrapped"}
    | {"casts twice", "polishes too early", "tags what is scrapped", "says that it is scrapped", "stays as it is"}
)


@cache
def contract() -> Registry:
    with TemporaryDirectory() as folder:
        (file := Path(folder) / "foundry.proto").write_text(PROTO)
        return sources.load([file])


@dataclass(frozen=True)
class Habits:
    """How a healthy server does what its comments leave to it."""

    hidden: str = ""
    """A state that lists leave out unless they are asked for it."""

    leaves_out: bool = True
    """Whether lists leave out what is scrapped, unless it is included."""

    shows_any: bool = False
    """Whether what has one thing of all that is asked for is shown, where no comment says otherwise."""

    text: str = "same"
    rank: str = "same"
    tags: str = "all"
    due: str = "before"
    anyone: str = ""
    """A word for all owners."""

    form: str = "whole"
    """How lists show things: whole, short, or with a note on what was asked for."""

    pages: int = 0
    repeats: bool = False
    """Whether what is done already is OK once more."""

    is_late: bool = False
    """Whether what is scrapped shows so only later."""

    answers: str = "whole"
    words: str = "the casting is {}"

    @classmethod
    def drawn(cls, random: Random) -> Habits:
        return cls(
            hidden=random.choice(["", "", *STATES]),
            leaves_out=random.random() < 0.7,
            shows_any=random.random() < 0.3,
            text=random.choice(["same", "folded", "prefix", "within"]),
            rank=random.choice(["same", "least", "most"]),
            tags=random.choice(["all", "any"]),
            due=random.choice(["before", "until"]),
            anyone=random.choice(["", "me", "*", "Bo"]),
            form=random.choice(["whole", "whole", "short", "noted"]),
            pages=random.choice([0, 0, 1, 2, 3]),
            repeats=random.random() < 0.5,
            is_late=random.random() < 0.3,
            answers=random.choice(["whole", "whole", "key"]),
            words=random.choice(["the casting is {}", "it is already {}", "casting {}", "this isn't possible"]),
        )


class Refused(Exception):
    def __init__(self, code: Code, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Foundry:
    """Answers calls, one after the other."""

    def __init__(self, habits: Habits, fault: str = "") -> None:
        self.habits, self.fault = habits, fault
        self.castings: dict[tuple[str, int], dict[str, Any]] = {}
        self.late: set[tuple[str, int]] = set()
        self.deliveries = 0

    def reply(self, call: Call) -> Reply:
        method = call.method
        assert method is not None
        request = json_format.MessageToDict(
            method.request_class.FromString(call.messages[0]), preserving_proto_field_name=True
        )
        try:
            answer = json_format.ParseDict(getattr(self, method.name)(request), method.response_class())
        except Refused as why:
            return Reply(call=call, termination=Termination.SERVER, code=why.code, message=why.words, sent=1)
        data = answer.SerializeToString(deterministic=True)
        return Reply(call=call, termination=Termination.SERVER, code=0, responses=(data,), sent=1)

    def OrderCasting(self, request: dict[str, Any]) -> dict[str, Any]:
        hall = request.get("hall_id", "north")
        number = sum(one["hall_id"] == hall for one in self.castings.values()) + 1
        made = {**request, "hall_id": hall, "number": number, "state": "ORDERED", "version": 1}
        self.castings[hall, number] = made
        return dict(made)

    def GetCasting(self, request: dict[str, Any]) -> dict[str, Any]:
        for key in self.late:
            self._go(self.castings[key], "SCRAPPED", archived=True)
        self.late.clear()
        return dict(self._casting(request))

    def CastCasting(self, request: dict[str, Any]) -> dict[str, Any]:
        one = self._casting(request)
        if one["state"] != "ORDERED" and self.fault != "casts twice":
            self._refuse("scrapped" if one["state"] == "SCRAPPED" else "cast")
        if self.fault != "stays as it is":
            self._go(one, "CAST")
        return self._answer(one)

    def PolishCasting(self, request: dict[str, Any]) -> dict[str, Any]:
        one = self._casting(request)
        if self.fault != "polishes too early" and one["state"] != "CAST":
            if one["state"] != "POLISHED" or not self.habits.repeats:
                self._refuse("polished" if one["state"] == "POLISHED" else "not cast")
            return self._answer(one)
        self._go(one, "POLISHED")
        return self._answer(one)

    def TagCasting(self, request: dict[str, Any]) -> dict[str, Any]:
        one = self._casting(request)
        is_scrapped = one["state"] == "SCRAPPED"
        if self.fault == "says that it is scrapped" or (is_scrapped and self.fault != "tags what is scrapped"):
            self._refuse("scrapped")
        one["tags"] = sorted({*one.get("tags", []), request.get("tag", "a")})
        one["version"] += 1
        return self._answer(one)

    def ScrapCasting(self, request: dict[str, Any]) -> dict[str, Any]:
        one = self._casting(request)
        if one["state"] == "SCRAPPED" and not self.habits.repeats:
            self._refuse("scrapped")
        if self.habits.is_late:
            self.late.add((one["hall_id"], one["number"]))
            return {"hall_id": one["hall_id"], "number": one["number"]}
        self._go(one, "SCRAPPED", archived=True)
        return self._answer(one)

    def CreateDelivery(self, request: dict[str, Any]) -> dict[str, Any]:
        one = self._casting(request)
        if one["state"] == "ORDERED":
            self._go(one, "CAST")
        self.deliveries += 1
        return {"id": f"d{self.deliveries}", "hall_id": one["hall_id"], "number": one["number"]}

    def ListCastings(self, request: dict[str, Any]) -> dict[str, Any]:
        habits = self.habits
        asked = []
        if "state" in request:
            asked.append(lambda one: one["state"] == request["state"])
        if "owner" in request and request["owner"] != habits.anyone:
            asked.append(lambda one: self._is_text(request["owner"], one.get("owner", "")))
        if "tags" in request:
            test = all if habits.tags == "all" else any
            asked.append(lambda one: test(tag in one.get("tags", []) for tag in request["tags"]))
        if "weight" in request:
            asked.append(lambda one: one.get("weight", 0) == request["weight"])
        if "finish" in request:
            asked.append(lambda one: self._is_rank(request["finish"], one.get("finish", GRADES[0])))
        if "due_before" in request:
            is_until = habits.due == "until"
            asked.append(
                lambda one: (
                    "" < one.get("due", "") < request["due_before"]
                    or (is_until and one.get("due") == request["due_before"])
                )
            )
        test = any if habits.shows_any and asked else all
        found = [one for one in self._there(request) if test(fits(one) for fits in asked)]
        size = habits.pages or request.get("page_size", 0) or 1000
        start = int(request.get("page_token") or 0)
        more = {"next_page_token": str(start + size)} if start + size < len(found) else {}
        return {"castings": [self._form(one, request) for one in found[start : start + size]], **more}

    def FindCastings(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = []
        if "state" in request:
            asked.append(lambda one: one["state"] == request["state"])
        if "owner" in request and (self.fault != "forgets the owner" or len(request) < 3):
            asked.append(lambda one: _folded(one.get("owner", "")) == _folded(request["owner"]))
        if "tags" in request:
            asked.append(lambda one: set(request["tags"]) <= set(one.get("tags", [])))
        if "min_weight" in request:
            asked.append(lambda one: one.get("weight", 0) >= request["min_weight"])
        if "due_before" in request and self.fault != "shows what is later":
            asked.append(lambda one: "" < one.get("due", "") < request["due_before"])
        test = any if self.fault == "either of two" and asked else all
        found = [one for one in self._there(request) if test(fits(one) for fits in asked)]
        if self.fault == "forgets one" and len(asked) > 1:
            found = found[1:]
        return {"castings": [self._form(one, request) for one in found]}

    def _there(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Give what is not left out anyway."""
        hall, habits = request.get("hall_id", ""), self.habits
        found = [one for one in self.castings.values() if hall in ("", one["hall_id"])]
        if habits.hidden and "state" not in request:
            found = [one for one in found if one["state"] != habits.hidden or one.get("archived")]
        is_shown = request.get("include_archived") or request.get("state") == "SCRAPPED"
        if not is_shown and self.fault != "shows what is scrapped":
            found = [one for one in found if not one.get("archived")]
        return found

    def _form(self, one: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        if self.habits.form == "short":
            return {name: one[name] for name in ("hall_id", "number", "owner") if name in one}
        if self.habits.form == "noted" and len(request) > 1:
            return {**one, "note": f"found by {', '.join(sorted(request))}"}
        return dict(one)

    def _answer(self, one: dict[str, Any]) -> dict[str, Any]:
        if self.habits.answers == "key":
            return {"hall_id": one["hall_id"], "number": one["number"]}
        return dict(one)

    def _is_text(self, asked: str, own: str) -> bool:
        match self.habits.text:
            case "folded":
                return _folded(asked) == _folded(own)
            case "prefix":
                return own.startswith(asked)
            case "within":
                return _folded(asked) in _folded(own)
        return asked == own

    def _is_rank(self, asked: str, own: str) -> bool:
        place, at = GRADES.index(own), GRADES.index(asked)
        return {"same": place == at, "least": place >= at, "most": 0 < place <= at}[self.habits.rank]

    def _casting(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self.castings.get((request.get("hall_id", ""), request.get("number", 0)))
        if found is None:
            raise Refused(Code.NOT_FOUND, "no such casting")
        return found

    def _go(self, one: dict[str, Any], state: str, **more: Any) -> None:
        one.update(state=state, version=one["version"] + 1, **more)

    def _refuse(self, what: str) -> None:
        raise Refused(Code.FAILED_PRECONDITION, self.habits.words.format(what))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKD", text).casefold().strip()


def call(name: str, request: dict[str, Any]) -> Call:
    method = contract().method(f"foundry.Foundry/{name}")
    return call_of(method, json_format.ParseDict(request, method.request_class()).SerializeToString(deterministic=True))
