"""A server whose reflection can't describe one of its services: the others can be worked with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from reflecting import V1, Whole, serving

from grpcmock.concurrency.loop_thread import LoopThread

FIELD = {"name": "x", "number": 1, "type": 11, "label": 1, "type_name": ".gone.G"}


def file(package: str, *imports: str) -> FileDescriptorProto:
    made = FileDescriptorProto(name=f"{package}.proto", package=package, dependency=imports, syntax="proto3")
    message = made.message_type.add(name="M")
    if imports:
        message.field.add(**FIELD)
    made.service.add(name="S").method.add(name="Get", input_type=f".{package}.M", output_type=f".{package}.M")
    return made


@pytest.fixture
def address() -> Iterator[str]:
    thread, stack = LoopThread(), AsyncExitStack()

    async def start() -> str:
        fake = Whole([file("good"), file("bad", "nowhere.proto")], ["good.S", "bad.S"])
        await stack.enter_async_context(serving(fake.answer, V1, listening=found.append))
        return found[0]

    found: list[str] = []
    yield thread.run(start())
    thread.run(stack.aclose())
    thread.close()


WARNING = (
    "warning: The service bad.S is left out: The server's reflection doesn't give the imported files 'nowhere.proto'"
)


@pytest.mark.parametrize("arguments", [["list"], ["list", "good.S"], ["describe", "good.S"]])
def test_the_others_are_shown(grpcmock: Any, address: str, arguments: list[str]) -> None:
    ran = grpcmock(arguments[0], address, *arguments[1:])
    assert ran.code == 0
    assert "good.S" in ran.out
    assert WARNING in ran.err


def test_the_bad_one_is_not_there(grpcmock: Any, address: str) -> None:
    ran = grpcmock("list", address, "bad.S")
    assert ran.code == 2
    assert WARNING in ran.err
    assert "There is no service 'bad.S'." in ran.err


def test_stubs_of_the_others_are_verified(grpcmock: Any, address: str, project: Any) -> None:
    (project / "s.yaml").write_text("- {method: good.S/Get, verify: false}")
    ran = grpcmock("verify", address, "--stubs", "s.yaml")
    assert WARNING in ran.err
    assert "1 skipped of 1 stub" in ran.out
