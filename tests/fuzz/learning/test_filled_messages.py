"""A message that must be there needn't have all that it may have in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import Case, Phase
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.run.opening import Opening
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package builds;
service Builds { rpc PutOutcome(PutOutcomeRequest) returns (Outcome); }
message File { string path = 1; }
message Outcome { repeated File files = 1; repeated File folders = 2; bytes log = 3; string kept_by = 4; }
message PutOutcomeRequest { Outcome outcome = 1; }
"""


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("builds") / "builds.proto"
    file.write_text(PROTO)
    return sources.load([file])


def of_lists(outcome: Any) -> tuple[Code, str]:
    """Take no files and no folders, which it minds by what they are called."""
    for one in (*outcome.files, *outcome.folders):
        return Code.UNKNOWN, f'there is no place for "{one.path}"'
    return Code.OK, ""


def of_all(outcome: Any) -> tuple[Code, str]:
    """Fall over whatever stands in it, in words that are about one part of it."""
    has_any = outcome.files or outcome.folders or outcome.log or outcome.kept_by
    return (Code.INTERNAL, "the log was cut short") if has_any else (Code.OK, "")


@pytest.mark.parametrize("minds", [of_lists, of_all])
async def test_what_is_in_a_message_is_left_out_where_it_is_minded(builds: Registry, minds: Any) -> None:
    methods = tuple(builds.methods.values())
    plan = Plan(
        registry=builds,
        methods=methods,
        expectations=Expectations(registry=builds),
        generators=Generators(builds),
    )
    tries = 0

    async def make(case: Case) -> Reply:
        nonlocal tries
        tries += not plan.acceptance.first
        call = case.calls[-1]
        request: Any = methods[0].request_class.FromString(call.messages[0])
        code, words = minds(request.outcome) if request.HasField("outcome") else (Code.UNKNOWN, "nil outcome")
        return Reply(call=call, termination=Termination.SERVER, code=code, message=words, responses=(b"",))

    await Opening(plan, Phase.BOUNDARY, make).go(())
    assert "/builds.Builds/PutOutcome" in plan.acceptance.first
    assert tries < 12
