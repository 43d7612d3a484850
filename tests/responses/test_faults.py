from __future__ import annotations

from random import Random

import pytest

from grpcmock.errors import Problems
from grpcmock.responses.delays import Delay
from grpcmock.responses.faults import FAULTS, Fault, FaultKind, parse_fault
from grpcmock.status import Code
from grpcmock.tree import Node


def parse(value: object, faults: frozenset[str] = FAULTS) -> tuple[Fault | None, list[str]]:
    problems = Problems()
    return parse_fault(Node.of(value), problems, faults=faults), [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ({"abort": "UNAVAILABLE"}, Fault(FaultKind.ABORT, Code.UNAVAILABLE)),
        ({"abort": 14}, Fault(FaultKind.ABORT, Code.UNAVAILABLE)),
        ({"hang": True}, Fault(FaultKind.HANG)),
        ({"drip": "10ms"}, Fault(FaultKind.DRIP, Delay(0.01))),
        ({"garbage": 32}, Fault(FaultKind.GARBAGE, 32)),
        ({"oversize": "5MiB"}, Fault(FaultKind.OVERSIZE, 5 * 1024 * 1024)),
        ({"oversize": "5 MB"}, Fault(FaultKind.OVERSIZE, 5_000_000)),
        ({"truncate": True}, Fault(FaultKind.TRUNCATE)),
        ({"reset": True}, Fault(FaultKind.RESET)),
        ({"extra_messages": 3}, Fault(FaultKind.EXTRA_MESSAGES, 3)),
        ({"drop_trailers": True, "rate": 0.25}, Fault(FaultKind.DROP_TRAILERS, None, 0.25)),
        ({"hang": False}, None),
        ({"hang": True, "rate": 0}, None),
    ],
)
def test_every_kind_is_read(written: object, fault: Fault | None) -> None:
    assert parse(written) == (fault, [])


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("hang", "fault: expected a mapping such as {abort: UNAVAILABLE}, not a string."),
        ({}, "fault: expected exactly one fault, found none."),
        ({"rate": 0.5}, "expected exactly one fault, found none."),
        ({"hang": True, "reset": True}, "expected exactly one fault, found hang and reset."),
        ({"hnag": True}, "fault: unknown fault 'hnag'. Did you mean 'hang'?"),
        ({"abort": "UNAVAILABEL"}, "fault.abort: 'UNAVAILABEL' is not a status code. Did you mean 'UNAVAILABLE'?"),
        ({"abort": "OK"}, "fault.abort: OK is no error"),
        ({"hang": 3}, "fault.hang: expected true, not 3."),
        ({"garbage": "big"}, "fault.garbage: expected a size such as 32 or 5MiB, not 'big'."),
        ({"oversize": "5000GiB"}, "expected a size from 1 byte to 1GiB"),
        ({"oversize": "9" * 5000}, "expected a size from 1 byte to 1GiB"),
        ({"garbage": 0}, "expected a size from 1 byte"),
        ({"extra_messages": 0}, "fault.extra_messages: expected a number from 1"),
        ({"drip": "x"}, "fault.drip: expected a duration"),
        ({"hang": True, "rate": 2}, "fault.rate: expected a number from 0 to 1, not 2."),
    ],
)
def test_what_is_wrong_is_said_once(written: object, error: str) -> None:
    fault, errors = parse(written)
    assert fault is None
    assert len(errors) == 1
    assert error in errors[0]


def test_a_fault_that_the_engine_cannot_produce_names_one_that_can() -> None:
    fault, errors = parse({"truncate": True}, frozenset({"abort"}))
    assert fault is None
    assert errors == [
        (
            "fault: the transport aio can't put 'truncate' on the wire. The transport native can: "
            "pip install 'grpcmock[native]' makes it the default."
        )
    ]


def test_the_rate_is_the_share_of_calls_struck() -> None:
    random = Random(7)
    struck = sum(Fault(FaultKind.HANG, rate=0.25).strikes(random) for _ in range(4000))
    assert 900 < struck < 1100
    before = random.getstate()
    assert Fault(FaultKind.HANG).strikes(random)
    assert random.getstate() == before
