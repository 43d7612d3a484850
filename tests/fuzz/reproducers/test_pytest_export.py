"""The exported test says the contract, and tells by running whether it holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from failing_users import (
    CASES,
    CREATE,
    GET,
    KITCHEN,
    REGISTRY,
    found_by,
    get,
    named,
    run_exported,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.client.actions import Cancel, Send
from grpcmock.client.target import Target
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import Caller, Expect, call_of
from grpcmock.fuzz.replay.case_file import CaseFile
from grpcmock.fuzz.reproducers.python_values import message_of, value_of, written
from grpcmock.fuzz.reproducers.reproducer import reproducer


@pytest.mark.parametrize("name", CASES)
async def test_the_exported_test_fails_until_the_server_is_mended(name: str, target: Target) -> None:
    text = reproducer("pytest", CASES[name], Target.parse("127.0.0.1:1"), REGISTRY)
    assert len(text.splitlines()) <= 40
    with pytest.raises(AssertionError):
        await asyncio.to_thread(run_exported, text, target)
    mended = text.replace("2000", "3").replace("42", "43").replace("ListUsers", "GetUser").replace(", {}, {", ", {")
    await asyncio.to_thread(run_exported, mended.replace(".ids[0]", ".created"), target)


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (
            found_by("G126", get(1)),
            ['got = client.call("user.UserService/GetUser", {"id": 1})', "assert got.code != Code.INVALID_ARGUMENT"],
        ),
        (found_by("G125", get(1), expect=Expect.REFUSED), [..., "assert not got.ok"]),
        (
            found_by("G127", get(1), get(2)),
            [..., ..., "assert got.code != Code.INVALID_ARGUMENT", "assert not got_2.ok"],
        ),
        (
            found_by("G130", get(1), get(2), expected="NOT_FOUND for 2: it was deleted"),
            [
                'client.call("user.UserService/GetUser", {"id": 1})',
                'got = client.call("user.UserService/GetUser", {"id": 2})',
                "assert got.code == Code.NOT_FOUND",
            ],
        ),
        (
            found_by("G130", get(1), expected="no 2: it was deleted"),
            ['client.call("user.UserService/GetUser", {"id": 1})', 'client.check("use_after_delete")'],
        ),
        (
            found_by("G129", get(1), expected="the user 1: it was created", actual="NOT_FOUND: no user"),
            [..., "assert got.ok"],
        ),
        (
            found_by("G129", get(1), expected="name 'a': it was created", actual="name 'b'"),
            ['client.call("user.UserService/GetUser", {"id": 1})', 'client.check("read_after_write")'],
        ),
        (
            found_by("G131", get(1), expected="NOT_FOUND for 1: its creation failed", actual="OK, and it is there"),
            ['client.call("user.UserService/GetUser", {"id": 1})', 'client.check("leak_on_failure")'],
        ),
        (
            found_by("G143", get(1), expected="NOT_FOUND or PERMISSION_DENIED: 1 is somebody else's"),
            [..., "assert got.code in (Code.NOT_FOUND, Code.PERMISSION_DENIED)"],
        ),
        (
            found_by("G116", get(1), call_of(GET, b"\x08\x81\x00"), expect=Expect.SAME),
            [
                ...,
                'client.call("user.UserService/GetUser", b"\\x08\\x81\\x00")',
                'client.check("tolerated_wire", expect="same")',
            ],
        ),
        (
            found_by("G101", call_of(CREATE, *[b""] * 300), get(1), cleanup=1, method=CREATE),
            [
                'client.call("user.UserService/CreateUsers", *[{}] * 300)',
                ...,
                'client.check("server_crash", cleanup=1)',
            ],
        ),
        (
            found_by("G102", replace(call_of(CREATE), actions=(Send(named("a" * 900 + "b")), Cancel()))),
            [
                'created = client.call("user.UserService/CreateUsers", {"name": "a" * 900 + "b"}, Cancel())',
                "assert created.code not in (Code.UNKNOWN, Code.INTERNAL)",
            ],
        ),
        (
            found_by("G142", replace(get(1), caller=Caller.NOBODY)),
            [
                'got = client.call("user.UserService/GetUser", {"id": 1}, caller="nobody")',
                "assert got.code in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)",
            ],
        ),
    ],
)
def test_the_exported_test_says_the_contract(found: CaseFile, lines: list[Any]) -> None:
    text = reproducer("pytest", found, Target.parse("127.0.0.1:1"), REGISTRY)
    body = [line.strip() for line in text.partition("def test_")[2].splitlines()[2:]]
    assert [... if expected is ... else line for line, expected in zip(body, lines, strict=True)] == lines


EVERYTHING = Generators(KITCHEN).of(KITCHEN.message("kitchen.Everything"))


@settings(max_examples=60)
@given(st.integers(0))
def test_every_message_is_said_by_its_fields_or_bytes(seed: int) -> None:
    message_class, protos = KITCHEN.message("kitchen.Everything"), KITCHEN
    encoded = EVERYTHING.encode(RandomSource(seed))
    value = eval(written(value_of(encoded, message_class, protos)))
    again = value if isinstance(value, bytes) else message_of(value, message_class, protos)
    assert encoded == (again if isinstance(again, bytes) else again.SerializePartialToString(deterministic=True))
