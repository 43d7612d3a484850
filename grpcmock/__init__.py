"""Contract testing and mock servers for gRPC: one YAML contract answers, tests and proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from grpcmock.contract.case import ContractCase as ContractCase
    from grpcmock.contract.contract import Contract as Contract
    from grpcmock.contract.failing import ContractError as ContractError
    from grpcmock.contract.serving import serving as serving
    from grpcmock.errors import (
        CompileError as CompileError,
        ConfigError as ConfigError,
        GrpcmockError as GrpcmockError,
        Location as Location,
        MissingExtraError as MissingExtraError,
        Problem as Problem,
        RenderError as RenderError,
        SchemaError as SchemaError,
        StubError as StubError,
        TargetError as TargetError,
        UnknownMethodError as UnknownMethodError,
    )
    from grpcmock.mock.calls import Call as Call, CallLog as CallLog
    from grpcmock.mock.functions import HandlerCall as HandlerCall
    from grpcmock.mock.handle import StubHandle as StubHandle
    from grpcmock.mock.method import MethodMock as MethodMock
    from grpcmock.mock.operators import *  # noqa: F403 - whatever is public there is a word for patterns
    from grpcmock.mock.server import MockServer as MockServer
    from grpcmock.mock.verification import VerificationError as VerificationError
    from grpcmock.mock.words import failure as failure, replies as replies, reply as reply
    from grpcmock.schema.registry import Registry as Registry
    from grpcmock.status import Code as Code
    from grpcmock.stubs.model import Stub as Stub

_HOMES = {
    "Call": "grpcmock.mock.calls",
    "CallLog": "grpcmock.mock.calls",
    "Code": "grpcmock.status",
    "CompileError": "grpcmock.errors",
    "ConfigError": "grpcmock.errors",
    "Contract": "grpcmock.contract.contract",
    "ContractCase": "grpcmock.contract.case",
    "ContractError": "grpcmock.contract.failing",
    "GrpcmockError": "grpcmock.errors",
    "HandlerCall": "grpcmock.mock.functions",
    "Location": "grpcmock.errors",
    "MethodMock": "grpcmock.mock.method",
    "MissingExtraError": "grpcmock.errors",
    "MockServer": "grpcmock.mock.server",
    "Problem": "grpcmock.errors",
    "Registry": "grpcmock.schema.registry",
    "RenderError": "grpcmock.errors",
    "SchemaError": "grpcmock.errors",
    "Stub": "grpcmock.stubs.model",
    "StubError": "grpcmock.errors",
    "StubHandle": "grpcmock.mock.handle",
    "TargetError": "grpcmock.errors",
    "UnknownMethodError": "grpcmock.errors",
    "VerificationError": "grpcmock.mock.verification",
    "failure": "grpcmock.mock.words",
    "replies": "grpcmock.mock.words",
    "reply": "grpcmock.mock.words",
    "serving": "grpcmock.contract.serving",
}
"""Where each name is defined, but for the words of patterns: those are whatever ``_WORDS`` makes public."""

_WORDS = "grpcmock.mock.operators"

if not TYPE_CHECKING:  # or type checkers would take any name for one of these

    def __getattr__(name: str) -> Any:
        # Names are imported when they are first asked for: whoever has the package merely installed pays nothing.
        from importlib import import_module

        if name in _HOMES:
            value = getattr(import_module(_HOMES[name]), name)
        elif name == "__all__":
            value = ["__version__", *_HOMES, *import_module(_WORDS).__all__]
        elif name.startswith("_") or name not in (words := import_module(_WORDS)).__all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        else:
            value = getattr(words, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
