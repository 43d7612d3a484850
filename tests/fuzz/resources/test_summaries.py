# mypy: disable-error-code="attr-defined"
"""What streams of requests are answered with in the end: conversations, and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import stream_programs
from grpcmock.fuzz.resources.laws.summaries import is_twin
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package mill;
service Mill {
  rpc OpenBin(OpenBinRequest) returns (Bin);
  rpc Weigh(Sack) returns (Bin);
  rpc WeighAll(stream Sack) returns (Weighed);
  rpc StoreAll(stream Sack) returns (Stored);
  rpc CountAll(stream Sack) returns (Counted);
  rpc WeighFound(stream Found) returns (Weighed);
  rpc Load(stream Part) returns (Weighed);
}
message OpenBinRequest {}
message Bin { string id = 1; }
message Sack { string bin_id = 1; Grain grain = 2; }
message Found { string filter = 1; }
message Grain { string kind = 1; int32 grams = 2; }
message Failure { int32 index = 1; string reason = 2; }
message Weighed { int32 weighed = 1; repeated Failure failures = 2; }
message Stored { repeated string sack_ids = 1; int64 grams = 2; }
message Counted { int32 grams_weighed = 1; repeated Failure failures = 2; }
message Part { oneof part { string name = 1; bytes data = 2; } }
"""

GOOD = {"binId": "b", "grain": {"kind": "rye"}}
NEXT = {"grain": {"kind": "rye"}}
BAD = {"binId": "b", "grain": {"kind": "x" * 99}}
NEXT_BAD = {"grain": {"kind": "x" * 99}}


def weighed(*sacks: Any, done: int, failures: tuple[int, ...] = (), method: str = "WeighAll") -> Any:
    field = "gramsWeighed" if method == "CountAll" else "weighed"
    return (method, list(sacks), {field: done, "failures": [{"index": index} for index in failures]})


def stored(*sacks: Any, ids: tuple[str, ...] = (), refused: str = "") -> Any:
    return ("StoreAll", list(sacks), refused or {"sackIds": list(ids)})


BOTH = [weighed(GOOD, done=1), weighed(BAD, done=0, failures=(0,))]
ONE_EACH = [stored(GOOD, ids=("1",)), stored(GOOD, ids=("2",))]
REFUSED = stored(BAD, refused="INVALID_ARGUMENT")
ALONE = [*ONE_EACH, stored(GOOD, NEXT, ids=("3",)), REFUSED]

CASES: dict[str, tuple[set[str], list[Any]]] = {
    "each done or not": (set(), [*BOTH, weighed(GOOD, BAD, done=1, failures=(1,)), weighed(GOOD, NEXT, done=2)]),
    "stopped at a failure": (set(), [*BOTH, weighed(BAD, GOOD, done=0, failures=(0,))]),
    "the second isn't told of": ({"G129"}, [*BOTH, weighed(GOOD, BAD, done=1)]),
    "the second isn't told of, nor was any failure ever": (set(), [BOTH[0], weighed(GOOD, BAD, done=1)]),
    "two for one": ({"G129"}, [weighed(GOOD, done=2)]),
    "all that one finds": (set(), [weighed({"filter": "x"}, done=2, method="WeighFound")]),
    "grams of one": (set(), [weighed(GOOD, done=50, method="CountAll")]),
    "a failure behind the end": ({"G129"}, [weighed(BAD, done=0, failures=(5,))]),
    "a failure counted from one": (set(), [weighed(BAD, done=0, failures=(1,))]),
    "nothing told of one that is done by itself": ({"G129"}, [weighed(GOOD, done=0), ("Weigh", GOOD, {})]),
    "nothing told of another one": (set(), [weighed(GOOD, done=0), ("Weigh", BAD, {})]),
    "nothing told of what isn't done either": (set(), [weighed(GOOD, done=0), ("Weigh", GOOD, "NOT_FOUND")]),
    "nothing told, and nobody tried it": (set(), [weighed(GOOD, done=0)]),
    "other messages in a stream of several kinds": (set(), [weighed({"name": "a"}, done=9, method="Load")]),
    "an id for each": (set(), [*ONE_EACH, stored(GOOD, NEXT, ids=("3", "4")), REFUSED]),
    "the first alone": ({"G129"}, [*ALONE, stored(GOOD, NEXT_BAD, ids=("4",))]),
    "the first alone, and more is refused": (set(), [*ALONE, stored(GOOD, NEXT_BAD, refused="INVALID_ARGUMENT")]),
    "the first alone, and an empty end": (set(), [*ALONE, stored(GOOD, {}, ids=("4",))]),
    "one id, whatever comes": (set(), [*ONE_EACH, stored(GOOD, NEXT, ids=("3",)), stored(GOOD, NEXT_BAD, ids=("4",))]),
    "one id for what is the same": (
        set(),
        [stored(GOOD, ids=("1",)), stored(GOOD, ids=("1",)), *ALONE[2:], stored(GOOD, NEXT_BAD, ids=("1",))],
    ),
}


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("mill") / "mill.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, mill: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(mill, "mill.")(*said)) == codes


def test_twins_are_named_alike(mill: Registry) -> None:
    methods = {method.name: method for method in mill.methods.values()}
    twins = {name for name in methods if is_twin(methods[name], methods["WeighAll"])}
    assert twins == {"Weigh"}
    assert not any(is_twin(method, methods["StoreAll"]) for method in methods.values())


def test_programs_send_one_two_and_doubtful_messages(mill: Registry) -> None:
    methods = {method.name: method for method in mill.methods.values()}
    plan = Plan(
        registry=mill,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=mill),
        generators=Generators(mill),
    )
    assert list(stream_programs.cases(methods["WeighAll"], plan)) == []
    opening = AcceptedRequest(methods["OpenBin"], b"")
    sack = methods["WeighAll"].request_class(bin_id="b")
    sack.grain.kind = "rye"
    names = frozenset({("bin_id",)})
    need = Need(opening, ("id",), ("bin_id",))
    for name in ("WeighAll", "CountAll", "Load"):
        data = sack.SerializeToString() if name != "Load" else b""
        plan.acceptance.first[methods[name].path] = AcceptedRequest(methods[name], data, (need,), names)
    assert list(stream_programs.cases(methods["CountAll"], plan)) == []
    (case,) = stream_programs.cases(methods["WeighAll"], plan)
    made, *calls = case.calls
    assert made.method is methods["OpenBin"]
    assert [call.method.name for call in calls[:3]] == ["WeighAll", "Weigh", "WeighAll"]  # type: ignore[union-attr]
    nobody, two, doubtful, behind = calls[3:]
    assert not nobody.bindings
    assert [len(call.messages) for call in (nobody, two, doubtful, behind)] == [1, 2, 1, 2]
    second = sack.FromString(behind.messages[1])
    assert not second.bin_id
    assert second.grain == sack.FromString(doubtful.messages[0]).grain != sack.grain
