"""What these tests share: stubs from YAML, plans, and servers to hold against them."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import support

from grpcmock.client.channel import connect
from grpcmock.client.target import Target
from grpcmock.errors import Problems
from grpcmock.schema import Registry
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host
from grpcmock.stubs import loader
from grpcmock.stubs.model import Stub
from grpcmock.verify.planning.interactions import Plan
from grpcmock.verify.planning.planner import plan
from grpcmock.verify.results import Report
from grpcmock.verify.running import Options, Verifier

ROOT = Path(__file__).parents[2]

USERS_STUBS = """
- name: alice
  given: user 1 is Alice
  method: user.UserService/GetUser
  request: {id: 1}
  metadata: {x-tenant: {$prefix: ac}}
  response: {id: "{{ request.id }}", name: Alice, email: a@example.com}
  verify: {ignore: [email]}
- name: nobody
  method: user.UserService/GetUser
  request: {id: {$gt: 1000}}
  error: {code: NOT_FOUND, message: no such user}
- name: made
  method: user.UserService/CreateUsers
  requests: [{name: {$regex: "^A"}}]
  response: {created: 1, ids: [7]}
- name: all
  method: user.UserService/ListUsers
  responses: [{id: 1, name: A}, {id: 2}]
- name: echo
  method: user.UserService/LookupUsers
  script: [{on: [{send: {id: 1}}]}]
"""
"""Stubs of each kind, as a consumer may promise them."""


def users() -> Registry:
    return support.registry("user.proto")


def kitchen() -> Registry:
    return support.registry("kitchen_sink.proto")


def stubs(text: str) -> list[Stub]:
    """Load stubs; what is wrong with them is raised."""
    problems = Problems()
    found = loader.load_text(textwrap.dedent(text), "stubs.yaml", problems)
    problems.raise_errors()
    return found


def planned(text: str, registry: Registry | None = None, **options: Any) -> Plan:
    return plan(stubs(text), registry or users(), **options)


@asynccontextmanager
async def mock(text: str, folder: Path, protos: Path = ROOT / "protos") -> AsyncIterator[str]:
    """Serve stubs, of ``protos/user.proto`` unless told otherwise, and give the address."""
    file = folder / "served.yaml"
    file.write_text(textwrap.dedent(text))
    host = Host(Files((protos,), (file,)))
    address = host.listen(Address.parse("127.0.0.1:0"))
    await host.start()
    try:
        yield str(address)
    finally:
        await host.stop()


async def verified(address: str, planned: Plan, **options: Any) -> Report:
    """Hold the server at an address against a plan."""
    target = Target.parse(address)
    async with connect(target) as channel:
        return await Verifier(channel, planned, Options(**options), target=target).run_all()


def outcomes(report: Report) -> dict[str, str]:
    """Give for each stub what became of it: its verdict and the differences, or the reason."""
    found = {}
    for result in report.results:
        differences = [f"{one.path}: {one.expected} / {one.actual}" for one in result.findings]
        found[result.id] = "; ".join([result.verdict.value, *differences, *filter(None, [result.reason])])
    return found
