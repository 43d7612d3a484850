"""What lies behind a crash is tried all the same: with requests that have what the others lacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import server_command

from grpcmock.client.target import Target
from grpcmock.fuzz.model.cases import Case, Phase, call_of
from grpcmock.fuzz.model.events import MethodStopped, Notice
from grpcmock.fuzz.model.results import CaseResult, Health, Reply, Termination
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.quarantine import MethodQuarantine
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package shop;

service Shop {
  rpc Place(PlaceRequest) returns (Nothing);
  rpc Find(FindRequest) returns (Nothing);
}
message Nothing { }
message Customer { string name = 1; Address address = 2; }
message Address { string street = 1; }
message PlaceRequest { Customer customer = 1; string note = 2; oneof pay { Card card = 3; Cash cash = 4; } }
message Card { string number = 1; }
message Cash { int32 cents = 1; }
message FindRequest { int32 id = 1; }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("shop") / "shop.proto"
    file.write_text(PROTO)
    return sources.load([file])


def seen(registry: Registry, name: str, code: Code | None, **fields: Any) -> tuple[Case, CaseResult]:
    """A case of one call: answered with a code, or the end of the server for None."""
    method = registry.method(f"Shop/{name}")
    call = call_of(method, method.request_class(**fields).SerializeToString())
    case = Case(id=repr(fields), phase=Phase.RANDOM, method=method, calls=(call,), why="")
    if code is None:
        reply = Reply(call=call, termination=Termination.LOST, code=Code.UNAVAILABLE, message="gone")
    else:
        reply = Reply(call=call, termination=Termination.SERVER, code=code, message="")
    return case, CaseResult(replies=(reply,), health=Health(alive=code is not None))


ADDRESS: dict[str, Any] = {"address": {"street": "s"}}


@pytest.mark.parametrize(
    ("heard", "made", "avoided"),
    [
        # Nothing, or as much as that which fell, isn't tried again; what has more is.
        ([(None, {})], {}, True),
        ([(None, {})], {"note": "n"}, False),
        ([(None, {"note": "n"})], {}, True),
        ([(None, {"note": "n"})], {"note": "other"}, True),
        ([(None, {"note": "n"})], {"customer": {}}, False),
        ([(None, {"customer": {}})], {"customer": {"name": "n"}}, True),
        ([(None, {"customer": {}})], {"customer": ADDRESS}, False),
        ([(None, {"customer": {}})], {"card": {}}, False),
        ([(None, {"customer": {}}), (None, {"card": {}})], {"customer": {}, "card": {}}, False),
        # What was answered with as little is none of it.
        ([(Code.OK, {"note": "n"}), (None, {"note": "other"})], {"note": "n"}, False),
        ([(None, {"note": "n"}), (Code.OK, {"note": "fine"})], {"note": "n"}, False),
        ([(Code.NOT_FOUND, {"note": "n"}), (None, {"note": "other"})], {"note": "n"}, False),
        ([(Code.INVALID_ARGUMENT, {"note": ""}), (None, {"note": "good"})], {"note": "n"}, True),
        # Where nothing fell, nothing is avoided.
        ([(Code.INTERNAL, {})], {}, False),
        ([], {}, False),
    ],
)
def test_requests_that_lack_what_others_lacked_are_avoided(
    shop: Registry, heard: list[tuple[Code | None, Any]], made: Any, avoided: bool
) -> None:
    quarantine = MethodQuarantine()
    for code, fields in heard:
        quarantine.note(*seen(shop, "Place", code, **fields))
    assert quarantine.avoids(seen(shop, "Place", Code.OK, **made)[0]) is avoided
    assert not quarantine.stopped


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        # A value, and not what isn't there: there is nothing more to put in.
        ("Find", [{"id": 1}, {"id": 2}, {"id": 3}]),
        # With all that there can be.
        ("Place", [{"customer": ADDRESS, "card": {"number": str(number)}} for number in range(3)]),
        # As one that was answered.
        ("Place", [{"customer": ADDRESS, "note": str(number)} for number in range(3)]),
    ],
)
def test_a_method_is_left_alone_where_that_does_not_help(shop: Registry, name: str, heard: list[Any]) -> None:
    quarantine = MethodQuarantine()
    if "note" in heard[0]:
        quarantine.note(*seen(shop, name, Code.OK, customer=ADDRESS))
    reasons = [quarantine.note(*seen(shop, name, None, **fields)) for fields in heard]
    assert reasons == ["", "", "3 cases in a row had no answer, or brought the server down"]
    assert [method.name for method in quarantine.stopped] == [name]


HANDLER = """
async def handle(name, requests):
    data = b"".join([data async for data in requests])
    if name == "Place" and data[:1] != b"\\n":
        os._exit(3)
    if name == "Place" and len(data) > 40:
        raise ValueError("too long")
    yield b""
"""


async def test_a_fault_behind_a_crash_is_found(shop: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    events: list[Any] = []
    settings = Settings(
        target=Target.parse("unix:server"),
        registry=shop,
        server_command=server_command(HANDLER, "unix:server"),
        include=["Place"],
        checks=["G101", "G102"],
        bounds=Bounds(phases=(Phase.BOUNDARY,)),
    )
    finished = await fuzz(settings, [events.append])
    assert [failure.finding.code for failure in finished.failures] == ["G101", "G102"]
    assert not [event for event in events if isinstance(event, MethodStopped)]
    told = [event.message for event in events if isinstance(event, Notice)]
    assert any("goes on without requests" in message for message in told)
