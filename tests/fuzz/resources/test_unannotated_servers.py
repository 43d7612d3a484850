"""The model of what servers keep objects to no habit of servers without annotations, and to each of their faults.

``GRPCMOCK_MODEL_PROGRAMS=50000 pytest tests/fuzz/resources/test_unannotated_servers.py`` tries more programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import workshop
from call_programs import Objections, count_of, heard, without_objections
from google.protobuf import json_format
from workshop import Habits, Workshop, contract

from grpcmock.fuzz.expectations.documented_codes import documented
from grpcmock.fuzz.model.cases import call_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.results import Reply
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.state_model import StateModel

PROGRAMS = count_of(1000)
STEPS = 20


class Program:
    """Calls by chance on few things."""

    def __init__(self, seed: int, fault: str = "") -> None:
        self.random = Random(f"workshop {seed}")
        self.server = Workshop(Habits.drawn(self.random), fault)
        self.calls = self.random.choice([_EVERY, _EVERY, _OF_REPAIRS, _OF_REMARKS, _OF_BAYS])
        self.repairs: list[int] = []
        self.remarks: list[tuple[int, int]] = []
        self.token = ""
        self.last: tuple[str, dict[str, Any]] | None = None

    def replies(self) -> Iterator[Reply]:
        for title in ("spokes", "pedals") if self.calls is _OF_REMARKS else ():
            yield self._reply("OpenRepair", {"title": title})
        for _ in range(STEPS):
            if self.last is not None and self.random.random() < 0.2:
                name, request = self.last
            else:
                name, request = self.random.choice(self.calls)(self)
            self.last = name, request
            yield self._reply(name, request)
            if name == "ListRemarks" and request.get("pageSize", 0) > 0:
                for _ in range(4):
                    if not self.token:
                        break
                    yield self._reply(name, {**request, "pageToken": self.token})

    def _reply(self, name: str, request: dict[str, Any]) -> Reply:
        method = contract().method(f"workshop.Workshop/{name}")
        message = json_format.ParseDict(request, method.request_class())
        reply = self.server.reply(call_of(method, message.SerializeToString(deterministic=True)))
        answer: Any = method.response_class.FromString(reply.responses[0]) if reply.responses else None
        if name == "ListRemarks":
            self.token = answer.next_page_token if answer is not None else ""
        if name == "OpenRepair" and answer is not None:
            self.repairs.append(answer.id)
        if name == "AddRemark" and answer is not None:
            self.remarks.append((answer.repair_id, answer.number))
        return reply

    def repair(self) -> int:
        return self.random.choice([0, 1, 2, *self.repairs, *self.repairs])

    def remark(self) -> dict[str, Any]:
        if self.remarks and self.random.random() < 0.8:
            repair, number = self.random.choice(self.remarks)
            repair = self.random.choice([repair, repair, repair, 0, self.repair()])
            return {"repairId": repair, "number": number}
        return {"repairId": self.repair(), "number": self.random.randrange(4)}

    def some(self, **values: Any) -> dict[str, Any]:
        return {name: value for name, value in values.items() if self.random.random() < 0.4}

    def bay(self) -> str:
        return self.random.choice(["a", "b", "c"])

    def bay_content(self) -> dict[str, Any]:
        return self.some(purpose=self.random.choice(["paint", "wash"]), tools=["saw"] * self.random.randrange(3))


def _opened(program: Program) -> tuple[str, dict[str, Any]]:
    title = program.random.choice(["brakes", "gears", "a bell that rings"])
    more = program.some(bay=program.bay(), urgency=program.random.randrange(3), mechanic="joe")
    return "OpenRepair", {"title": title, **more}


def _listed(program: Program) -> tuple[str, dict[str, Any]]:
    narrowed = program.some(state=program.random.choice(["FINISHED", "GONE"]), mechanic="joe", bay=program.bay())
    return "ListRepairs", {
        **program.random.choice([{}, narrowed]),
        **program.some(limit=program.random.choice([-1, 2, 1000])),
    }


def _remarks(program: Program) -> tuple[str, dict[str, Any]]:
    size = program.random.choice([0, 1, 2, 2, 1000, -1])
    narrowed = (
        program.some(author=program.random.choice(["somebody", "nobody"])) if program.random.random() < 0.2 else {}
    )
    return "ListRemarks", {"repairId": program.repair(), "pageSize": size, **narrowed}


def _updated(program: Program) -> tuple[str, dict[str, Any]]:
    return "UpdateRepair", {"id": program.repair(), **program.some(title="chain", urgency=7)}


def _bay_updated(program: Program) -> tuple[str, dict[str, Any]]:
    mask = ",".join(program.some(purpose=1, tools=1))
    return "UpdateBay", {"bay": {"name": program.bay(), **program.bay_content()}, "mask": mask}


_Made = Callable[[Program], tuple[str, dict[str, Any]]]

_OF_REPAIRS: list[_Made] = [
    *[_opened] * 2,
    *[_listed] * 2,
    _updated,
    *[lambda program: ("GetRepair", {"id": program.repair()})] * 2,
    lambda program: ("FinishRepair", {"id": program.repair()}),
    lambda program: ("AssignRepair", {"id": program.repair(), "mechanic": program.random.choice(["ann", "me"])}),
    lambda program: ("DeleteRepair", {"id": program.repair()}),
]
_OF_REMARKS: list[_Made] = [
    *[_remarks] * 3,
    *[lambda program: ("AddRemark", {"repairId": program.repair(), "text": program.random.choice(["so", "no"])})] * 4,
    lambda program: ("GetRemark", program.remark()),
    lambda program: ("RemoveRemark", program.remark()),
]
_OF_BAYS: list[_Made] = [
    *[_bay_updated] * 2,
    *[lambda program: ("CreateBay", {"name": program.bay(), **program.bay_content()})] * 2,
    lambda program: ("GetBay", {"name": program.bay()}),
    lambda program: ("ListBays", {}),
    lambda program: ("DeleteBay", {"name": program.bay()}),
]
_EVERY = [*_OF_REPAIRS, *_OF_REMARKS, *_OF_BAYS]


def objections(seed: int, fault: str = "") -> Objections:
    program = Program(seed, fault)
    model = StateModel(resources_of(contract()), documented=documented(contract()))

    def failures(reply: Reply) -> list[Finding]:
        return [one for one in model.take(reply) if not one.is_warning]

    return heard(program.replies(), failures, program.server.habits)


def test_no_habit_is_objected_to() -> None:
    answered = sum(reply.is_ok for replies in without_objections(PROGRAMS, objections) for reply in replies)
    assert answered > PROGRAMS * STEPS // 4


@pytest.mark.parametrize("fault", sorted(workshop.FAULTS))
def test_each_fault_is_objected_to(fault: str) -> None:
    assert any(objections(seed, fault)[0] for seed in range(400))
