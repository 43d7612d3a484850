"""The laws on lists by several fields and on states object to no habit of a healthy server, and to each fault.

``GRPCMOCK_MODEL_PROGRAMS=50000 pytest tests/fuzz/resources/test_foundries.py`` tries more programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import foundry
import pytest
from call_programs import Objections, count_of, heard, without_objections
from foundry import DAYS, GRADES, HALLS, OWNERS, STATES, TAGS, Foundry, Habits, contract

from grpcmock.fuzz.model.results import Reply
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.laws.criteria import Criteria
from grpcmock.fuzz.resources.laws.selections import Selections
from grpcmock.fuzz.resources.laws.states import States

PROGRAMS = count_of(1000)
STEPS = 30


class Program:
    """Calls by chance on few castings, and many lists between two changes."""

    def __init__(self, seed: int, fault: str = "") -> None:
        self.random = Random(f"foundry {seed}")
        self.server = Foundry(Habits() if fault else Habits.drawn(self.random), fault)
        self.is_still = self.random.random() < 0.5

    def replies(self) -> Iterator[Reply]:
        for _ in range(self.random.randrange(1, 7)):
            yield self._reply("OrderCasting", self._ordered())
        for step in range(STEPS):
            is_list = self.random.random() < (0.6 if step < 10 or not self.is_still else 1)
            if not is_list:
                yield self._reply(*self._changed())
                continue
            name = self.random.choice(["ListCastings", "FindCastings"])
            yield self._reply(name, self._asked(name))

    def _reply(self, name: str, request: dict[str, Any]) -> Reply:
        return self.server.reply(foundry.call(name, request))

    def _ordered(self) -> dict[str, Any]:
        return {
            "hallId": self.random.choice(HALLS),
            **self._some(0.7, **self._values(), weight=self.random.choice([1, 5])),
        }

    def _values(self) -> dict[str, Any]:
        tags = self.random.sample(TAGS, self.random.randrange(3))
        return {
            "owner": self.random.choice(OWNERS),
            "tags": tags,
            "finish": self.random.choice(GRADES[1:]),
            "due": self.random.choice(DAYS),
        }

    def _changed(self) -> tuple[str, dict[str, Any]]:
        one = {"hallId": self.random.choice(HALLS), "number": self.random.choice([1, 1, 2, 3])}
        names = ("GetCasting", "GetCasting", "CastCasting", "PolishCasting", "ScrapCasting", "CreateDelivery")
        name = self.random.choice([*names, "TagCasting", "TagCasting"])
        return name, {**one, "tag": self.random.choice(TAGS)} if name == "TagCasting" else one

    def _asked(self, name: str) -> dict[str, Any]:
        values = {**self._values(), "state": self.random.choice(STATES), "includeArchived": True}
        values["owner"] = self.random.choice([*OWNERS, "me", "*"])
        values["dueBefore"] = values.pop("due")
        if name == "FindCastings":
            del values["finish"]
            values["minWeight"] = self.random.choice([1, 5, 9])
        else:
            values["weight"] = self.random.choice([1, 5])
        request = self._some(self.random.choice([0.0, 0.2, 0.4]), **values)
        return {**self._some(0.3, hallId=HALLS[0]), **request, "pageSize": 1000}

    def _some(self, share: float, **values: Any) -> dict[str, Any]:
        return {name: value for name, value in values.items() if self.random.random() < share}


def objections(seed: int, fault: str = "") -> Objections:
    program = Program(seed, fault)
    laws = (Criteria(contract()), States(contract(), resources_of(contract())), Selections())
    return heard(
        program.replies(), lambda reply: [one for law in laws for one in law.take(reply)], program.server.habits
    )


def test_no_habit_is_objected_to() -> None:
    answered = sum(reply.is_ok for replies in without_objections(PROGRAMS, objections) for reply in replies)
    assert answered > PROGRAMS * STEPS // 2


@pytest.mark.parametrize("fault", sorted(foundry.FAULTS))
def test_each_fault_is_objected_to(fault: str) -> None:
    assert any(objections(seed, fault)[0] for seed in range(400))
