"""More values of single fields: those that their names suggest, and those that a refusal speaks of."""

from __future__ import annotations

import pytest

from grpcmock.client.actions import HALF_CLOSE, Send
from grpcmock.fuzz.expectations.field_paths import reachable
from grpcmock.fuzz.learning import demands
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.learning.candidates import Candidates
from grpcmock.fuzz.learning.widening import Widening
from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package kilns;
service Kilns { rpc Fire(FireRequest) returns (FireResponse); }
message FireRequest { double heat = 1; uint32 pots = 2; repeated string glazes = 3; }
message FireResponse {}
"""


@pytest.fixture(scope="module")
def kilns(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("kilns") / "kilns.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("words", "ends"), [("heat must be from 0.25 to 7.5", {0.25, 7.5}), ("too hot", set())], ids=["told", "untold"]
)
def test_the_ends_of_a_range_are_tried_that_a_refusal_states(words: str, ends: set[float], kilns: Registry) -> None:
    method = kilns.method("kilns.Kilns/Fire")
    heat = next(way for way in reachable(method.input) if way[-1].name == "heat")
    accepted = AcceptedRequest(method, method.request_class(heat=1.0, pots=1).SerializeToString())
    widening = Widening(accepted, Candidates(kilns), {})
    while (data := widening.next()) is not None:
        value = method.request_class.FromString(data).heat  # type: ignore[attr-defined]
        is_ok = 0.25 <= value <= 7.5
        call = Call(path=method.path, method=method, actions=(Send(data), HALF_CLOSE))
        code = 0 if is_ok else Code.INVALID_ARGUMENT
        answer = (b"",) if is_ok else ()
        widening.hear(
            Reply(call=call, termination=Termination.SERVER, code=code, message=words, responses=answer, sent=1)
        )
    assert set(widening.accepted.values[heat]) >= {0.5, *ends}
    assert all(0.25 <= value <= 7.5 for value in widening.accepted.values[heat])


def test_numbers_are_read_with_commas_between_their_thousands() -> None:
    assert list(demands.numbers("From 1 to 30,000."))[:2] == [1, 30_000]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("glazes[0] must begin with tin: or ash:", {"tin:a1", "ash:a1"}),
        ("glazes: one of matte, clear", {"matte", "clear"}),
        ("no such glaze", set()),
    ],
)
def test_texts_are_tried_that_a_refusal_asks_for(words: str, expected: set[str], kilns: Registry) -> None:
    method = kilns.method("kilns.Kilns/Fire")
    glazes = next(way for way in reachable(method.input) if way[-1].name == "glazes")
    accepted = AcceptedRequest(method, method.request_class(pots=1, glazes=["oak"]).SerializeToString())
    widening = Widening(accepted, Candidates(kilns), {})
    while (data := widening.next()) is not None:
        (value,) = method.request_class.FromString(data).glazes or ("",)  # type: ignore[attr-defined]
        is_ok = value in {"tin:a1", "ash:a1", "matte", "clear", "oak"}
        call = Call(path=method.path, method=method, actions=(Send(data), HALF_CLOSE))
        code = 0 if is_ok else Code.INVALID_ARGUMENT
        answer = (b"",) if is_ok else ()
        widening.hear(
            Reply(call=call, termination=Termination.SERVER, code=code, message=words, responses=answer, sent=1)
        )
    assert set(widening.accepted.values.get(glazes, ())) == expected
