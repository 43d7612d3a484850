"""Who may call at all: the methods that have to serve those without credentials are told from all the others."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from grpcmock.fuzz.checks.access import is_open
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import credential_cases
from grpcmock.schema import Registry, sources

OPEN = (
    ("Login", "user password", "access_token"),
    ("SignUp", "user password", "name"),
    ("ExchangeCode", "client_secret", "access_token"),
    ("RefreshToken", "token", "token"),
    ("VerifyToken", "token", "name"),
    ("Token", "grant_type", "value"),
    ("CreateToken", "user password", "value"),
    ("IssueAccessToken", "client_secret", "access_token"),
    ("GetToken", "assertion", "value"),
    ("Ping", "", ""),
    ("Health", "", "state"),
    ("HealthCheck", "service", "state"),
    ("GetVersion", "", "version"),
    ("GetJWKS", "", "keys"),
)
"""Names of methods, with the fields of their requests and of their responses."""

CLOSED = (
    ("ChangePassword", "user password", "name"),
    ("LoginHistory", "user", "name"),
    ("GetGuest", "name", "name"),
    ("CreateToken", "title", "token"),
    ("IssueToken", "scope", "value"),
    ("GetToken", "token_id", "value"),
    ("GetSessionToken", "", "token"),
    ("ListSecrets", "credential page_token", "names next_page_token"),
    ("FindPins", "pin continuation_token", "names continuation_token"),
    ("HealthRecords", "patient", "record"),
    ("HealthInsurance", "", "number"),
)


@cache
def contract() -> Registry:
    """Return one service for each row, for some names come twice."""
    lines = ['syntax = "proto3";', "package doors;"]
    for number, (name, *messages) in enumerate((*OPEN, *CLOSED)):
        lines.append(f"service Door{number} {{ rpc {name}(In{number}) returns (Out{number}); }}")
        for kind, fields in zip(("In", "Out"), messages, strict=True):
            own = " ".join(f"string {field} = {at};" for at, field in enumerate(fields.split(), 1))
            lines.append(f"message {kind}{number} {{ {own} }}")
    with TemporaryDirectory() as folder:
        (file := Path(folder, "doors.proto")).write_text("\n".join(lines))
        return sources.load([file])


@pytest.mark.parametrize("number", range(len(OPEN) + len(CLOSED)), ids=[row[0] for row in (*OPEN, *CLOSED)])
def test_methods_that_serve_strangers(number: int) -> None:
    registry = contract()
    (method,) = (one for one in registry.methods.values() if one.service == f"doors.Door{number}")
    assert is_open(method) is (number < len(OPEN))
    plan = Plan(
        registry=registry,
        methods=(method,),
        expectations=Expectations(registry=registry),
        generators=Generators(registry),
        credentials=(("authorization", "Bearer ada"),),
    )
    assert len(list(credential_cases.cases(method, plan))) == (0 if is_open(method) else 2)
