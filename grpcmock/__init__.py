"""Contract testing and mock servers for gRPC: one YAML contract answers, tests and proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from grpcmock.contract.case import ContractCase
    from grpcmock.contract.contract import Contract
    from grpcmock.contract.failing import ContractError
    from grpcmock.contract.serving import serving
    from grpcmock.errors import (
        CompileError,
        ConfigError,
        GrpcmockError,
        Location,
        MissingExtraError,
        Problem,
        RenderError,
        SchemaError,
        StubError,
        TargetError,
        UnknownMethodError,
    )
    from grpcmock.mock.calls import Call, CallLog
    from grpcmock.mock.functions import HandlerCall
    from grpcmock.mock.handle import StubHandle
    from grpcmock.mock.method import MethodMock
    from grpcmock.mock.operators import (
        absent,
        all_,
        and_,
        approx,
        as_json,
        as_message,
        contains,
        each,
        eq,
        exists,
        first,
        glob,
        gt,
        gte,
        ignore_case,
        keys,
        last,
        lt,
        lte,
        matches,
        ne,
        none_of,
        not_,
        one_of,
        only,
        or_,
        prefix,
        size,
        some,
        suffix,
        unordered,
        values,
    )
    from grpcmock.mock.pushed_call import PushedCall
    from grpcmock.mock.pushes import Pushes
    from grpcmock.mock.server import MockServer
    from grpcmock.mock.verification import VerificationError
    from grpcmock.mock.words import failure, replies, reply
    from grpcmock.schema.registry import Registry
    from grpcmock.status import Code
    from grpcmock.stubs.model import Stub

__all__ = [
    "Call",
    "CallLog",
    "Code",
    "CompileError",
    "ConfigError",
    "Contract",
    "ContractCase",
    "ContractError",
    "GrpcmockError",
    "HandlerCall",
    "Location",
    "MethodMock",
    "MissingExtraError",
    "MockServer",
    "Problem",
    "PushedCall",
    "Pushes",
    "Registry",
    "RenderError",
    "SchemaError",
    "Stub",
    "StubError",
    "StubHandle",
    "TargetError",
    "UnknownMethodError",
    "VerificationError",
    "__version__",
    "absent",
    "all_",
    "and_",
    "approx",
    "as_json",
    "as_message",
    "contains",
    "each",
    "eq",
    "exists",
    "failure",
    "first",
    "glob",
    "gt",
    "gte",
    "ignore_case",
    "keys",
    "last",
    "lt",
    "lte",
    "matches",
    "ne",
    "none_of",
    "not_",
    "one_of",
    "only",
    "or_",
    "prefix",
    "replies",
    "reply",
    "serving",
    "size",
    "some",
    "suffix",
    "unordered",
    "values",
]

_ELSEWHERE = {
    "Call": "grpcmock.mock.calls",
    "CallLog": "grpcmock.mock.calls",
    "ContractCase": "grpcmock.contract.case",
    "Code": "grpcmock.status",
    "Contract": "grpcmock.contract.contract",
    "ContractError": "grpcmock.contract.failing",
    "HandlerCall": "grpcmock.mock.functions",
    "MethodMock": "grpcmock.mock.method",
    "MockServer": "grpcmock.mock.server",
    "PushedCall": "grpcmock.mock.pushed_call",
    "Pushes": "grpcmock.mock.pushes",
    "Registry": "grpcmock.schema.registry",
    "Stub": "grpcmock.stubs.model",
    "StubHandle": "grpcmock.mock.handle",
    "VerificationError": "grpcmock.mock.verification",
    "failure": "grpcmock.mock.words",
    "replies": "grpcmock.mock.words",
    "reply": "grpcmock.mock.words",
    "serving": "grpcmock.contract.serving",
}


def __getattr__(name: str) -> Any:
    # Names are imported when they are first asked for: whoever has the package merely installed pays nothing.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    default = "grpcmock.mock.operators" if name[0].islower() else "grpcmock.errors"
    value = getattr(import_module(_ELSEWHERE.get(name, default)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
