# mypy: disable-error-code="attr-defined"
"""A value that things have in common names none of them: a request says it by itself."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import Case, Phase
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.run.opening import Opening
from grpcmock.schema import Registry, sources
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package silos;
service Silos {
  rpc OpenSilo(OpenSiloRequest) returns (Silo);
  rpc Move(MoveRequest) returns (Moved);
}
message Load { string grain_code = 1; int64 tons = 2; }
message Silo { string number = 1; string grain_code = 2; Load load = 3; }
message OpenSiloRequest { string grain_code = 1; Load load = 2; }
message MoveRequest { string from = 1; string to = 2; Load load = 3; }
message Moved { string id = 1; }
"""
GRAINS = ("RYE", "OAT")


class RefusedError(Exception):
    pass


class Silos:
    def __init__(self, registry: Registry) -> None:
        self._of, self._numbers = registry.message, count(1)
        self.silos: dict[str, Any] = {}

    def open_silo(self, request: Any) -> Any:
        if request.grain_code not in GRAINS:
            raise RefusedError(Code.INVALID_ARGUMENT, "grain_code must be one of RYE, OAT")
        if request.load.tons and request.load.grain_code != request.grain_code:
            raise RefusedError(Code.INVALID_ARGUMENT, f"load.grain_code must be {request.grain_code}")
        number = f"S-{next(self._numbers):06}"
        self.silos[number] = self._of("silos.Silo")(number=number, grain_code=request.grain_code, load=request.load)
        return self.silos[number]

    def move(self, request: Any) -> Any:
        for name in ("from", "to"):
            if getattr(request, name) not in self.silos:
                raise RefusedError(Code.NOT_FOUND, f"{name}: there is no such silo")
        source, target = self.silos[getattr(request, "from")], self.silos[request.to]
        if source is target:
            raise RefusedError(Code.INVALID_ARGUMENT, "to must be another silo")
        if request.load.grain_code != source.grain_code:
            raise RefusedError(Code.INVALID_ARGUMENT, f"load.grain_code must be {source.grain_code}")
        if request.load.tons < 1:
            raise RefusedError(Code.INVALID_ARGUMENT, "load.tons must be at least 1")
        if request.load.tons > source.load.tons:
            raise RefusedError(Code.FAILED_PRECONDITION, "there isn't as much in the silo")
        return self._of("silos.Moved")(id="m")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("silos") / "silos.proto"
    file.write_text(PROTO)
    return sources.load([file])


async def test_what_two_things_have_in_common_is_said_and_not_made_anew(registry: Registry) -> None:
    methods = tuple(registry.methods.values())
    expectations = Expectations(registry=registry)
    plan = Plan(registry=registry, methods=methods, expectations=expectations, generators=Generators(registry))
    silos = Silos(registry)

    async def make(case: Case) -> Reply:
        replies: list[Reply] = []
        for call in case.calls:
            call = bound(call, replies, case.calls)
            method = call.method
            try:
                answer = getattr(silos, snake_case(method.name))(method.request_class.FromString(call.messages[0]))
                reply = Reply(
                    call=call, termination=Termination.SERVER, code=0, responses=(answer.SerializeToString(),)
                )
            except RefusedError as error:
                code, words = error.args
                reply = Reply(call=call, termination=Termination.SERVER, code=code, message=words)
            replies.append(reply)
        return replies[-1]

    opening = Opening(plan, Phase.BOUNDARY, make)
    await opening.go(())
    moving = plan.acceptance.first["/silos.Silos/Move"]
    assert {need.target for need in moving.needs} == {("from",), ("to",)}
    assert moving.message.load.grain_code in GRAINS
